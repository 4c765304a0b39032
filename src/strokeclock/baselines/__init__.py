"""Baselines: small fitted models that the networks are compared with."""

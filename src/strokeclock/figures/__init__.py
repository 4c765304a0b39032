"""Figures and printed tables: one module each."""

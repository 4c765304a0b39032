"""Synthetic stroke patients: anatomy, infarct, MR signal, scanner, clinic and readers, with known truth."""

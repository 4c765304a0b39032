"""Synthetic stroke patients: anatomy, infarct, MR signal, scanner, clinic and readers, all with known truth."""

"""The patients: sheet, split, demographics."""

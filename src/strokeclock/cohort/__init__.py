"""Who the patients are: sheet, split, demographics."""

"""The page to read: methods and results of a run in one file."""

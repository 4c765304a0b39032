"""Numbers of the infarct core, after Lee et al. 2020: where it is, and what it looks like."""

# What the networks have to beat: simple scores of the same patients, in the networks' own format.

BASELINE_PREDICTIONS = []
BASELINE_TABLES = []

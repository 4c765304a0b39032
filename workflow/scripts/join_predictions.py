"""Join what a network and the outlined lesion say of the same patients: the mean of both scores."""

from strokeclock.job import run
from strokeclock.predictions import join_predictions

run(snakemake, join_predictions)

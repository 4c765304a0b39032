"""Write what each training took in time and memory."""

from strokeclock.job import run
from strokeclock.evaluation.training_costs import write_training_costs

run(snakemake, write_training_costs)

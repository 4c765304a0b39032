"""Write what each training took in time and memory."""

from strokeclock.evaluation.training_costs import write_training_costs
from strokeclock.job import run

run(snakemake, write_training_costs)

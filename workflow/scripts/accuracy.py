"""Write predictive values, likelihood ratios and the AUC over seeds of each row of Table 2."""

from strokeclock.job import run
from strokeclock.evaluation.accuracy import write_accuracy

run(snakemake, write_accuracy)

"""Write predictive values, likelihood ratios and the AUC over seeds of each row of Table 2."""

from strokeclock.evaluation.accuracy import write_accuracy
from strokeclock.job import run

run(snakemake, write_accuracy)

"""Compare the radiomics baseline with the networks on the test patients that it can use."""

from strokeclock.job import run
from strokeclock.evaluation.ml_table import write_ml_table

run(snakemake, write_ml_table)

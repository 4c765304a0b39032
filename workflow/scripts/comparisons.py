"""Compare rows of Table 2 with each other, and networks with readers, on the same test patients."""

from strokeclock.evaluation.comparison import write_comparisons
from strokeclock.job import run

run(snakemake, write_comparisons)

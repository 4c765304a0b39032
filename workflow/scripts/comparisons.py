"""Compare rows of Table 2 with each other, and networks with readers, on the same test patients."""

from strokeclock.job import run
from strokeclock.evaluation.comparison import write_comparisons

run(snakemake, write_comparisons)

"""Write the table of all candidates of the searches of hyper-parameters."""

from strokeclock.job import run
from strokeclock.evaluation.search import write_search

run(snakemake, write_search)

"""Write the table of all candidates of the searches of hyper-parameters."""

from strokeclock.evaluation.search import write_search
from strokeclock.job import run

run(snakemake, write_search)

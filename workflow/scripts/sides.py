"""Write how often the lesion's side is told wrong on the test part."""

from strokeclock.evaluation.side import write_sides
from strokeclock.job import run

run(snakemake, write_sides)

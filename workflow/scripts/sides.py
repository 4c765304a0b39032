"""Write how often the lesion's side is told wrong on the test part."""

from strokeclock.job import run
from strokeclock.evaluation.side import write_sides

run(snakemake, write_sides)

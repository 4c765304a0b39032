"""Complete the lesion sides of the cohort by the drawn masks."""

from strokeclock.job import run
from strokeclock.imaging.lesion_side import complete_sides

run(snakemake, complete_sides)

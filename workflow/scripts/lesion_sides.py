"""Complete the lesion sides of the cohort by the drawn masks."""

from strokeclock.imaging.lesion_side import complete_sides
from strokeclock.job import run

run(snakemake, complete_sides)

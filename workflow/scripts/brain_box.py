"""Find the box of a hemisphere that holds the atlas's brain: what networks see with models.field: brain."""

from strokeclock.imaging.hemispheres import write_box
from strokeclock.job import run

run(snakemake, write_box)

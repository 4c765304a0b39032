"""Find the box of a hemisphere that holds the atlas's brain: the networks' view with models.view: brain."""

from strokeclock.job import run
from strokeclock.imaging.hemispheres import write_box

run(snakemake, write_box)

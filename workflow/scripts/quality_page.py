"""List every patient's quality on one page, worst first."""

from strokeclock.imaging.quality_page import write_page
from strokeclock.job import run

run(snakemake, write_page)

"""List every patient's quality on one page, worst first."""

from strokeclock.job import run
from strokeclock.report.quality_page import write_page

run(snakemake, write_page)

"""Write the page to read: methods and results of the run in one file."""

from strokeclock.job import run
from strokeclock.report.page import write_page

run(snakemake, write_page)

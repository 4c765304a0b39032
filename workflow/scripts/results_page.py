"""Write the page to read: what the run did and found, in one file without a network."""

from strokeclock.job import run
from strokeclock.report.page import write_page

run(snakemake, write_page)

"""Answer the reporting check-lists from the run."""

from strokeclock.job import run
from strokeclock.report.checklists.write import write_checklists

run(snakemake, write_checklists)

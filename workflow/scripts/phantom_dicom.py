"""Write the studies of a batch's phantom patients as DICOM."""

from strokeclock.job import run
from strokeclock.phantom.studies import write_studies

run(snakemake, write_studies)

"""Name the patients whose images are too unlike the training patients' for a time."""

from strokeclock.job import run
from strokeclock.reading.own_patients import find_unlike

run(snakemake, find_unlike)

"""Measure and judge the preprocessed volumes of a batch's patients, one after the other."""

from strokeclock.imaging.check import check_batch
from strokeclock.job import run

run(snakemake, check_batch)

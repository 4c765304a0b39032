"""Measure and judge the preprocessed volumes of a batch's patients, one after the other."""

from strokeclock.job import run
from strokeclock.imaging.check import check_batch

run(snakemake, check_batch)

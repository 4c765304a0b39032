"""Measure how much of the networks' Grad-CAM lies on the lesions as drawn."""

from strokeclock.job import run
from strokeclock.explanation.overlap import write_overlap

run(snakemake, write_overlap)

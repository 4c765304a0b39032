"""Measure how much of the networks' Grad-CAM lies on the lesions as drawn."""

from strokeclock.explanation.overlap import write_overlap
from strokeclock.job import run

run(snakemake, write_overlap)

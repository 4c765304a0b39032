"""Correct the bias field of every series by N4; the ADC is computed from the raw ones."""

from strokeclock.imaging.exclusion import run_step
from strokeclock.imaging.fsl import correct_bias
from strokeclock.job import run

run(snakemake, correct_bias, step=run_step)

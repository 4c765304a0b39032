"""Learn the histograms of one training patient, to which all others are matched."""

from strokeclock.imaging.reference import learn_reference
from strokeclock.job import run

run(snakemake, learn_reference)

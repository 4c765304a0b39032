"""Learn the histograms of one training patient, to which all others are matched."""

from strokeclock.job import run
from strokeclock.imaging.reference import learn_reference

run(snakemake, learn_reference)

"""Run a bundle's self-test on this machine."""

from strokeclock.job import run
from strokeclock.reading.batch import write_self_test

run(snakemake, write_self_test)

"""Take the frozen numbers and the case mix of a bundle."""

from strokeclock.job import run
from strokeclock.bundle.frozen import write_frozen_numbers

run(snakemake, write_frozen_numbers)

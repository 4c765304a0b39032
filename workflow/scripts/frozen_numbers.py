"""Take the frozen numbers and the case mix of a bundle."""

from strokeclock.bundle.frozen import write_frozen_numbers
from strokeclock.job import run

run(snakemake, write_frozen_numbers)

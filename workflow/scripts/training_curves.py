"""Draw the training curves of each network, phase and start, all seeds in one picture."""

from strokeclock.job import run
from strokeclock.figures.training_curves import write_training_curves

run(snakemake, write_training_curves)

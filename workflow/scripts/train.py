"""Phases 1 to 4: train one network on one task, from random weights or from the phase before."""

from pathlib import Path

from strokeclock.job import run
from strokeclock.training.classifier import train_phase

# beside the log, and no param: it changes no result
events = Path(snakemake.log[0]).with_suffix("") if snakemake.config["training"]["tensorboard"] else None
run(snakemake, train_phase, events=events)

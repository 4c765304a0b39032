"""Phase 0: pretrain the 3D U-Net to restore corrupted hemispheres of the training patients."""

from pathlib import Path

from strokeclock.job import run
from strokeclock.pretraining.restoration import train_restoration

# beside the log, and no param: it changes no result
events = Path(snakemake.log[0]).with_suffix("") if snakemake.config["training"]["tensorboard"] else None
run(snakemake, train_restoration, events=events)

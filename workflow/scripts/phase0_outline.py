"""Train the outliner: a 3D U-Net finds the lesion's voxels, taught by the training patients' lesions."""

from pathlib import Path

from strokeclock.job import run
from strokeclock.segmentation.training import train_outliner

# beside the log, and no param: it changes no result
events = Path(snakemake.log[0]).with_suffix("") if snakemake.config["training"]["tensorboard"] else None
run(snakemake, train_outliner, events=events)

"""Train the segmentation network, a 3D U-Net, on the training part's lesions."""

from pathlib import Path

from strokeclock.job import run
from strokeclock.segmentation.training import train_segmenter

# beside the log, and no param: it changes no result
events = Path(snakemake.log[0]).with_suffix("") if snakemake.config["training"]["tensorboard"] else None
run(snakemake, train_segmenter, events=events)

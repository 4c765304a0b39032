"""Pretrain the 3D network's U-Net by finding low-grade gliomas (Buda 2019).

Input: folder. Outputs: model, history, record.
Settings: models.{3d.width, standardise}, preprocessing.grid,
training.{phase0_medical, precision, threads, device}.
"""

from pathlib import Path

from strokeclock.logs import log_to
from strokeclock.pretraining.lgg import train_segmentation

log_to(snakemake.log[0])
train_segmentation(
    seed=int(snakemake.wildcards.seed),
    width=snakemake.params.width,
    standardise=snakemake.params.standardise,
    grid=snakemake.params.grid,
    training=snakemake.params.training,
    folder=snakemake.input.folder,
    output=Path(snakemake.output.model).parent,
)

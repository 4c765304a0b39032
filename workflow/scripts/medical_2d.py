"""Pretrain the 2D network's ResNet-18 by telling brain tumours apart (Cheng 2015).

Input: folder. Outputs: model, history, record.
Settings: models.{channels, 2d.width, standardise}, preprocessing.grid,
training.{phase0_medical, precision, threads, device}.
"""

from pathlib import Path

from strokeclock.logs import log_to
from strokeclock.pretraining.cheng import train_classification

log_to(snakemake.log[0])
train_classification(
    seed=int(snakemake.wildcards.seed),
    channels=snakemake.params.channels,
    width=snakemake.params.width,
    standardise=snakemake.params.standardise,
    grid=snakemake.params.grid,
    training=snakemake.params.training,
    folder=snakemake.input.folder,
    output=Path(snakemake.output.model).parent,
)

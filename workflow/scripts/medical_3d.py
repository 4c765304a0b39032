"""Pretrain the 3D network's U-Net to segment low-grade gliomas (Buda 2019)."""

from strokeclock.job import run
from strokeclock.pretraining.lgg import train_segmentation

run(snakemake, train_segmentation)

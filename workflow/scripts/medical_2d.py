"""Pretrain the 2D network's ResNet-18 to classify brain tumours (Cheng 2015)."""

from strokeclock.job import run
from strokeclock.pretraining.cheng import train_classification

run(snakemake, train_classification)

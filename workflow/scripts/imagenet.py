"""Bring torchvision's ImageNet weights, from the file that the user names, to the 2D network's backbone."""

from strokeclock.job import run
from strokeclock.pretraining.imagenet import import_imagenet

run(snakemake, import_imagenet)

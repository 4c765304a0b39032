"""Write the 2D network's initial weights from the file of torchvision's ImageNet weights."""

from strokeclock.job import run
from strokeclock.pretraining.imagenet import import_imagenet

run(snakemake, import_imagenet)

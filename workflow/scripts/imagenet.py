"""Bring torchvision's ImageNet weights, from the file that the user names, to the 2D network's backbone.

Input: file. Outputs: model, record. Settings: starting_weights.imagenet.sha256, models.2d.width.
"""

from pathlib import Path

from strokeclock.logs import log_to
from strokeclock.pretraining.imagenet import import_imagenet

log_to(snakemake.log[0])
import_imagenet(
    snakemake.input.file,
    sha256=snakemake.params.sha256,
    width=snakemake.params.width,
    seed=int(snakemake.wildcards.seed),
    output=Path(snakemake.output.model).parent,
)

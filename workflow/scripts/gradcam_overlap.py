"""Measure how much of the networks' Grad-CAM lies on the lesions as drawn.

Inputs: models, manifest (hemispheres lie beside it), cohort, split, volumes (lesions lie beside it).
Output: table (CSV).
Settings: models.channels, models.other_hemisphere, evaluation.{gradcam_layer, confidence, bootstraps},
training.threads, training.device.
"""

from pathlib import Path

from strokeclock.explanation.overlap import write_overlap
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_overlap(
    snakemake.input.models,
    snakemake.output.table,
    hemispheres=Path(snakemake.input.manifest).parent,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    volumes=snakemake.input.volumes,
    channels=snakemake.params.channels,
    layer=snakemake.params.layer,
    threads=snakemake.params.threads,
    device=snakemake.params.device,
    confidence=snakemake.params.confidence,
    bootstraps=snakemake.params.bootstraps,
)

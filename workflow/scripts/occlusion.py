"""Paint the lesions over with the other hemisphere's tissue, and predict anew.

Inputs: models, manifest (hemispheres lie beside it), cohort, split, volumes (lesions lie beside it), grid.
Output: table (CSV).
Settings: models.channels, models.other_hemisphere, evaluation.{confidence, bootstraps}, training.threads,
training.device.
"""

from pathlib import Path

from strokeclock.explanation.occlusion import write_occlusion
from strokeclock.logs import log_to

log_to(snakemake.log[0])
write_occlusion(
    snakemake.input.models,
    snakemake.output.table,
    hemispheres=Path(snakemake.input.manifest).parent,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    volumes=snakemake.input.volumes,
    grid=snakemake.input.grid,
    channels=snakemake.params.channels,
    threads=snakemake.params.threads,
    device=snakemake.params.device,
    confidence=snakemake.params.confidence,
    bootstraps=snakemake.params.bootstraps,
)

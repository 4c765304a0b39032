"""Score the validation and the test patients with a trained network.

Inputs: model, manifest (hemispheres lie beside it), cohort, split.
Output: predictions (patient, hemisphere, part, label, score).
Settings: models.channels, models.other_hemisphere, training.threads, training.device.
"""

from pathlib import Path

from strokeclock.logs import log_to
from strokeclock.training.prediction import predict

log_to(snakemake.log[0])
predict(
    snakemake.input.model,
    hemispheres=Path(snakemake.input.manifest).parent,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    output=snakemake.output.predictions,
    channels=snakemake.params.channels,
    threads=snakemake.params.threads,
    device=snakemake.params.device,
)

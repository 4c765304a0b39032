"""Score the validation and the test patients by how bright the lesion is where the outliner finds it.

Inputs: fitted (JSON), manifest (hemispheres lie beside it), cohort, split, model.
Output: predictions (patient, hemisphere, part, label, score).
Settings: models.channels, the phase's below_min, training.threads, training.device.
"""

from pathlib import Path

from strokeclock.baselines.segmented import predict_outlined
from strokeclock.logs import log_to
from strokeclock.training.phases import Task

log_to(snakemake.log[0])
predict_outlined(
    snakemake.input.fitted,
    snakemake.output.predictions,
    model=snakemake.input.model,
    hemispheres=Path(snakemake.input.manifest).parent,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    channels=snakemake.params.channels,
    task=Task(snakemake.wildcards.phase, below_min=snakemake.params.below_min, after=None),
    threads=snakemake.params.threads,
    device=snakemake.params.device,
)

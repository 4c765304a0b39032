"""Score the validation and the test patients by how bright the lesion is against the other hemisphere.

Inputs: fitted (JSON), manifest (hemispheres lie beside it), cohort, split.
Output: predictions (patient, hemisphere, part, label, score).
Settings: models.channels, the phase's below_min.
"""

from pathlib import Path

from strokeclock.baselines.ratio import predict_ratio
from strokeclock.logs import log_to
from strokeclock.training.phases import Task

log_to(snakemake.log[0])
predict_ratio(
    snakemake.input.fitted,
    snakemake.output.predictions,
    hemispheres=Path(snakemake.input.manifest).parent,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    channels=snakemake.params.channels,
    task=Task(snakemake.wildcards.phase, below_min=snakemake.params.below_min, after=None),
    row=snakemake.wildcards.row,
)

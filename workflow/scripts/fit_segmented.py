"""Fit how bright the lesion is where a network segments it to the time since onset, on the training part.

Inputs: manifest (hemispheres lie beside it), cohort, split, model.
Output: fitted (JSON).
Settings: models.channels, the phase's below_min, training.threads, training.device.
"""

from pathlib import Path

from strokeclock.baselines.segmented import fit_segmented
from strokeclock.logs import log_to
from strokeclock.training.phases import Task

log_to(snakemake.log[0])
fit_segmented(
    snakemake.input.model,
    snakemake.output.fitted,
    hemispheres=Path(snakemake.input.manifest).parent,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    channels=snakemake.params.channels,
    task=Task(snakemake.wildcards.phase, below_min=snakemake.params.below_min, after=None),
    threads=snakemake.params.threads,
    device=snakemake.params.device,
)

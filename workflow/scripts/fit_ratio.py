"""Fit how bright the lesion is against the other hemisphere to the time since onset, on the training part.

Inputs: manifest (hemispheres lie beside it), cohort, split.
Output: fitted (JSON).
Settings: models.channels, the phase's below_min.
"""

from pathlib import Path

from strokeclock.baselines.ratio import fit_ratio
from strokeclock.logs import log_to
from strokeclock.training.phases import Task

log_to(snakemake.log[0])
fit_ratio(
    Path(snakemake.input.manifest).parent,
    snakemake.output.fitted,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    channels=snakemake.params.channels,
    task=Task(snakemake.wildcards.phase, below_min=snakemake.params.below_min, after=None),
    row=snakemake.wildcards.row,
)

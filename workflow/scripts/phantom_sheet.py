"""Draw the contact sheet of a phantom cohort.

Inputs: truths (truth.json a patient), the raw series. Output: picture. Settings: none.
"""

from pathlib import Path

from strokeclock.figures.phantom_sheet import draw_phantom_sheet
from strokeclock.logs import log_to

log_to(snakemake.log[0])
draw_phantom_sheet(
    snakemake.input.truths,
    snakemake.output.picture,
    raw=Path(snakemake.input.t2w[0]).parents[1],
    patients=snakemake.params.patients,
)

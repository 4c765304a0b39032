"""Draw the contact sheet of a phantom cohort.

Inputs: phantoms (tables of files). Output: picture. Settings: none.
"""

from pathlib import Path

from strokeclock.batches import read_batches
from strokeclock.figures.phantom_sheet import draw_phantom_sheet
from strokeclock.figures.style import save_figure
from strokeclock.logs import log_to

log_to(snakemake.log[0])
phantoms = list(read_batches(snakemake.input.phantoms).values())
figure = draw_phantom_sheet(
    [files["truth"] for files in phantoms],
    raw=Path(phantoms[0]["t2w"]).parents[1],
    patients=snakemake.params.patients,
)
save_figure(figure, *snakemake.output)

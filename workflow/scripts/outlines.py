"""Draw what the outliner finds in test patients, beside their lesions.

Inputs: model, manifest (hemispheres lie beside it), cohort, split, volumes (the lesions lie beside it), grid.
Outputs: svg, png. Settings: models.channels.
"""

from pathlib import Path

from strokeclock.figures.outlines import draw_outlines
from strokeclock.figures.style import save_figure
from strokeclock.logs import log_to
from strokeclock.segmentation.network import read_outliner

log_to(snakemake.log[0])
network, field = read_outliner(
    snakemake.input.model, series=snakemake.params.channels, split=snakemake.input.split
)
figure = draw_outlines(
    network,
    field=field,
    hemispheres=Path(snakemake.input.manifest).parent,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    volumes=snakemake.input.volumes,
    grid=snakemake.input.grid,
    channels=snakemake.params.channels,
)
save_figure(figure, *snakemake.output)

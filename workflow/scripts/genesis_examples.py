"""Draw what phase 0 learned: training hemispheres corrupted in each way, and restored.

Inputs: model, manifest (hemispheres lie beside it), grid. Outputs: svg, png. Settings: none.
"""

from pathlib import Path

from strokeclock.figures.genesis_examples import draw_genesis_examples
from strokeclock.figures.style import save_figure
from strokeclock.logs import log_to
from strokeclock.models.field import Field
from strokeclock.pretraining.restorer import read_restorer

log_to(snakemake.log[0])
model, record = read_restorer(snakemake.input.model)
figure = draw_genesis_examples(
    model,
    hemispheres=Path(snakemake.input.manifest).parent,
    patients=record.participants["train"][:2],
    channels=record.channels,
    grid=snakemake.input.grid,
    seed=record.seed,
    field=Field.of(record.field),
)
save_figure(figure, *snakemake.output)

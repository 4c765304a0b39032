"""Draw how the trainings of one network, phase and start went, all seeds in one picture.

Inputs: histories, records (of the same runs). Outputs: svg, png. Settings: none.
"""

from strokeclock.figures.style import save_figure
from strokeclock.figures.training_curves import draw_training_curves
from strokeclock.logs import log_to
from strokeclock.models.registry import find_network

log_to(snakemake.log[0])
run = snakemake.wildcards
figure = draw_training_curves(
    snakemake.input.histories,
    snakemake.input.records,
    title=f"{find_network(run.net).title}: {run.phase}, from {run.weights} weights",
)
save_figure(figure, *snakemake.output)

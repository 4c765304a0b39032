"""Draw Figure 5: the phases of training.

Inputs: cohort, split. Outputs: svg, png. Settings: recipe, training.
"""

from strokeclock.figures.phases import draw_phases
from strokeclock.figures.style import save_figure
from strokeclock.logs import log_to

log_to(snakemake.log[0])
figure = draw_phases(
    training=snakemake.params.training,
    recipe=snakemake.params.recipe,
    starts=snakemake.params.starts,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
)
save_figure(figure, *snakemake.output)

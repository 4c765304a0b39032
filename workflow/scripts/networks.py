"""Draw Figure 4: the networks as built.

Inputs: box (none where whole hemispheres are seen). Outputs: svg, png.
Settings: preprocessing.grid, models, training.{networks, attention_enter, <phases>}.
"""

from strokeclock.figures.networks import draw_networks
from strokeclock.figures.style import save_figure
from strokeclock.logs import log_to
from strokeclock.models.architecture import Architecture
from strokeclock.models.field import read_box

log_to(snakemake.log[0])
x, y, z = snakemake.params.grid
box = read_box(next(iter(snakemake.input.box), None))
figure = draw_networks(
    [
        Architecture.of(settings, box=box, net=net, grid=(x // 2, y, z), attention=snakemake.params.attention)
        for net, settings in snakemake.params.models.items()
    ],
)
save_figure(figure, *snakemake.output)

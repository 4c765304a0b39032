"""Draw Figure 4: the networks as built.

Inputs: none. Outputs: svg, png.
Settings: preprocessing.grid, models, training.{networks, attention_enter, <phases>}.
"""

from strokeclock.figures.networks import draw_networks
from strokeclock.logs import log_to
from strokeclock.models.architecture import Architecture

log_to(snakemake.log[0])
x, y, z = snakemake.params.grid
draw_networks(
    [
        Architecture(
            net=net,
            grid=(x // 2, y, z),
            attention=snakemake.params.attention,
            **settings | {"channels": tuple(settings["channels"])},
        )
        for net, settings in snakemake.params.models.items()
    ],
    snakemake.output,
)

"""Draw Figure 2: the rules of the workflow, and which takes what another made.

Inputs: none. Outputs: svg, png. Settings: the rule graph.
"""

from strokeclock.figures.pipeline import Rule, draw_pipeline
from strokeclock.figures.style import save_figure
from strokeclock.logs import log_to

log_to(snakemake.log[0])
figure = draw_pipeline({name: Rule(**rule) for name, rule in snakemake.params.rules.items()})
save_figure(figure, *snakemake.output)

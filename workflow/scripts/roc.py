"""Draw Figure 6, 7 or 8: ROC curves of the arms, with their AUCs or with the readers.

Inputs: predictions, table2. Outputs: svg, png.
Params: settings (phases shown, with readers or not), tasks (phase -> minutes below).
"""

from strokeclock.figures.roc import draw_roc
from strokeclock.figures.style import save_figure
from strokeclock.logs import log_to

log_to(snakemake.log[0])
figure = draw_roc(
    snakemake.input.predictions,
    table2=snakemake.input.table2,
    tasks=snakemake.params.tasks,
    **snakemake.params.settings,
)
save_figure(figure, *snakemake.output)

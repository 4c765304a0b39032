"""Draw what the outliner finds in test patients, beside their lesions."""

from strokeclock.figures.outlines import draw_outlines
from strokeclock.figures.style import save_figure
from strokeclock.job import run

run(snakemake, draw_outlines, save=save_figure)

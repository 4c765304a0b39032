"""Draw Figure 2: the rules of the workflow, and the rules whose files each takes."""

from strokeclock.job import run
from strokeclock.figures.pipeline import draw_pipeline
from strokeclock.figures.style import save_figure

run(snakemake, draw_pipeline, save=save_figure)

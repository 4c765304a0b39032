"""Draw Figure 3: one patient's registered DWI, FLAIR and T2w."""

from strokeclock.job import run
from strokeclock.figures.preprocessed import draw_preprocessed
from strokeclock.figures.style import save_figure

run(snakemake, draw_preprocessed, save=save_figure)

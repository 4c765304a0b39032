"""Draw Figure 1: DWI-FLAIR mismatch in an early and a late patient."""

from strokeclock.job import run
from strokeclock.figures.mismatch import draw_mismatch
from strokeclock.figures.style import save_figure

run(snakemake, draw_mismatch, save=save_figure)

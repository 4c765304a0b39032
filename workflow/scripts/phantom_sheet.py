"""Draw the contact sheet of a phantom cohort."""

from strokeclock.job import run
from strokeclock.figures.phantom_sheet import draw_phantom_sheet
from strokeclock.figures.style import save_figure

run(snakemake, draw_phantom_sheet, save=save_figure)

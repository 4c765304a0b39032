"""Write and draw the case mix of the training, validation and test parts."""

from strokeclock.job import run
from strokeclock.evaluation.case_mix import write_case_mix
from strokeclock.figures.case_mix import draw_case_mix
from strokeclock.figures.style import save_figure

run(snakemake, write_case_mix, draw_case_mix, save=save_figure)

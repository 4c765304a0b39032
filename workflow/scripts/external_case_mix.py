"""Write and draw the case mix of external patients beside the bundle's."""

from strokeclock.job import run
from strokeclock.evaluation.external.case_mix import write_external_case_mix
from strokeclock.figures.external.case_mix import draw_external_case_mix
from strokeclock.figures.style import save_figure

run(snakemake, write_external_case_mix, draw_external_case_mix, save=save_figure)

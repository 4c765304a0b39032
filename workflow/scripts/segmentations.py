"""Draw the lesion segmentations of test patients, beside their lesions."""

from strokeclock.job import run
from strokeclock.figures.segmentations import draw_segmentations
from strokeclock.figures.style import save_figure

run(snakemake, draw_segmentations, save=save_figure)

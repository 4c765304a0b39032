"""Draw the lesion segmentations of test patients, beside their lesions."""

from strokeclock.figures.segmentations import draw_segmentations
from strokeclock.figures.style import save_figure
from strokeclock.job import run

run(snakemake, draw_segmentations, save=save_figure)

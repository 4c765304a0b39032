"""Draw Figure 9: Grad-CAM of the networks, from scratch and pretrained, in the same test patients."""

from strokeclock.job import run
from strokeclock.figures.gradcam import draw_gradcam
from strokeclock.figures.style import save_figure

run(snakemake, draw_gradcam, save=save_figure)

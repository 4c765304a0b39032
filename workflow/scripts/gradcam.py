"""Draw Figure 9: Grad-CAM of the networks, from scratch and pretrained, in the same test patients.

Inputs: models, predictions (of the same runs), manifest (hemispheres lie beside it), volumes (lesions lie
beside it), grid. Outputs: svg, png.
Settings: models.channels, models.other_hemisphere, evaluation.gradcam_layer, evaluation.gradcam_patients.
"""

from pathlib import Path

from strokeclock.figures.gradcam import draw_gradcam
from strokeclock.figures.style import save_figure
from strokeclock.logs import log_to
from strokeclock.training.checkpoint import read_network

log_to(snakemake.log[0])
figure = draw_gradcam(
    [read_network(path)[0] for path in snakemake.input.models],
    snakemake.input.predictions,
    hemispheres=Path(snakemake.input.manifest).parent,
    volumes=snakemake.input.volumes,
    grid=snakemake.input.grid,
    channels=snakemake.params.channels,
    layer=snakemake.params.layer,
    patients=snakemake.params.patients,
)
save_figure(figure, *snakemake.output)

"""Train the outliner: a 3D U-Net finds the lesion's voxels, taught by the training patients' lesions.

Inputs: manifest (hemispheres lie beside it), cohort, split, box (none where whole hemispheres are seen),
volumes (the lesions lie beside it).
Outputs: model, history, record.
Settings: models.{channels, average, 3d.width, standardise}, training.{phase0_outline, augmentation,
precision, threads, device, tensorboard}.
"""

from pathlib import Path

from strokeclock.logs import log_to
from strokeclock.segmentation.training import train_outliner

log_to(snakemake.log[0])
# beside the log, and no param: it changes no result
events = Path(snakemake.log[0]).with_suffix("") if snakemake.config["training"]["tensorboard"] else None
train_outliner(
    seed=int(snakemake.wildcards.seed),
    series=snakemake.params.series,
    average=snakemake.params.average,
    width=snakemake.params.width,
    standardise=snakemake.params.standardise,
    training=snakemake.params.training,
    hemispheres=Path(snakemake.input.manifest).parent,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    volumes=snakemake.input.volumes,
    box=next(iter(snakemake.input.box), None),
    output=Path(snakemake.output.model).parent,
    events=events,
)

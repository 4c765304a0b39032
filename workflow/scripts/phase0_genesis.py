"""Phase 0: pretrain the 3D U-Net by restoring corrupted hemispheres of the training patients.

Inputs: manifest (hemispheres lie beside it), cohort, split, box (none where whole hemispheres are seen).
Outputs: model, history, record.
Settings: models.{channels, other_hemisphere, average, 3d.width, standardise}, training.{phase0_genesis,
precision, threads, device, tensorboard}.
"""

from pathlib import Path

from strokeclock.logs import log_to
from strokeclock.pretraining.restoration import train_restoration

log_to(snakemake.log[0])
events = Path(snakemake.log[0]).with_suffix("") if snakemake.config["training"]["tensorboard"] else None
train_restoration(
    seed=int(snakemake.wildcards.seed),
    channels=snakemake.params.channels,
    average=snakemake.params.average,
    width=snakemake.params.width,
    standardise=snakemake.params.standardise,
    training=snakemake.params.training,
    hemispheres=Path(snakemake.input.manifest).parent,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    box=next(iter(snakemake.input.box), None),
    output=Path(snakemake.output.model).parent,
    events=events,
)

"""Phases 1 to 4: train one network on one task, from random weights or from the phase before.

Inputs: manifest (hemispheres lie beside it), cohort, split, box (none where whole hemispheres are seen),
parent (none for random weights).
Outputs: model, history, record.
Settings: models.{channels, other_hemisphere, average, <network>, attention_norm, standardise},
training.{<phase>, freeze_2d, attention_enter, phase4_trainable, cache_gb, precision, threads, device,
tensorboard}.
"""

from pathlib import Path

from strokeclock.logs import log_to
from strokeclock.training.classifier import train_phase
from strokeclock.training.phases import read_tasks

log_to(snakemake.log[0])
# beside the log, and no param: it changes no result
events = Path(snakemake.log[0]).with_suffix("") if snakemake.config["training"]["tensorboard"] else None
train_phase(
    snakemake.params.phase,
    net=snakemake.wildcards.net,
    weights=snakemake.wildcards.weights,
    seed=int(snakemake.wildcards.seed),
    models=snakemake.params.models,
    training=snakemake.params.training,
    tasks=read_tasks(snakemake.params.tasks),
    hemispheres=Path(snakemake.input.manifest).parent,
    cohort=snakemake.input.cohort,
    split=snakemake.input.split,
    parent_model=next(iter(snakemake.input.parent), None),
    box=next(iter(snakemake.input.box), None),
    output=Path(snakemake.output.model).parent,
    events=events,
)

"""Phases 1 to 4: train a network to classify lesion or not, then TSS (paper, Fig. 5)."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from strokeclock.models.architecture import Architecture
from strokeclock.models.channels import has_contralateral
from strokeclock.models.classifier import Classifier
from strokeclock.models.view import View, read_box
from strokeclock.training.auc import measure_auc
from strokeclock.training.augmentation import augment
from strokeclock.training.checkpoint import CheckpointError
from strokeclock.training.feed import Feed, logits_of
from strokeclock.training.material import CohortFiles, CohortMaterial
from strokeclock.training.objective import Lesson, Objective, Step
from strokeclock.training.phases import PAPER, Run, Task, frozen_modules, has_attention, parent, read_tasks
from strokeclock.training.search import read_chosen
from strokeclock.training.settings import PhaseSettings
from strokeclock.training.start import Start
from strokeclock.training.trainer import train


def train_phase(
    phase: str,
    *,
    net: str,
    start: str,
    seed: int,
    models: Mapping,
    training: Mapping,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    parent_model: str | Path | None = None,
    box: str | Path | None = None,
    chosen: str | Path | None = None,
    output: str | Path,
    tasks: Mapping[str, Mapping] | None = None,
    events: Path | None = None,
) -> None:
    """Train one phase of one network, from its parent's checkpoint or from random weights.

    Binary cross-entropy, early stopping on the validation part; the best epoch is kept.
    A killed training resumes from ``latest.pt`` and has the result of an unbroken one.

    Parameters
    ----------
    phase : one of ``tasks``, phase1_stroke to phase4_attention in the paper.
    net : a network's name (`registry.networks`).
    start : random, genesis, imagenet, medical, phase1, … (`phases.parent`).
    seed : of initial weights and of the order of hemispheres.
    models : channels (`channel_names`), average (`View`), attention_norm, standardise, and the network's own
        settings.
    training : the fields of `PhaseSettings`.
    manifest : hemispheres/manifest.tsv, the hemispheres beside it.
    parent_model : the parent's checkpoint (`phases.parent`); None for a random start.
    box : brain_box.json, the box of a hemisphere that the network sees; None: the whole hemisphere.
    chosen : the settings that a search chose (`search.choose_settings`), which replace those of ``training``;
        None: there was no search.
    tasks : phase -> below_min, after: the chain up to this phase (`phases.read_tasks`); None: the paper's.
    output : folder for the files of `trainer.train`.
    events : folder of TensorBoard's events; None: none are written.

    Raises
    ------
    SplitError
        A part is empty or of one class, or the parent was trained on a patient of the other parts.
    CheckpointError
        The parent is not the schema's.
    TrainingError
        The loss is not finite.
    PatientError
        A hemisphere holds values that are not finite.
    FittedError
        The settings were chosen for another training or on other patients.
    """
    read = PAPER if tasks is None else read_tasks(tasks)
    replaced = {}
    if chosen is not None:
        below_min = read[phase].below_min
        replaced = read_chosen(
            chosen, net=net, phase=phase, start=start, below_min=below_min, cohort=cohort, split=split
        )
    objective = Classification(
        run=Run(net, phase, start, seed),
        settings=PhaseSettings(**{**training, **replaced}),
        channels=tuple(models["channels"]),
        models=models,
        tasks=read,
        files=CohortFiles(manifest, cohort, split),
        parent_model=parent_model,
        view=View.of({"box": read_box(box), "average": models["average"]}),
    )
    train(objective, output=output, events=events)


@dataclass(frozen=True, kw_only=True)
class Classification(Objective[Classifier, CohortMaterial]):
    """Binary cross-entropy of a hemisphere's label; see `train_phase` for the attributes."""

    settings: PhaseSettings
    view: View
    models: Mapping
    tasks: Mapping[str, Task]
    files: CohortFiles
    parent_model: str | Path | None

    @property
    def task(self) -> Task:
        return self.tasks[self.run.phase]

    @property
    def start(self) -> Start | None:
        before = parent(self.run.net, self.run.phase, self.run.start, self.tasks)
        if before is None:
            return None
        if self.parent_model is None:
            raise CheckpointError(f"{self.run.phase} starts from {self.run.start}: name that checkpoint.")
        return Start(self.parent_model, *before, head=self.settings.head)

    @property
    def frozen(self) -> tuple[str, ...]:
        modules = frozen_modules(
            self.run.net,
            self.run.phase,
            self.run.start,
            freeze=self.settings.freeze,
            freeze_2d=self.settings.freeze_2d,
            attention_enter=self.settings.attention_enter,
            phase4_trainable=self.settings.phase4_trainable,
            tasks=self.tasks,
        )
        return tuple(module for module in modules if module != "attention" or self._has_attention)

    @property
    def stream(self) -> tuple[int, ...]:
        return self.run.seed, self.task.number

    @property
    def _has_attention(self) -> bool:
        return has_attention(self.run.phase, attention_enter=self.settings.attention_enter, tasks=self.tasks)

    def read(self) -> CohortMaterial:
        return self.files.read(("train", "validation"), channels=self.channels, task=self.task)

    def describe(self, grid: Sequence[int]) -> dict[str, Any]:
        return self._architecture(grid).record

    def build(self, grid: Sequence[int]) -> Classifier:
        return self._architecture(grid).build()

    def _architecture(self, grid: Sequence[int]) -> Architecture:
        return Architecture.of(
            self.models,
            box=self.view.box,
            net=self.run.net,
            grid=tuple(grid),
            attention=self._has_attention,
        )

    def prepare(
        self, network: Classifier, material: CohortMaterial, *, precision: str, device: torch.device
    ) -> Lesson:
        settings = self.settings
        learned, validated = material.parts["train"], material.parts["validation"]
        # augmented maps differ from epoch to epoch, so none are kept
        kept = 0 if settings.augments else len(learned)
        train, validation = (
            Feed(
                network,
                units,
                device=device,
                precision=precision,
                cache_gb=settings.cache_gb * count / (kept + len(validated)),
            )
            for units, count in ((learned, kept), (validated, len(validated)))
        )
        change = None
        if settings.augments:
            most: dict[str, Any] = dict(settings.augmentation)
            change = partial(
                augment,
                sides=1 + has_contralateral(self.channels),
                extent_mm=self.view.extent_mm(material.grid),
                **most,
            )
        targets = train.labels
        if settings.label_softness and not self.task.both_hemispheres:
            minutes = torch.from_numpy(learned.minutes).to(device)
            limit, width = self.task.limit_min, settings.label_softness
            targets = soften(minutes, labels=train.labels, below_min=limit, width=width)

        def loss(batch: np.ndarray, step: Step) -> torch.Tensor:
            logits = train.logits(batch, change=change and partial(change, generator=step.generator))
            return functional.binary_cross_entropy_with_logits(logits, targets[batch])

        def validate() -> dict[str, float]:
            logits, labels = logits_of(validation), validated.labels
            mean = functional.binary_cross_entropy_with_logits(
                torch.from_numpy(logits), torch.from_numpy(labels)
            )
            auc = measure_auc(labels, logits) if np.isfinite(logits).all() else np.nan
            return {"validation_loss": mean.item(), "validation_auc": auc}

        return Lesson(np.arange(len(train)), loss, validate)


def soften(minutes: torch.Tensor, *, labels: torch.Tensor, below_min: float, width: float) -> torch.Tensor:
    """Return soft targets (n,) for times since onset (n,) in minutes.

    Collaterals spread the log of apparent time about the log of TSS with the SD ``width``: the target is the
    share of patients with this TSS whose lesion looks younger than the limit. Patients near the limit then
    weigh less than those far from it. Scores are evaluated with hard labels. Where the time is NaN, because a
    class of it alone is known, the hard label (n,) stays.
    """
    soft = torch.special.ndtr((math.log(below_min) - minutes.log()) / width)
    return torch.where(minutes.isnan(), labels, soft)

"""Phases 1 to 4: teaching a network to find the lesion's hemisphere, then to tell its age (paper, Fig. 5)."""

import logging
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from pytorch_optimizer import AdaBound
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.nn import functional

from strokeclock import __version__
from strokeclock.cohort.split import check_leakage, read_split
from strokeclock.models.architecture import Architecture
from strokeclock.models.channels import has_other_hemisphere
from strokeclock.models.field import read_box
from strokeclock.training.augmentation import augment
from strokeclock.training.checkpoint import (
    CheckpointError,
    check_learned_field,
    check_learned_series,
    inherit,
    is_head,
    read_checkpoint,
)
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.feed import Feed, logits_of
from strokeclock.training.loop import batches, fit, freeze, one_cycle, teach, train_mode
from strokeclock.training.phases import PAPER, Task, frozen_modules, has_attention, parent
from strokeclock.training.precision import choose_precision
from strokeclock.training.store import Hemispheres, check_channels, check_classes, read_hemispheres
from strokeclock.training.transfer import spread_channels

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PhaseSettings:
    """The configuration's ``training``, as one phase sees it.

    Attributes
    ----------
    epochs, min_epochs, patience : the most epochs; how many without a better validation end it earlier, and
        from which epoch on they count.
    selection : what validation selects the epoch by, ``auc`` or ``loss``; ``last`` is a fixed schedule, whose
        last epoch is kept.
    batch : hemispheres a step.
    lr, final_lr : the learning rate, and the one that AdaBound ends as SGD with.
    optimizer : ``adabound``, or ``adamw``, which knows no final_lr.
    weight_decay : decoupled from the gradient with adamw.
    schedule : of the rate: ``constant``, or ``one_cycle`` over all epochs (`one_cycle`).
    label_softness : of time tasks, see `soften`; 0: labels are 0 or 1.
    augmentation : the keyword arguments of `augmentation.augment`; with all of them 0 there is none.
    head : ``inherit`` starts from the parent's classifier, ``fresh`` from one with random weights: lesion
        detection leaves a head that answers "lesion", which old strokes are more plainly than new ones.
    freeze, freeze_2d, attention_enter, phase4_trainable : see `phases.frozen_modules`.
    cache_gb : most memory for the maps of frozen stages (`Feed`).
    precision : ``fp32`` or ``bf16``; of the configuration also ``auto`` (`precision.choose_precision`).
    threads, device : of torch.
    """

    epochs: int
    min_epochs: int
    patience: int
    selection: str
    batch: int
    lr: float
    final_lr: float
    optimizer: str
    weight_decay: float
    schedule: str
    label_softness: float
    augmentation: Mapping[str, float]
    head: str
    freeze: bool
    freeze_2d: str
    attention_enter: str
    phase4_trainable: str
    cache_gb: float
    precision: str
    threads: int
    device: str

    @property
    def augments(self) -> bool:
        return any(self.augmentation.values())


def train_phase(
    phase: str,
    *,
    net: str,
    weights: str,
    seed: int,
    models: Mapping,
    training: Mapping,
    hemispheres: str | Path,
    cohort: str | Path,
    split: str | Path,
    parent_model: str | Path | None,
    box: str | Path | None = None,
    output: str | Path,
    tasks: Mapping[str, Task] = PAPER,
    events: Path | None = None,
) -> None:
    """Train one phase of one network, from its parent's checkpoint or from random weights.

    Binary cross-entropy, early stopping on the validation part; the best epoch is kept.
    A training that was killed goes on from ``latest.pt``, with the result of an unbroken one.

    Parameters
    ----------
    phase : one of ``tasks``, phase1_stroke to phase4_attention in the paper.
    net, weights : 2d or 3d; random, genesis, imagenet, medical, phase1, … (`phases.parent`).
    seed : of first weights and of the order of hemispheres.
    models : channels (`channel_names`), average (`Field`), width, attention_norm, standardise, and in
        2D attention_map, slice_aggregation.
    training : the fields of `PhaseSettings`.
    hemispheres : folder of <patient>.npy.
    parent_model : checkpoint that ``weights`` names; None for a random start.
    box : brain_box.json, the box of a hemisphere that the network sees; None: the whole of it.
    tasks : those of the chain up to this phase (`phases.read_tasks`).
    output : folder for model.pt (weights and record), history.tsv (one row an epoch), run.json (the record).
    events : folder of TensorBoard's events; None: none are written.

    Raises
    ------
    SplitError
        A part is empty or of one class, or the parent has learned from a patient who now selects or tests.
    CheckpointError
        The parent is not the one that the schema asks for.
    TrainingError
        The loss is no number any more.
    PatientError
        A hemisphere holds values that are not finite.
    """
    settings = PhaseSettings(**training)
    task = tasks[phase]
    device = choose_device(settings.device, threads=settings.threads)
    parts = {
        part: read_hemispheres(
            hemispheres,
            cohort=cohort,
            split=split,
            task=task,
            part=part,
            other_hemisphere=has_other_hemisphere(models["channels"]),
        )
        for part in ("train", "validation")
    }
    for part, units in parts.items():
        check_channels(units, channels=models["channels"])
        check_classes(units, phase=phase, part=part)
        log.info("%s: %d hemispheres, %d with label 1", part, len(units), units.labels.sum())
    participants = read_split(split)

    architecture = Architecture.of(
        models,
        box=read_box(box),
        net=net,
        grid=parts["train"].values.shape[2:],
        attention=has_attention(phase, attention_enter=settings.attention_enter, tasks=tasks),
    )
    precision = choose_precision(
        settings.precision,
        device,
        grid=architecture.field.size(architecture.grid),
        output=output,
    )
    settings = replace(settings, precision=precision)
    torch.manual_seed(int(np.random.SeedSequence([seed, task.number]).generate_state(1)[0]))
    network = architecture.build()
    origin = None
    before = parent(net, phase, weights, tasks)
    if before is not None:
        origin = _start_from(
            parent_model,
            network,
            net=net,
            phase=phase,
            weights=weights,
            before=before,
            seed=seed,
            channels=architecture.channels,
            participants=participants,
            head=settings.head,
        )
    network = on_device(network, device)
    frozen = frozen_modules(
        net,
        phase,
        weights,
        freeze=settings.freeze,
        freeze_2d=settings.freeze_2d,
        attention_enter=settings.attention_enter,
        phase4_trainable=settings.phase4_trainable,
        tasks=tasks,
    )
    frozen = tuple(module for module in frozen if module != "attention" or architecture.attention)
    freeze(network, frozen)

    record = {
        "strokeclock": __version__,
        "versions": {name: version(name) for name in ("numpy", "pytorch_optimizer", "torch")},
        "net": net,
        "phase": phase,
        "task": asdict(task),
        "weights": weights,
        "seed": seed,
        "parent": origin,
        "architecture": asdict(architecture),
        "channels": list(architecture.channels),
        "settings": asdict(settings),
        "frozen": frozen,
        "participants": participants,
        "data": {part: units.digest() for part, units in parts.items()},
    }
    _fit(
        network,
        parts,
        settings=settings,
        frozen=frozen,
        record=record,
        output=Path(output),
        events=events,
        device=device,
    )


def _start_from(
    path: str | Path,
    network: nn.Module,
    *,
    net: str,
    phase: str,
    weights: str,
    before: tuple[str, str],
    seed: int,
    channels: tuple[str, ...],
    participants: Mapping[str, list[str]],
    head: str,
) -> dict:
    """Load the parent's weights into the network, and return what the record says of it."""
    record, state, sha256 = read_checkpoint(path)
    found = tuple(record[key] for key in ("net", "phase", "weights", "seed"))
    wanted = (net, *before, seed)
    if found != wanted:
        raise CheckpointError(
            f"{path} is {' '.join(map(str, found))}, and {phase} from {weights} starts from "
            f"{' '.join(map(str, wanted))}: name that checkpoint."
        )
    if weights in ("imagenet", "medical"):
        state = spread_channels(state, net=net, channels=len(channels))
    else:
        check_learned_series(path, record, channels=channels)
        check_learned_field(path, record, field=network.field)
    check_leakage(record["participants"], participants)
    if head == "fresh":
        state = {name: tensor for name, tensor in state.items() if not is_head(name)}
    inherit(network, parent=state)
    return {"phase": record["phase"], "weights": record["weights"], "sha256": sha256}


def _fit(
    network: nn.Module,
    parts: Mapping[str, Hemispheres],
    *,
    settings: PhaseSettings,
    frozen: tuple[str, ...],
    record: Mapping,
    output: Path,
    events: Path | None,
    device: torch.device,
) -> None:
    sizes = {part: len(units) for part, units in parts.items()}
    if settings.augments:
        sizes["train"] = 0  # nothing to keep: its maps differ from epoch to epoch
    train, validation = (
        Feed(
            network,
            parts[part],
            device=device,
            precision=settings.precision,
            cache_gb=settings.cache_gb * sizes[part] / sum(sizes.values()),
        )
        for part in ("train", "validation")
    )
    optimiser = _optimiser(network, settings)
    task = Task(**record["task"])
    stream = [record["seed"], task.number]
    extent_mm = network.field.extent_mm(record["architecture"]["grid"])
    targets = train.labels
    if settings.label_softness and not task.both_hemispheres:
        minutes = torch.from_numpy(parts["train"].minutes).to(device)
        targets = soften(minutes, below_min=task.below_min, width=settings.label_softness)

    def train_epoch(epoch: int) -> float:
        train_mode(network, frozen=frozen)
        generator = np.random.default_rng([*stream, epoch])
        order = list(batches(generator.permutation(len(train)), settings.batch))
        change = None
        if settings.augments:
            sides = 1 + has_other_hemisphere(record["channels"])
            change = partial(
                augment, generator=generator, sides=sides, extent_mm=extent_mm, **settings.augmentation
            )

        def loss_of(step: int, batch: np.ndarray) -> torch.Tensor:
            if settings.schedule == "one_cycle":
                done = (epoch - 1 + step / len(order)) / settings.epochs
                optimiser.param_groups[0]["lr"] = settings.lr * one_cycle(done)
            logits = train.logits(batch, change=change)
            return functional.binary_cross_entropy_with_logits(logits, targets[batch])

        return teach(optimiser, order, loss_of)

    def validate() -> dict[str, float]:
        logits, labels = logits_of(validation), parts["validation"].labels
        loss = functional.binary_cross_entropy_with_logits(
            torch.from_numpy(logits), torch.from_numpy(labels)
        ).item()
        auc = roc_auc_score(labels, logits) if np.isfinite(logits).all() else np.nan
        return {"validation_loss": loss, "validation_auc": float(auc)}

    measures = {
        "auc": lambda row: row["validation_auc"],
        "loss": lambda row: -row["validation_loss"],
        "last": lambda row: row["epoch"],
    }
    fit(
        network,
        optimiser,
        train_epoch=train_epoch,
        validate=validate,
        measure=measures[settings.selection],
        epochs=settings.epochs,
        min_epochs=settings.min_epochs,
        patience=settings.patience,
        record=record,
        output=output,
        events=events,
    )


def _optimiser(network: nn.Module, settings: PhaseSettings) -> torch.optim.Optimizer:
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    shared = {"lr": settings.lr, "weight_decay": settings.weight_decay}
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(learning, **shared)
    return AdaBound(learning, final_lr=settings.final_lr, **shared)


def soften(minutes: torch.Tensor, *, below_min: float, width: float) -> torch.Tensor:
    """The targets (n,) of hemispheres whose tissue clock runs faster or slower than the wall's.

    Collaterals spread the log of tissue time about that of true time by ``width`` (SD): of patients with this
    time since onset, that share looks as if it were below the limit. Who is near the limit then teaches less
    than who is far from it. Scores are judged by hard labels.
    """
    return torch.special.ndtr((math.log(below_min) - minutes.log()) / width)

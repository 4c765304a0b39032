"""One trainer for every objective: from seeds and files to model.pt, history.tsv, run.json and cost.json."""

import inspect
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch

from strokeclock.provenance import digest_code
from strokeclock.training.checkpoint import inherit, read_identity
from strokeclock.training.device import choose_device, make_meter, on_device
from strokeclock.training.loop import batches, fit, freeze, take_steps, train_mode
from strokeclock.training.material import Material
from strokeclock.training.objective import Objective, Step
from strokeclock.training.optimisation import make_optimiser, rate_at
from strokeclock.training.precision import PRECISIONS, choose_precision
from strokeclock.training.record import Parent, TrainingRecord, list_versions

# The measure that selects an epoch, from its row of the history; greater is better.
MEASURES: dict[str, Callable[[dict[str, float]], float]] = {
    "auc": lambda row: row["validation_auc"],
    "loss": lambda row: -row["validation_loss"],
    "last": lambda row: row["epoch"],
}


def train(objective: Objective, *, output: str | Path, events: Path | None = None) -> None:
    """Train a network for an objective, and write model.pt, history.tsv, run.json and cost.json.

    A killed training resumes from ``latest.pt`` and has the result of an unbroken one.

    Parameters
    ----------
    output : folder for model.pt (weights and record), history.tsv (one row an epoch), run.json (the record)
        and cost.json (time and memory).
    events : folder of TensorBoard's events; None: none are written.

    Raises
    ------
    TrainingError
        The loss is not finite, or the device is absent.
    CheckpointError, SplitError
        The start is another checkpoint, or was trained on a patient of the validation or test part.
    ConfigurationError
        bf16 is wanted and gives wrong gradients here.
    """
    settings, output = objective.settings, Path(output)
    device = choose_device(settings.device, threads=settings.threads)
    meter = make_meter(device)
    material = objective.read()
    parent: Parent | None = None
    inherited: dict[str, torch.Tensor] = {}
    if objective.start is not None:
        parent, inherited = objective.start.read(
            objective.run,
            channels=objective.channels,
            view=objective.view,
            participants=material.participants,
        )

    code = digest_code(inspect.getfile(type(objective)))  # reaches this module, too

    def identify(precision: str) -> dict[str, object]:
        """Return everything that the result of this training depends on, in this precision."""
        record = _describe(objective, material, parent=parent, precision=precision)
        return record.to_json() | {"code": code, "device": device.type}

    seen = material.grid if objective.view is None else objective.view.size(material.grid)
    begun = _read_begun_precision(output, identify) if settings.precision == "auto" else None
    precision = choose_precision(settings.precision, device, grid=seen, begun=begun)

    torch.manual_seed(objective.first_seed)
    network = objective.build(material.grid)
    if parent is not None:
        inherit(network, parent=inherited)
    network = on_device(network, device)
    freeze(network, objective.frozen)
    lesson = objective.prepare(network, material, precision=precision, device=device)
    optimiser = make_optimiser(network, settings)

    def train_epoch(epoch: int) -> float:
        train_mode(network, frozen=objective.frozen)
        generator = np.random.default_rng([*objective.stream, epoch])
        order = [*batches(generator.permutation(lesson.units), settings.batch)]

        def loss_of(number: int, batch: np.ndarray) -> torch.Tensor:
            optimiser.param_groups[0]["lr"] = rate_at(settings, epoch=epoch, done=number / len(order))
            return lesson.loss(batch, Step(epoch, number, generator))

        return take_steps(optimiser, order, loss_of)

    fit(
        network,
        optimiser,
        train_epoch=train_epoch,
        validate=lesson.validate,
        measure=MEASURES[settings.selection],
        epochs=settings.epochs,
        patience=settings.patience,
        min_epochs=settings.min_epochs,
        record=_describe(objective, material, parent=parent, precision=precision),
        identity=identify(precision),
        meter=meter,
        output=output,
        events=events,
    )


def _describe(
    objective: Objective, material: Material, *, parent: Parent | None, precision: str
) -> TrainingRecord:
    """Return the record of a training that has not begun."""
    return TrainingRecord(
        **objective.run._asdict(),
        task=objective.task,
        parent=parent,
        architecture=objective.describe(material.grid),
        channels=tuple(objective.channels),
        view=None if objective.view is None else asdict(objective.view),
        settings=replace(objective.settings, precision=precision),
        frozen=objective.frozen,
        participants=material.participants,
        data=material.data,
        versions=list_versions(),
    )


def _read_begun_precision(folder: Path, identify: Callable[[str], dict[str, object]]) -> str | None:
    """Return the precision in which the training that ``identify`` describes has begun; None: it has not."""
    begun = read_identity(folder)
    return next((precision for precision in PRECISIONS if identify(precision) == begun), None)

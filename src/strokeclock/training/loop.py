"""One training: epochs, early stopping, and resuming after a kill."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from strokeclock.errors import MissingSoftwareError, StrokeclockError
from strokeclock.files import write_whole
from strokeclock.training.checkpoint import (
    load_state,
    remove_state,
    save_state,
    write_checkpoint,
)
from strokeclock.training.cost import Meter, write_cost
from strokeclock.training.optimisation import Optimiser
from strokeclock.training.record import TrainingRecord, write_record

log = logging.getLogger(__name__)

SAVE_PAUSE = 9  # multiple of a state's writing time for which none is written: on a GPU epochs are shorter


class TrainingError(StrokeclockError):
    """A training cannot go on."""


class DivergedError(TrainingError):
    """A loss is not finite."""


@dataclass
class Progress:
    """The progress of a training.

    Attributes
    ----------
    history : one row an epoch: epoch, train_loss, what the validation returned, learning_rate.
    best_epoch : counted from 1; 0 before the first.
    best_measure : the selecting measure at that epoch, greater is better.
    best_weights : the network's state at that epoch.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best_measure: float = -math.inf
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)


def fit(
    network: nn.Module,
    optimiser: Optimiser,
    *,
    train_epoch: Callable[[int], float],
    validate: Callable[[], dict[str, float]],
    measure: Callable[[dict[str, float]], float],
    epochs: int,
    patience: int | None = None,
    min_epochs: int = 0,
    record: TrainingRecord,
    identity: Mapping,
    meter: Meter,
    output: Path,
    events: Path | None = None,
) -> None:
    """Train for ``epochs``, or until ``patience`` epochs without a better measure; write the best epoch.

    Writes model.pt (weights and record), history.tsv (one row an epoch), run.json (the record) and cost.json
    (time and memory). The state is saved after each epoch, or, where saving is slow, less often, so that it
    takes a tenth of the time. A killed training resumes from it and writes the same bytes as an unbroken one,
    but for cost.json.

    Parameters
    ----------
    train_epoch : trains the network for one epoch, given its number from 1, and returns the mean loss. All
        its randomness must follow from the number or come from torch, so that a resumed training equals an
        unbroken one.
    validate : the validation's values for the history.
    measure : the selecting measure, from an epoch's row of the history; greater is better. The epoch's
        number as measure gives a fixed schedule: no early stopping, the last epoch is kept.
    patience : None: early stopping is off.
    min_epochs : patience counts from this epoch at the earliest.
    record : of this training; epochs, best and model_sha256 are filled in at its end.
    identity : everything that the result depends on, in JSON's types; a state with another identity is not
        resumed.
    meter : of this training; a resumed one gets what was measured before.
    output : the folder to write into.
    events : folder of TensorBoard's events; None: none are written.

    Raises
    ------
    DivergedError
        The loss is not finite.
    MissingSoftwareError
        ``events`` is given and TensorBoard is not installed.
    """
    progress = _resume(network, optimiser, meter, folder=output, identity=identity)
    seconds = []  # of each epoch since the start or resumption
    next_save = 0.0
    with _events(events, history=progress.history) as add_event:
        while not _is_over(progress, epochs=epochs, patience=patience, min_epochs=min_epochs):
            epoch = len(progress.history) + 1
            start = time.perf_counter()
            row = {
                "epoch": epoch,
                **_train_one(epoch, train_epoch=train_epoch, validate=validate, phase=record.phase),
                "learning_rate": optimiser.param_groups[0]["lr"],
            }
            progress.history.append(row)
            if (reached := measure(row)) > progress.best_measure:
                progress.best_epoch, progress.best_measure = epoch, reached
                progress.best_weights = {
                    name: tensor.clone() for name, tensor in network.state_dict().items()
                }
            if (before := time.monotonic()) >= next_save:
                _save(network, optimiser, progress, meter, folder=output, identity=identity)
                after = time.monotonic()
                next_save = after + SAVE_PAUSE * (after - before)
            add_event(row)
            seconds.append(time.perf_counter() - start)
            log.info(
                "epoch %d of %d: %s; best epoch %d; at most %s left",
                epoch,
                epochs,
                _describe(row),
                progress.best_epoch,
                _duration(sum(seconds) / len(seconds) * (epochs - epoch)),
            )
    log.info("best epoch %d of %d", progress.best_epoch, len(progress.history))
    _write_results(progress, meter, record=record, output=output)
    remove_state(output)


def _is_over(progress: Progress, *, epochs: int, patience: int | None, min_epochs: int) -> bool:
    done = len(progress.history)
    waited = done - max(progress.best_epoch, min_epochs)
    return done >= epochs or (patience is not None and waited >= patience)


def _train_one(
    epoch: int,
    *,
    train_epoch: Callable[[int], float],
    validate: Callable[[], dict[str, float]],
    phase: str,
) -> dict[str, float]:
    values = {"train_loss": train_epoch(epoch)}
    if math.isfinite(values["train_loss"]):
        values |= validate()
    if wrong := [name for name, value in values.items() if not math.isfinite(value)]:
        raise DivergedError(
            f"{phase}: the {_spell(wrong[0])} of epoch {epoch} is not finite: lower the learning rate, "
            f"training.{phase}.lr (and final_lr)."
        )
    return values


def _save(
    network: nn.Module,
    optimiser: Optimiser,
    progress: Progress,
    meter: Meter,
    *,
    folder: Path,
    identity: Mapping,
) -> None:
    save_state(
        folder,
        {
            "identity": dict(identity),
            "cost": asdict(meter.read()),
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "progress": vars(progress),
            "random": {
                "cpu": torch.get_rng_state(),
                "cuda": torch.cuda.get_rng_state_all() if _is_on_cuda(network) else [],
            },
        },
    )


def _is_on_cuda(network: nn.Module) -> bool:
    return next(network.parameters()).is_cuda


def _resume(
    network: nn.Module,
    optimiser: Optimiser,
    meter: Meter,
    *,
    folder: Path,
    identity: Mapping,
) -> Progress:
    state = load_state(folder)
    if state is None:
        return Progress()
    if state["identity"] != identity:
        log.info("%s holds a state of other settings, data or code: the training starts anew", folder)
        return Progress()
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    torch.set_rng_state(state["random"]["cpu"])
    torch.cuda.set_rng_state_all(state["random"]["cuda"])
    meter.resume(state["cost"])
    log.info("resuming after epoch %d", len(state["progress"]["history"]))
    return Progress(**state["progress"])


def _write_results(progress: Progress, meter: Meter, *, record: TrainingRecord, output: Path) -> None:
    best = progress.history[progress.best_epoch - 1]
    record = replace(record, epochs=len(progress.history), best=best)
    sha256 = write_checkpoint(output / "model.pt", weights=progress.best_weights, record=record)
    rows = ["\t".join(best)] + [
        "\t".join(f"{value:.9g}" for value in row.values()) for row in progress.history
    ]
    write_whole(output / "history.tsv", "\n".join(rows) + "\n")
    write_record(output / "run.json", replace(record, model_sha256=sha256))
    write_cost(output / "cost.json", meter.read())


@contextmanager
def _events(
    folder: Path | None, *, history: list[dict[str, float]]
) -> Iterator[Callable[[dict[str, float]], None]]:
    """Yield a function that adds an epoch's row to TensorBoard's events, or does nothing without a folder.

    Earlier events are purged and the history is written again: a killed training may have lost its last ones.
    """
    if folder is None:
        yield lambda row: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise MissingSoftwareError(
            "training.tensorboard is true and the package tensorboard is not installed: run "
            "pip install tensorboard, or set the key to false."
        ) from None
    with SummaryWriter(folder, purge_step=1) as writer:

        def add(row: dict[str, float]) -> None:
            for name, value in row.items():
                if name != "epoch":
                    writer.add_scalar(name, value, row["epoch"])

        for row in history:
            add(row)
        yield add


def _describe(row: Mapping[str, float]) -> str:
    return ", ".join(
        f"{_spell(name)} {value:.4f}" for name, value in row.items() if name not in ("epoch", "learning_rate")
    )


def _spell(name: str) -> str:
    return name.replace("_", " ").replace("auc", "AUC")


def _duration(seconds: float) -> str:
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def take_steps(
    optimiser: Optimiser,
    order: Iterable[np.ndarray],
    loss_of: Callable[[int, np.ndarray], torch.Tensor],
) -> float:
    """Take a step per batch and return a unit's mean loss; ``loss_of`` takes step (from 0) and batch."""
    losses, counts = [], []
    for step, batch in enumerate(order):
        loss = loss_of(step, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.detach())  # reading it here would wait for the device
        counts.append(len(batch))
    return sum(loss.item() * count for loss, count in zip(losses, counts, strict=True)) / sum(counts)


def batches(order: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Cut an order into batches; a single hemisphere left over joins the last one (batch normalisation)."""
    cuts = list(range(size, len(order), size))
    if cuts and len(order) - cuts[-1] == 1:
        cuts.pop()
    yield from np.split(order, cuts)


def freeze(network: nn.Module, modules: tuple[str, ...]) -> None:
    """Stop the gradients of the named modules."""
    for module in modules:
        network.get_submodule(module).requires_grad_(False)


def train_mode(network: nn.Module, *, frozen: tuple[str, ...]) -> None:
    """Put a network in training mode, except frozen modules: their batch-norm statistics stay."""
    network.train()
    for module in frozen:
        network.get_submodule(module).eval()

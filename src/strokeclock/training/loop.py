"""One training: epochs, early stopping, and going on where it was killed."""

import hashlib
import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn

from strokeclock.errors import StrokeclockError
from strokeclock.training.checkpoint import load_state, save_state, write_checkpoint, write_whole

log = logging.getLogger(__name__)


class TrainingError(StrokeclockError):
    """A training cannot go on."""


@dataclass
class Progress:
    """How far a training has come.

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
    optimiser: torch.optim.Optimizer,
    *,
    train_epoch: Callable[[int], float],
    validate: Callable[[], dict[str, float]],
    measure: Callable[[dict[str, float]], float],
    epochs: int,
    patience: int,
    record: Mapping,
    output: Path,
) -> None:
    """Train until ``epochs``, or until ``patience`` epochs brought no better measure; write the best epoch.

    Writes model.pt (weights and record), history.tsv (one row an epoch) and run.json (the record). A training
    that was killed goes on from ``latest.pt`` and ends in the same bytes as an unbroken one.

    Parameters
    ----------
    train_epoch : teaches the network for one epoch, given its number from 1, and returns the mean loss. All
        its randomness must follow from the number: then a resumed training equals an unbroken one.
    validate : the validation's values for the history.
    measure : what selects, from those values; greater is better.
    record : everything that makes this training what it is, in JSON's types; ``latest.pt`` of any other is
        not resumed.
    output : the folder to write into.

    Raises
    ------
    TrainingError
        The loss is no number any more.
    """
    latest = output / "latest.pt"
    identity = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    progress = _resume(network, optimiser, latest=latest, identity=identity)
    while len(progress.history) < epochs and len(progress.history) - progress.best_epoch < patience:
        epoch = len(progress.history) + 1
        start = time.perf_counter()
        train_loss = train_epoch(epoch)
        values = validate() if math.isfinite(train_loss) else {}
        if not math.isfinite(train_loss) or not all(map(math.isfinite, values.values())):
            raise TrainingError(f"The loss of epoch {epoch} is no number: lower the phase's lr or final_lr.")
        row = {
            "epoch": epoch,
            "train_loss": train_loss,
            **values,
            "learning_rate": optimiser.param_groups[0]["lr"],
        }
        progress.history.append(row)
        if (reached := measure(values)) > progress.best_measure:
            progress.best_epoch, progress.best_measure = epoch, reached
            progress.best_weights = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        save_state(
            latest,
            {
                "identity": identity,
                "network": network.state_dict(),
                "optimiser": optimiser.state_dict(),
                "progress": vars(progress),
            },
        )
        log.info(
            "epoch %d of %d: %s (%.1f s)",
            epoch,
            epochs,
            ", ".join(
                f"{name} {value:.4f}" for name, value in row.items() if name not in ("epoch", "learning_rate")
            ),
            time.perf_counter() - start,
        )
    log.info("best epoch %d of %d", progress.best_epoch, len(progress.history))
    best = progress.history[progress.best_epoch - 1]
    record = {**record, "epochs": len(progress.history), "best": best}
    sha256 = write_checkpoint(output / "model.pt", weights=progress.best_weights, record=record)
    rows = ["\t".join(best)] + [
        "\t".join(f"{value:.9g}" for value in row.values()) for row in progress.history
    ]
    write_whole(output / "history.tsv", ("\n".join(rows) + "\n").encode())
    record["model_sha256"] = sha256
    write_whole(output / "run.json", (json.dumps(record, indent=2, sort_keys=True) + "\n").encode())
    latest.unlink(missing_ok=True)


def _resume(network: nn.Module, optimiser: torch.optim.Optimizer, *, latest: Path, identity: str) -> Progress:
    if not latest.exists():
        return Progress()
    state = load_state(latest)
    if state["identity"] != identity:
        log.info("%s belongs to a training with other settings or data: starting anew", latest)
        return Progress()
    network.load_state_dict(state["network"])
    # an optimiser that was built with the same rates: AdaBound's base rates are not in its state
    optimiser.load_state_dict(state["optimiser"])
    log.info("going on after epoch %d", len(state["progress"]["history"]))
    return Progress(**state["progress"])


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
    """Put a network in training mode, but frozen modules not: their batch-norm statistics stay."""
    network.train()
    for module in frozen:
        network.get_submodule(module).eval()


def choose_device(name: str, *, threads: int) -> torch.device:
    """Set torch up to repeat itself, and return the device: ``auto``, ``cpu`` or ``cuda``.

    Raises
    ------
    TrainingError
        ``cuda`` is asked for and absent.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS repeats itself only with it
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.backends.cudnn.benchmark = False
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("training.device is cuda and torch sees no CUDA device: set it to auto or cpu.")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def on_device(network: nn.Module, device: torch.device) -> nn.Module:
    """Move a network, its convolutions' weights channels-last: faster on CPU and GPU alike."""
    is_3d = any(parameter.ndim == 5 for parameter in network.parameters())
    return network.to(device, memory_format=torch.channels_last_3d if is_3d else torch.channels_last)

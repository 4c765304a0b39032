"""Checkpoints: a network's weights with the record of its training, the same bytes for the same content."""

import hashlib
import io
import logging
import zipfile
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn

from strokeclock.cohort.parts import check_leakage, read_split
from strokeclock.files import write_whole
from strokeclock.models.architecture import Architecture
from strokeclock.models.channels import has_contralateral
from strokeclock.models.classifier import Classifier
from strokeclock.models.view import View
from strokeclock.training.record import CheckpointError, TrainingRecord, parse_record, read_record

log = logging.getLogger(__name__)

LATEST, PREVIOUS = "latest.pt", "previous.pt"  # a training's state after its last epoch, and the one before


def write_checkpoint(path: str | Path, *, weights: dict[str, torch.Tensor], record: TrainingRecord) -> str:
    """Write weights and record; return the file's sha256."""
    # cloned, so that a dimension of one has the usual stride, too: the stride is written
    weights = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in weights.items()
    }
    # pickle writes one object met twice differently from two equal objects: `to_json` makes new ones
    content = _bytes({"record": record.to_json(), "weights": weights})
    write_whole(path, content)
    return hashlib.sha256(content).hexdigest()


def read_checkpoint(path: str | Path) -> tuple[TrainingRecord, dict[str, torch.Tensor], str]:
    """Return a checkpoint's record, its weights and its sha256.

    Raises
    ------
    CheckpointError
        The file is no checkpoint of strokeclock or is damaged, its record is of another format, or it is not
        the file that run.json beside it names.
    """
    content = Path(path).read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    beside = Path(path).with_name("run.json")
    if beside.is_file() and read_record(beside).model_sha256 != sha256:
        raise CheckpointError(
            f"{path} is not the file that {beside.name} beside it names: it is damaged or was replaced. "
            "Delete both and train again."
        )
    try:
        damaged = zipfile.ZipFile(io.BytesIO(content)).testzip()  # by its own checksums, which torch ignores
        if damaged is not None:
            raise ValueError(f"{damaged} is damaged")
        checkpoint = torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        record, weights = checkpoint["record"], checkpoint["weights"]
    except Exception as error:
        raise CheckpointError(
            f"{path} is no checkpoint of strokeclock, or it is damaged: delete it and train again."
        ) from error
    return parse_record(record, path=path), weights, sha256


def read_network(path: str | Path) -> tuple[Classifier, TrainingRecord]:
    """Rebuild the network of a checkpoint, in evaluation mode, and return it with its record.

    Raises
    ------
    CheckpointError
        The file is no checkpoint of strokeclock, or holds no classifier (phase 0).
    """
    record, weights, _ = read_checkpoint(path)
    if record.task is None:
        raise CheckpointError(
            f"{path} holds {record.phase}, not a classifier: name a checkpoint of phases 1 to 4."
        )
    network = architecture_of(record).build()
    network.load_state_dict(weights)
    return network.eval(), record


def read_network_to_test(
    path: str | Path, *, channels: Sequence[str], split: str | Path
) -> tuple[Classifier, TrainingRecord]:
    """Read a network and its record (`read_network`), to be tested on the test part of ``split``.

    Raises
    ------
    SplitError
        The network was trained or selected on a patient of the test part.
    CheckpointError
        The file is no such checkpoint, or its network was trained on other series than ``channels``.
    """
    network, record = read_network(path)
    check_learned_series(path, record, channels=channels)
    check_leakage(record.participants, read_split(split))
    return network, record


def architecture_of(record: TrainingRecord) -> Architecture:
    """Rebuild the architecture that a classifier's record holds."""
    return Architecture.flat(**record.architecture, channels=record.channels, view=View.of(record.view))


def check_learned_series(path: str | Path, record: TrainingRecord, *, channels: Sequence[str]) -> None:
    """Raise CheckpointError where a checkpoint's network was trained on other series than ``channels``."""
    if record.channels != tuple(channels):
        raise CheckpointError(
            f"{path} was trained on {', '.join(record.channels)}, and these hemispheres hold "
            f"{', '.join(channels)}: name the network's series in models.channels, in its order, "
            f"and set models.contralateral to {str(has_contralateral(record.channels)).lower()}."
        )


def check_learned_view(path: str | Path, record: TrainingRecord, *, view: View | None) -> None:
    """Raise CheckpointError where a checkpoint's network was trained with another view."""
    if View.of(record.view) != view:
        raise CheckpointError(
            f"{path} was trained with other settings of models.view or models.average: delete it and train "
            "it again."
        )


def inherit(network: nn.Module, *, parent: dict[str, torch.Tensor]) -> None:
    """Start a network from its parent's weights.

    Phase 4's classifier takes more features than its parent's: the attended ones behind the pooled ones. It
    inherits the columns of the pooled features and has zeros in the new ones, so that its first output is the
    parent's. Of the U-Net of phase 0 only the encoder is inherited.

    Raises
    ------
    CheckpointError
        A tensor of the trunk is missing, or of another shape.
    """
    state = network.state_dict()
    (trunk,) = (f"{name}." for name, module in network.named_children() if module is network.trunk)
    for name, tensor in state.items():
        if name == "fc.weight" and name in parent and tensor.shape != parent[name].shape:
            shared = parent[name].shape[1]
            tensor.zero_()
            tensor[:, :shared] = parent[name]
        elif name in parent and tensor.shape == parent[name].shape:
            tensor.copy_(parent[name])
        elif name.startswith(trunk) or name in parent:
            raise CheckpointError(
                f"The initial weights do not fit the network at {name}, for they were trained with other "
                "settings of models: delete them and train again."
            )


def save_state(folder: str | Path, state: dict) -> None:
    """Write a training's state (tensors, numbers and text only) with its sha256; keep the one before it.

    After the first call, at least one whole state exists at every moment.
    """
    content = _bytes(state)
    sha256 = hashlib.sha256(content).hexdigest().encode()
    write_whole(Path(folder) / LATEST, sha256 + b"\n" + content, before=Path(folder) / PREVIOUS)


def load_state(folder: str | Path) -> dict | None:
    """Read the newest whole state, or None; damaged ones are removed, with a warning."""
    damaged = False
    for path in (Path(folder) / LATEST, Path(folder) / PREVIOUS):
        if not path.exists():
            continue
        sha256, _, content = path.read_bytes().partition(b"\n")
        if hashlib.sha256(content).hexdigest().encode() == sha256:
            return torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
        log.warning("%s is damaged: it is removed, and the training resumes from the state before", path)
        path.unlink()  # else the next call of save_state would move it over the undamaged state
        damaged = True
    if damaged:
        log.warning("%s holds no undamaged state: the training starts anew", folder)
    return None


def read_identity(folder: str | Path) -> dict | None:
    """Read the identity of a training's newest whole state (`loop.fit`), or None without one."""
    state = load_state(folder)
    return None if state is None else state["identity"]


def remove_state(folder: str | Path) -> None:
    """Remove the states of a complete training, the older one first: a kill leaves the newest."""
    for name in (PREVIOUS, LATEST):
        (Path(folder) / name).unlink(missing_ok=True)


def _bytes(content: object) -> bytes:
    # through memory: given a path, torch writes the file's name into the archive
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()

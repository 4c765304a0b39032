"""ImageNet weights of the 2D network: torchvision's ResNet-18, from a file that the user names."""

import hashlib
import io
import logging
import re
from dataclasses import replace
from pathlib import Path

import torch

from strokeclock.errors import ConfigurationError
from strokeclock.models.registry import network_started_from
from strokeclock.models.resnet import ResNet18
from strokeclock.training.checkpoint import write_checkpoint
from strokeclock.training.phases import ORIGINS
from strokeclock.training.record import TrainingRecord, list_versions, write_record

log = logging.getLogger(__name__)

KEY = "Configuration key initial_weights.imagenet"
WIDTH = 64


def import_imagenet(
    file: str | Path, *, sha256: str | None, width: int, seed: int, output: str | Path
) -> None:
    """Rename a state dict of torchvision to the backbone's names, checked tensor by tensor.

    Parameters
    ----------
    file : state dict (.pth) of torchvision's ResNet-18.
    sha256 : the file's; None: its beginning is in the file's name, as in resnet18-f37072fd.pth.
    width : of the 2D network; the weights are of width 64.
    seed : of the run that starts from them; nothing is drawn here.
    output : folder for model.pt (weights and record) and run.json (the record).

    Raises
    ------
    ConfigurationError
        The file has another sha256, or its tensors do not fit.
    """
    net = network_started_from("imagenet")
    if width != WIDTH:
        raise ConfigurationError(
            f"{KEY}: the weights are of width {WIDTH}, and models.{net}.width is {width}: set it to {WIDTH}, "
            "or the file to null."
        )
    content = Path(file).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    _check_sum(file, digest, sha256=sha256)
    weights = _read_state(file, content)
    path = Path(output)
    phase, start = ORIGINS["imagenet"]
    record = TrainingRecord(
        net=net,
        phase=phase,
        start=start,
        seed=seed,
        architecture={"width": WIDTH},
        channels=("red", "green", "blue"),
        participants={},  # none of the cohort's
        data={"file": Path(file).name, "sha256": digest},
        versions=list_versions(),
    )
    model_sha256 = write_checkpoint(path / "model.pt", weights=weights, record=record)
    write_record(path / "run.json", replace(record, model_sha256=model_sha256))


def _check_sum(file: str | Path, digest: str, *, sha256: str | None) -> None:
    named = re.search(r"-([0-9a-f]{8,64})\.", Path(file).name)  # as torch.hub names its files
    expected = sha256.lower() if sha256 else named and named[1]
    if not expected:
        raise ConfigurationError(
            f"{KEY}.sha256 is null and the name {Path(file).name} holds no checksum: write the file's sha256 "
            "there, or give the file its published name."
        )
    if not digest.startswith(expected):
        raise ConfigurationError(
            f"{file} has the sha256 {digest}, which does not begin with {expected}: fetch it anew."
        )


def _read_state(file: str | Path, content: bytes) -> dict[str, torch.Tensor]:
    """Return the backbone's weights under its own names."""
    try:
        state = dict(torch.load(io.BytesIO(content), weights_only=True, map_location="cpu"))
    except Exception as error:
        raise ConfigurationError(
            f"{file} is not a state dict of torch: name resnet18-f37072fd.pth."
        ) from error
    backbone = ResNet18(width=WIDTH).state_dict()
    # older files lack the batch counts of batch normalisation, which are not used here
    state = {key: value for key, value in backbone.items() if key.endswith("num_batches_tracked")} | state
    if missing := [key for key in backbone if key not in state]:
        raise ConfigurationError(
            f"{file} lacks {missing[0]} and {len(missing) - 1} more tensors of ResNet-18: name "
            "torchvision's file."
        )
    for key, tensor in backbone.items():
        if state[key].shape != tensor.shape:
            raise ConfigurationError(
                f"{file}: {key} has the shape {tuple(state[key].shape)}, and that of ResNet-18 has "
                f"{tuple(tensor.shape)}: name torchvision's file."
            )
    ignored = [key for key in state if key not in backbone]
    log.info("%s: %d tensors loaded; ignored: %s", file, len(backbone), ", ".join(ignored) or "none")
    return {f"backbone.{key}": state[key] for key in backbone}

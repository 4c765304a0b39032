"""The record of a training, in model.pt and run.json of every network. Imports no torch."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

from strokeclock import __version__
from strokeclock.errors import StrokeclockError
from strokeclock.files import write_whole
from strokeclock.training.phases import Task
from strokeclock.training.settings import PHASE_0, PhaseSettings, TrainingSettings

FORMAT = 3  # of the record; 1 had no number, 2 named the start "weights" and the view "field"


class CheckpointError(StrokeclockError):
    """A checkpoint or its record is not strokeclock's, or not the expected one."""


@dataclass(frozen=True)
class Parent:
    """The checkpoint that a training started from."""

    phase: str
    start: str
    sha256: str


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """How a network was made: enough to build it again.

    Attributes
    ----------
    net, phase, start, seed
        Of `phases.Run`.
    task
        Of a classifier; None for phase 0.
    parent
        None where it started from random weights.
    architecture
        The network's settings without channels and view; they differ from objective to objective.
    channels
        Of the network's input, in order.
    view
        Box and average (`View`); None: it was not trained on hemispheres.
    settings
        Of the training, with its precision; None: it was trained elsewhere.
    frozen
        Modules whose weights and statistics stayed as they were.
    participants
        Part -> patients of the cohort's split at that time; empty: it was trained on none of them.
    data
        Name -> digest or number, of the data that it was trained on.
    epochs
        Number of epochs.
    best
        The row of history.tsv whose weights are kept.
    versions
        Of the software that the weights depend on (`list_versions`).
    model_sha256
        Of model.pt, in run.json alone.
    strokeclock
        Its version.
    format
        Of the record itself.
    """

    net: str
    phase: str
    start: str
    seed: int
    architecture: Mapping[str, Any]
    channels: tuple[str, ...]
    participants: Mapping[str, Sequence[str]]
    data: Mapping[str, Any]
    versions: Mapping[str, str]
    task: Task | None = None
    parent: Parent | None = None
    view: Mapping[str, Any] | None = None
    settings: TrainingSettings | None = None
    frozen: tuple[str, ...] = ()
    epochs: int = 0
    best: Mapping[str, float] | None = None
    model_sha256: str | None = None
    strokeclock: str = __version__
    format: int = FORMAT

    @property
    def kept(self) -> Mapping[str, float]:
        """The row of the history that was kept; ValueError before the training's end."""
        if self.best is None:
            raise ValueError(f"{self.phase} of {self.net} has kept no epoch yet")
        return self.best

    @property
    def fold(self) -> int | None:
        """The number of the fold whose training patients were left out; None: all were learned from."""
        return self.data.get("fold")

    @property
    def asked(self) -> Task:
        """The task of a classifier; ValueError for phase 0."""
        if self.task is None:
            raise ValueError(f"{self.phase} is no classifier's")
        return self.task

    def to_json(self) -> dict[str, Any]:
        """Return the record in JSON's types, without ``model_sha256`` where that is None."""
        content = json.loads(json.dumps(asdict(self), sort_keys=True))
        if self.model_sha256 is None:
            del content["model_sha256"]
        return content


def list_versions() -> dict[str, str]:
    """Return the versions of the software that a training's weights depend on."""
    return {name: version(name) for name in ("numpy", "torch")}


def write_record(path: str | Path, record: TrainingRecord) -> None:
    """Write run.json."""
    write_whole(path, json.dumps(record.to_json(), indent=2, sort_keys=True) + "\n")


def read_record(path: str | Path) -> TrainingRecord:
    """Read run.json.

    Raises
    ------
    CheckpointError
        The file holds no record of a training, or one of another format.
    """
    try:
        content = json.loads(Path(path).read_bytes())
    except ValueError:  # not JSON, or not text
        content = None
    return parse_record(content, path=path)


def parse_record(content: object, *, path: str | Path) -> TrainingRecord:
    """Make a record of what `TrainingRecord.to_json` returned.

    Parameters
    ----------
    content : read from a file.
    path : of that file, for errors.

    Raises
    ------
    CheckpointError
        The content is no record of a training, or one of another format.
    """
    if not isinstance(content, Mapping) or "phase" not in content:
        raise CheckpointError(f"{path} holds no record of a training: delete it and train again.")
    if content.get("format", 1) != FORMAT:
        raise CheckpointError(
            f"{path} has a record of format {content.get('format', 1)}, and this version of strokeclock "
            f"reads {FORMAT}: delete it and train again."
        )
    try:
        record = _build_record(content)
        whole = record.to_json() == content
    except (AttributeError, KeyError, TypeError, ValueError):
        whole = False
    if not whole:
        raise CheckpointError(
            f"{path} has a record of {content['phase']} of another shape: delete it and train it again."
        )
    return record


def _build_record(content: Mapping) -> TrainingRecord:
    task, parent, settings = (content[name] for name in ("task", "parent", "settings"))
    if settings is not None:
        kind = PHASE_0[content["phase"]] if task is None else PhaseSettings
        chosen = {setting.name for setting in fields(kind) if setting.init}
        settings = kind(**{name: value for name, value in settings.items() if name in chosen})
    return TrainingRecord(
        **{
            **content,
            "task": task and Task(**task),
            "parent": parent and Parent(**parent),
            "settings": settings,
            "channels": tuple(content["channels"]),
            "frozen": tuple(content["frozen"]),
        }
    )

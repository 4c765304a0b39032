"""The weights that a training starts from where they are not random: another training's checkpoint."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from strokeclock.cohort.parts import check_leakage
from strokeclock.models.field import Field
from strokeclock.models.registry import find_network
from strokeclock.training.checkpoint import (
    CheckpointError,
    check_learned_field,
    check_learned_series,
    read_checkpoint,
)
from strokeclock.training.phases import Run
from strokeclock.training.record import Parent
from strokeclock.training.transfer import spread_channels


@dataclass(frozen=True)
class Start:
    """A checkpoint to start from.

    Attributes
    ----------
    model : its model.pt.
    phase, weights : what it must be (`phases.parent`).
    head : ``inherit`` takes its classifier over, ``fresh`` leaves it out.
    """

    model: str | Path
    phase: str
    weights: str
    head: str

    def read(
        self,
        run: Run,
        *,
        channels: Sequence[str],
        view: Field | None,
        participants: Mapping[str, Iterable[str]],
    ) -> tuple[Parent, dict[str, torch.Tensor]]:
        """Return what the record of ``run`` says of the checkpoint, and the weights that are taken over.

        Raises
        ------
        CheckpointError
            It is another one, or has learned from other series or through another field.
        SplitError
            It has learned from a patient who now selects or tests.
        """
        record, state, sha256 = read_checkpoint(self.model)
        found = (record.net, record.phase, record.weights, record.seed)
        wanted = (run.net, self.phase, self.weights, run.seed)
        if found != wanted:
            raise CheckpointError(
                f"{self.model} is {' '.join(map(str, found))}, and {run.phase} from {run.weights} starts "
                f"from {' '.join(map(str, wanted))}: name that checkpoint."
            )
        if run.weights in ("imagenet", "medical"):
            state = spread_channels(state, net=run.net, channels=len(channels))
        else:
            check_learned_series(self.model, record, channels=channels)
            check_learned_field(self.model, record, field=view)
        check_leakage(record.participants, participants)
        if self.head == "fresh":
            classifier = find_network(run.net).head
            state = {name: tensor for name, tensor in state.items() if not name.startswith(classifier)}
        return Parent(record.phase, record.weights, sha256), state

"""Initial weights from another training's checkpoint."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from strokeclock.cohort.parts import check_leakage
from strokeclock.models.registry import find_network
from strokeclock.models.view import View
from strokeclock.training.checkpoint import (
    CheckpointError,
    check_learned_series,
    check_learned_view,
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
    phase, start : what it must be (`phases.parent`).
    head : ``inherit`` takes over its classifier, ``fresh`` leaves it out.
    """

    model: str | Path
    phase: str
    start: str
    head: str

    def read(
        self,
        run: Run,
        *,
        channels: Sequence[str],
        view: View | None,
        participants: Mapping[str, Iterable[str]],
    ) -> tuple[Parent, dict[str, torch.Tensor]]:
        """Return the checkpoint's entry for the record of ``run``, and the weights that are inherited.

        Raises
        ------
        CheckpointError
            It is another one, or was trained on other series or with another view.
        SplitError
            It was trained on a patient of the validation or test part.
        """
        record, state, sha256 = read_checkpoint(self.model)
        found = (record.net, record.phase, record.start, record.seed)
        wanted = (run.net, self.phase, self.start, run.seed)
        if found != wanted:
            raise CheckpointError(
                f"{self.model} is {' '.join(map(str, found))}, and {run.phase} from {run.start} starts "
                f"from {' '.join(map(str, wanted))}: name that checkpoint."
            )
        if run.start in ("imagenet", "medical"):
            state = spread_channels(state, net=run.net, channels=len(channels))
        else:
            check_learned_series(self.model, record, channels=channels)
            check_learned_view(self.model, record, view=view)
        check_leakage(record.participants, participants)
        if self.head == "fresh":
            classifier = find_network(run.net).head
            state = {name: tensor for name, tensor in state.items() if not name.startswith(classifier)}
        return Parent(record.phase, record.start, sha256), state

"""The networks that are explained."""

from dataclasses import dataclass

from strokeclock.plan.places import place_of
from strokeclock.plan.trainings import Trainings
from strokeclock.training.phases import Run

_FROM_SCRATCH = ("phase3_tss4h5", "random")
_END_OF_CHAIN = ("phase4_attention", "phase3")


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """The trainings that Grad-CAM and occlusion explain: of the first seed, ordered by network."""

    trainings: Trainings

    @property
    def gradcam_runs(self) -> list[str]:
        """The trainings of Figure 9, below models/: TSS < 4.5 h from scratch and at the end of the chain."""
        return [place_of(run) for run in self._first if run[1:3] in (_FROM_SCRATCH, _END_OF_CHAIN)]

    @property
    def occlusion_runs(self) -> list[str]:
        """The trainings of the occlusion table, below models/: phase 1, the chain, and 4.5 h from scratch."""
        detecting = self.trainings.detecting
        return [
            place_of(run)
            for run in self._first
            if run in detecting or run.start.startswith("phase") or run[1:3] == _FROM_SCRATCH
        ]

    @property
    def _first(self) -> list[Run]:
        seed = self.trainings.seeds[0]
        return sorted(run for run in self.trainings.predicting if run.seed == seed)

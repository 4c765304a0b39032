"""The trainings: what each learns, what it starts from and what it leaves."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from strokeclock.plan.places import place_of
from strokeclock.plan.pretraining import Pretraining
from strokeclock.plan.segmentation import Segmentation
from strokeclock.plan.tasks import Tasks
from strokeclock.training.phases import (
    GENESIS,
    QUESTION,
    Run,
    lineage,
    list_not_run,
    parent,
)


@dataclass(frozen=True, kw_only=True)
class Trainings:
    """The trainings of the networks from phase to phase.

    Attributes
    ----------
    folder : results/<run>.
    training : section of the configuration.
    runs : each after the one it starts from. The segmentation networks' are not among them.
    """

    folder: str
    training: Mapping[str, Any]
    runs: list[Run]
    tasks: Tasks
    pretraining: Pretraining
    segmentation: Segmentation

    @property
    def seeds(self) -> list[int]:
        """The seeds; all networks are trained once with each."""
        return [*self.training["seeds"]]

    @property
    def rows(self) -> list[tuple[str, str, str]]:
        """(network, phase, start) of the trainings, in alphabetical order."""
        return sorted({run[:3] for run in self.runs})

    @property
    def predicting(self) -> list[Run]:
        """The trainings whose networks make predictions. Phase 0 makes initial weights alone."""
        return [run for run in self.runs if run.phase in self.tasks.by_phase]

    @property
    def detecting(self) -> list[Run]:
        """The trainings of lesion detection."""
        return [run for run in self.predicting if self.tasks.by_phase[run.phase].both_hemispheres]

    @property
    def timing(self) -> list[Run]:
        """The trainings of time tasks."""
        return [run for run in self.predicting if self.tasks.below_min[run.phase]]

    @cached_property
    def chained(self) -> dict[tuple[str, str], str]:
        """(network, time phase) of the chain -> its start."""
        return {
            (run.net, run.phase): run.start
            for run in self.runs
            if run.phase in self.tasks.time_phases and run.start.startswith("phase")
        }

    @property
    def not_run(self) -> dict[tuple[str, str, str], str]:
        """Row (network, phase, start) of Table 2 that no training makes -> why."""
        return list_not_run(
            self.runs,
            nets=self.training["networks"],
            starts=self.training["starts"],
            tasks=self.tasks.by_phase,
            missing=self.pretraining.missing,
        )

    def questions(self, net: str, phase: str) -> dict[str, dict[str, object] | None]:
        """The task settings of a phase and of the phases before it in a network's chain.

        Where Models Genesis is left out, the network that would start from it has the key, with None.
        """
        asked: dict[str, dict[str, object] | None] = {
            task.phase: {key: self.training[task.phase][key] for key in QUESTION}
            for task in lineage(phase, self.tasks.by_phase)
        }
        is_without = net == self.pretraining.restorer and not self.training[GENESIS]
        return asked | ({GENESIS: None} if is_without else {})

    def model_before(self, net: str, phase: str, start: str, seed: int | str) -> str | list[str]:
        """The model that a training starts from; [] where it starts from random weights.

        Raises
        ------
        ValueError
            There is no such training.
        """
        before = parent(net, phase, start, self.tasks.by_phase)
        return f"{self.folder}/models/{net}/{'/'.join(before)}/seed-{seed}/model.pt" if before else []

    @property
    def records(self) -> list[str]:
        """The records of all trainings, those of the segmentation networks among them."""
        segmenting = self.segmentation
        folds = [model for seed in segmenting.seeds for model in segmenting.fold_models(seed)]
        return [
            *(f"{self.folder}/models/{place_of(run)}/run.json" for run in self.runs),
            *(f"{model.rpartition('/')[0]}/run.json" for model in (*segmenting.models, *folds)),
        ]

    @property
    def costs(self) -> list[str]:
        """What each of these trainings took, in the order of the records."""
        return [f"{record.removesuffix('run.json')}cost.json" for record in self.records]

"""The tasks of the phases."""

from dataclasses import dataclass

from strokeclock.training.phases import Task


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """What the phases ask of the networks.

    Attributes
    ----------
    by_phase : phase -> its task. Phase 0 has none.
    """

    by_phase: dict[str, Task]

    @property
    def phases(self) -> list[str]:
        """The phases that have a task, by their numbers."""
        return [*self.by_phase]

    @property
    def time_phases(self) -> list[str]:
        """The phases with a TSS target that are trained from every start; small models have them, too."""
        return [phase for phase, task in self.by_phase.items() if task.below_min and not task.attention]

    @property
    def below_min(self) -> dict[str, float | None]:
        """Phase -> its label is 1 where TSS is below so many minutes; None: where there is a lesion."""
        return {phase: task.below_min for phase, task in self.by_phase.items()}

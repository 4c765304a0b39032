"""The searches of hyper-parameters."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from strokeclock.errors import ConfigurationError
from strokeclock.plan.trainings import Trainings
from strokeclock.training.grid import list_points


@dataclass(frozen=True, kw_only=True)
class Search:
    """The candidates of the searches, and what these choose.

    Attributes
    ----------
    folder : results/<run>.
    grids : training.search of the configuration, phase -> setting -> values.
    """

    folder: str
    grids: Mapping[str, Mapping[str, Any]]
    trainings: Trainings

    @cached_property
    def points(self) -> dict[tuple[str, str, str], list[dict[str, Any]]]:
        """(network, phase, start) whose settings are searched -> the points of the grid, setting -> value."""
        points = {phase: list_points(grid) for phase, grid in self.grids.items()}
        return {run[:3]: points[run.phase] for run in self.trainings.runs if run.phase in points}

    def candidates(self, net: str, phase: str, start: str) -> list[str]:
        """The results of the candidates of a search, in the grid's order."""
        folder = f"{self.folder}/search/{net}/{phase}/{start}"
        numbers = range(1, 1 + len(self.points[net, phase, start]))
        return [f"{folder}/candidate-{number}/result.json" for number in numbers]

    def chosen_settings(self, net: str, phase: str, start: str) -> str | list[str]:
        """The file of the settings that a search chose for a training; [] where there is no search."""
        is_searched = (net, phase, start) in self.points
        return f"{self.folder}/fitted/search/{net}/{phase}/{start}.json" if is_searched else []

    @property
    def files(self) -> list[str]:
        """The table of all candidates; none without a search."""
        return [f"{self.folder}/tables/search.csv"] if self.points else []

    def check(self) -> None:
        """Raise ConfigurationError where training.search names a phase that this run does not train."""
        for phase in self.grids:
            if not any(run.phase == phase for run in self.trainings.runs):
                raise ConfigurationError(
                    f"Configuration key training.search names {phase}, which training.networks and "
                    "training.starts do not train: remove it."
                )

"""The bundle: the rows that it can hold, and what of them it takes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from strokeclock.errors import ConfigurationError
from strokeclock.plan.baselines import SEGMENTED, Baselines
from strokeclock.plan.places import place_of, places_of, row_of
from strokeclock.plan.segmentation import Segmentation
from strokeclock.plan.trainings import Trainings


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """What goes into the bundle.

    Attributes
    ----------
    folder : results/<run>.
    named : bundle.rows of the configuration: rows, or the word best.
    """

    folder: str
    named: Sequence[str] | str
    trainings: Trainings
    segmentation: Segmentation
    baselines: Baselines

    @cached_property
    def rows(self) -> dict[str, dict[str, str | None]]:
        """Row of a time task that a bundle can hold -> its network and regression, None where it has none.

        All are named <net>/<phase>/<start>.
        """
        regressions = (*self.baselines.ratio_rows, *self.baselines.segmented_rows)
        return {
            **{row_of(run): _parts(row_of(run), None) for run in self.trainings.timing},
            **{row: _parts(None, row) for row in regressions},
            **{row: _parts(*both) for row, both in self.baselines.joined_rows.items()},
        }

    @property
    def wanted_rows(self) -> list[str]:
        """The rows of which the bundle may hold some: those that the configuration names, or all."""
        return [*self.rows] if isinstance(self.named, str) else [*self.named]

    @property
    def files(self) -> list[str]:
        """The bundle; none where no row of a time task can be in one."""
        return [f"{self.folder}/bundle/model.zip"] if self.rows else []

    @property
    def models(self) -> list[str]:
        """The networks that the bundle's rows may need: theirs, lesion detection's and the segmentation's."""
        chosen = {self.rows[row]["network"] for row in self.wanted_rows}
        detecting = self.trainings.detecting
        runs = [run for run in self.trainings.runs if row_of(run) in chosen or run in detecting]
        return [
            *(f"{self.folder}/models/{place_of(run)}/model.pt" for run in runs),
            *self.segmentation.models,
        ]

    @property
    def regressions(self) -> list[str]:
        """The regressions that the bundle's rows may need."""
        chosen = dict.fromkeys(filter(None, (self.rows[row]["regression"] for row in self.wanted_rows)))
        return [f"{self.folder}/fitted/{place}.json" for row in chosen for place in self._fitted(row)]

    def _fitted(self, row: str) -> list[str]:
        """The places of a row's regressions below fitted/: one a seed where it rests on a segmentation."""
        is_segmented = row.startswith(f"{SEGMENTED}/")
        return places_of([row], self.segmentation.seeds) if is_segmented else [row]

    def check(self) -> None:
        """Raise ConfigurationError where bundle.rows names a row that this run does not make."""
        if unknown := [row for row in self.wanted_rows if row not in self.rows]:
            raise ConfigurationError(
                f"Configuration key bundle.rows names {unknown[0]}, which this run does not make or a bundle "
                f"cannot hold: use best, or some of {', '.join(self.rows)}."
            )


def _parts(network: str | None, regression: str | None) -> dict[str, str | None]:
    return {"network": network, "regression": regression}

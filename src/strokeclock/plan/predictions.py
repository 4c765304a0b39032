"""The predictions of the networks and of the baselines."""

from collections.abc import Iterable
from dataclasses import dataclass

from strokeclock.plan.baselines import Baselines
from strokeclock.plan.places import places_of, row_of
from strokeclock.plan.segmentation import Segmentation
from strokeclock.plan.trainings import Trainings


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """The files of predictions.

    Attributes
    ----------
    folder : results/<run>.
    """

    folder: str
    trainings: Trainings
    segmentation: Segmentation
    baselines: Baselines

    @property
    def network_rows(self) -> list[str]:
        """The networks that make predictions, <net>/<phase>/<start>."""
        return [*dict.fromkeys(map(row_of, self.trainings.predicting))]

    @property
    def of_networks(self) -> list[str]:
        """The networks' predictions."""
        return self._files(places_of(self.network_rows, self.trainings.seeds))

    @property
    def joined(self) -> list[str]:
        """Predictions that average the segmented ratios' scores with those of the chain's networks."""
        return self._files(places_of(self.baselines.joined_rows, self.segmentation.seeds))

    @property
    def of_baselines(self) -> list[str]:
        """The predictions of the baselines, and of the segmented ratios joined with networks."""
        baselines = self.baselines
        unseeded = (*baselines.ratio_rows, *baselines.clinical_rows, *baselines.radiomics_rows)
        return [
            *self._files(baselines.segmented_places),
            *self.joined,
            *self._files(f"{row}/seed-0" for row in unseeded),
        ]

    @property
    def all(self) -> list[str]:
        """The predictions of the networks, then those of the baselines."""
        return [*self.of_networks, *self.of_baselines]

    @property
    def not_run(self) -> dict[tuple[str, str, str], str]:
        """Row (network or baseline, phase, start) of Table 2 that nothing makes -> why."""
        return self.trainings.not_run | self.baselines.not_run

    def _files(self, places: Iterable[str]) -> list[str]:
        return [f"{self.folder}/predictions/{place}.tsv" for place in places]

"""The test end to end, with the side found."""

from dataclasses import dataclass

from strokeclock.plan.baselines import Baselines
from strokeclock.plan.places import drawn, place_of
from strokeclock.plan.segmentation import Segmentation
from strokeclock.plan.trainings import Trainings


@dataclass(frozen=True, kw_only=True)
class EndToEnd:
    """What finds the side, and what scores the hemisphere found: all rows that a bundle can hold, all seeds.

    Attributes
    ----------
    folder : results/<run>.
    """

    folder: str
    trainings: Trainings
    segmentation: Segmentation
    baselines: Baselines

    @property
    def detectors(self) -> list[str]:
        """The trainings of lesion detection, below models/ and predictions/."""
        return [*map(place_of, self.trainings.detecting)]

    @property
    def timed_by_networks(self) -> list[str]:
        """The trainings of time tasks, below models/, predictions/ and end_to_end/."""
        return [*map(place_of, self.trainings.timing)]

    @property
    def timed_jointly(self) -> dict[str, dict[str, str]]:
        """Row and seed of the segmented ratios joined with a network -> both parts, below end_to_end/."""
        return {
            f"{row}/seed-{seed}": {"network": f"{network}/seed-{seed}", "regression": f"{ratios}/seed-{seed}"}
            for row, (network, ratios) in self.baselines.joined_rows.items()
            for seed in self.segmentation.seeds
        }

    @property
    def timed(self) -> list[str]:
        """All that times the lesion, below predictions/ and end_to_end/."""
        ratios = [f"{row}/seed-0" for row in self.baselines.ratio_rows]
        return [*self.timed_by_networks, *ratios, *self.baselines.segmented_places, *self.timed_jointly]

    @property
    def files(self) -> list[str]:
        """The table and the figure."""
        return [f"{self.folder}/tables/end_to_end.csv", *drawn(f"{self.folder}/figures/end_to_end")]

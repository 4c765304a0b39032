"""The segmentation networks, and their folds of the training part."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strokeclock.models.registry import segmenting_network
from strokeclock.training.phases import SEGMENTATION


@dataclass(frozen=True, kw_only=True)
class Segmentation:
    """The networks that segment the lesion: one a seed, and one a fold for cross-fitted segmentations.

    Attributes
    ----------
    folder : results/<run>.
    training : section of the configuration.
    """

    folder: str
    training: Mapping[str, Any]

    @property
    def network(self) -> str:
        """The network whose trunk is trained to segment the lesion."""
        return segmenting_network()

    @property
    def row(self) -> str:
        """The row of the segmentation networks below models/, <net>/<phase>/<start>."""
        return f"{self.network}/{SEGMENTATION}/random"

    @property
    def is_trained(self) -> bool:
        """Whether a segmentation network is trained, and TSS predicted from ratios in its segmentations."""
        return bool(self.training[SEGMENTATION])

    @property
    def seeds(self) -> list[int]:
        """The seeds of the segmentation networks; none where none is trained."""
        return [*self.training["seeds"]] if self.is_trained else []

    @property
    def folds(self) -> int:
        """How many folds the training part has for the segmentation; 0 where no network is trained for it."""
        return self.training[SEGMENTATION]["folds"] if self.is_trained else 0

    @property
    def models(self) -> list[str]:
        """The networks that learn from the whole training part."""
        return [f"{self._folder_of(seed)}/model.pt" for seed in self.seeds]

    def fold_models(self, seed: int | str) -> list[str]:
        """The networks of a seed that each left out one fold of the training part.

        All time tasks share them, because tasks differ in the labels alone.
        """
        return [f"{self._folder_of(seed)}/fold-{number}/model.pt" for number in range(1, self.folds + 1)]

    def fold_of(self, place: str) -> list[int] | None:
        """The fold that a network leaves out, (number, of how many), given its folder below the seed's.

        None where the folder is the seed's own: that network learns from the whole training part.
        """
        return [int(place.rpartition("-")[2]), self.folds] if place else None

    def _folder_of(self, seed: int | str) -> str:
        return f"{self.folder}/models/{self.row}/seed-{int(seed)}"

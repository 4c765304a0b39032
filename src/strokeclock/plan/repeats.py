"""The repeated splits: their seeds, their files and what is told of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from strokeclock.plan.places import drawn


@dataclass(frozen=True, kw_only=True)
class Repeats:
    """The run once more for each further split.

    Attributes
    ----------
    folder : results/<run>.
    split : section of the configuration.
    intensity : preprocessing.intensity of the configuration.
    """

    folder: str
    split: Mapping[str, Any]
    intensity: Mapping[str, Any]

    @property
    def split_seeds(self) -> list[int]:
        """The seeds of the splits: the first is that of the run itself, each further one of a repeat."""
        return [self.split["seed"] + number for number in range(self.split["repeats"])]

    def in_repeat(self, path: str, seed: int | str) -> str:
        """The place of a file of results/<run>/ or logs/<run>/ for the split with this seed."""
        results, run, rest = path.split("/", 2)
        return f"{results}/{run}/repeats/split-{seed}/{rest}"

    def in_splits(self, *paths: str) -> list[str]:
        """The places of these files for every split, those of the run itself first."""
        return [*paths, *self._in_repeats(*paths)]

    def _in_repeats(self, *paths: str) -> list[str]:
        return [self.in_repeat(path, seed) for seed in self.split_seeds[1:] for path in paths]

    @property
    def have_own_hemispheres(self) -> bool:
        """Whether hemispheres depend on a training patient of the split, so that each split has its own."""
        return self.intensity["matching"] != "none" and not self.intensity["reference"]

    def hemispheres(self, tables: Sequence[str]) -> list[str]:
        """The tables of hemispheres of the repeats, given the run's; none where all splits share them."""
        return self._in_repeats(*tables) if self.have_own_hemispheres else []

    @property
    def settled(self) -> list[str]:
        """What is final of the repeats once the manifest of hemispheres is written."""
        own = [f"{self.folder}/hemispheres/manifest.tsv"] if self.have_own_hemispheres else []
        return self._in_repeats(f"{self.folder}/cohort/split.tsv", *own)

    @property
    def files(self) -> list[str]:
        """The tables and the figure of the repeats; none with one split."""
        tables = ("repeats", "repeats_differences", "repeats_splits")
        files = [*(f"tables/{name}.csv" for name in tables), *drawn("figures/repeats")]
        return [f"{self.folder}/{file}" for file in files] if len(self.split_seeds) > 1 else []

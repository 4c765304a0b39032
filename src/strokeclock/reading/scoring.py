"""The scores of one patient's hemispheres by the networks and regressions of a bundle."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from strokeclock.baselines.ratio import find_on_dwi
from strokeclock.baselines.regression import apply_regression
from strokeclock.bundle.model import Bundle
from strokeclock.bundle.recipe import Row, Trained
from strokeclock.explanation.gradcam import map_evidence
from strokeclock.imaging.hemispheres import join_hemispheres
from strokeclock.models.registry import find_network
from strokeclock.models.view import WHOLE
from strokeclock.reading.pictures import LONGER, SHORTER
from strokeclock.segmentation.ratios import drop_faint, find_lesions, measure_ratios, name_measures
from strokeclock.series import SIDES
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.feed import Feed, logits_of
from strokeclock.training.store import Hemispheres, Stack, choose_side

CERTAIN = 0.5  # share of a voxel from which on it belongs to the outlined lesion


class Segmented(NamedTuple):
    """What one segmentation network found in one hemisphere.

    Attributes
    ----------
    share : (x, y, z) of the hemisphere, the lesion's share of each voxel; 0 outside the view.
    measures : (series + 1,), see `segmentation.ratios.measure_ratios`.
    """

    share: np.ndarray
    measures: np.ndarray


@dataclass
class Scoring:
    """Scores one patient; what was computed once is kept.

    Attributes
    ----------
    bundle : whose networks score.
    hemispheres : (2, series, x, y, z) float16: left, then right mirrored.
    device, threads : of torch.
    """

    bundle: Bundle
    hemispheres: np.ndarray
    device: str = "cpu"
    threads: int = 1
    _networks: dict[tuple[Trained, tuple[str, ...]], np.ndarray] = field(default_factory=dict)
    _segmented: dict[str, list[Segmented]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.place = choose_device(self.device, threads=self.threads)

    def find_lesion(self) -> tuple[dict[str, float], dict[str, dict[str, float]]]:
        """Return side -> probability of a lesion there, and row -> side -> its mean over the seeds.

        Empty where the bundle cannot tell the side.
        """
        rule = self.bundle.recipe.side
        if rule is None:
            return {}, {}
        means = {str(one.scorer): self._score_network(one, SIDES).mean(axis=0) for one in rule.networks}
        joined = np.mean([*means.values()], axis=0)
        by_row = {row: dict(zip(SIDES, mean.tolist(), strict=True)) for row, mean in means.items()}
        return dict(zip(SIDES, joined.tolist(), strict=True)), by_row

    def score(self, row: Row, sides: Sequence[str]) -> np.ndarray:
        """Return the probability of a shorter time for each seed (n,): the mean over these sides."""
        found = []
        if row.network:
            found.append(self._score_network(row.network, sides))
        if row.regression:
            found.append(self._score_regression(row, sides))
        return np.mean(found, axis=0).mean(axis=1)

    def segment(self, side: str) -> list[Segmented]:
        """Return what the segmentation network of each seed finds in a hemisphere that holds a lesion."""
        if side not in self._segmented:
            trained = self.bundle.recipe.segmentation
            assert trained is not None
            self._segmented[side] = [self._segment(trained, seed, side) for seed in trained.seeds]
        return self._segmented[side]

    def outline(self, sides: Sequence[str]) -> np.ndarray:
        """Return the lesion (nx, ny, nz) bool on the atlas grid, in these hemispheres.

        By the segmentation networks' mean share; where no voxel is filled by half, those with at least half
        of the greatest share. Without such networks, as found on DWI.
        """
        grid = self.hemispheres.shape[2:]
        marked = np.zeros((len(SIDES), *grid), bool)
        for side in sides:
            number = SIDES.index(side)
            if self.bundle.recipe.segmentation is None:
                own, contralateral = self.hemispheres[number], self.hemispheres[1 - number]
                dwi = self.bundle.recipe.series.index("dwi")
                marked[number] = find_on_dwi(own, contralateral, dwi=dwi)
                continue
            share = np.mean([found.share for found in self.segment(side)], axis=0)
            if share.max() > 0:
                marked[number] = share >= min(CERTAIN, CERTAIN * float(share.max()))
        return join_hemispheres(dict(zip(SIDES, marked, strict=True)))

    def explain(self, row: Row, sides: Sequence[str]) -> dict[str, np.ndarray]:
        """Return the Grad-CAMs of a row's network, first seed: "shorter", "longer" -> (nx, ny, nz), 0 to 1.

        Empty where the row has no network. The other hemisphere is 0.
        """
        if row.network is None:
            return {}
        trained, seed = row.network, row.network.seeds[0]
        network = on_device(self.bundle.read_network(trained, seed), self.place)
        layer = find_network(trained.net).cam_layers[self.bundle.config["evaluation"]["gradcam_layer"]]
        units = self._units(sides, contralateral=self.bundle.recipe.contralateral)
        maps = {
            side: map_evidence(network, units.values[number], layer=layer)
            for number, side in enumerate(sides)
        }
        return {
            name: join_hemispheres({side: pair[number] for side, pair in maps.items()})
            for number, name in enumerate((SHORTER, LONGER))
        }

    def _score_network(self, trained: Trained, sides: Sequence[str]) -> np.ndarray:
        """Return probabilities (seeds, sides)."""
        key = trained, tuple(sides)
        if key not in self._networks:
            units = self._units(sides, contralateral=self.bundle.recipe.contralateral)
            scores = []
            for seed in trained.seeds:
                network = on_device(self.bundle.read_network(trained, seed), self.place)
                feed = Feed(network, units, device=self.place, precision="fp32")
                scores.append(1 / (1 + np.exp(-logits_of(feed).astype(float))))
            self._networks[key] = np.array(scores)
        return self._networks[key]

    def _score_regression(self, row: Row, sides: Sequence[str]) -> np.ndarray:
        """Return probabilities (seeds, sides)."""
        trained = row.regression
        assert trained is not None
        names = name_measures(self.bundle.recipe.series)
        scores = []
        for number, seed in enumerate(trained.seeds):
            regression = self.bundle.read_regression(trained, seed)
            if row.is_segmented:
                measures = [self.segment(side)[number].measures for side in sides]
            else:
                measures = [self._measure_on_dwi(side) for side in sides]
            chosen = [names.index(name) for name in regression.inputs]
            scores.append(apply_regression(regression, np.array(measures)[:, chosen]))
        return np.array(scores)

    def _segment(self, trained: Trained, seed: int, side: str) -> Segmented:
        network, view = self.bundle.read_segmenter(trained, seed)
        units = self._units([side], contralateral=True)
        grid = units.values.shape[2:]
        ((own, contralateral, share),) = find_lesions(
            on_device(network, self.place), units, view=view, device=self.place
        )
        kept = drop_faint(share, own=own, contralateral=contralateral)
        measures = measure_ratios(own, contralateral, kept, spacing=view.spacing_mm(grid))
        return Segmented(view.put_back(kept, grid), measures)

    def _measure_on_dwi(self, side: str) -> np.ndarray:
        units = self._units([side], contralateral=True)
        own, contralateral = np.split(units.values[0], 2)
        lesion = find_on_dwi(own, contralateral, dwi=self.bundle.recipe.series.index("dwi"))
        spacing = WHOLE.spacing_mm(units.values.shape[2:])
        return measure_ratios(own, contralateral, lesion, spacing=spacing)

    def _units(self, sides: Sequence[str], *, contralateral: bool) -> Hemispheres:
        """These hemispheres as the networks' units, as `training.store.read_hemispheres` makes them."""
        missing = np.full(len(sides), np.nan, np.float32)
        return Hemispheres(
            ("patient",) * len(sides),
            tuple(sides),
            Stack(tuple(choose_side(self.hemispheres, side, contralateral=contralateral) for side in sides)),
            missing,
            missing,
        )

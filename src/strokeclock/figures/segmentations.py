"""Lesion segmentations of test patients, beside their lesions."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import nibabel as nib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.figures.preprocessed import TITLES
from strokeclock.figures.rows import write_instead
from strokeclock.figures.style import INK, ORANGE, SKY, house_style
from strokeclock.segmentation.network import FULL, read_masks, read_segmenter
from strokeclock.segmentation.ratios import find_lesions
from strokeclock.training.dice import measure_dice
from strokeclock.training.phases import Task
from strokeclock.training.store import read_hemispheres

PATIENTS = 6  # shown, from the smallest lesions to the largest
INCHES = 0.95  # of a picture's width
HALF = 0.5  # of a voxel: inside the contour


class Found(NamedTuple):
    """A lesion's hemisphere in the view of the segmentation network.

    values : (series, x, y, z); share, lesion : (x, y, z), 0 to 1.
    volume_ml, dice : the lesion's size, and the soft Dice coefficient of both.
    """

    patient: str
    values: np.ndarray
    share: np.ndarray
    lesion: np.ndarray
    volume_ml: float
    dice: float

    @property
    def slice(self) -> int:
        """The one with most of the lesion and of its segmentation."""
        return int((self.lesion + self.share).sum((0, 1)).argmax())


def draw_segmentations(
    model: str | Path,
    *,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    volumes: str | Path,
    grid: str | Path,
    channels: Sequence[str],
) -> Figure:
    """Draw test patients' lesions with both contours, and the overlap of all against their size.

    The lesions shown are spaced evenly by size over the test part: none is picked by hand.

    Parameters
    ----------
    model : path
        The checkpoint of the segmentation network.
    manifest : path
        hemispheres/manifest.tsv, the hemispheres beside it.
    cohort, split, volumes : paths
        cohort.tsv, split.tsv, and lesions/volumes.tsv with the lesions beside it.
    grid : path
        An image on the atlas grid, for its voxel size.
    channels : names
        The series of a hemisphere, in order (models.channels).
    """
    network, view, _ = read_segmenter(model, series=channels, split=split)
    spacing = np.array(nib.Nifti1Image.from_filename(grid).header.get_zooms()[:3]) * view.average
    detection = Task("phase", below_min=None, after=None)
    units = read_hemispheres(
        manifest, cohort=cohort, split=split, task=detection, part="test", contralateral=True
    )
    units = units.select(np.flatnonzero(units.labels == 1).tolist())
    masks, known = read_masks(units, cohort=cohort, volumes=volumes, view=view)
    found = [
        Found(
            patient,
            own,
            share,
            mask[0] / FULL,
            float(mask.sum() / FULL * spacing.prod() / 1000),
            measure_dice(torch.from_numpy(share)[None], torch.from_numpy(mask / FULL)).item(),
        )
        for patient, mask, is_known, (own, _, share) in zip(
            units.patients,
            masks,
            known,
            find_lesions(network, units, view=view, device=torch.device("cpu")),
            strict=True,
        )
        if is_known
    ]
    with house_style():
        if not found:
            figure = Figure(figsize=(4, 1))
            write_instead(figure, "No lesion of a test patient is known.")
            return figure
        found.sort(key=lambda lesion: lesion.volume_ml)
        places = np.linspace(0, len(found) - 1, min(PATIENTS, len(found)) + 2).round().astype(int)[1:-1]
        return _draw(found, [found[place] for place in dict.fromkeys(places)], spacing, channels)


def _draw(
    found: Sequence[Found], shown: Sequence[Found], spacing: np.ndarray, channels: Sequence[str]
) -> Figure:
    brain = np.any([lesion.values.any(axis=(0, 3)) for lesion in shown], axis=0)
    x, y = (slice(used[0], used[-1] + 1) for used in map(np.flatnonzero, (brain.any(1), brain.any(0))))
    aspect = spacing[1] / spacing[0]
    height = INCHES * aspect * (y.stop - y.start) / (x.stop - x.start)
    width = INCHES * len(shown)
    figure = Figure(figsize=(width + 3.4, (height + 0.05) * len(channels) + 0.75), layout="constrained")
    pictures, plot = figure.subfigures(1, 2, squeeze=False, width_ratios=(width + 0.4, 3.0))[0]
    axes = pictures.subplots(len(channels), len(shown), squeeze=False)
    for column, lesion in zip(axes.T, shown, strict=True):
        for axis, series, name in zip(column, lesion.values, channels, strict=True):
            _show(axis, series[x, y, lesion.slice], aspect=aspect)
            for share, colour in ((lesion.lesion, SKY), (lesion.share, ORANGE)):
                plane = share[x, y, lesion.slice].T
                if plane.max() > HALF > plane.min():
                    axis.contour(plane, [HALF], colors=colour, linewidths=0.8)
            if column is axes.T[0]:
                axis.set_ylabel(TITLES.get(name, name.upper()))
        column[0].set_title(f"{lesion.patient}\n{lesion.volume_ml:.1f} mL", fontsize=6)
        column[-1].set_xlabel(f"Dice {lesion.dice:.2f}", fontsize=6)
    pictures.suptitle("lesion blue, segmentation orange", fontsize=7)
    axis = plot.subplots()
    sizes, dice = np.array([(lesion.volume_ml, lesion.dice) for lesion in found]).T
    axis.scatter(np.maximum(sizes, 0.01), dice, s=5, color=INK, alpha=0.35, linewidths=0)
    axis.set(xscale="log", ylim=(-0.03, 1.03), xlabel="lesion, mL on the atlas grid", ylabel="soft Dice")
    axis.set_title(f"{len(found)} lesions, median Dice {np.median(dice):.2f}", fontsize=7)
    return figure


def _show(axis: Axes, picture: np.ndarray, *, aspect: float) -> None:
    """One axial slice, anterior up, lateral on the left."""
    brain = picture[picture > 0]
    top = np.quantile(brain, 0.995) if len(brain) else 1
    axis.imshow(picture.T, origin="lower", cmap="gray", vmin=0, vmax=top, aspect=aspect)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)

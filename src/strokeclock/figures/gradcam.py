"""Figure 9: Grad-CAM in the same test patients for every network and start."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import nibabel as nib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import uniform_filter

from strokeclock.explanation.gradcam import map_evidence
from strokeclock.figures.style import SKY, house_style
from strokeclock.imaging.hemisphere_files import open_hemispheres
from strokeclock.models.registry import find_network
from strokeclock.predictions import parse_path, read_predictions
from strokeclock.segmentation.lesion import DRAWN, read_lesion, read_volumes
from strokeclock.series import SERIES, SIDES
from strokeclock.training.checkpoint import read_network

COLOURMAP = "inferno"
LESION = SKY
OPACITY = 0.75  # of the map where it is 1; 0 where it is 0


class Case(NamedTuple):
    """One patient of the figure.

    hemisphere: "left" or "right", the one with the lesion; volume: (channels, x, y, z); slice: the z
    shown; lesion: (x, y, z) bool, or None where none is drawn.
    """

    patient: str
    early: bool
    hemisphere: str
    volume: np.ndarray
    slice: int
    lesion: np.ndarray | None


def draw_gradcam(
    models: Sequence[str | Path],
    predictions: Sequence[str | Path],
    *,
    manifest: str | Path,
    volumes: str | Path,
    grid: str | Path,
    channels: Sequence[str],
    layer: str,
    patients: int,
) -> Figure:
    """Draw a row for each patient: DWI, FLAIR, and DWI under each network's Grad-CAM for TSS < 4.5 h.

    Networks without DWI and FLAIR as input are shown on their first channel.

    The patients are the first test patients of each class by id, so that none is picked by hand. The slice
    is the one with most of the lesion as drawn, which is outlined; where none is drawn, the one in which DWI
    differs most from the contralateral hemisphere. It does not depend on a network. Every map is scaled by
    its maximum over the whole volume; one that is 0 everywhere is marked.

    Parameters
    ----------
    models, predictions : sequences
        Each network's checkpoint, and the prediction file of the same training run.
    manifest : path
        hemispheres/manifest.tsv, the hemispheres beside it.
    volumes : path
        lesions/volumes.tsv, the lesions beside it.
    grid : path
        An image on the atlas grid, for its voxel size.
    channels : sequence of str
        The networks' input, in order (`channel_names`).
    layer : str
        "penultimate" or "last" convolutional stage.
    patients : int
        How many to show.
    """
    built = [read_network(path)[0] for path in models]
    tables = [table[table["part"] == "test"] for table in map(read_predictions, predictions)]
    shown = [channels.index(name) for name in ("dwi", "flair") if name in channels] or [0]
    under = shown[0]
    cases = [
        _read_case(row, manifest=manifest, volumes=volumes, channel=under, channels=len(channels))
        for table in tables[:1]
        for row in _choose_patients(table, patients).itertuples()
    ]
    with house_style():
        if not cases:
            figure = Figure(figsize=(4, 1.5))
            figure.text(0.5, 0.5, "No network for TSS < 4.5 h was run.", ha="center", va="center")
            return figure
        spacing = nib.Nifti1Image.from_filename(grid).header.get_zooms()
        aspect = spacing[1] / spacing[0]
        _, x, y, _ = cases[0].volume.shape
        figure = Figure(
            figsize=(
                max(1.1 * (len(shown) + len(models)) + 0.4, 3.4),
                1.1 * (aspect * y / x + 0.15) * len(cases) + 0.6,
            ),
            layout="compressed",
        )
        axes = figure.subplots(len(cases), len(shown) + len(models), squeeze=False)
        for row, case in zip(axes, cases, strict=True):
            for axis, channel in zip(row, shown, strict=False):
                _show(axis, case, channel, aspect)
            row[0].set_ylabel(f"{case.patient}\nTSS {'<' if case.early else '≥'} 4.5 h")
        for axis, channel in zip(axes[0], shown, strict=False):
            axis.set_title(SERIES[channels[channel]].label)
        for column, network, path, table in zip(
            axes.T[len(shown) :], built, predictions, tables, strict=True
        ):
            scorer, _ = parse_path(path)
            scores = table.set_index(["patient", "hemisphere"])["score"]
            start = "random start" if scorer.start == "random" else "pretrained"
            spec = find_network(scorer.net)
            column[0].set_title(f"{spec.title}\n{start}")
            for axis, case in zip(column, cases, strict=True):
                _show(axis, case, under, aspect)
                early, late = map_evidence(network, case.volume, layer=spec.cam_layers[layer])
                relevance = early if case.early else late
                _overlay(axis, relevance[..., case.slice])
                nothing = "" if relevance.any() else "\n0 everywhere"
                axis.set_xlabel(f"p = {scores[case.patient, case.hemisphere]:.2f}{nothing}")
        figure.colorbar(
            matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(0, 1), COLOURMAP),
            ax=axes,
            location="bottom",
            shrink=0.5,
            aspect=40,
            label="Grad-CAM of the patient's class / maximum of the volume; dashed line: 0.5"
            + "\nsolid line: the lesion as drawn" * any(case.lesion is not None for case in cases),
        )
        return figure


def _choose_patients(table: pd.DataFrame, n: int) -> pd.DataFrame:
    """The first n patients by id, the two classes in turn; the early ones first."""
    first = table.drop_duplicates("patient")  # one lesion hemisphere of a bilateral stroke
    first = first.assign(turn=first.groupby("label").cumcount())
    chosen = first.sort_values(["turn", "label"], ascending=[True, False]).head(n)
    return chosen.sort_values(["label", "patient"], ascending=[False, True])


def _read_case(row: Any, *, manifest: str | Path, volumes: str | Path, channel: int, channels: int) -> Case:
    sides = open_hemispheres(manifest, [row.patient])[row.patient].astype(np.float32)
    side = SIDES.index(row.hemisphere)
    volume = np.concatenate([sides[side], sides[1 - side]])[:channels]
    lesion = _read_drawn(row.patient, side, volumes)
    if lesion is not None:
        return Case(
            row.patient, row.label == 1, row.hemisphere, volume, lesion.sum(axis=(0, 1)).argmax(), lesion
        )
    # smoothed in plane against single bright voxels; the lesion is in the highest hundredth of the difference
    asymmetry = uniform_filter(sides[side, channel] - sides[1 - side, channel], size=(5, 5, 1))
    excess = np.clip(asymmetry - np.quantile(asymmetry, 0.99), 0, None).sum(axis=(0, 1))
    return Case(row.patient, row.label == 1, row.hemisphere, volume, excess.argmax(), None)


def _read_drawn(patient: str, side: int, volumes: str | Path) -> np.ndarray | None:
    """The lesion as drawn in a hemisphere, (x, y, z) bool; None where none is."""
    sizes = read_volumes(volumes)
    if patient not in sizes or sizes[patient].source != DRAWN:
        return None
    lesion = read_lesion(Path(volumes).parent / f"{patient}.nii.gz", patient=patient)[side]
    return lesion if lesion.any() else None


def _show(axis: Axes, case: Case, channel: int, aspect: float) -> None:
    """One axial slice, anterior up, lateral on the left in both hemispheres."""
    image = case.volume[channel]
    limit = np.quantile(image[image > 0], 0.998)
    axis.imshow(image[..., case.slice].T, origin="lower", cmap="gray", vmin=0, vmax=limit, aspect=aspect)
    axis.set(xticks=[], yticks=[])
    for spine in axis.spines.values():
        spine.set_visible(False)
    if case.lesion is not None:
        _outline(axis, case.lesion[..., case.slice])


def _outline(axis: Axes, lesion: np.ndarray) -> None:
    """The lesion's border, along the edges of its voxels."""
    axis.contour(lesion.T, levels=[0.5], colors=LESION, linewidths=0.8)


def _overlay(axis: Axes, relevance: np.ndarray) -> None:
    axis.imshow(
        relevance.T,
        origin="lower",
        cmap=COLOURMAP,
        vmin=0,
        vmax=1,
        alpha=OPACITY * relevance.T,
        aspect=axis.get_aspect(),
    )
    if relevance.max() > 0.5:
        axis.contour(relevance.T, levels=[0.5], colors="white", linewidths=0.8, linestyles="--")

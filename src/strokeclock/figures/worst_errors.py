"""The worst errors of a run's best row: the lesion's hemisphere and the contralateral one on each series."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from strokeclock.batches import read_batches
from strokeclock.evaluation.worst_errors import TOO_EARLY, TOO_LATE
from strokeclock.figures.rows import read_rows, title_of, write_instead
from strokeclock.figures.style import SKY, house_style
from strokeclock.imaging.exclusion import read_exclusion
from strokeclock.imaging.hemispheres import split_hemispheres
from strokeclock.imaging.volume import read_volume
from strokeclock.segmentation.lesion import NONE, read_lesion
from strokeclock.series import SERIES, SIDES

SHOWN = ("dwi", "flair", "adc")
ADC_LIMIT = 2e-3  # mm2/s, shown as white
NOTHING = "No error to show: {}."
MEANINGS = {
    TOO_EARLY: "Read too early: 4.5 h or more, called below",
    TOO_LATE: "Read too late: below 4.5 h, called 4.5 h or more",
}
_INCHES = 0.55  # of a hemisphere's width
_HEAD_IN = 0.18  # of the words above a patient
_BRIGHTEST = 0.998  # quantile of the shown brain that is white


class Case(NamedTuple):
    """One patient of the figure, at the slice with most of the lesion.

    planes : series -> (own, contralateral) hemisphere, (x, y) each. 1 is the median of the brain; of the
        ADC it is `ADC_LIMIT`.
    lesion : (x, y) bool, or None where none is known.
    spacing : mm, x and y.
    """

    row: Mapping[Any, Any]
    planes: Mapping[str, tuple[np.ndarray, np.ndarray]]
    lesion: np.ndarray | None
    spacing: tuple[float, float]


def draw_worst_errors(
    table: str | Path, *, preprocessed: Iterable[str | Path], volumes: str | Path
) -> Figure:
    """Draw DWI, FLAIR and ADC, as far as there are any, of the patients in tables/worst_errors.csv.

    Who was read too early stands left, who was read too late stands right. Of each series, the lesion's
    hemisphere is followed by the contralateral one, mirrored: lateral is left, anterior is up. The outline is
    the lesion as drawn, or as found on DWI. Where none is known, the slice with the brightest DWI is shown.

    Parameters
    ----------
    table : path
        tables/worst_errors.csv.
    preprocessed : paths
        Tables of the batches' files (`batches`): dwi, flair and adc on the atlas grid, 0 outside the brain.
    volumes : path
        lesions/volumes.tsv, the lesions beside it.
    """
    rows = read_rows(table)
    shown = [row for row in rows.to_dict("records") if row["patient"]]
    with house_style():
        if not shown:
            figure = Figure(figsize=(4, 1))
            write_instead(figure, NOTHING.format(rows["note"].iloc[0]))
            return figure
        files = read_batches(preprocessed, only={row["patient"] for row in shown})
        cases = [_read_case(row, files[row["patient"]], Path(volumes).parent) for row in shown]
        return _draw(cases)


def _read_case(row: Mapping[Any, Any], files: Mapping[str, str | Path], lesions: Path) -> Case:
    patient = row["patient"]
    series = [name for name in SHOWN if name in files]
    volumes = {name: read_volume(files[name], patient=patient, series=name) for name in series}
    halves = split_hemispheres(volumes)
    lesion = _read_lesion(row, lesions)
    if lesion is None:
        side = SIDES.index(row["lesion_side"]) if row["lesion_side"] in SIDES else 0
        z = int(np.quantile(halves[side, 0], 0.999, axis=(0, 1)).argmax())
    else:
        side = int(lesion.sum((1, 2, 3)).argmax())
        z = int(lesion[side].sum((0, 1)).argmax())
    planes = {}
    for number, name in enumerate(series):
        brain = halves[:, number][halves[:, number] > 0]
        one = ADC_LIMIT if name == "adc" else float(np.median(brain))
        own, other = (halves[place, number, ..., z] / one for place in (side, 1 - side))
        planes[name] = (own, other)
    x, y = (float(step) for step in volumes[series[0]].spacing[:2])
    return Case(row, planes, None if lesion is None else lesion[side, ..., z], (x, y))


def _read_lesion(row: Mapping[Any, Any], folder: Path) -> np.ndarray | None:
    """(2, x, y, z) bool, or None."""
    path = folder / f"{row['patient']}.nii.gz"
    if row["volume_source"] == NONE or not path.is_file() or read_exclusion(path):
        return None
    lesion = read_lesion(path, patient=row["patient"])
    return lesion if lesion.any() else None


def _draw(cases: list[Case]) -> Figure:
    series = [name for name in SHOWN if any(name in case.planes for case in cases)]
    brain = np.any([plane > 0 for case in cases for pair in case.planes.values() for plane in pair], axis=0)
    crop = tuple(slice(used[0], used[-1] + 1) for used in map(np.flatnonzero, (brain.any(1), brain.any(0))))
    limits = {name: _find_limit(name, cases) for name in series}
    blocks = {
        kind: own for kind in MEANINGS if (own := [case for case in cases if case.row["error"] == kind])
    }
    x, y = (step * (part.stop - part.start) for step, part in zip(cases[0].spacing, crop, strict=True))
    lines = max(map(len, blocks.values()))
    figure = Figure(
        figsize=(
            2 * _INCHES * len(series) * len(blocks) + 0.4,
            (_INCHES * y / x + _HEAD_IN) * lines + 0.9,
        ),
        layout="constrained",
    )
    row = cases[0].row
    title, threshold = title_of(row["model"], row["start"]), row["threshold"]
    figure.suptitle(
        f"Best row in the validation part: {title}; called TSS < 4.5 h from a score of {threshold:.2f} on",
        fontsize=8,
    )
    for part, (kind, own) in zip(
        figure.subfigures(1, len(blocks), squeeze=False)[0], blocks.items(), strict=True
    ):
        part.suptitle(MEANINGS[kind], fontsize=7)
        axes = part.subplots(lines, 2 * len(series), squeeze=False)
        for axis in axes.ravel():
            axis.set(xticks=[], yticks=[])
            axis.spines[:].set_visible(False)
        for line, case in zip(axes, own, strict=False):
            _draw_case(line, case, series, limits, crop)
        labels = [f"{SERIES[name].label}{side}" for name in series for side in ("", "\ncontralateral")]
        for axis, label in zip(axes[len(own) - 1], labels, strict=True):
            axis.set_xlabel(label, fontsize=6)
    return figure


def _find_limit(name: str, cases: list[Case]) -> float:
    """The value that is white in all patients."""
    if name == "adc":
        return 1.0
    planes = [plane[plane > 0] for case in cases for plane in case.planes.get(name, ())]
    return float(np.quantile(np.concatenate(planes), _BRIGHTEST))


def _draw_case(
    line: np.ndarray, case: Case, series: list[str], limits: Mapping[str, float], crop: tuple[slice, ...]
) -> None:
    aspect = case.spacing[1] / case.spacing[0]
    for number, name in enumerate(series):
        own = line[2 * number]
        for axis, plane in zip(line[2 * number :], case.planes.get(name, ()), strict=False):
            axis.imshow(plane[crop].T, origin="lower", cmap="gray", vmin=0, vmax=limits[name], aspect=aspect)
        if case.lesion is not None and name in case.planes:
            own.contour(case.lesion[crop].T, [0.5], colors=SKY, linewidths=0.7)
    words = line[0].text(0, 1.03, _describe(case), transform=line[0].transAxes, fontsize=6, va="bottom")
    words.set_in_layout(False)


def _describe(case: Case) -> str:
    row = case.row
    minutes, volume = row["onset_to_mri_min"], row["volume_ml"]
    time = row["onset_class"] if np.isnan(minutes) else f"{minutes / 60:.1f} h"
    size = "no lesion known" if np.isnan(volume) else f"lesion {volume:.1f} mL"
    return f"{row['patient']}: TSS {time}, score {row['score']:.2f}, {size}"

"""Figure 3: one patient after preprocessing, the same slices of DWI, FLAIR and T2w in atlas space."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from strokeclock.batches import read_batches
from strokeclock.cohort.parts import read_exclusions, read_parts
from strokeclock.errors import StrokeclockError
from strokeclock.figures.style import house_style
from strokeclock.series import SERIES

TITLES = {name: SERIES[name].label for name in ("dwi", "flair", "t2w")}  # the paper's rows
SLICES = 8
MARGIN_MM = np.array([4, 4, 0])  # around the brain
INCHES = 0.95  # of a slice's width


def choose_patient(parts: Mapping[str, str], *, patients: Sequence[str]) -> str:
    """The first test patient by identifier; without test patients, the first patient.

    Parameters
    ----------
    parts : mapping of patient -> part
        The split.
    patients : sequence of str
        All included patients.

    Raises
    ------
    StrokeclockError
        There is no patient.
    """
    if not patients:
        raise StrokeclockError(
            "Figure 3 has no patient: every patient is excluded; see the reasons in cohort/exclusions.tsv."
        )
    return min([patient for patient in patients if parts.get(patient) == "test"] or patients)


def draw_preprocessed(
    preprocessed: Iterable[str | Path],
    *,
    split: str | Path,
    exclusions: str | Path,
) -> Figure:
    """Draw a row a series and eight slices from the base to the vertex, in radiological convention.

    Each series is shown from its percentile 0.5 to its percentile 99.7 inside the brain, bias-corrected and
    not yet normalised. A series that is not in the run has no row.

    Parameters
    ----------
    preprocessed : paths
        Tables of the batches' files (`batches`): dwi, flair and t2w on the (RAS) atlas grid, 0 outside the
        brain.
    split, exclusions : paths
        cohort/split.tsv and cohort/exclusions.tsv.
    """
    files, parts, excluded = read_batches(preprocessed), read_parts(split), read_exclusions(exclusions)
    included = [patient for patient in files if patient not in excluded]
    patient = choose_patient(parts, patients=included)
    titles = {series: title for series, title in TITLES.items() if series in files[patient]}
    images = {series: nib.Nifti1Image.from_filename(files[patient][series]) for series in titles}
    volumes = {series: np.asarray(image.dataobj, np.float32) for series, image in images.items()}
    affine = images["t2w"].affine
    step = np.diag(affine)[:3]  # mm
    x, y, z = (
        extent(volumes["t2w"] > 0, axis, margin=margin) for axis, margin in enumerate(MARGIN_MM // step)
    )
    shown = np.linspace(z[0] + 0.1 * np.ptp(z), z[-1] - 0.1 * np.ptp(z), SLICES).round().astype(int)
    height = INCHES * (y.size * step[1]) / (x.size * step[0])

    with house_style():
        figure = Figure(figsize=(INCHES * SLICES, height * len(titles)))
        axes = figure.subplots(len(titles), SLICES, gridspec_kw={"wspace": 0, "hspace": 0})
        for row, (series, title) in zip(axes, titles.items(), strict=True):
            dark, bright = np.percentile(volumes[series][volumes[series] > 0], [0.5, 99.7])
            for axis, k in zip(row, shown, strict=True):
                picture = axial(volumes[series][x][:, y, k])
                axis.imshow(picture, "gray", vmin=dark, vmax=bright, aspect="auto", interpolation="bilinear")
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set_visible(False)
            row[0].set_ylabel(title, fontsize=9)
        for axis, k in zip(axes[0], shown, strict=True):
            height_mm = f"{step[2] * k + affine[2, 3]:+.0f}".replace("-", "−")
            axis.set_title(f"z {height_mm} mm", fontsize=7, pad=3)
        axes[0, 0].set_title(f"{patient}\n{axes[0, 0].get_title()}", fontsize=7, pad=3)
        write_sides(axes[0, 0])
        return figure


def axial(plane: NDArray) -> NDArray:
    """(X, Y) in RAS order to rows from anterior and columns from the patient's right."""
    return plane[::-1, ::-1].T


def write_sides(axis: Axes) -> None:
    """R and L in the upper corners of a picture that is dark there."""
    for letter, at in (("R", 0.06), ("L", 0.94)):
        axis.text(
            at, 0.97, letter, color="white", fontsize=7, ha="center", va="top", transform=axis.transAxes
        )


def extent(brain: NDArray, axis: int, *, margin: float) -> NDArray:
    """The indices along one axis that hold brain, and ``margin`` more on either side."""
    used = np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {axis})))
    return np.arange(max(used[0] - int(margin), 0), min(used[-1] + int(margin) + 1, brain.shape[axis]))

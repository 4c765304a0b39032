"""Figure 1: DWI-FLAIR mismatch, an early and a late patient side by side on one scale."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import nibabel as nib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.batches import read_batches
from strokeclock.cohort.tables import read_cohort, read_split_table
from strokeclock.figures.preprocessed import MARGIN_MM, TITLES, axial, extent, write_sides
from strokeclock.figures.rows import write_instead
from strokeclock.figures.style import SKY, house_style
from strokeclock.imaging.exclusion import read_exclusion
from strokeclock.segmentation.lesion import DRAWN, Size, read_volumes

EARLY_MIN, LATE_MIN = 120, 270  # well below 3 h; from 4.5 h on
VISIBLE_ML = 3.0  # lesions from this size on come first
INCHES = 1.75  # of a picture's width


@dataclass(frozen=True)
class Case:
    """A patient of the figure.

    volumes : of each series (x, y, z), 1 is the median of the brain; background 0.
    lesion : (x, y, z) bool, or None where there is none; drawn: by a person.
    """

    patient: str
    minutes: float
    volumes: Mapping[str, np.ndarray]
    lesion: np.ndarray | None
    drawn: bool

    @property
    def slice(self) -> int:
        """The one with most of the lesion; where there is none, with the brightest DWI."""
        if self.lesion is not None:
            return int(self.lesion.sum((0, 1)).argmax())
        return int(np.quantile(self.volumes["dwi"], 0.999, axis=(0, 1)).argmax())

    def ratio(self, series: str) -> float | None:
        """Mean in the lesion over mean on the contralateral side, where that is brain outside the lesion."""
        if self.lesion is None:
            return None
        volume, contralateral = self.volumes[series], self.volumes[series][::-1]
        compared = self.lesion & (volume > 0) & (contralateral > 0) & ~self.lesion[::-1]
        return float(volume[compared].mean() / contralateral[compared].mean()) if compared.any() else None


def choose_patients(patients: pd.DataFrame, sizes: Mapping[str, Size]) -> tuple[str | None, str | None]:
    """The first patient by identifier of under `EARLY_MIN` and the first of at least `LATE_MIN`.

    Those of the test part come before others, and among them those whose lesion is at least `VISIBLE_ML`
    large. So none is picked by hand.

    Parameters
    ----------
    patients : data frame
        patient, part, onset_to_mri_min.
    sizes : mapping of patient -> Size
        lesions/volumes.tsv; a patient may be missing.
    """

    def rank(row: Any) -> tuple[bool, bool, str]:
        size = sizes.get(row.patient)
        return row.part != "test", not (size and size.volume_ml and size.volume_ml >= VISIBLE_ML), row.patient

    minutes = patients["onset_to_mri_min"]
    early, late = (
        min((row for row in patients[chosen].itertuples()), key=rank, default=None)
        for chosen in (minutes < EARLY_MIN, minutes >= LATE_MIN)
    )
    return str(early.patient) if early else None, str(late.patient) if late else None


def draw_mismatch(
    preprocessed: Iterable[str | Path],
    *,
    cohort: str | Path,
    split: str | Path,
    volumes: str | Path,
) -> Figure:
    """Draw a row for the early and one for the late patient: DWI, FLAIR and T2w, in radiological convention.

    Every series is divided by its median in the brain and has one scale in both patients. A lesion as drawn
    is outlined; below the pictures stands the relative signal intensity, lesion : contralateral side. In a
    run without FLAIR the figure says so instead.

    Parameters
    ----------
    preprocessed : paths
        Tables of the batches' files (`batches`): dwi, flair and t2w on the (RAS) atlas grid, 0 outside the
        brain.
    cohort, split, volumes : paths
        cohort.tsv, split.tsv, and lesions/volumes.tsv with the lesions beside it.
    """
    files = read_batches(preprocessed)
    if not all("flair" in named for named in files.values()):
        with house_style():
            figure = Figure(figsize=(4, 1))
            write_instead(figure, "Not run: it needs FLAIR, which models.channels leaves out.")
            return figure
    patients = read_split_table(split).merge(read_cohort(cohort), on="patient", how="left")
    sizes = read_volumes(volumes)
    minutes = dict(zip(patients["patient"], patients["onset_to_mri_min"], strict=True))
    chosen = choose_patients(patients, sizes)
    cases = {
        patient: _read_case(
            patient, minutes[patient], files[patient], sizes.get(patient), Path(volumes).parent
        )
        for patient in chosen
        if patient
    }
    limits = {
        series: max(
            (np.quantile(plane[plane > 0], 0.999) for case in cases.values()
             for plane in [case.volumes[series][..., case.slice]]),
            default=1,
        )
        for series in TITLES
    }  # fmt: skip
    step = nib.Nifti1Image.from_filename(files[patients["patient"].iloc[0]]["t2w"]).header.get_zooms()
    brain = (
        np.any([case.volumes["t2w"] > 0 for case in cases.values()], axis=0) if cases else np.ones((2, 2, 1))
    )
    x, y = (extent(brain, axis, margin=MARGIN_MM[axis] // step[axis]) for axis in (0, 1))
    height = INCHES * (y.size * step[1]) / (x.size * step[0])
    with house_style():
        figure = Figure(figsize=(INCHES * len(TITLES) + 0.5, (height + 0.2) * 2 + 0.6), layout="compressed")
        axes = figure.subplots(2, len(TITLES))
        for row, patient, question in zip(
            axes, chosen, (f"TSS < {EARLY_MIN / 60:g} h", f"TSS ≥ {LATE_MIN / 60:g} h"), strict=True
        ):
            for axis in row:
                axis.set(xticks=[], yticks=[])
                axis.spines[:].set_visible(False)
            if patient is None:
                row[1].text(0.5, 0.5, f"No patient with {question}.", ha="center", transform=row[1].transAxes)
                continue
            case = cases[patient]
            row[0].set_ylabel(f"{patient}\nTSS {case.minutes / 60:.1f} h")
            for axis, series in zip(row, TITLES, strict=True):
                _show(axis, case, series, (x, y), limit=limits[series], aspect=step[1] / step[0])
        write_sides(axes[0, 0])
        for column, (series, title) in zip(axes.T, TITLES.items(), strict=True):
            column[0].set_title(title)
            scale = matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(0, limits[series]), "gray")
            bar = figure.colorbar(scale, ax=column, location="bottom", aspect=30, shrink=0.8, pad=0.02)
            bar.outline.set_linewidth(0.5)
        figure.supxlabel("Brightness: 1 is the median of the brain", fontsize=8)
        return figure


def _read_case(
    patient: str, minutes: float, files: Mapping[str, str | Path], size: Size | None, lesions: Path
) -> Case:
    volumes = {}
    for series in TITLES:
        volume = np.asarray(nib.Nifti1Image.from_filename(files[series]).dataobj, np.float32)
        volumes[series] = volume / np.median(volume[volume > 0])
    lesion, path = None, lesions / f"{patient}.nii.gz"
    if size and size.volume_ml and not read_exclusion(path):
        lesion = np.asarray(nib.Nifti1Image.from_filename(path).dataobj) > 0
    return Case(patient, minutes, volumes, lesion, bool(size and size.source == DRAWN))


def _show(
    axis: Axes, case: Case, series: str, crop: tuple[np.ndarray, np.ndarray], *, limit: float, aspect: float
) -> None:
    x, y = crop
    plane = axial(case.volumes[series][x][:, y, case.slice])
    axis.imshow(plane, "gray", vmin=0, vmax=limit, aspect=aspect, interpolation="bilinear")
    if case.drawn and case.lesion is not None:
        outline = axial(case.lesion[x][:, y, case.slice])
        axis.contour(outline, levels=[0.5], colors=SKY, linewidths=0.8)
    ratio = case.ratio(series)
    if ratio is not None:
        axis.set_xlabel(f"lesion : contralateral = {ratio:.2f}", fontsize=7)

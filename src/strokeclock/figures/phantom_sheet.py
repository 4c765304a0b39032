"""Contact sheet of a phantom cohort: raw series as a scanner gives them, about the largest infarct slice."""

import json
from collections.abc import Iterable
from pathlib import Path

import nibabel as nib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from strokeclock.batches import read_batches
from strokeclock.figures.style import house_style
from strokeclock.series import SERIES

TITLES = {name: series.title for name, series in SERIES.items() if series.phantom and not series.derived}
SLICES_BESIDE = (-3, 0, 3)
INCHES = 1.2  # of a picture's side


def choose_varied(truths: Iterable[dict], *, patients: int) -> list[str]:
    """Choose patients of as many territories as there are, the larger infarcts first."""
    ranked = sorted(truths, key=lambda truth: -truth["lesion_volume_ml"])
    seen: dict[str, int] = {}
    for truth in ranked:
        truth["turn"] = seen[truth["territory"]] = seen.get(truth["territory"], 0) + 1
    return [truth["patient"] for truth in sorted(ranked, key=lambda truth: truth["turn"])[:patients]]


def draw_phantom_sheet(phantoms: Iterable[str | Path], *, patients: int) -> Figure:
    """Draw three slices of each series of varied patients, in radiological convention.

    Parameters
    ----------
    phantoms : paths
        Tables of the batches' files (`batches`): truth; lesion, on the T2w grid; t2w, dwi and flair in native
        space.
    patients : int
        Rows of the sheet.
    """
    files = read_batches(phantoms)
    truths = {patient: json.loads(Path(named["truth"]).read_text()) for patient, named in files.items()}
    chosen = choose_varied(truths.values(), patients=patients)
    columns = len(TITLES) * len(SLICES_BESIDE)
    with house_style():
        figure = Figure(figsize=(INCHES * columns, INCHES * 1.16 * len(chosen)), facecolor="black")
        gaps = {"wspace": 0.02, "hspace": 0.14}
        axes = figure.subplots(len(chosen), columns, squeeze=False, gridspec_kw=gaps)
        for row, patient in zip(axes, chosen, strict=True):
            height_mm = _largest_slice(Path(files[patient]["lesion"]))
            pictures = [
                picture for series in TITLES for picture in _slices(Path(files[patient][series]), height_mm)
            ]
            for axis, picture in zip(row, pictures, strict=True):
                axis.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="bilinear", aspect="auto")
                axis.axis("off")
            row[0].set_title(_caption(truths[patient]), color="white", fontsize=7, loc="left", pad=2)
        for number, title in enumerate(TITLES.values()):
            middle = axes[0, number * len(SLICES_BESIDE) + 1].get_position()
            figure.text(middle.x0 + middle.width / 2, 0.905, title, color="white", fontsize=10, ha="center")
        return figure


def _caption(truth: dict) -> str:
    return (
        f"{truth['patient']}: {truth['territory'].replace('_', ' ')}, {truth['lesion_side']}, "
        f"{truth['lesion_volume_ml']:.1f} mL, {truth['onset_to_mri_min'] / 60:.1f} h, "
        f"{truth['age']} y, {truth['field_t']:g} T"
    )


def _largest_slice(lesion: Path) -> float:
    """World height (mm) of the middle of the slice that shows most of the infarct."""
    image = nib.as_closest_canonical(nib.Nifti1Image.from_filename(lesion))
    slice_index = int(np.asarray(image.dataobj).sum((0, 1)).argmax())
    middle = (np.array(image.shape[:2]) - 1) / 2
    return float((image.affine @ [*middle, slice_index, 1])[2])


def _slices(path: Path, height_mm: float) -> list[NDArray]:
    """Axial slices about a height, 0 to 1: rows from anterior, columns from the patient's right."""
    image = nib.as_closest_canonical(nib.Nifti1Image.from_filename(path))
    data = np.asarray(image.dataobj, np.float32)
    middle = (np.array(data.shape[:2]) - 1) / 2
    origin = image.affine @ [*middle, 0, 1]
    at = round((height_mm - origin[2]) / image.affine[2, 2])
    white = 1.1 * np.percentile(data[data > np.percentile(data, 60)], 97.5)
    shown = (int(np.clip(at + beside, 0, data.shape[2] - 1)) for beside in SLICES_BESIDE)
    # canonical x runs towards the patient's right: flipped, the right stands on the picture's left
    return [np.clip(data[::-1, ::-1, k].T / white, 0, 1) for k in shown]

"""Figure 3: the right patient, the right way round, at the right height."""

import re

import nibabel as nib
import numpy as np
import pytest
from PIL import Image

from strokeclock.batches import write_batch
from strokeclock.errors import StrokeclockError
from strokeclock.figures.preprocessed import axial, choose_patient, draw_preprocessed
from strokeclock.figures.style import save_figure


def test_the_first_test_patient_is_shown():
    parts = {"p1": "train", "p3": "test", "p2": "test", "p0": "test"}
    assert choose_patient(parts, patients=["p1", "p3", "p2"]) == "p2"
    assert choose_patient({"p1": "train"}, patients=["p9", "p1"]) == "p1"
    assert choose_patient({}, patients=["p9", "p8"]) == "p8"
    with pytest.raises(StrokeclockError, match="every patient is excluded"):
        choose_patient(parts, patients=[])


def test_anterior_is_up_and_the_right_on_the_left():
    plane = np.zeros((10, 12))
    plane[9, 11] = 1  # right and anterior in RAS
    assert axial(plane)[0, 0] == 1


@pytest.fixture
def cohort(tmp_path):
    """Two patients in a RAS grid, p1 excluded, p2 with one bright spot right and anterior in every slice."""
    affine = np.diag([2.0, 2.0, 6.0, 1.0])
    affine[:3, 3] = [-39, -47, -60]
    x, y, z = np.indices((40, 48, 20))
    brain = ((x - 19.5) / 17) ** 2 + ((y - 23.5) / 21) ** 2 + ((z - 9.5) / 30) ** 2 < 1
    spot = (x - 28) ** 2 + (y - 33) ** 2 < 16
    data = np.where(brain, 60 + 40 * spot + y / 10, 0).astype(np.float32)
    files = {
        patient: {s: tmp_path / f"{patient}_{s}.nii" for s in ("dwi", "flair", "t2w")}
        for patient in ("p1", "p2")
    }
    for series, path in files["p2"].items():
        nib.save(nib.Nifti1Image(data, affine), path)
        files["p1"][series].write_text("excluded: the DWI is truncated")
    (tmp_path / "split.tsv").write_text("patient\tpart\np2\ttest\n")
    (tmp_path / "exclusions.tsv").write_text(
        "patient\tstage\treason\np1\tpreprocessing\tthe DWI is truncated\n"
    )
    write_batch(tmp_path / "batch.tsv", files)
    return [tmp_path / "batch.tsv"], {name: tmp_path / f"{name}.tsv" for name in ("split", "exclusions")}


def test_figure_shows_every_slice_the_same_way_and_repeats(cohort, tmp_path):
    files, tables = cohort
    for name in ("a", "b"):
        save_figure(draw_preprocessed(files, **tables), tmp_path / f"{name}.svg", tmp_path / f"{name}.png")
    for suffix in ("svg", "png"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    picture = np.asarray(Image.open(tmp_path / "a.png").convert("L")).astype(int)
    black = np.argwhere(picture < 5)
    (top, left), (bottom, right) = black.min(axis=0), black.max(axis=0)
    left = np.flatnonzero((picture < 5).sum(axis=0) > 100)[0]  # beyond the rows' titles
    top = np.flatnonzero((picture < 5).sum(axis=1) > 100)[0]
    tiles = picture[top : bottom + 1, left : right + 1]
    height, width = tiles.shape[0] / 3, tiles.shape[1] / 8
    for row in range(3):
        for column in range(8):
            tile = tiles[
                round(row * height) + 12 : round((row + 1) * height) - 12,
                round(column * width) + 18 : round((column + 1) * width) - 18,
            ]
            bright = np.argwhere(tile > 220).mean(axis=0) / tile.shape
            assert (bright < 0.45).all()


def test_the_figure_names_its_patient(cohort, tmp_path):
    """So that a search for a patient who withdraws finds it."""
    files, tables = cohort
    save_figure(draw_preprocessed(files, **tables), tmp_path / "a.svg", tmp_path / "a.png")
    assert re.search(r"\bp2\b", (tmp_path / "a.svg").read_text())

"""Figure 1: patients by rule, the right slice, one scale, the lesion where it was drawn."""

import itertools

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from strokeclock.batches import write_batch
from strokeclock.figures.mismatch import Case, choose_patients, draw_mismatch
from strokeclock.figures.preprocessed import axial
from strokeclock.figures.style import house_style, save_figure
from strokeclock.segmentation.lesion import DRAWN, FOUND, NONE, Size

SHAPE = (40, 48, 12)
GAINS = {"dwi": 200, "flair": 90, "t2w": 40}  # what a scanner made of it


def patients(**rows):
    table = [(name, part, minutes) for name, (part, minutes) in rows.items()]
    return pd.DataFrame(table, columns=["patient", "part", "onset_to_mri_min"])


def test_the_first_early_and_late_test_patients_with_a_visible_lesion_are_chosen():
    everyone = patients(
        p9=("test", 100), p8=("test", 60), p7=("test", 119), p6=("train", 30), p5=("test", 150),
        p4=("test", 269), p3=("test", 270), p2=("test", 900),
    )  # fmt: skip
    sizes = {name: Size(5.0, DRAWN) for name in everyone["patient"]}
    assert choose_patients(everyone, sizes) == ("p7", "p2")
    assert choose_patients(everyone, sizes | {"p7": Size(1.0, DRAWN), "p2": Size(None, NONE)}) == ("p8", "p3")
    assert choose_patients(everyone, {}) == ("p7", "p2")
    assert choose_patients(everyone.iloc[::-1], sizes) == ("p7", "p2")


def test_others_stand_in_where_the_test_part_has_none_and_none_is_none():
    assert choose_patients(patients(p1=("train", 40), p2=("validation", 20)), {}) == ("p1", None)
    assert choose_patients(patients(p1=("test", 200)), {}) == (None, None)


def make_case(lesion, **values):
    return Case("p", 60, {series: np.full(SHAPE, 1.0) for series in GAINS} | values, lesion, True)


def test_the_ratio_leaves_out_what_is_no_brain_or_lesion_on_the_contralateral_side():
    lesion, flair = np.zeros(SHAPE, bool), np.ones(SHAPE)
    lesion[5:9, 10:20, 3:6] = True
    flair[lesion] = 1.5
    assert make_case(lesion, flair=flair).ratio("flair") == pytest.approx(1.5)
    flair[-7:-5] = 0  # mirrored to columns 5 and 6: no brain
    assert make_case(lesion, flair=flair).ratio("flair") == pytest.approx(1.5)
    both = lesion | lesion[::-1]
    assert make_case(both, flair=flair).ratio("flair") is None
    assert make_case(None).ratio("flair") is None


def test_the_slice_has_most_of_the_lesion_or_the_brightest_dwi():
    lesion, dwi = np.zeros(SHAPE, bool), np.ones(SHAPE)
    lesion[5:9, 10:12, 3] = lesion[5:12, 10:20, 7] = True
    assert make_case(lesion).slice == 7
    dwi[3:7, 4:9, 2] = 3
    assert make_case(None, dwi=dwi).slice == 2


@pytest.fixture
def run(tmp_path):
    """p1 early, lesion on its right as drawn; p2 late, found; the same brains on scanners of other gain."""
    affine = np.diag([4.0, 4.0, 6.0, 1.0])
    affine[:3, 3] = [-78, -94, -30]
    x, y, z = np.indices(SHAPE)
    brain = ((x - 19.5) / 16) ** 2 + ((y - 23.5) / 20) ** 2 + ((z - 5.5) / 20) ** 2 < 1
    lesion = brain & ((x - 28) ** 2 + (y - 33) ** 2 < 16) & (abs(z - 5) < 2)
    files = {}
    for number, patient in enumerate(("p1", "p2"), start=1):
        files[patient] = {series: tmp_path / f"{patient}_{series}.nii.gz" for series in GAINS}
        for series, gain in GAINS.items():
            bright = {"dwi": 2.0, "flair": 1.0 if patient == "p1" else 1.6, "t2w": 1.0}[series]
            volume = np.where(brain, gain * number * np.where(lesion, bright, 1.0), 0).astype(np.float32)
            nib.save(nib.Nifti1Image(volume, affine), files[patient][series])
        nib.save(nib.Nifti1Image(lesion.astype(np.uint8), affine), tmp_path / f"{patient}.nii.gz")
    (tmp_path / "volumes.tsv").write_text(
        f"patient\tvolume_ml\tsource\tnote\np1\t9.1\t{DRAWN}\t\np2\t9.1\t{FOUND}\t\n"
    )
    (tmp_path / "split.tsv").write_text("patient\tpart\np1\ttest\np2\ttest\n")
    (tmp_path / "cohort.tsv").write_text("patient\tonset_to_mri_min\tsite\np1\t90\t\np2\t300\t\n")
    tables = {name: tmp_path / f"{name}.tsv" for name in ("cohort", "split", "volumes")}
    write_batch(tmp_path / "batch.tsv", files)
    return [tmp_path / "batch.tsv"], tables, lesion


def draw(run, folder, name="fig1"):
    files, tables, _ = run
    outputs = [folder / f"{name}.svg", folder / f"{name}.png"]
    figure = draw_mismatch(files, **tables)
    save_figure(figure, *outputs)
    return figure, [path.read_bytes() for path in outputs]


def test_both_patients_have_one_scale_and_the_drawn_lesion_alone_is_outlined(run, tmp_path):
    figure, _ = draw(run, tmp_path)
    axes = np.array(figure.axes[:6]).reshape(2, 3)
    assert [axis.get_title() for axis in axes[0]] == ["DWI", "FLAIR", "T2w"]
    for early, late in axes.T:
        assert early.images[0].get_clim() == late.images[0].get_clim()
        picture = np.asarray(early.images[0].get_array())
        assert np.median(picture[picture > 0]) == pytest.approx(1)
    assert [len(axis.collections) for axis in axes.ravel()] == [1, 1, 1, 0, 0, 0]
    np.testing.assert_allclose(axes[0, 0].images[0].get_array(), axes[1, 0].images[0].get_array(), rtol=1e-6)
    assert [axis.get_xlabel() for axis in axes.ravel()] == [
        f"lesion : contralateral = {ratio}" for ratio in ("2.00", "1.00", "1.00", "2.00", "1.60", "1.00")
    ]
    assert [row[0].get_ylabel() for row in axes] == ["p1\nTSS 1.5 h", "p2\nTSS 5.0 h"]


def test_the_outline_lies_on_the_lesion_right_and_anterior(run, tmp_path):
    figure, _ = draw(run, tmp_path)
    axis = figure.axes[0]
    bright = np.argwhere(axis.images[0].get_array() > 1.5)[:, ::-1]
    (path,) = axis.collections[0].get_paths()
    assert path.contains_points(bright).all()
    rows, columns = axis.images[0].get_array().shape
    assert (bright < (columns / 2, rows / 2)).all()
    assert axial(run[2][..., 5]).sum() == len(bright)


def test_a_missing_patient_is_said_in_words(run, tmp_path):
    (tmp_path / "cohort.tsv").write_text("patient\tonset_to_mri_min\tsite\np1\t90\t\np2\t200\t\n")
    figure, _ = draw(run, tmp_path)
    assert [text.get_text() for text in figure.axes[4].texts] == ["No patient with TSS ≥ 4.5 h."]


def test_no_words_overlap_and_bytes_repeat(run, tmp_path):
    figure, first = draw(run, tmp_path)
    assert draw(run, tmp_path, name="again")[1] == first
    with house_style():
        FigureCanvasAgg(figure).draw()
    texts = [axis.title for axis in figure.axes] + [axis.xaxis.label for axis in figure.axes]
    texts += [axis.yaxis.label for axis in figure.axes] + [figure._supxlabel]
    for bar in figure.axes[6:]:
        low, high = bar.get_xlim()
        texts += [label for label in bar.get_xticklabels() if low <= label.get_position()[0] <= high]
    extents = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
    for (one, a), (other, b) in itertools.combinations(extents, 2):
        assert not a.overlaps(b), (one, other)

"""The fast path: preprocessed volumes made directly on the atlas grid."""

from hashlib import sha256

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from strokeclock.batches import read_batches
from strokeclock.phantom.anatomy import draw_registered_shape, draw_shape, place_brain
from strokeclock.phantom.clinic import draw_patient
from strokeclock.phantom.contrast import true_log_ratios
from strokeclock.phantom.painting import Lesions, grow_lesions, measure_signal, paint_brain
from strokeclock.phantom.registered import (
    grid_affine,
    make_registered_batch,
    make_registered_patient,
    subslice_frame,
    write_registered_patient,
)
from strokeclock.phantom.sheet import join_phantoms
from strokeclock.phantom.signal import SERIES
from strokeclock.phantom.tissue import healthy_tissues

GRID = (112, 112, 13)


@pytest.fixture(scope="module")
def patient(laws):
    return make_registered_patient(4, seed=0, settings=laws, grid=GRID)


def test_the_middle_plane_lies_between_the_middle_columns():
    affine = grid_affine((224, 224, 26))
    assert (affine @ (111.5, 0, 0, 1))[0] == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(np.diag(affine)[:3], (197 / 224, 233 / 224, 189 / 26))


def test_a_patient_can_be_remade_alone_with_the_same_bytes(patient, laws, tmp_path):
    make_registered_patient(5, seed=0, settings=laws, grid=GRID)
    again = make_registered_patient(4, seed=0, settings=laws, grid=GRID)
    digests = []
    for name, one in (("once", patient), ("again", again)):
        write_registered_patient(
            one,
            folder=tmp_path / name,
            lesion=tmp_path / name / "lesion.nii.gz",
            transforms=[tmp_path / name / "t2w_to_atlas.txt", tmp_path / name / "dwi_to_t2w.txt"],
        )
        files = sorted(p for p in (tmp_path / name).rglob("*") if p.is_file())
        assert [p.name for p in files if p.suffix == ".txt"] == ["dwi_to_t2w.txt", "t2w_to_atlas.txt"]
        digests.append([sha256(p.read_bytes()).hexdigest() for p in files])
    assert digests[0] == digests[1]
    assert np.loadtxt(tmp_path / "once/dwi_to_t2w.txt").tolist() == np.eye(4).tolist()
    assert nib.load(tmp_path / "once/adc.nii.gz").shape == GRID


def test_volumes_are_masked_and_the_lesion_on_its_side(patient):
    for name in (*SERIES, "adc"):
        assert patient.volumes[name].dtype == np.float32
        assert not patient.volumes[name][patient.brain_mask == 0].any()
    columns = np.flatnonzero(patient.lesion.any(axis=(1, 2)))
    middle = GRID[0] / 2
    assert patient.record.lesion_side == "left"
    assert columns.max() < middle + 1
    assert 1.4e6 < patient.brain_mask.sum() * abs(np.linalg.det(patient.affine)) < 2.0e6


def test_every_patient_has_a_brain_of_its_own(laws):
    """Of the same age and sex: cortex and ventricles lie elsewhere, and differ from side to side."""
    frame = subslice_frame(GRID)
    fluid = []
    for number in (1, 2):
        shape = draw_registered_shape(np.random.default_rng(number), age=70, sex="F", residue=np.eye(4))
        index, brain = place_brain(shape, frame)
        volume = np.zeros(frame.values.shape, np.float32)
        volume.ravel()[index] = brain.csf
        fluid.append(volume)
    for one, other in (fluid, (fluid[0], fluid[0][::-1])):
        either = (one > 0.5) | (other > 0.5)
        assert 0.05 < ((one > 0.5) & (other > 0.5)).sum() / either.sum() < 0.5


def test_a_patient_has_the_same_brain_in_both_spaces():
    native = draw_shape(np.random.default_rng(3), age=70, sex="F")
    registered = draw_registered_shape(np.random.default_rng(3), age=70, sex="F", residue=np.eye(4))
    np.testing.assert_array_equal(native.folds[0].values, registered.folds[0].values)
    np.testing.assert_array_equal(native.warp[1].values, registered.warp[1].values)
    assert native.ventricle_mm == registered.ventricle_mm


def test_noise_free_signals_give_back_the_adc_of_healthy_tissue(patient, laws):
    shape = draw_registered_shape(np.random.default_rng(0), age=32, sex="F", residue=np.eye(4))
    _, brain = place_brain(shape, subslice_frame(GRID))
    nothing = np.zeros(len(brain.gm), np.float32)
    healthy = Lesions(acute=nothing, hyperintense=nothing, core=nothing, rim=nothing)
    signals = paint_brain(brain, healthy, patient.record, seed=laws["seed"], settings=laws)
    adc = np.log(signals["t2w"] / signals["dwi"]) / patient.record.epi.b_value
    tissues = healthy_tissues(patient.record)
    for name in ("gm", "wm"):
        pure = getattr(brain, name) > 0.995
        assert pure.sum() > 100  # traces of fluid remain
        np.testing.assert_allclose(np.median(adc[pure]), tissues[name].adc, rtol=0.02)
    pure = brain.wm > 0.999
    expected = measure_signal("flair", tissues["wm"], patient.record)
    assert np.median(signals["flair"][pure]) == pytest.approx(float(expected), rel=0.02)


def test_a_batch_writes_a_table_from_which_the_cohort_is_joined(laws, tmp_path):
    names = ("t2w", "dwi", "flair", "adc", "brain_mask")
    files = {
        patient: {
            **{name: str(tmp_path / patient / f"{name}.nii.gz") for name in (*names, "lesion")},
            **{name: str(tmp_path / patient / f"{name}.json") for name in ("record", "truth")},
            **{f"{name}_sidecar": str(tmp_path / patient / f"{name}.json") for name in SERIES},
            "t2w_to_atlas": str(tmp_path / patient / "t2w_to_atlas.txt"),
        }
        for patient in ("phantom-0004", "phantom-0005")
    }
    make_registered_batch(files, tmp_path / "table.tsv", settings=laws, grid=list(GRID))
    assert read_batches(tmp_path / "table.tsv") == files
    tables = {name: tmp_path / f"{name}.tsv" for name in ("cohort", "readers", "truth")}
    join_phantoms([tmp_path / "table.tsv"], **tables)
    for path in tables.values():
        assert pd.read_csv(path, sep="\t")["patient"].tolist() == [*files]


def test_the_painted_lesion_has_the_contrast_that_the_ceiling_assumes(laws):
    """Mean over the lesion's solid points, noise-free, against the law for the record and its grey share."""
    record = draw_patient(12, seed=0, settings=laws)
    shape = draw_registered_shape(np.random.default_rng(5), age=60, sex="F", residue=np.eye(4))
    frame = subslice_frame((112, 112, 26))
    _, brain = place_brain(shape, frame)
    lesions = grow_lesions(brain, record, seed=0, point_ml=float(np.prod(frame.spacing)) / 1000)
    nothing = np.zeros(len(brain.gm), np.float32)
    healthy = Lesions(acute=nothing, hyperintense=nothing, core=nothing, rim=nothing)
    inside = (lesions.acute > 0.999) & (brain.csf < 0.01) & (lesions.core + lesions.rim == 0)
    assert inside.sum() > 300
    painted, before = (
        paint_brain(brain, one, record, seed=laws["seed"], settings=laws) for one in (lesions, healthy)
    )
    grey_share = brain.gm[inside].mean()
    expected = true_log_ratios([record], [grey_share], contrast_gain=2.0, time_sigma=0.6)
    for series in SERIES:
        ratio = np.log(painted[series][inside].mean() / before[series][inside].mean())
        assert ratio == pytest.approx(expected[series][0], abs=0.03)
        spread = np.log(painted[series][inside] / before[series][inside]).std()
        assert 0.05 < spread < 0.5
    still = laws | {"lesion_time_sigma": 0.0}
    one_time = paint_brain(brain, lesions, record, seed=laws["seed"], settings=still)
    assert (one_time["flair"][inside] / before["flair"][inside]).std() < (
        painted["flair"][inside] / before["flair"][inside]
    ).std()

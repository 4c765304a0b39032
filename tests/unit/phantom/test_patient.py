"""Whole patients in native space: same bytes when remade alone, true to their record, in either storage."""

from hashlib import sha256

import nibabel as nib
import numpy as np
import pytest

from strokeclock.phantom.patient import SERIES, make_patient, write_patient
from strokeclock.phantom.scanner import flip_columns


@pytest.fixture(scope="module")
def patient(laws):
    return make_patient(7, seed=0, settings=laws)


def write(patient, folder):
    scans = {series: folder / f"{series}.nii.gz" for series in SERIES}
    write_patient(patient, scans=scans, lesion=folder / "lesion.nii.gz", brain_mask=folder / "mask.nii.gz")
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_a_patient_can_be_remade_alone_with_the_same_bytes(patient, laws, tmp_path):
    again = make_patient(7, seed=0, settings=laws)
    assert write(patient, tmp_path / "once") == write(again, tmp_path / "again")
    assert patient.record == again.record
    assert patient.measured == again.measured


def test_files_carry_voxel_size_and_one_world(patient, tmp_path):
    write(patient, tmp_path)
    for series in SERIES:
        image = nib.load(tmp_path / f"{series}.nii.gz")
        protocol = patient.record.flair if series == "flair" else patient.record.epi
        np.testing.assert_allclose(image.header.get_zooms(), protocol.voxel_mm, rtol=1e-5)
        np.testing.assert_allclose(image.get_sform(), image.get_qform(), atol=0.01)
        assert image.shape[2] == protocol.slices
        oblique = np.abs(image.affine[:3, :3] / protocol.voxel_mm)
        assert 0.9 < oblique.max(axis=0).min() < 0.99999


def test_the_lesion_lies_on_the_recorded_side_and_has_its_volume(patient):
    """Side in the head's own coordinates: back through the recorded pose."""
    record, affine = patient.record, patient.scans["t2w"].affine
    ill = np.argwhere(patient.lesion)
    world = np.c_[ill, np.ones(len(ill))] @ affine.T
    head = world @ np.linalg.inv(np.array(patient.measured["atlas_to_t2w"])).T
    assert record.lesion_side == "left"
    assert (head[:, 0] < 3).mean() > 0.99
    assert patient.measured["placed_volume_right_ml"] == 0
    assert patient.measured["placed_volume_left_ml"] == pytest.approx(record.lesion_volume_left_ml, rel=0.03)
    in_mask = patient.lesion.sum() * abs(np.linalg.det(affine[:3, :3])) / 1000
    assert in_mask == pytest.approx(record.lesion_volume_ml, rel=0.35)


def test_the_lesion_is_bright_on_diffusion_and_its_adc_low(patient):
    t2w, dwi = (patient.scans[s].data.astype(float) for s in ("t2w", "dwi"))
    ill = patient.lesion > 0
    well = (patient.brain_mask > 0) & ~ill & (dwi > 0) & (t2w > 0)
    assert np.median(dwi[ill]) > 1.2 * np.median(dwi[well])
    adc = np.log(t2w.clip(1) / dwi.clip(1)) / 1000
    assert 0.3e-3 < np.median(adc[ill]) < 0.9 * np.median(adc[well])


def test_both_storages_are_one_image_in_the_world():
    rng = np.random.default_rng(1)
    data, affine = rng.random((5, 4, 3)), np.eye(4)
    affine[:3] = rng.normal(size=(3, 4))
    flipped, flipped_affine = flip_columns(data, affine)
    for index in np.ndindex(data.shape):
        world = affine @ (*index, 1)
        there = np.linalg.solve(flipped_affine, world)[:3].round().astype(int)
        assert flipped[tuple(there)] == data[index]
    assert np.linalg.det(affine[:3, :3]) == pytest.approx(-np.linalg.det(flipped_affine[:3, :3]))


def test_cohorts_hold_both_storages(patient):
    assert patient.measured["storage"] in ("LAS", "RAS")
    handedness = np.linalg.det(patient.scans["t2w"].affine[:3, :3])
    assert (handedness < 0) == (patient.measured["storage"] == "LAS")
    assert np.linalg.det(patient.scans["flair"].affine[:3, :3]) * handedness > 0

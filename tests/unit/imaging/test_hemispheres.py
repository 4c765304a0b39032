"""Hemispheres: left is x < 0 in any storage order, the right one is mirrored, wrong grids are refused."""

import hashlib
import json

import nibabel as nib
import numpy as np
import pytest

from strokeclock.batches import read_batches, write_batch
from strokeclock.errors import ConfigurationError
from strokeclock.imaging.exclusion import read_exclusion, write_exclusion
from strokeclock.imaging.hemispheres import (
    halve_batch,
    join_hemispheres,
    make_hemispheres,
    split_hemispheres,
    write_box,
    write_hemispheres,
    write_manifest,
)
from strokeclock.imaging.reference import make_reference, write_reference
from strokeclock.imaging.volume import Volume, read_volume, write_volume
from strokeclock.series import CHANNELS

SHAPE, SPACING = (12, 10, 6), (2.0, 3.0, 7.0)
SETTINGS = {"normalisation": "zscore", "clip": 5.0}


def symmetric_affine() -> np.ndarray:
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = -(np.array(SHAPE) - 1) / 2 * SPACING + [0, 9, 4]
    return affine


def series(seed: int = 0) -> dict[str, Volume]:
    rng = np.random.default_rng(seed)
    return {name: Volume(rng.random(SHAPE).astype(np.float32), symmetric_affine()) for name in CHANNELS}


def test_shape_type_and_channels():
    volumes = series()
    hemispheres = split_hemispheres(volumes)
    assert hemispheres.shape == (2, 3, 6, 10, 6)
    assert hemispheres.dtype == np.float16
    for channel, name in enumerate(("dwi", "t2w", "flair")):
        np.testing.assert_array_equal(hemispheres[0, channel], volumes[name].data[:6].astype(np.float16))


def test_left_is_negative_x_and_column_zero_is_lateral():
    x = (symmetric_affine()[0, 0] * np.arange(12) + symmetric_affine()[0, 3])[:, None, None]
    volumes = {
        name: Volume(np.broadcast_to(x, SHAPE).astype(np.float32), symmetric_affine()) for name in CHANNELS
    }
    left, right = split_hemispheres(volumes)
    np.testing.assert_array_equal(left[0, :, 0, 0], [-11, -9, -7, -5, -3, -1])
    np.testing.assert_array_equal(right[0, :, 0, 0], [11, 9, 7, 5, 3, 1])


def test_the_box_holds_both_halves_of_the_atlas_brain_and_a_margin(tmp_path):
    brain = np.zeros(SHAPE, np.uint8)
    brain[3:6, 2:5, 1:3] = 1  # left, columns 3 to 5
    brain[6:11, 4:6, 2:4] = 1  # right: columns 6 to 10 are mirrored to 1 to 5
    nib.save(nib.Nifti1Image(brain, symmetric_affine()), tmp_path / "mask.nii.gz")
    for margin_mm, expected in ((0.0, [[1, 6], [2, 6], [1, 4]]), (3.1, [[0, 6], [0, 8], [0, 5]])):
        write_box(tmp_path / "mask.nii.gz", tmp_path / "brain_box.json", margin_mm=margin_mm)
        assert json.loads((tmp_path / "brain_box.json").read_text()) == {"box": expected}


def test_right_mirrored_is_the_left_of_the_flipped_volume():
    volumes = series()
    flipped = {name: Volume(volume.data[::-1], volume.affine) for name, volume in volumes.items()}
    np.testing.assert_array_equal(split_hemispheres(volumes)[1], split_hemispheres(flipped)[0])
    np.testing.assert_array_equal(split_hemispheres(volumes)[0], split_hemispheres(flipped)[1])


def test_storage_order_does_not_matter(tmp_path):
    """The same head stored RAS and LAS gives the same hemispheres."""
    volumes = series()
    expected = split_hemispheres(volumes)
    stored = {}
    for name, volume in volumes.items():
        affine = volume.affine @ np.diag([-1, 1, 1, 1])
        affine[0, 3] = volume.affine[0, 3] + SPACING[0] * (SHAPE[0] - 1)
        image = nib.Nifti1Image(volume.data[::-1], affine)
        assert nib.aff2axcodes(image.affine) == ("L", "A", "S")
        nib.save(image, tmp_path / f"{name}.nii.gz")
        stored[name] = read_volume(tmp_path / f"{name}.nii.gz", patient="p1", series=name)
    np.testing.assert_array_equal(split_hemispheres(stored), expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a @ np.diag([-1, 1, 1, 1]), "do not run to right"),
        (lambda a: a[[1, 0, 2, 3]], "do not run to right"),
        (lambda a: a + np.array([[0, 0.5, 0, 0]] + [[0] * 4] * 3), "do not run to right"),
        (lambda a: a + np.array([[0, 0, 0, 1.0]] + [[0] * 4] * 3), r"middle at x = 1\.00"),
    ],
)
def test_wrong_grids_are_refused(change, message):
    volumes = {name: Volume(volume.data, change(volume.affine)) for name, volume in series().items()}
    with pytest.raises(ConfigurationError, match=message):
        split_hemispheres(volumes)


def test_odd_number_of_columns_is_refused():
    affine = symmetric_affine()
    affine[0, 3] += SPACING[0] / 2
    volumes = {name: Volume(volume.data[:11], affine) for name, volume in series().items()}
    with pytest.raises(ConfigurationError, match="11 columns"):
        split_hemispheres(volumes)


def test_values_lie_in_zero_to_one_with_background_zero():
    rng = np.random.default_rng(1)
    mask = np.zeros(SHAPE, np.float32)
    mask[2:-2, 2:-2, 1:-1] = 1
    volumes = {
        name: Volume(mask * rng.gamma(4, 50, SHAPE).astype(np.float32), symmetric_affine())
        for name in CHANNELS
    }
    reference = make_reference(
        {name: volume.data for name, volume in volumes.items()},
        mask > 0,
        patient="p1",
        part="train",
        matching="landmarks",
        match_points=7,
        **SETTINGS,
    )
    hemispheres = make_hemispheres(
        volumes,
        Volume(mask, symmetric_affine()),
        patient="p1",
        reference=reference,
        channels=CHANNELS,
        percentiles=(0.1, 99.9),
        **SETTINGS,
    )
    assert hemispheres.min() == 0
    assert hemispheres.max() == 1
    assert not hemispheres[:, :, :2].any()
    np.testing.assert_array_equal(
        hemispheres[0, 0] > 0.5,
        (volumes["dwi"].data > np.percentile(volumes["dwi"].data[mask > 0], [0.1, 99.9]).mean())[:6]
        & (mask[:6] > 0),
    )


def prepare(**change):
    """The hemispheres of a patient whose few bright voxels lie 10 SD off, under changed settings."""
    settings = {
        "normalisation": "zscore",
        "clip": 8.0,
        "matching": "landmarks",
        "match_points": 7,
        "percentiles": (0.1, 99.9),
    } | change
    how = {name: settings.pop(name) for name in ("matching", "match_points")}
    percentiles = settings.pop("percentiles")
    rng = np.random.default_rng(2)
    mask = np.ones(SHAPE, np.float32)
    volumes, other = (
        {name: rng.gamma(shape, 50, SHAPE).astype(np.float32) for name in CHANNELS} for shape in (4, 2)
    )
    for data in volumes.values():
        data[4, 4, :3] = 1500 + 100 * np.arange(3)
    reference = (
        None
        if how["matching"] == "none"
        else make_reference(other, mask > 0, patient="p1", part="train", **how, **settings)
    )
    return make_hemispheres(
        {name: Volume(data, symmetric_affine()) for name, data in volumes.items()},
        Volume(mask, symmetric_affine()),
        patient="p2",
        reference=reference,
        channels=CHANNELS,
        percentiles=percentiles,
        **settings,
    ).astype(float)


@pytest.mark.parametrize(
    "change",
    [
        {"clip": 3.0},
        {"normalisation": "none"},  # nothing is clipped, and so for the two below
        {"normalisation": "minmax"},
        {"normalisation": "whitestripe"},
        {"normalisation": "median", "percentiles": None},
        {"matching": "none"},
        {"matching": "none", "normalisation": "median", "percentiles": None},
        {"matching": "bounded", "normalisation": "median", "percentiles": None},
        {"match_points": 15},
        {"match_points": 256},
        {"percentiles": (0.1, 99.0)},
        {"percentiles": (5.0, 99.9)},
    ],
)
def test_every_setting_of_the_intensities_changes_the_tensor(change):
    assert np.abs(prepare(**change) - prepare()).max() > 0.01


def test_clip_and_percentiles_cut_the_brightest():
    """Three voxels at 1500, 1600 and 1700 of a series stay different unless a setting cuts them off."""

    def brightest(**change):
        return prepare(percentiles=(0, 100), **change)[0, 0, 4, 4, :3]

    assert (np.diff(brightest(clip=50.0)) > 0.02).all()
    np.testing.assert_array_equal(brightest(clip=3.0), 1)
    np.testing.assert_array_equal(prepare(clip=50.0, percentiles=(0, 98))[0, 0, 4, 4, :3], 1)


def test_file_is_whole_and_repeats(tmp_path):
    hemispheres = split_hemispheres(series())
    write_hemispheres(tmp_path / "a.npy", hemispheres)
    write_hemispheres(tmp_path / "b.npy", hemispheres)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), hemispheres)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.npy", "b.npy"]


def test_the_manifest_lists_hashes_and_leaves_the_excluded_out(tmp_path):
    write_hemispheres(tmp_path / "a.npy", np.ones((2, 3, 4, 4, 4), np.float16))
    write_exclusion([tmp_path / "b.npy"], "no brain")
    write_batch(tmp_path / "batch.tsv", {name: {"hemispheres": tmp_path / f"{name}.npy"} for name in "ab"})
    write_manifest([tmp_path / "batch.tsv"], tmp_path / "manifest.tsv")
    sha256 = hashlib.sha256((tmp_path / "a.npy").read_bytes()).hexdigest()
    assert (tmp_path / "manifest.tsv").read_text() == f"patient\tsha256\na\t{sha256}\n"


@pytest.mark.parametrize("channels", [("flair", "dwi"), ("dwi", "t2w", "flair", "adc")])
def test_channels_stand_in_the_given_order(channels):
    volumes, mask = series(), np.ones(SHAPE, bool)
    data = {name: volumes[name].data for name in CHANNELS}
    reference = make_reference(
        data, mask, patient="p1", part="train", matching="landmarks", match_points=7, **SETTINGS
    )
    settings = {"patient": "p1", "reference": reference, "percentiles": (0.1, 99.9), **SETTINGS}
    adc = Volume((4e-3 * volumes["dwi"].data).astype(np.float32), symmetric_affine())
    inside = Volume(mask.astype(np.float32), symmetric_affine())
    hemispheres = make_hemispheres(volumes | {"adc": adc}, inside, channels=channels, **settings)
    assert hemispheres.shape == (2, len(channels), 6, 10, 6)
    for channel, name in enumerate(channels):
        if name == "adc":  # in mm2/s / 3e-3, clipped at 1, neither normalised nor matched
            expected = np.minimum(adc.data / 3e-3, 1)[:6]
            assert (expected == 1).any()
            np.testing.assert_allclose(hemispheres[0, channel], expected, atol=5e-4)
        else:
            alone = make_hemispheres(volumes, inside, channels=(name,), **settings)
            np.testing.assert_array_equal(hemispheres[:, channel], alone[:, 0])


@pytest.fixture
def batch(tmp_path):
    """What `halve_batch` takes of p1, who failed, and p2, who passed, and a reference."""
    data = {name: volume.data for name, volume in series().items()}
    mask = np.ones(SHAPE, bool)
    mask[:, 0] = False
    reference = make_reference(
        data, mask, patient="p0", part="train", matching="landmarks", match_points=7, **SETTINGS
    )
    write_reference(tmp_path / "reference.npz", reference)
    files = {name: tmp_path / f"{name}.nii.gz" for name in (*CHANNELS, "brain_mask")}
    for name, values in (data | {"brain_mask": mask.astype(np.float32)}).items():
        write_volume(files[name], Volume(values, symmetric_affine()))
    (tmp_path / "exclusions.tsv").write_text("patient\tstage\treason\np1\tquality\tmotion\n")
    write_batch(tmp_path / "preprocessed.tsv", {"p1": files, "p2": files, "p3": files})
    return {
        "preprocessed": tmp_path / "preprocessed.tsv",
        "table": tmp_path / "hemispheres.tsv",
        "hemispheres": {patient: {"hemispheres": tmp_path / f"{patient}.npy"} for patient in ("p1", "p2")},
        "exclusions": tmp_path / "exclusions.tsv",
        "reference": tmp_path / "reference.npz",
        "channels": CHANNELS,
        "matching": "landmarks",
        "percentiles": (0.1, 99.9),
        **SETTINGS,
    }


def test_a_batch_is_halved_without_excluded_patients(batch, tmp_path):
    halve_batch(**batch)
    assert read_exclusion(tmp_path / "p1.npy") == "motion"
    assert np.load(tmp_path / "p2.npy").shape == (2, 3, 6, 10, 6)
    assert set(read_batches(tmp_path / "hemispheres.tsv")) == {"p1", "p2"}


def test_without_a_training_patient_matching_is_refused(batch, tmp_path):
    write_exclusion([tmp_path / "reference.npz"], "there is no training patient")
    with pytest.raises(ConfigurationError, match="No training patient is left"):
        halve_batch(**batch)
    assert not (tmp_path / "p2.npy").exists()
    assert not (tmp_path / "hemispheres.tsv").exists()


def test_where_nothing_is_matched_no_reference_is_needed(batch, tmp_path):
    del batch["reference"]
    halve_batch(**batch | {"matching": "none", "normalisation": "median", "percentiles": None})
    left, right = np.load(tmp_path / "p2.npy").astype(float)
    data = read_volume(tmp_path / "flair.nii.gz", patient="p2", series="flair").data
    mask = read_volume(tmp_path / "brain_mask.nii.gz", patient="p2", series="mask").data > 0
    expected = np.where(mask, np.minimum(0.2 * data / np.median(data[mask]), 1), 0)
    np.testing.assert_allclose(left[2], expected[:6], atol=5e-4)
    np.testing.assert_allclose(right[2], expected[::-1][:6], atol=5e-4)


def test_joined_hemispheres_are_where_they_were_split_from():
    volumes = series()
    left, right = split_hemispheres(volumes)[:, 0]
    whole = next(iter(volumes.values())).data.astype(np.float16)
    assert (join_hemispheres({"left": left, "right": right}) == whole).all()
    assert (join_hemispheres({"right": right})[6:] == whole[6:]).all()
    assert not join_hemispheres({"right": right})[:6].any()
    assert not join_hemispheres({"left": left})[6:].any()


@pytest.mark.parametrize(
    "maps",
    [{}, {"top": np.zeros((2, 2, 2))}, {"left": np.zeros((2, 2, 2)), "right": np.zeros((2, 2, 3))}],
)
def test_maps_that_are_no_hemispheres_are_refused(maps):
    with pytest.raises(ValueError, match="maps of the sides"):
        join_hemispheres(maps)

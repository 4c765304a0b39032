"""Unusual but honest scans through the whole open chain, from raw series to record and tensor, and the truth.

Skull taken off before, a quarter of the brain outside the field of view of b0 or of FLAIR, an infarct of a
third of the hemisphere, 18 and 73 slices, 0.45 to 2 mm in plane, a patient stored mirrored.
"""

import dataclasses
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
import yaml

from strokeclock.imaging.atlas import ATLAS_FILES, build_atlas, read_atlas
from strokeclock.imaging.check import check
from strokeclock.imaging.hemispheres import make_hemispheres
from strokeclock.imaging.open_chain import preprocess_patient
from strokeclock.imaging.quality import dice
from strokeclock.imaging.resample import resample_mask
from strokeclock.imaging.volume import Volume, read_volume, write_volume
from strokeclock.phantom import patient as phantom
from strokeclock.phantom.clinic import draw_patient
from strokeclock.series import CHANNELS

pytestmark = [pytest.mark.integration, pytest.mark.slow]

NUMBER = 6  # of the phantom that all are variants of
USUAL = {"lesion_volume_left_ml": 30.0, "territory": "mca_branch"}


@pytest.fixture(scope="session")
def settings(root):
    return yaml.safe_load((root / "config/config.yaml").read_text())


@pytest.fixture(scope="session")
def atlas(tmp_path_factory):
    """The files of nilearn's atlas, and what the chain reads of them."""
    folder = tmp_path_factory.mktemp("atlas")
    files = {name: folder / f"{name}.nii.gz" for name in ATLAS_FILES}
    build_atlas(source="nilearn", grid=(112, 112, 26), outputs=files)
    return SimpleNamespace(files=files, read=read_atlas(**{name: files[name] for name in ATLAS_FILES[:3]}))


@pytest.fixture(scope="session")
def make_head(tmp_path_factory, settings):
    """A function: a phantom with changed lesion or protocols, its series as read and its truth; made once."""
    made = {}

    def make(number, *, epi=None, flair=None, **changes):
        key = repr((number, epi, flair, changes))
        if key not in made:
            made[key] = draw(number, epi or {}, flair or {}, USUAL | changes)
        return made[key]

    def draw(number, epi, flair, changes):
        def draw_changed(*arguments, **keywords):
            record = draw_patient(*arguments, **keywords)
            return dataclasses.replace(
                record,
                lesion_side="left",
                lesion_volume_right_ml=0.0,
                dwi_negative=False,
                core_radc=0.7,
                epi=dataclasses.replace(record.epi, **epi),
                flair=dataclasses.replace(record.flair, **flair),
                **changes,
            )

        with mock.patch.object(phantom, "draw_patient", draw_changed):
            patient = phantom.make_patient(number, seed=0, settings=settings["phantom"])
        folder = tmp_path_factory.mktemp("phantom")
        masks = {name: folder / f"{name}.nii.gz" for name in ("lesion", "brain_mask")}
        scans = {name: folder / f"{name}.nii.gz" for name in CHANNELS}
        phantom.write_patient(patient, scans=scans, **masks)
        return {
            name: read_volume(path, patient="p1", series=name) for name, path in (scans | masks).items()
        } | {name: np.array(patient.measured[name]) for name in ("atlas_to_t2w", "t2w_to_flair")}

    return make


@pytest.fixture
def go(tmp_path, atlas, settings):
    """A function: a head's series through the open chain; errors against the truth, record and tensor."""

    def distance(found, points):
        homogeneous = np.vstack([points, np.ones(points.shape[1])])
        return np.linalg.norm(((found - np.eye(4)) @ homogeneous)[:3], axis=0).mean()

    def run(head, *, side="left", **changes):
        for name in CHANNELS:
            write_volume(tmp_path / f"raw_{name}.nii.gz", changes.get(name, head[name]))
        names = (*CHANNELS, "adc", "brain_mask")
        outputs = {name: tmp_path / f"{name}.nii.gz" for name in names}
        transforms = {name: tmp_path / f"{name}.txt" for name in ("t2w_to_atlas", "flair_to_t2w")}
        facts = preprocess_patient(
            {name: tmp_path / f"raw_{name}.nii.gz" for name in CHANNELS},
            patient="p1",
            b_value=1000.0,
            atlas=atlas.read,
            shrink=settings["preprocessing"]["n4"]["shrink"],
            iterations=settings["preprocessing"]["open"]["n4_iterations"],
            shared_dwi=True,
            outputs=outputs | transforms | {"findings": tmp_path / "findings.json"},
        )
        record = check(
            {name: outputs[name] for name in (*CHANNELS, "adc")},
            outputs["brain_mask"],
            transform=transforms["t2w_to_atlas"],
            patient="p1",
            atlas=atlas.read.grid,
            atlas_mask=read_volume(atlas.files["brain_mask_grid"], patient="atlas", series="brain_mask"),
            recorded_side=side,
            thresholds={key: value for key, value in settings["quality"].items() if key != "verdicts"},
            person=None,
        )
        volumes = {name: read_volume(path, patient="p1", series=name) for name, path in outputs.items()}
        mask = volumes["brain_mask"]
        intensity = settings["preprocessing"]["intensity"]
        tensor = make_hemispheres(
            volumes,
            mask,
            patient="p1",
            reference=None,
            channels=CHANNELS,
            **{key: intensity[key] for key in ("normalisation", "clip", "percentiles")},
        )
        to_atlas, to_t2w = (np.loadtxt(path) for path in transforms.values())
        true_mask, lesion = (
            resample_mask(head[name], shape=mask.shape, affine=mask.affine, transform=to_atlas).data > 0
            for name in ("brain_mask", "lesion")
        )
        brain = atlas.read.brain_mask
        index = np.argwhere(brain.data > 0)[::97].T
        points = brain.affine[:3, :3] @ index + brain.affine[:3, 3:]
        in_head = (head["atlas_to_t2w"] @ np.vstack([points, np.ones(points.shape[1])]))[:3]
        return SimpleNamespace(
            facts=facts,
            record=record,
            tensor=tensor,
            mask=mask.data > 0,
            lesion=lesion & (mask.data > 0),
            atlas_mm=distance(to_atlas @ head["atlas_to_t2w"], points),
            flair_mm=distance(to_t2w @ head["t2w_to_flair"], in_head),
            dice=dice(mask.data > 0, true_mask),
        )

    return run


def strip(head):
    """Every series with the skull taken off, as public data come."""
    stripped = {}
    for name in CHANNELS:
        volume = head[name]
        mask = resample_mask(
            head["brain_mask"],
            shape=volume.shape,
            affine=volume.affine,
            transform=head["t2w_to_flair"] if name == "flair" else None,
        )
        stripped[name] = Volume(volume.data * mask.data, volume.affine)
    return stripped


def cut(volume, mask, quarter):
    """A series without the upper (or lower) slices that hold a quarter of the brain."""
    below = np.cumsum(mask.data.sum(axis=(0, 1))) / mask.data.sum()
    kept = (
        slice(0, np.argmax(below > 0.75)) if quarter == "upper" else slice(np.argmax(below > 0.25) + 1, None)
    )
    affine = volume.affine.copy()
    affine[:3, 3] += affine[:3, 2] * (kept.start or 0)
    return Volume(np.ascontiguousarray(volume.data[:, :, kept]), affine)


def mirror(volume):
    """Columns in reverse, the affine as before: left and right exchanged."""
    return Volume(np.ascontiguousarray(volume.data[::-1]), volume.affine)


def test_skull_taken_off_before(make_head, go):
    head = make_head(NUMBER)
    result = go(head, **strip(head))
    assert all(result.facts.stripped.values())
    assert_good(result, dice=0.98)


@pytest.mark.parametrize("quarter", ["upper", "lower"])
def test_a_quarter_of_the_brain_outside_b0_and_dwi(make_head, go, quarter):
    """What is there lands where it belongs; the rest is asked about."""
    head = make_head(NUMBER)
    mask = head["brain_mask"]
    small = {name: cut(head[name], mask, quarter) for name in ("t2w", "dwi", "brain_mask")}
    result = go(head | {"brain_mask": small["brain_mask"]}, t2w=small["t2w"], dwi=small["dwi"])
    assert_placed(result, dice=0.94)
    assert result.record["verdict"] != "pass"
    assert "of the atlas's brain, below 85%" in result.record["reason"]
    kept = small["brain_mask"].data.sum() / mask.data.sum()
    assert result.record["numbers"]["t2w_coverage"] == pytest.approx(kept, abs=0.04)


@pytest.mark.parametrize("quarter", ["upper", "lower"])
def test_a_quarter_of_the_brain_outside_flair(make_head, go, quarter):
    head = make_head(NUMBER)
    flair, transform = head["flair"], head["t2w_to_flair"]
    mask = resample_mask(head["brain_mask"], shape=flair.shape, affine=flair.affine, transform=transform)
    result = go(head, flair=cut(flair, mask, quarter))
    assert_placed(result, dice=0.96)
    assert result.record["verdict"] == "review"
    kept = cut(mask, mask, quarter).data.sum() / mask.data.sum()
    assert result.record["numbers"]["flair_coverage"] == pytest.approx(kept, abs=0.04)
    assert result.record["numbers"]["flair_fit"] > 0.68  # what there is of it fits


def test_a_patient_stored_mirrored_is_seen_by_the_recorded_side(make_head, go):
    head = make_head(NUMBER)
    result = go(head, **{name: mirror(head[name]) for name in CHANNELS})
    assert result.record["verdict"] == "review"
    assert result.record["reason"] == "DWI shows the infarct right, recorded is left"


def test_an_infarct_of_a_third_of_the_hemisphere(make_head, go):
    head = make_head(NUMBER, lesion_volume_left_ml=270.0, territory="mca_large")
    result = go(head)
    assert_good(result, dice=0.96)
    assert result.lesion[:56].sum() > result.mask[:56].sum() / 3


@pytest.mark.parametrize(
    ("epi", "flair"),
    [
        ({"voxel_mm": (2.0, 2.0, 2.0), "slices": 73}, {"voxel_mm": (1.0, 1.0, 2.0), "slices": 73}),
        ({"voxel_mm": (2.0, 2.0, 8.0), "slices": 18}, {"voxel_mm": (0.45, 0.45, 8.0), "slices": 18}),
    ],
    ids=["thin", "thick"],
)
def test_thin_and_thick_slices_fine_and_coarse_voxels(make_head, go, epi, flair):
    assert_good(go(make_head(NUMBER, epi=epi, flair=flair)), dice=0.96)


def assert_placed(result, *, dice):
    """Brain and FLAIR are where the truth says. The head's own warp is part of the distance to the atlas."""
    assert result.atlas_mm < 3
    assert result.flair_mm < 0.5
    assert result.dice > dice


def assert_good(result, *, dice):
    """In place, passed, and the infarct bright on DWI in the tensor's left hemisphere, not in the right."""
    assert_placed(result, dice=dice)
    assert (result.record["verdict"], result.record["reason"]) == ("pass", "")
    assert result.record["numbers"]["side_seen"] == "left"
    assert result.tensor.shape == (2, 3, 56, 112, 26)
    lesion, healthy = result.lesion[:56], result.mask[:56] & ~result.lesion[:56]
    left, right = result.tensor[:, 0].astype(np.float32)
    assert left[lesion].mean() > 1.25 * left[healthy].mean()
    assert left[lesion].mean() > 1.25 * right[lesion].mean()

"""Quality: exact overlaps and entropies, a planted infarct and a planted tilt, verdicts."""

import json

import numpy as np
import pytest

from strokeclock.errors import PatientError
from strokeclock.imaging import quality
from strokeclock.imaging.quality_record import NUMBERS
from strokeclock.imaging.volume import Volume

THRESHOLDS = {
    "mask_volume_ml": [900, 2000],
    "min_dice_to_atlas": 0.85,
    "min_nmi": 1.02,
    "max_midplane_tilt_deg": 4.0,
}
SHAPE, SPACING = (96, 112, 24), (2.0, 2.0, 7.0)


def affine(shape=SHAPE, spacing=SPACING):
    matrix = np.diag([*spacing, 1.0])
    matrix[:3, 3] = -(np.array(shape) - 1) / 2 * np.array(spacing)
    return matrix


def coordinates():
    grid = np.indices(SHAPE, dtype=np.float32)
    return [grid[k] * SPACING[k] + affine()[k, 3] for k in range(3)]


def head(a=0.0, b=0.0, c=0.0):
    """T2w, DWI, ADC and mask of an ellipsoid with ventricles, symmetric about x = a + b y + c z (mm)."""
    x, y, z = coordinates()
    turn = np.array([[1, b, c], [-b, 1, 0], [-c, 0, 1]])  # a rotation but for second order
    x, y, z = np.einsum("ij,j...->i...", np.linalg.inv(turn), np.stack([x - a, y, z]))
    brain = (x / 68) ** 2 + (y / 85) ** 2 + (z / 72) ** 2 < 1
    ventricle = ((np.abs(x) - 18) / 9) ** 2 + (y / 30) ** 2 + (z / 20) ** 2 < 1
    folds = 1 + 0.15 * np.cos(np.abs(x) / 6) * np.cos(y / 9)
    t2w = np.where(brain, 100 * folds + 250 * ventricle, 0)
    dwi = np.where(brain, 60 * folds - 40 * ventricle, 0)
    adc = np.where(brain, 0.8e-3 + 2.2e-3 * ventricle, 0)
    return *(Volume(data.astype(np.float32), affine()) for data in (t2w, dwi, adc)), brain


def with_infarct(dwi, adc, centre):
    x, y, z = coordinates()
    ball = (x - centre) ** 2 + (y - 20) ** 2 + (z - 10) ** 2 < 15**2
    return Volume(np.where(ball, dwi.data * 1.6, dwi.data), dwi.affine), Volume(
        np.where(ball, adc.data * 0.65, adc.data), adc.affine
    )


def numbers(**changes):
    good = {
        "mask_volume_ml": 1400,
        "dice_to_atlas": 0.95,
        "nmi_to_atlas": 1.2,
        "midplane_tilt_deg": 0.5,
        "side_seen": "left",
        "side_recorded": "left",
    }
    return good | changes


def test_dice_exact():
    a = np.array([1, 1, 1, 0, 0], bool)
    b = np.array([0, 1, 1, 1, 0], bool)
    assert quality.dice(a, b) == pytest.approx(2 / 3)
    assert quality.dice(a, a) == 1
    assert quality.dice(a, ~a) == 0


def test_nmi_exact():
    a = np.array([0.0, 0, 1, 1])
    b = np.array([0.0, 1, 0, 1])
    assert quality.normalised_mutual_information(a, a, bins=2) == pytest.approx(2)
    assert quality.normalised_mutual_information(a, 5 - 3 * a, bins=2) == pytest.approx(2)
    assert quality.normalised_mutual_information(a, b, bins=2) == pytest.approx(1)
    # p(0,0) = 1/2, p(0,1) = p(1,1) = 1/4
    a, b = np.array([0.0, 0, 0, 1]), np.array([0.0, 0, 1, 1])
    h_a = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))
    h_joint = -(0.5 * np.log(0.5) + 2 * 0.25 * np.log(0.25))
    expected = (h_a + np.log(2)) / h_joint
    assert quality.normalised_mutual_information(a, b, bins=2) == pytest.approx(expected)


def test_asymmetry_exact():
    data = np.array([1.0, 2, 4, 3]).reshape(4, 1, 1)
    assert quality.asymmetry(data, np.ones(data.shape, bool)) == pytest.approx(2 / 5)
    assert quality.asymmetry(data, np.array([0, 1, 1, 0], bool).reshape(4, 1, 1)) == pytest.approx(1 / 3)
    assert quality.asymmetry(data + data[::-1], np.ones(data.shape, bool)) == 0


def test_no_tilt_in_a_symmetric_head():
    t2w, _, _, brain = head()
    assert quality.midplane(t2w, brain) == pytest.approx((0, 0), abs=0.02)


@pytest.mark.parametrize(
    ("a", "b", "c"), [(2, 0, 0), (0, 0.05, 0), (0, 0, -0.04), (-1.5, 0.03, 0.03), (0, 0.15, 0.1)]
)
def test_planted_tilt_is_measured(a, b, c):
    t2w, _, _, brain = head(a, b, c)
    tilt, offset = quality.midplane(t2w, brain)
    assert tilt == pytest.approx(np.degrees(np.arctan(np.hypot(b, c))), abs=0.3)
    assert offset == pytest.approx(a, abs=0.3)


@pytest.mark.parametrize(("centre", "side"), [(-40, "left"), (40, "right")])
def test_planted_infarct_is_seen_on_its_side(centre, side):
    _, dwi, adc, brain = head()
    left, right = quality.infarct_volumes(*with_infarct(dwi, adc, centre), brain)
    assert quality.side_of(left, right) == side
    assert max(left, right) == pytest.approx(4 / 3 * np.pi * 1.5**3, rel=0.25)  # 14.1 mL planted
    assert min(left, right) == 0


def test_a_bright_spot_without_low_adc_is_no_infarct():
    _, dwi, adc, brain = head()
    bright, _ = with_infarct(dwi, adc, -40)
    assert quality.side_of(*quality.infarct_volumes(bright, adc, brain)) == "none"


@pytest.mark.parametrize(
    ("left", "right", "side"),
    [(0, 0, "none"), (0.9, 0.1, "none"), (3, 1, "left"), (0, 1.1, "right"), (3, 2, "both"), (5, 5, "both")],
)
def test_side_of(left, right, side):
    assert quality.side_of(left, right) == side


@pytest.mark.parametrize(
    ("change", "verdict", "word"),
    [
        ({}, "pass", ""),
        ({"mask_volume_ml": 899}, "fail", "mask of 899 mL"),
        ({"mask_volume_ml": 2001}, "fail", "mask of 2001 mL"),
        ({"mask_volume_ml": 900}, "pass", ""),
        ({"mask_volume_ml": None}, "pass", ""),
        ({"dice_to_atlas": 0.84}, "fail", "Dice"),
        ({"dice_to_atlas": 0.85}, "pass", ""),
        ({"nmi_to_atlas": 1.01}, "look", "NMI"),
        ({"midplane_tilt_deg": 4.1}, "look", "mid-plane tilted by 4.1°, above 4°"),
        ({"midplane_tilt_deg": 4.0}, "pass", ""),
        ({"side_recorded": "right"}, "look", "DWI shows the infarct left, recorded is right"),
        ({"side_recorded": "both"}, "pass", ""),
        ({"side_recorded": ""}, "pass", ""),
        ({"side_seen": "none"}, "pass", ""),
        ({"nmi_to_atlas": 1.01, "dice_to_atlas": 0.5}, "fail", "Dice"),
    ],
)
def test_verdicts(change, verdict, word):
    given, reason = quality.judge(numbers(**change), **THRESHOLDS)
    assert given == verdict
    assert word in reason
    assert bool(reason) == (verdict != "pass")


def fine(volume):
    """The same head in voxels of half the size in plane."""
    half = np.diag([0.5, 0.5, 1, 1])
    half[:2, 3] = -0.25
    return Volume(volume.data.repeat(2, axis=0).repeat(2, axis=1), volume.affine @ half)


def test_fine_voxels_give_the_same_numbers():
    """Half the voxel size: averaged two by two, the same head comes back, and so do all numbers."""
    t2w, dwi, adc, brain = head(1.5, 0.04, 0.03)
    dwi, adc = with_infarct(dwi, adc, -40)
    fine_brain = brain.repeat(2, axis=0).repeat(2, axis=1)
    assert quality.midplane(fine(t2w), fine_brain) == pytest.approx(quality.midplane(t2w, brain), abs=1e-3)
    assert quality.infarct_volumes(fine(dwi), fine(adc), fine_brain) == pytest.approx(
        quality.infarct_volumes(dwi, adc, brain), rel=1e-5
    )


def test_every_number_of_a_whole_head():
    t2w, dwi, adc, brain = head()
    dwi, adc = with_infarct(dwi, adc, 40)
    mask = Volume(brain.astype(np.float32), affine())
    measured = quality.measure(
        {"t2w": t2w, "dwi": dwi, "flair": t2w, "adc": adc},
        mask,
        atlas=t2w,
        atlas_mask=mask,
        growth=1.25,
        recorded_side="right",
        patient="p1",
    )
    assert set(measured) == set(NUMBERS)
    assert measured["mask_volume_ml"] == pytest.approx(4 / 3 * np.pi * 6.8 * 8.5 * 7.2 / 1.25, rel=0.01)
    assert measured["dice_to_atlas"] == 1
    assert measured["nmi_to_atlas"] == pytest.approx(2, abs=1e-3)
    assert (measured["side_seen"], measured["side_recorded"]) == ("right", "right")
    json.dumps(measured)
    verdict, _ = quality.judge(measured, **THRESHOLDS)
    assert verdict == "pass"


def test_empty_mask_and_constant_series_exclude_the_patient():
    t2w, dwi, adc, brain = head()
    mask = Volume(brain.astype(np.float32), affine())
    empty = Volume(np.zeros(SHAPE, np.float32), affine())
    rest = {"atlas": t2w, "atlas_mask": mask, "growth": 1.0, "recorded_side": "", "patient": "p1"}
    with pytest.raises(PatientError, match="mask is empty"):
        quality.measure({"t2w": t2w, "dwi": dwi, "flair": t2w, "adc": adc}, empty, **rest)
    with pytest.raises(PatientError, match="flair is constant"):
        quality.measure({"t2w": t2w, "dwi": dwi, "flair": empty, "adc": adc}, mask, **rest)

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
    "min_nmi": 1.012,
    "adc_median": [0.6, 1.6],
    "min_t2w_coverage": 0.85,
    "min_flair_coverage": 0.95,
    "min_flair_fit": 0.55,
    "max_coverage_difference": 0.05,
    "max_midplane_tilt_deg": 4.0,
    "max_midplane_offset_mm": 3.0,
}
LIMITS = quality.list_limits(**THRESHOLDS)
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
    ventricle = ((np.abs(x) - 18) / 9) ** 2 + ((y + 10) / 30) ** 2 + ((z + 6) / 20) ** 2 < 1
    folds = 1 + 0.3 * np.cos(np.abs(x) / 4) * np.cos(y / 5) * np.cos(z / 6)
    t2w = np.where(brain, 100 * folds + 250 * ventricle, 0)
    dwi = np.where(brain, 60 * folds - 40 * ventricle, 0)
    adc = np.where(brain, 0.8e-3 + 2.2e-3 * ventricle, 0)
    return *(Volume(data.astype(np.float32), affine()) for data in (t2w, dwi, adc)), brain


def with_infarct(dwi, adc, centre, radius=15):
    x, y, z = coordinates()
    ball = (x - centre) ** 2 + (y - 20) ** 2 + (z - 10) ** 2 < radius**2
    return Volume(np.where(ball, dwi.data * 1.6, dwi.data), dwi.affine), Volume(
        np.where(ball, adc.data * 0.65, adc.data), adc.affine
    )


def numbers(**changes):
    good = {
        "mask_volume_ml": 1400,
        "dice_to_atlas": 0.95,
        "nmi_to_atlas": 1.2,
        "t2w_coverage": 0.99,
        "dwi_coverage": 1.0,
        "flair_coverage": 1.0,
        "flair_fit": 0.85,
        "coverage_difference": -0.01,
        "midplane_tilt_deg": 0.5,
        "midplane_offset_mm": -0.3,
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


def test_the_coverage_of_the_sides_is_compared():
    atlas = np.ones((5, 4, 1), bool)  # the middle column belongs to neither side
    brain = atlas.copy()
    assert quality.coverage_difference(brain, of=atlas) == 0
    brain[0, :, 0] = False  # half of the left side
    assert quality.coverage_difference(brain, of=atlas) == -0.5
    assert quality.coverage_difference(brain[::-1], of=atlas) == 0.5


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


@pytest.mark.parametrize(("columns", "verdict"), [(1, "pass"), (2, "review"), (-3, "review")])
def test_a_sideways_shift_is_measured_and_judged(columns, verdict):
    t2w, _, _, brain = head()
    shifted = Volume(np.roll(t2w.data, columns, axis=0), t2w.affine)
    _, offset = quality.midplane(shifted, np.roll(brain, columns, axis=0))
    assert offset == pytest.approx(SPACING[0] * columns, abs=0.05)
    assert quality.judge(numbers(midplane_offset_mm=offset), LIMITS)[0] == verdict


def test_shown_stops_at_the_field_of_view_and_not_at_single_zeros():
    data = np.zeros((12, 10, 4), np.float32)
    data[:8, :, :3] = 5
    data[3, 4, 1] = 0
    expected = np.zeros(data.shape, bool)
    expected[:9, :, :3] = True  # and one column beyond
    np.testing.assert_array_equal(quality.shown(Volume(data, np.eye(4))), expected)


def test_share_exact():
    brain = np.arange(10) < 8
    assert quality.share(np.arange(10) >= 6, of=brain) == 0.25


def as_flair(t2w, dwi):
    """A FLAIR as tissue gives it: grey as on DWI, fluid dark, with noise of a tenth."""
    noise = np.random.default_rng(7).normal(1, 0.1, t2w.shape)
    return Volume((np.where(t2w.data > 200, 10, 1.3 * dwi.data) * noise).astype(np.float32), t2w.affine)


def test_flair_fit_is_the_variance_explained():
    """Two tissues and noise of known size, in voxels so large that nothing is smoothed: 1 - noise / all."""
    rng = np.random.default_rng(8)
    tissue = rng.choice([0.0, 1.0], (40, 40, 20))
    noise = rng.normal(0, 0.5, tissue.shape)
    far = np.diag([20.0, 20.0, 20.0, 1.0])
    t2w, dwi, flair = (Volume(d.astype(np.float32), far) for d in (tissue, 2 - tissue, 3 + tissue + noise))
    inside = np.ones(tissue.shape, bool)
    assert quality.fit(flair, t2w, dwi, inside) == pytest.approx(0.25 / (0.25 + 0.25), abs=0.02)
    assert quality.fit(t2w, t2w, dwi, inside) == pytest.approx(1)


@pytest.mark.parametrize(
    ("axis", "voxels", "fits"),
    [
        (0, 0, True),
        (0, 3, False),
        (0, -3, False),
        (1, 3, False),
        (1, -3, False),
        (2, 1, False),
        (2, -1, False),
    ],
)
def test_a_flair_some_mm_off_does_not_fit(axis, voxels, fits):
    """6 mm along x or y, 7 mm along z."""
    t2w, dwi, _, brain = head()
    flair = Volume(np.roll(as_flair(t2w, dwi).data, voxels, axis=axis), t2w.affine)
    assert (quality.fit(flair, t2w, dwi, brain) >= THRESHOLDS["min_flair_fit"]) is fits
    place = quality.measure_place(flair, t2w, dwi, brain)
    assert (quality.judge(numbers(flair_place=place), LIMITS)[0] == "pass") is fits


@pytest.mark.parametrize(("centre", "side"), [(-40, "left"), (40, "right")])
def test_planted_infarct_is_found_on_its_side(centre, side):
    _, dwi, adc, brain = head()
    left, right = quality.infarct_volumes(*with_infarct(dwi, adc, centre), brain)
    assert quality.side_of(left, right) == side
    assert max(left, right) == pytest.approx(4 / 3 * np.pi * 1.5**3, rel=0.25)  # 14.1 mL planted
    assert min(left, right) == 0


@pytest.mark.parametrize(("centre", "side"), [(-40, "left"), (40, "right")])
def test_the_marked_patch_is_the_one_that_is_measured(centre, side):
    """On the volume's own voxels, also where those are averaged two by two."""
    _, dwi, adc, brain = head()
    dwi, adc = with_infarct(dwi, adc, centre)
    marked = quality.mark_infarcts(dwi, adc, brain)
    measured = dict(zip(("left", "right"), quality.infarct_volumes(dwi, adc, brain), strict=True))
    half = brain.shape[0] // 2
    assert marked[:half].any() == (side == "left")
    assert marked[half:].any() == (side == "right")
    assert marked.sum() * np.prod(SPACING) / 1000 == pytest.approx(measured[side])
    twice = quality.mark_infarcts(fine(dwi), fine(adc), brain.repeat(2, axis=0).repeat(2, axis=1))
    assert (twice == marked.repeat(2, axis=0).repeat(2, axis=1)).all()


def test_a_patch_below_one_ml_is_not_marked():
    _, dwi, adc, brain = head()
    small = with_infarct(dwi, adc, -40, radius=8)
    assert 0 < max(quality.infarct_volumes(*small, brain)) < 1
    assert not quality.mark_infarcts(*small, brain).any()
    assert not quality.mark_infarcts(dwi, adc, np.zeros_like(brain)).any()


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
        ({"nmi_to_atlas": 1.011}, "review", "NMI"),
        ({"midplane_tilt_deg": 4.1}, "review", "mid-plane tilted by 4.1°, above 4°"),
        ({"midplane_tilt_deg": 4.0}, "pass", ""),
        ({"midplane_offset_mm": 3.1}, "review", "mid-plane +3.1 mm from the atlas's, above 3 mm"),
        ({"midplane_offset_mm": -3.1}, "review", "mid-plane -3.1 mm"),
        ({"midplane_offset_mm": -3.0}, "pass", ""),
        ({"t2w_coverage": 0.74}, "review", "T2w shows 74% of the atlas's brain, below 85%"),
        ({"t2w_coverage": 0.85}, "pass", ""),
        ({"t2w_coverage": 0.6}, "review", "T2w shows 60% of the atlas's brain, below 85%"),
        ({"t2w_coverage": 0.59}, "fail", "T2w shows 59% of the atlas's brain, below 60%"),
        ({"dwi_coverage": 0.94}, "review", "DWI shows 94% of the brain, below 95%"),
        ({"dwi_coverage": 0.79}, "fail", "DWI shows 79% of the brain, below 80%"),
        ({"flair_coverage": 0.59}, "fail", "FLAIR shows 59% of the brain, below 60%"),
        ({"flair_coverage": None, "flair_fit": None}, "pass", ""),
        ({"adc_median": 0.02}, "fail", "median ADC of the brain is 0.02"),
        ({"adc_median": 0.65}, "review", "median ADC of the brain is 0.65"),
        ({"upright": 0.0}, "fail", "upside down or back to front by 0.00, below 0.07"),
        ({"flair_coverage": 0.94}, "review", "FLAIR shows 94% of the brain, below 95%"),
        ({"flair_coverage": 0.95}, "pass", ""),
        ({"flair_fit": 0.54}, "review", "FLAIR fits T2w and DWI by 0.54, below 0.55"),
        ({"flair_fit": 0.55}, "pass", ""),
        ({"flair_place": 0.33}, "pass", ""),
        (
            {"flair_place": 0.3},
            "review",
            "FLAIR fits T2w and DWI here by +0.30 more than 6 mm away, below 0.33",
        ),
        (
            {"flair_place": -0.2},
            "fail",
            "FLAIR fits T2w and DWI here by -0.20 more than 6 mm away, below -0.15",
        ),
        ({"flair_fit": 0.29}, "fail", "FLAIR fits T2w and DWI by 0.29, below 0.3"),
        ({"coverage_difference": 0.051}, "review", "T2w shows 5% less of the atlas's brain right than left"),
        ({"coverage_difference": -0.12}, "review", "12% less of the atlas's brain left than right, above 5%"),
        ({"coverage_difference": -0.05}, "pass", ""),
        ({"side_seen": "right", "side_recorded": "left"}, "review", "DWI shows the infarct right"),
        ({"side_recorded": "right"}, "review", "DWI shows the infarct left, recorded is right"),
        ({"side_recorded": "both"}, "pass", ""),
        ({"side_recorded": ""}, "pass", ""),
        ({"side_seen": "none"}, "pass", ""),
        ({"nmi_to_atlas": 1.011, "dice_to_atlas": 0.5}, "fail", "below 0.85; NMI"),
    ],
)
def test_verdicts(change, verdict, word):
    given, reason = quality.judge(numbers(**change), LIMITS)
    assert given == verdict
    assert word in reason
    assert bool(reason) == (verdict != "pass")


@pytest.mark.parametrize("name", LIMITS)
def test_the_limits_that_are_told_are_those_that_are_judged(name):
    limits = LIMITS[name]
    beyond = {
        "fail": [limits.fail_below - 1e-3, limits.fail_above + 1e-3],
        "review": [limits.review_below - 1e-3, limits.review_above + 1e-3],
        "pass": [limits.review_below + 1e-3, limits.review_above - 1e-3],
    }
    if limits.review_below == limits.fail_below:
        del beyond["review"][0]
    if limits.review_above == limits.fail_above:
        del beyond["review"][-1]
    judged = [value for values in beyond.values() for value in values if np.isfinite(value)]
    assert judged
    for verdict, values in beyond.items():
        for value in filter(np.isfinite, values):
            assert quality.judge(numbers(**{name: value}), LIMITS)[0] == verdict, value


def test_every_number_with_a_limit_has_it_listed():
    """These have none: what is left is told by the sides, or is for information."""
    free = {"asymmetry", "infarct_left_ml", "infarct_right_ml", "side_seen", "side_recorded"}
    assert {*LIMITS} == {*NUMBERS} - free


def fine(volume):
    """The same head in voxels of half the size in plane."""
    half = np.diag([0.5, 0.5, 1, 1])
    half[:2, 3] = -0.25
    return Volume(volume.data.repeat(2, axis=0).repeat(2, axis=1), volume.affine @ half)


def test_fine_voxels_give_the_same_numbers():
    """Half the voxel size: averaged two by two, the head is the same, and so are all numbers."""
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
        {"t2w": t2w, "dwi": dwi, "flair": as_flair(t2w, dwi), "adc": adc},
        mask,
        atlas=t2w,
        atlas_mask=mask,
        transform=np.diag([1.25 ** (1 / 3)] * 3 + [1]),
        recorded_side="right",
        patient="p1",
    )
    assert set(measured) == set(NUMBERS) - {"adc_difference"} | {"alike"}
    assert measured["mask_volume_ml"] == pytest.approx(4 / 3 * np.pi * 6.8 * 8.5 * 7.2 / 1.25, rel=0.01)
    assert measured["dice_to_atlas"] == 1
    assert measured["nmi_to_atlas"] == pytest.approx(2, abs=1e-3)
    assert (measured["side_seen"], measured["side_recorded"]) == ("right", "right")
    assert (measured["t2w_coverage"], measured["flair_coverage"]) == (1, 1)
    assert measured["flair_fit"] > 0.9
    json.dumps(measured)
    verdict, _ = quality.judge(measured, LIMITS)
    assert verdict == "pass"


@pytest.mark.parametrize(("centre", "side"), [(-40, "left"), (40, "right")])
def test_a_patient_stored_mirrored_is_for_review(centre, side):
    """Every series flipped left for right: the infarct then disagrees with the recorded side."""
    t2w, dwi, adc, brain = head()
    dwi, adc = with_infarct(dwi, adc, centre)
    volumes = {"t2w": t2w, "dwi": dwi, "flair": as_flair(t2w, dwi), "adc": adc}
    mirrored = {name: Volume(v.data[::-1], v.affine) for name, v in volumes.items()}
    mask = Volume(brain.astype(np.float32), affine())
    rest = {"atlas": t2w, "atlas_mask": mask, "transform": np.eye(4), "recorded_side": side, "patient": "p1"}
    assert quality.judge(quality.measure(volumes, mask, **rest), LIMITS) == ("pass", "")
    verdict, reason = quality.judge(quality.measure(mirrored, mask, **rest), LIMITS)
    assert verdict == "review"
    assert reason.endswith(f"recorded is {side}")


def test_empty_mask_and_constant_series_exclude_the_patient():
    t2w, dwi, adc, brain = head()
    mask = Volume(brain.astype(np.float32), affine())
    empty = Volume(np.zeros(SHAPE, np.float32), affine())
    rest = {"atlas": t2w, "atlas_mask": mask, "transform": np.eye(4), "recorded_side": "", "patient": "p1"}
    with pytest.raises(PatientError, match="mask is empty"):
        quality.measure({"t2w": t2w, "dwi": dwi, "flair": t2w, "adc": adc}, empty, **rest)
    with pytest.raises(PatientError, match="flair is constant"):
        quality.measure({"t2w": t2w, "dwi": dwi, "flair": empty, "adc": adc}, mask, **rest)


@pytest.mark.parametrize(
    ("seen", "recorded", "disagree"),
    [
        ("left", "right", True),
        ("left", "left", False),
        ("left", "both", False),
        ("left", "", False),
        ("none", "left", False),  # small infarcts are missed
        ("none", "none", False),
        ("left", "none", True),
        ("both", "none", True),
    ],
)
def test_when_dwi_contradicts_the_sheets_side(seen, recorded, disagree):
    assert quality.sides_disagree(seen, recorded) == disagree

"""The ADC's normaliser in closed form, and the infarct on a constructed head."""

import numpy as np
import pytest

from strokeclock.baselines.radiomics.infarct import find_infarct, find_normaliser

X = np.linspace(0, 1, 101)  # numpy's quantile at .05, .06, … is then a value of the sample itself


@pytest.mark.parametrize(("slope", "steepness"), [(0, 4.0), (0.3, 4.0), (0.3, 11.0)])
def test_the_tangents_of_a_cubic_cross_a_third_of_the_way(slope, steepness):
    """q = 2 + slope (x - .35) + steepness (x - .35)³ is least steep at .35; the crossing is at x = .15."""
    adc = 2 + slope * (X - 0.35) + steepness * (X - 0.35) ** 3
    assert find_normaliser(np.random.default_rng(0).permutation(adc)) == pytest.approx(2 - 0.2 * slope)


def test_a_curve_that_flattens_to_the_end_has_its_tangent_there():
    """q = 1 - (1 - x)², least steep at x = .5: slopes 1.9 and 1 through q(.05) = .0975 and q(.5) = .75."""
    assert find_normaliser(1 - (1 - X) ** 2) == pytest.approx(0.0975 + 1.9 * (0.275 - 0.05))


@pytest.mark.parametrize(
    "adc", [np.full(50, 0.8), 0.5 + 0.1 * X, 0.5 + X**2], ids=["one value", "uniform", "upper tail alone"]
)
def test_a_histogram_without_a_lower_tail_has_no_normaliser(adc):
    with pytest.raises(ValueError, match="has no lower tail"):
        find_normaliser(adc)


SHAPE = (40, 40, 12)
VOXEL_ML = 0.024
BOX = np.s_[5:12, 10:18, 4:7]
TISSUE = 800e-6 + 1e-3 * (np.linspace(0, 1, np.prod(SHAPE)) - 0.35) ** 3  # 757e-6 and more
DARK, BRIGHT = 500e-6, 200.0


@pytest.fixture
def head():
    """ADC with a normaliser of 800e-6, b1000 of 100 ± 10, all of it white matter but for a rim along x."""
    rng = np.random.default_rng(1)
    white_matter = np.zeros(SHAPE, bool)
    white_matter[3:-3] = True
    return {
        "adc": rng.permutation(TISSUE).reshape(SHAPE),
        "dwi": 100 + 10 * rng.choice([-1.0, 1.0], SHAPE),
        "brain": np.ones(SHAPE, bool),
        "white_matter": white_matter,
    }


def put(head, where, *, adc=DARK, dwi=BRIGHT):
    head["adc"][where] = adc
    head["dwi"][where] = dwi


def find(head, **changes):
    settings = {"voxel_ml": VOXEL_ML, "adc_share": 0.835, "dwi_sd": 1.5}
    return find_infarct(**head, **settings | changes)


def marked(*places):
    mask = np.zeros(SHAPE, bool)
    for place in places:
        mask[place] = True
    return mask


def test_an_infarct_is_found_and_is_no_healthy_white_matter(head):
    put(head, BOX)
    infarct, healthy = find(head)
    assert np.array_equal(infarct, marked(BOX))
    assert np.array_equal(healthy, head["white_matter"] & ~infarct)


@pytest.mark.parametrize("change", [{"adc": 700e-6}, {"dwi": 100}])
def test_both_signs_are_needed(head, change):
    put(head, BOX, **change)
    assert not find(head)[0].any()


def test_the_limits_are_the_patients_own(head):
    """In other units of ADC and b1000 the same voxels are found."""
    put(head, BOX)
    head["adc"] *= 1e6
    head["dwi"] /= 7
    assert np.array_equal(find(head)[0], marked(BOX))


def test_the_share_of_the_normaliser_is_a_setting(head):
    put(head, BOX, adc=700e-6)
    assert np.array_equal(find(head, adc_share=0.93)[0], marked(BOX))


def test_the_threshold_of_b1000_is_a_setting(head):
    """White matter has 100 ± 10: 112 lies 1.2 SD above its mean."""
    put(head, BOX, dwi=112)
    assert not find(head)[0].any()
    assert np.array_equal(find(head, dwi_sd=1.1)[0], marked(BOX))


def test_white_matter_alone_sets_the_threshold(head):
    head["dwi"][~head["white_matter"]] = 1000
    put(head, BOX)
    assert np.array_equal(find(head)[0], marked(BOX))


def test_a_part_that_is_bright_on_the_whole_stays_whole(head):
    put(head, BOX)
    faint = np.s_[5:8, 10:18, 4:7]
    head["dwi"][faint] = 100
    assert np.array_equal(find(head)[0], marked(BOX))


def test_of_a_part_that_is_not_bright_on_the_whole_the_bright_voxels_stay(head):
    put(head, BOX, dwi=80)
    bright = np.s_[5:8, 10:18, 4:7]
    head["dwi"][bright] = 120
    assert np.array_equal(find(head)[0], marked(bright))


def test_parts_that_touch_at_an_edge_are_judged_apart(head):
    put(head, BOX)
    put(head, np.s_[12:19, 18:26, 4:7], dwi=80)
    assert np.array_equal(find(head)[0], marked(BOX))


def test_holes_are_filled(head):
    put(head, BOX)
    put(head, np.s_[8, 14, 5], adc=800e-6, dwi=100)
    assert np.array_equal(find(head)[0], marked(BOX))


def test_parts_under_two_tenths_of_a_millilitre_are_dropped(head):
    put(head, BOX)
    put(head, np.s_[30:33, 30:33, 9:10])  # 9 voxels: .216 mL
    put(head, np.s_[25:27, 30:34, 3:4])  # 8 voxels: .192 mL
    assert np.array_equal(find(head)[0], marked(BOX, np.s_[30:33, 30:33, 9:10]))


def test_nothing_is_found_outside_the_brain(head):
    put(head, BOX)
    head["brain"][8:] = False
    head["white_matter"] &= head["brain"]
    assert np.array_equal(find(head)[0], marked(np.s_[5:8, 10:18, 4:7]))


@pytest.mark.parametrize(
    ("lacking", "said"),
    [("brain", "no common part"), ("white_matter", "no white matter has a normal")],
)
def test_without_brain_or_white_matter_there_is_no_answer(head, lacking, said):
    head[lacking][:] = False
    with pytest.raises(ValueError, match=said):
        find(head)

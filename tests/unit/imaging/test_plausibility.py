"""The physics of the series: exact on a head of fluid and tissue, and each kind of exchange told."""

import numpy as np
import pytest

from strokeclock.imaging.plausibility import (
    NUMBERS,
    judge_physics,
    measure_adc_difference,
    measure_physics,
    measure_stretch,
    measure_upright,
)
from strokeclock.imaging.volume import Volume, compute_adc

SHAPE, SPACING = (56, 64, 24), (3.0, 3.0, 6.0)
AFFINE = np.diag([*SPACING, 1.0])
AFFINE[:3, 3] = -(np.array(SHAPE) - 1) / 2 * np.array(SPACING)
ADC_MEDIAN = (0.6, 1.6)


def volume(data):
    return Volume(np.asarray(data, np.float32), AFFINE)


def brain():
    x, y, z = (np.indices(SHAPE)[k] * SPACING[k] + AFFINE[k, 3] for k in range(3))
    inside = (x / 65) ** 2 + ((y + 5) / 80) ** 2 + ((z - 5) / 62) ** 2 < 1
    ventricle = inside & ((np.abs(x) - 14) ** 2 / 10**2 + (y - 8) ** 2 / 34**2 + (z - 10) ** 2 / 20**2 < 1)
    grey = inside & ~ventricle & (np.cos(np.abs(x) / 5) * np.cos(y / 6 + 1) * np.cos(z / 9) > 0.1)
    return inside, ventricle, grey


@pytest.fixture
def head():
    """White matter, grey matter and fluid with known intensities; ADC 0.7 (SD 0.1), 0.85 and 2.6e-3 mm2/s."""
    inside, ventricle, grey = brain()

    def paint(white, of_grey, fluid):
        return np.where(ventricle, fluid, np.where(grey, of_grey, white)) * inside

    t2w = paint(300, 380, 900)
    rng = np.random.default_rng(0)
    dwi = t2w * np.exp(-paint(0.7 + rng.normal(0, 0.1, SHAPE), 0.85, 2.6))
    flair = paint(250, 330, 60) + inside * rng.normal(0, 25, SHAPE)
    series = {"t2w": volume(t2w), "dwi": volume(dwi), "flair": volume(flair)}
    return with_adc(series), inside


def with_adc(series):
    return series | {"adc": compute_adc(series["t2w"], series["dwi"], b_value=1000)}


def measure(series, inside, *, transform=None, atlas=None):
    fixed_inside, ventricle, _ = brain()
    return measure_physics(
        series,
        inside,
        atlas=atlas or volume(fixed_inside * 0.3 + ventricle * 0.7),
        atlas_inside=fixed_inside,
        transform=np.eye(4) if transform is None else transform,
    )


def judge(series, inside, **rest):
    return judge_physics(measure(series, inside, **rest), adc_median=ADC_MEDIAN)


def test_every_number_of_a_sound_head(head):
    series, inside = head
    numbers = measure(series, inside)
    assert set(numbers) == set(NUMBERS) - {"adc_difference"} | {"alike"}
    assert numbers["adc_median"] == pytest.approx(np.median(series["adc"].data[inside]) * 1e3, abs=0.01)
    assert numbers["adc_fluid"] == pytest.approx(2.6, abs=1e-3)
    dark = inside & (series["t2w"].data <= np.percentile(series["t2w"].data[inside], 80))
    quartiles = np.percentile(series["adc"].data[dark] * 1e3, [25, 75])
    assert numbers["adc_spread"] == pytest.approx(np.ptp(quartiles), abs=0.01)
    assert (numbers["dwi_above_t2w"], numbers["adc_at_limit"], numbers["stretch"]) == (0, 0, 1)
    assert numbers["t2w_fluid"] == pytest.approx(900 / 300)
    fluid = 900 * np.exp(-2.6)
    assert numbers["dwi_fluid"] == pytest.approx(fluid / np.median(series["dwi"].data[inside]), abs=0.02)
    assert numbers["flair_fluid"] == pytest.approx(60 / 265, abs=0.05)
    assert numbers["flair_tissue"] > 0.7
    assert numbers["likeness"] < 0.93
    assert judge_physics(numbers, adc_median=ADC_MEDIAN) == ([], [])


def test_without_flair_and_in_atlas_space(head):
    series, inside = head
    del series["flair"]
    fixed_inside, ventricle, _ = brain()
    numbers = measure_physics(
        series,
        inside,
        atlas=volume(fixed_inside * 0.3 + ventricle * 0.7),
        atlas_inside=fixed_inside,
        transform=None,
    )
    assert numbers.keys() == set(NUMBERS) - {"adc_difference", "flair_fluid", "flair_tissue"} | {"alike"}
    assert numbers["stretch"] is None
    assert judge_physics(numbers, adc_median=ADC_MEDIAN) == ([], [])


def times(name, factor):
    return lambda s: s | {name: volume(s[name].data * factor)}


def swap(**columns):
    return lambda s: s | {name: s[source] for name, source in columns.items()}


def map_values(name, change):
    return lambda s: s | {name: volume(np.where(s[name].data > 0, change(s[name].data), 0))}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (swap(t2w="dwi", dwi="t2w"), "DWI is as bright as T2w or brighter in 100% of the brain, above 0.1"),
        (times("dwi", 4), "median ADC of the brain is 0.00·10⁻³ mm²/s, below 0.6"),
        (times("dwi", 0.25), "median ADC of the brain is 2.16·10⁻³ mm²/s, above 1.6"),
        (times("t2w", 0.5), "median ADC of the brain is 0.08·10⁻³ mm²/s, below 0.6"),
        (map_values("dwi", lambda d: np.full_like(d, 1.0)), "ADC is 4·10⁻³ mm²/s or more in"),
        (swap(flair="t2w"), "fluid on FLAIR is 3.00 times as bright as the brain, above 0.95"),
        (swap(flair="dwi"), "DWI and FLAIR correlate by 1.000 in tissue, above 0.95: one file may stand in"),
        (swap(flair="t2w"), "T2w and FLAIR correlate by 1.000 in tissue, above 0.95: one file may stand in"),
        (
            map_values("flair", lambda d: np.clip(600 - d, 5, None) * (d > 150)),
            "FLAIR and T2w correlate by -0",
        ),
        (map_values("t2w", lambda d: np.minimum(d, 380)), "fluid on T2w is 1.27 times as bright"),
    ],
)
def test_series_that_are_not_what_their_column_says_fail(head, spoil, words):
    series, inside = head
    fails, _ = judge(with_adc(spoil({name: series[name] for name in ("t2w", "dwi", "flair")})), inside)
    assert any(reason.startswith(words) for reason in fails), fails


def test_a_constant_added_to_both_is_seen_in_fluid(head):
    series, inside = head
    spoilt = {name: volume((v.data + 400) * inside) for name, v in series.items() if name != "adc"}
    fails, reviews = judge(with_adc(spoilt), inside)
    assert any(reason.startswith("fluid on DWI is") for reason in fails + reviews)


def test_dwi_of_another_scan_spreads_the_adc(head):
    series, inside = head
    other = {**series, "dwi": volume(np.roll(series["dwi"].data[:, ::-1], 3, axis=0) * inside)}
    assert measure(with_adc(other), inside)["adc_spread"] > 1.2 * measure(series, inside)["adc_spread"]


@pytest.mark.parametrize("axes", [(2,), (1,), (1, 2)])
def test_a_head_turned_over_is_less_like_the_atlas(head, axes):
    series, inside = head
    fixed_inside, ventricle, _ = brain()
    rest = {"atlas": volume(fixed_inside * 0.3 + ventricle * 0.7), "atlas_inside": fixed_inside}
    upright = measure_upright(series["t2w"], inside, **rest)
    turned = measure_upright(volume(np.flip(series["t2w"].data, axes)), np.flip(inside, axes), **rest)
    assert upright > 0.13
    assert turned < 0.07


def test_stretch_exact():
    turn = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    matrix = np.eye(4)
    matrix[:3, :3] = turn @ np.diag([1.2, 0.8, 1.0]) @ turn.T
    matrix[:3, 3] = 40
    assert measure_stretch(matrix) == pytest.approx(1.5)


def test_a_wrong_voxel_size_fails_and_a_doubtful_one_is_for_review(head):
    series, inside = head
    fails, _ = judge(series, inside, transform=np.diag([1, 1, 1.4, 1]))
    assert fails[0].startswith(
        "T2w had to be stretched by 1.40 along one axis relative to another, above 1.3"
    )
    fails, reviews = judge(series, inside, transform=np.diag([1, 1, 1.25, 1]))
    assert not fails
    assert reviews[0].startswith("T2w had to be stretched by 1.25")


@pytest.mark.parametrize(
    ("value", "fail", "review"),
    [
        (0.59, "below 0.6", ""),
        (0.65, "", "below 0.7"),
        (0.9, "", ""),
        (1.35, "", "above 1.3"),
        (1.7, "above 1.6", ""),
    ],
)
def test_the_limits_of_the_median_adc_follow_the_configuration(value, fail, review):
    fails, reviews = judge_physics({"adc_median": value}, adc_median=ADC_MEDIAN)
    assert (fail in "".join(fails), bool(fails)) == (True, bool(fail))
    assert (review in "".join(reviews), bool(reviews)) == (True, bool(review))


@pytest.mark.parametrize("unit", [1, 1e3, 1e6])
@pytest.mark.parametrize(
    ("change", "difference"), [(lambda a: a, 0), (lambda a: 1.3 * a, 0.3), (lambda a: 0.8 * a, 0.2)]
)
def test_a_shipped_adc_map_is_compared_in_any_unit(head, unit, change, difference):
    series, inside = head
    shipped = volume(change(series["adc"].data) * unit)
    assert measure_adc_difference(shipped, series["adc"], inside) == pytest.approx(difference, abs=1e-3)
    assert bool(judge_physics({"adc_difference": difference}, adc_median=ADC_MEDIAN)[1]) == (
        difference > 0.15
    )


def test_an_exponential_map_is_no_adc(head):
    series, inside = head
    exponential = volume(1000 * np.exp(-1e3 * series["adc"].data))
    assert measure_adc_difference(exponential, series["adc"], inside) > 0.25

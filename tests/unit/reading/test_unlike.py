"""What lies outside the training patients' ranges: named from a quarter of a width on, far from two on."""

import pytest
from small_bundle import make_summary

from strokeclock.bundle.summary import make_range
from strokeclock.reading.unlike import describe, find_outside

RANGE = make_range([10.0 + number / 10 for number in range(1001)])  # 11 to 109, median 60: a width of 98


def find(**values):
    summary = make_summary(
        quality={"adc_median": RANGE},
        intensities={"dwi_p99": RANGE},
        protocol={"dwi.te_ms": RANGE},
        texts={"flair.vendor": ["Siemens"]},
    )
    known = {"quality": {}, "intensities": {}, "protocol": {}, "words": {}}
    return find_outside(summary, **known | values)


def test_the_range_leaves_out_a_hundredth_at_each_end():
    assert (RANGE.low, RANGE.median, RANGE.high) == (11.0, 60.0, 109.0)
    few = make_range([float(number) for number in range(11)])
    assert (few.low, few.high) == pytest.approx((1.818, 8.182), abs=1e-3)  # two of eleven left out


@pytest.mark.parametrize("kind", ["quality", "intensities", "protocol"])
@pytest.mark.parametrize(
    ("value", "is_named", "is_far"),
    [
        (60.0, False, False),
        (109.0 + 0.24 * 98, False, False),
        (109.0 + 0.26 * 98, True, False),
        (109.0 + 1.99 * 98, True, False),
        (109.0 + 2.01 * 98, True, True),
        (11.0 - 0.26 * 98, True, False),
        (11.0 - 2.01 * 98, True, True),
    ],
)
def test_limits(kind, value, is_named, is_far):
    name = {"quality": "adc_median", "intensities": "dwi_p99", "protocol": "dwi.te_ms"}[kind]
    found = find(**{kind: {name: value}})
    assert len(found) == is_named
    if is_named:
        assert found[0].is_far == (is_far and kind != "protocol")
        assert (found[0].low, found[0].high) == (11.0, 109.0)


def test_words_that_no_training_patient_had_are_named():
    assert find(words={"flair.vendor": "Siemens"}) == ()
    (found,) = find(words={"flair.vendor": "GE"})
    assert (found.value, found.known, found.is_far) == ("GE", ("Siemens",), False)


def test_what_has_no_range_is_not_judged():
    assert find(quality={"stretch": 1e9}, protocol={"flair.te_ms": 1e9}, words={"dwi.vendor": "GE"}) == ()


def test_the_farthest_comes_first():
    found = find(quality={"adc_median": 200.0}, protocol={"dwi.te_ms": 900.0})
    assert [one.name for one in found] == ["dwi.te_ms", "adc_median"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("dwi.te_ms", "TE of DWI, ms"),
        ("flair_p99", "percentile 99 of FLAIR in the brain, after normalisation"),
        ("flair_place", "how much more FLAIR fits in its place than 6 mm away"),
        ("adc_median", "median ADC of the brain, 10⁻³ mm²/s"),
    ],
)
def test_numbers_are_said_in_words(name, words):
    assert describe(name) == words

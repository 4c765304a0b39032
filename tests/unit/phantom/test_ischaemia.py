"""Lesion contrast against the ratios computed independently in SCIENCE.md 5.2 (gain 1, A 32 ms, r .72)."""

import numpy as np
import pytest

from strokeclock.phantom.clinic import draw_patient
from strokeclock.phantom.contrast import true_log_ratios
from strokeclock.phantom.ischaemia import TISSUES, adc_ratio, infarct, lesion_tissue, log_t2_ratio
from strokeclock.phantom.signal import diffusion_signal, flair_signal

HOURS = np.array([2, 3, 4.5, 6, 12, 24])


def make_lesion(field_t, name, hours):
    healthy = TISSUES[field_t][name]
    return healthy, infarct(
        healthy,
        tissue_hours=hours,
        radc=adc_ratio(hours, core_radc=0.72),
        log_t2=log_t2_ratio(hours, t2_rise_ms=32),
        log_t1_nuisance=0,
        contrast_gain=1,
    )


@pytest.mark.parametrize(
    ("field_t", "name", "expected"),
    [
        (3.0, "wm", [1.05, 1.08, 1.12, 1.16, 1.29, 1.42]),
        (3.0, "gm", [0.99, 1.00, 1.02, 1.04, 1.11, 1.19]),
        (1.5, "wm", [1.06, 1.09, 1.13, 1.17, 1.29, 1.41]),
        (1.5, "gm", [1.03, 1.05, 1.08, 1.10, 1.19, 1.27]),
    ],
)
def test_flair_ratio_over_time(field_t, name, expected):
    healthy, lesion = make_lesion(field_t, name, HOURS)
    ratio = flair_signal(lesion.pd, lesion.t1, lesion.t2, tr=9000, te=110, ti=2445) / flair_signal(
        healthy.pd, healthy.t1, healthy.t2, tr=9000, te=110, ti=2445
    )
    assert ratio == pytest.approx(expected, abs=0.012)


def test_dwi_ratio_over_time():
    healthy, lesion = make_lesion(3.0, "wm", np.array([1, 4.5, 12, 24]))
    sequence = {"tr": 6000, "te": 95, "b": 1000}
    ratio = diffusion_signal(*lesion, **sequence) / diffusion_signal(*healthy, **sequence)
    assert ratio == pytest.approx([1.27, 1.38, 1.55, 1.70], abs=0.04)


def test_t2_rises_by_2_2_ms_an_hour_at_first():
    assert 82 * np.expm1(log_t2_ratio(0.01, t2_rise_ms=32)) / 0.01 == pytest.approx(2.2, abs=0.02)
    assert np.exp(log_t2_ratio(4.5, t2_rise_ms=32)) == pytest.approx(1.10, abs=0.005)


def test_adc_falls_from_healthy_to_the_core():
    assert adc_ratio(0, core_radc=0.74) == 1
    assert adc_ratio(0.35, core_radc=0.74) == pytest.approx(0.74 + 0.26 / np.e)
    assert adc_ratio(24, core_radc=0.74) == pytest.approx(0.74)


def test_gain_scales_time_and_nuisance_together(laws):
    record = draw_patient(3, seed=0, settings=laws)
    healthy = TISSUES[record.field_t]["wm"]
    one, two = (lesion_tissue(healthy, record, contrast_gain=gain) for gain in (1, 2))
    assert np.log(two.t2 / healthy.t2) == pytest.approx(2 * np.log(one.t2 / healthy.t2))
    expected = log_t2_ratio(record.tissue_hours, t2_rise_ms=record.t2_rise_ms) + record.log_t2_nuisance
    assert np.log(one.t2 / healthy.t2) == pytest.approx(expected)
    assert (one.pd, one.t1, one.adc) == (two.pd, two.t1, two.adc)


def test_contrast_of_a_mixed_lesion_is_that_of_its_parts(laws):
    """Half grey, half white: signals add before the ratio is taken."""
    record = draw_patient(5, seed=0, settings=laws)
    ratios = true_log_ratios([record], [0.5], contrast_gain=2.0)
    healthy = [TISSUES[record.field_t][name] for name in ("gm", "wm")]
    lesion = [lesion_tissue(tissue, record, contrast_gain=2.0) for tissue in healthy]
    for channel, b in (("t2w", 0), ("dwi", 1000)):
        sums = [
            sum(diffusion_signal(*t, tr=record.epi.tr_ms, te=record.epi.te_ms, b=b) for t in tissues)
            for tissues in (lesion, healthy)
        ]
        assert ratios[channel] == pytest.approx(np.log(sums[0] / sums[1]))

"""Lesion contrast against the ratios computed independently in SCIENCE.md 5.2 (gain 1, A 32 ms, r .72)."""

import numpy as np
import pytest

from strokeclock.phantom.clinic import draw_patient
from strokeclock.phantom.contrast import true_log_ratios
from strokeclock.phantom.ischaemia import (
    adc_ratio,
    infarct,
    lesion_tissue,
    log_t2_ratio,
    spread_adc_ratio,
)
from strokeclock.phantom.signal import diffusion_signal, flair_signal
from strokeclock.phantom.tissue import TISSUES, Tissue, healthy_tissues

STANISZ = {
    (1.5, "gm"): Tissue(0.82, 1124, 95, 0.83e-3),
    (1.5, "wm"): Tissue(0.70, 884, 72, 0.73e-3),
    (3.0, "gm"): Tissue(0.82, 1820, 99, 0.83e-3),
    (3.0, "wm"): Tissue(0.70, 1084, 69, 0.73e-3),
}
HOURS = np.array([2, 3, 4.5, 6, 12, 24])


def make_lesion(field_t, name, hours):
    healthy = STANISZ[field_t, name]
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
    ratio = diffusion_signal(*lesion[:4], **sequence) / diffusion_signal(*healthy[:4], **sequence)
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
    healthy = healthy_tissues(record)["wm"]
    one, two = (lesion_tissue(healthy, record, contrast_gain=gain) for gain in (1, 2))
    assert np.log(two.t2 / healthy.t2) == pytest.approx(2 * np.log(one.t2 / healthy.t2))
    expected = log_t2_ratio(record.tissue_hours, t2_rise_ms=record.t2_rise_ms) + record.log_t2_nuisance
    assert np.log(one.t2 / healthy.t2) == pytest.approx(expected)
    assert (one.pd, one.t1, one.adc) == (two.pd, two.t1, two.adc)


def test_contrast_of_a_mixed_lesion_is_that_of_its_parts(laws):
    """Half grey, half white: signals add before the ratio is taken."""
    record = draw_patient(5, seed=0, settings=laws)
    ratios = true_log_ratios([record], [0.5], contrast_gain=2.0, time_sigma=0.0)
    healthy = [healthy_tissues(record)[name] for name in ("gm", "wm")]
    lesion = [lesion_tissue(tissue, record, contrast_gain=2.0) for tissue in healthy]
    for channel, b in (("t2w", 0), ("dwi", 1000)):
        sums = [
            sum(diffusion_signal(*t[:4], tr=record.epi.tr_ms, te=record.epi.te_ms, b=b) for t in tissues)
            for tissues in (lesion, healthy)
        ]
        assert ratios[channel] == pytest.approx(np.log(sums[0] / sums[1]))


def test_a_lesion_of_many_times_has_their_mean_signal(laws):
    """Against 200,000 drawn times."""
    record = draw_patient(5, seed=0, settings=laws)
    times = np.random.default_rng(0).lognormal(0, 0.6, 200_000)
    healthy = healthy_tissues(record)["wm"]
    lesion = lesion_tissue(healthy, record, contrast_gain=2.0, time_factor=times)
    epi = {"tr": record.epi.tr_ms, "te": record.epi.te_ms, "b": 1000}
    flair = {"tr": record.flair.tr_ms, "te": record.flair.te_ms, "ti": record.flair.ti_ms}
    expected = {
        "dwi": np.mean(diffusion_signal(*lesion[:4], **epi)) / diffusion_signal(*healthy[:4], **epi),
        "flair": np.mean(flair_signal(*lesion[:3], **flair)) / flair_signal(*healthy[:3], **flair),
    }
    ratios = true_log_ratios([record], [0.0], contrast_gain=2.0, time_sigma=0.6)
    one_time = true_log_ratios([record], [0.0], contrast_gain=2.0, time_sigma=0.0)
    for channel, ratio in expected.items():
        assert ratios[channel][0] == pytest.approx(np.log(ratio), abs=0.003)
        assert abs(one_time[channel][0] - np.log(ratio)) > 0.003


def test_the_adc_at_another_time_follows_the_law():
    here = adc_ratio(0.5, core_radc=0.7)
    assert spread_adc_ratio(here, tissue_hours=0.5, time_factor=3.0) == pytest.approx(
        adc_ratio(1.5, core_radc=0.7)
    )


@pytest.mark.parametrize("field_t", TISSUES)
def test_grey_and_white_matter_differ_as_in_real_scans(field_t):
    """Two real scans, measured on blurred maps: b0 1.05 and 1.12, b1000 1.09 and 1.11, FLAIR 1.14."""
    gm, wm = (TISSUES[field_t][name] for name in ("gm", "wm"))
    sequence = {"tr": 6000, "te": 95}
    for b, low, high in ((0, 1.1, 1.25), (1000, 1.05, 1.25)):
        ratio = diffusion_signal(*gm[:4], **sequence, b=b) / diffusion_signal(*wm[:4], **sequence, b=b)
        assert low < ratio < high
    flair = {"tr": 8500, "te": 111, "ti": 2420}
    ratio = gm.mt * flair_signal(*gm[:3], **flair) / (wm.mt * flair_signal(*wm[:3], **flair))
    assert 1.1 < ratio < 1.3


def test_a_patient_has_healthy_tissue_of_its_own(laws):
    records = [draw_patient(number, seed=0, settings=laws) for number in range(1, 201)]
    for name in ("gm", "wm"):
        t2 = [healthy_tissues(r)[name].t2 / TISSUES[r.field_t][name].t2 for r in records]
        assert np.std(np.log(t2)) == pytest.approx(0.03, rel=0.2)
    assert healthy_tissues(records[0])["csf"] == TISSUES[records[0].field_t]["csf"]

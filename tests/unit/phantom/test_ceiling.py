"""The practical ceiling: AUC and calibration of its observer, and equality with a brute-force simulation."""

import json

import numpy as np
import pytest

from strokeclock.phantom import ceiling
from strokeclock.phantom.clinic import draw_patient, onset_log_quantile, relaxation_nuisance_sd
from strokeclock.phantom.contrast import LesionContrast, true_log_ratios
from strokeclock.phantom.ischaemia import adc_ratio, log_t2_ratio
from strokeclock.phantom.signal import SERIES


@pytest.fixture(scope="module")
def cohort(laws):
    records = [draw_patient(number, seed=0, settings=laws) for number in range(1, 2501)]
    grey_share = np.array([ceiling.draw_grey_share(record, seed=0) for record in records])
    return records, grey_share, np.array([record.onset_to_mri_min for record in records]) / 60


@pytest.fixture(scope="module")
def posterior(laws, cohort):
    return ceiling.ratio_observer(*cohort[:2], settings=laws)


def test_three_channels_together_lie_within_078_and_087(posterior, cohort):
    auc, low, high = ceiling.area_under_curve(posterior[:, 1], cohort[2] < 4.5)
    assert 0.78 <= low < auc < high <= 0.87


def test_permuted_labels_leave_nothing(posterior, cohort):
    permuted = np.random.default_rng(0).permutation(cohort[2] < 4.5)
    assert ceiling.area_under_curve(posterior[:, 1], permuted)[0] == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(("column", "limit"), [(0, 3.0), (1, 4.5)])
def test_posterior_is_calibrated(posterior, cohort, column, limit):
    """Of patients given about p, a share p is early, which a wrong likelihood would not reach."""
    probability, early = posterior[:, column], cohort[2] < limit
    for group in np.array_split(np.argsort(probability), 5):
        p = probability[group]
        assert abs(early[group].mean() - p.mean()) < 3.5 * np.sqrt(np.mean(p * (1 - p)) / len(group))


@pytest.mark.parametrize("channels", [SERIES, ("t2w",), ("dwi",), ("flair",)])
@pytest.mark.parametrize("number", [4, 8, 12])
def test_posterior_equals_simulation(laws, cohort, number, channels):
    """Simulate patients of this one's scanner, volume and mix; weight them by how alike signals are.

    The kernel blurs the signals: patients whose tissue time T1 tells sharply would need a narrower one.
    """
    records, grey_share = cohort[0][number : number + 1], cohort[1][number : number + 1]
    rng, n, width = np.random.default_rng(number), 400_000, 0.02
    sd = relaxation_nuisance_sd(records[0].lesion_volume_ml, s0=laws["t2_nuisance"])
    hours = np.exp(onset_log_quantile(laws["site"])(rng.random(n))) / 60
    tissue_hours = hours * rng.lognormal(0, laws["tissue_clock_sigma"], n)
    core_radc = rng.normal(0.74, 0.07, n)
    core_radc = np.where((core_radc > 0.55) & (core_radc < 0.90), core_radc, 0.74)
    core_radc = np.where(rng.random(n) < laws["dwi_negative"], rng.uniform(0.92, 1.0, n), core_radc)
    rise = rng.lognormal(np.log(32), 0.2, n)
    lesion = {
        "tissue_hours": tissue_hours,
        "radc": adc_ratio(tissue_hours, core_radc=core_radc),
        "log_t2": log_t2_ratio(tissue_hours, t2_rise_ms=rise) + rng.normal(0, sd, n),
        "t2_rise_ms": rise,
        "log_t1_nuisance": rng.normal(0, sd, n),
    }
    contrast_laws = {"contrast_gain": laws["contrast_gain"], "time_sigma": laws["lesion_time_sigma"]}
    contrast = LesionContrast(records, grey_share, **contrast_laws, axes=1)
    observed = true_log_ratios(records, grey_share, **contrast_laws)
    distance = sum((contrast.log_ratio(c, **lesion)[0] - observed[c]) ** 2 for c in channels)
    weight = np.exp(-distance / (2 * width**2))
    assert weight.sum() > 300
    (probability,) = ceiling.ratio_observer(records, grey_share, settings=laws, channels=channels)
    for limit, value in zip(ceiling.LIMITS_HOURS, probability, strict=True):
        assert value == pytest.approx(weight[hours < limit].sum() / weight.sum(), abs=0.05)


@pytest.mark.parametrize("channel", SERIES)
@pytest.mark.parametrize("time_sigma", [0.0, 0.6])
def test_the_log_ratio_along_log_t2_is_that_of_all_parameters_and_has_its_derivative(
    cohort, channel, time_sigma
):
    records, grey_share = cohort[0][:5], cohort[1][:5]
    contrast = LesionContrast(records, grey_share, contrast_gain=2.0, time_sigma=time_sigma, axes=1)
    lesion = {"tissue_hours": np.array([0.5, 3.0, 40.0]), "radc": 0.7, "log_t1_nuisance": 0.02}
    along = contrast.along_log_t2(channel, **lesion)
    x, step = np.array([-0.1, 0.2, 0.5]), 1e-5
    before, value, after = (
        contrast.log_ratio(channel, log_t2=log_t2, **lesion) for log_t2 in (x - step, x, x + step)
    )
    found, slope = along(x)
    assert found.shape == (5, 3)
    np.testing.assert_allclose(found, value, rtol=1e-12)
    np.testing.assert_allclose(slope, (after - before) / (2 * step), rtol=1e-6)


def test_without_nuisance_only_the_tissue_clock_lowers_the_auc(laws):
    """SCIENCE.md 5.3: with k alone (sigma .8) a perfect T2 clock reaches .90; a perfect clock reaches 1."""
    for sigma, low, high in ((0.8, 0.88, 0.92), (0.0, 0.98, 1.0)):
        clean = laws | {"t2_nuisance": 0.0, "tissue_clock_sigma": sigma, "lesion_time_sigma": 0.0}
        records = [draw_patient(number, seed=0, settings=clean) for number in range(1, 1501)]
        early = np.array([record.onset_to_mri_min < 270 for record in records])
        probability = ceiling.ratio_observer(records, np.full(len(records), 0.5), settings=clean)
        assert low < ceiling.area_under_curve(probability[:, 1], early)[0] <= high


def test_area_under_curve_by_hand():
    scores, positive = np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, False, True, True])
    assert ceiling.area_under_curve(scores, positive)[0] == pytest.approx(3.5 / 4)


def test_ceiling_is_written_whole(tmp_path, laws):
    measured = ceiling.measure_ceiling(60, settings=laws)
    ceiling.write_ceiling(measured, tmp_path / "ceiling.json")
    assert json.loads((tmp_path / "ceiling.json").read_text()) == measured
    assert set(measured) == {"patients", "tss<3h", "tss<4.5h"}
    assert set(measured["tss<3h"]) == {"all", "tissue_time", *SERIES}
    for limit in ("tss<3h", "tss<4.5h"):
        assert measured[limit]["tissue_time"]["auc"] > measured[limit]["all"]["auc"]
    assert [path.name for path in tmp_path.iterdir()] == ["ceiling.json"]

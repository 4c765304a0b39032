"""The readers on many patients against the paper's three neuroradiologists."""

import numpy as np
import pytest
from statsmodels.stats.inter_rater import aggregate_raters, fleiss_kappa

from strokeclock.phantom.clinic import draw_patient
from strokeclock.phantom.readers import read_mismatch


@pytest.fixture(scope="module")
def reading(laws):
    records = [draw_patient(number, seed=11, settings=laws) for number in range(1, 4001)]
    calls = [
        read_mismatch(
            record, seed=11, contrast_gain=laws["contrast_gain"], time_sigma=laws["lesion_time_sigma"]
        )
        for record in records
    ]
    return records, np.array(calls), np.array([record.onset_to_mri_min < 270 for record in records])


def test_sensitivity_and_specificity_are_the_papers(reading):
    _, calls, early = reading
    assert calls[early].mean(axis=0) == pytest.approx([0.5476, 0.4286, 0.5714], abs=0.04)
    assert 1 - calls[~early].mean(axis=0) == pytest.approx([0.85, 0.925, 0.65], abs=0.04)
    majority = calls.sum(axis=1) >= 2
    assert 1 - majority[~early].mean() == pytest.approx(0.875, abs=0.04)


def test_agreement_is_the_papers(reading):
    table, _ = aggregate_raters(reading[1])
    assert fleiss_kappa(table) == pytest.approx(0.46, abs=0.04)


def test_calls_repeat_alone(reading, laws):
    records, calls, _ = reading
    assert read_mismatch(
        records[40], seed=11, contrast_gain=laws["contrast_gain"], time_sigma=laws["lesion_time_sigma"]
    ) == tuple(calls[40])

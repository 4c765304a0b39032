"""The phantom's patients: distributions of SCIENCE.md 5.4, independence, and one patient alone."""

import numpy as np
import pytest

from strokeclock.phantom.clinic import TERRITORIES, draw_patient, relaxation_nuisance_sd
from strokeclock.phantom.signal import null_inversion_time

N = 6000


@pytest.fixture(scope="module")
def records(laws):
    return [draw_patient(number, seed=1, settings=laws) for number in range(1, N + 1)]


def column(records, name):
    return np.array([getattr(record, name) for record in records])


def test_a_patient_can_be_drawn_alone(records, laws):
    assert draw_patient(17, seed=1, settings=laws) == records[16]
    assert draw_patient(17, seed=2, settings=laws) != records[16]


def test_onset_times(records):
    minutes = column(records, "onset_to_mri_min")
    assert minutes.min() >= 25
    assert minutes.max() <= 2880
    quartiles = np.quantile(minutes, [0.25, 0.5, 0.75])
    assert quartiles == pytest.approx([105, 224, 687], rel=0.08)
    assert np.mean(minutes < 180) == pytest.approx(0.41, abs=0.02)
    assert np.mean(minutes < 270) == pytest.approx(0.54, abs=0.02)


def test_volumes_and_severity(records):
    volume = column(records, "lesion_volume_ml")
    assert np.quantile(volume, [0.25, 0.5, 0.75]) == pytest.approx([2.5, 8, 25], rel=0.1)
    assert volume.mean() == pytest.approx(28, rel=0.12)
    assert np.mean(volume < 1) == pytest.approx(0.11, abs=0.015)
    nihss = column(records, "nihss")
    assert np.quantile(nihss, [0.25, 0.5, 0.75]) == pytest.approx([4, 8, 16], abs=1)
    assert nihss.max() <= 42


def test_shares(records, laws):
    territory = column(records, "territory")
    expected = dict(zip(TERRITORIES, (0.17, 0.30, 0.15, 0.09, 0.04, 0.08, 0.08, 0.04, 0.05), strict=True))
    for name, share in expected.items():
        assert np.mean(territory == name) == pytest.approx(share, abs=0.02), name
    side = column(records, "lesion_side")
    assert np.mean(side == "both") == pytest.approx(laws["bilateral"], abs=0.006)
    assert np.mean(side == "left") == pytest.approx(0.49, abs=0.02)
    assert np.mean(column(records, "dwi_negative")) == pytest.approx(laws["dwi_negative"], abs=0.01)
    assert np.mean(column(records, "sex") == "F") == pytest.approx(0.52, abs=0.02)
    assert np.mean([len(record.old_infarcts) > 0 for record in records]) == pytest.approx(0.22, abs=0.02)
    age, wmh = column(records, "age"), column(records, "wmh_volume_ml")
    assert np.mean(wmh[np.abs(age - 70) < 3] > 0) == pytest.approx(0.85, abs=0.04)
    assert np.median(wmh[(np.abs(age - 70) < 5) & (wmh > 0)]) == pytest.approx(6, rel=0.2)


def test_lesion_lies_on_the_recorded_side(records):
    for record in records:
        left, right = record.lesion_volume_left_ml > 0, record.lesion_volume_right_ml > 0
        assert (left, right) == {"left": (True, False), "right": (False, True), "both": (True, True)}[
            record.lesion_side
        ]
        limits = TERRITORIES[record.territory]
        assert limits.smallest_ml <= record.lesion_volume_ml <= limits.largest_ml + 1e-9


def test_scanner_and_volume_are_independent_of_onset(records):
    """Rank correlations stay within 4 standard errors of zero; so does the field's."""
    minutes = column(records, "onset_to_mri_min")
    others = {name: column(records, name) for name in ("field_t", "lesion_volume_ml", "age", "wmh_volume_ml")}
    others |= {name: column(records, name) for name in ("lesion_side", "sex", "territory", "dwi_negative")}
    others |= {
        f"epi.{name}": [getattr(r.epi, name) for r in records] for name in ("tr_ms", "te_ms", "slices")
    }
    others |= {
        f"flair.{name}": [getattr(r.flair, name) for r in records] for name in ("tr_ms", "te_ms", "ti_ms")
    }
    rank = np.argsort(np.argsort(minutes))
    for name, values in others.items():
        assert abs(np.corrcoef(rank, np.argsort(np.argsort(values)))[0, 1]) < 4 / np.sqrt(N), name


def test_protocols_lie_in_the_papers_ranges(records):
    for record in records[:500]:
        assert record.field_t in (1.5, 3.0)
        epi, flair = record.epi, record.flair
        assert 4000 <= epi.tr_ms <= 9000
        assert 78 <= epi.te_ms <= 122
        assert 0.859 <= epi.voxel_mm[0] == epi.voxel_mm[1] <= 1.850
        assert 8000 <= flair.tr_ms <= 9000
        assert 88 <= flair.te_ms <= 134
        assert 0.688 <= flair.voxel_mm[0] == flair.voxel_mm[1] <= 0.938
        assert abs(flair.ti_ms - null_inversion_time(flair.tr_ms)) <= 50
        for protocol in (epi, flair):
            assert 6.0 <= protocol.voxel_mm[2] <= 6.5
            assert 24 <= protocol.slices <= 28


@pytest.mark.parametrize(("volume_ml", "factor"), [(0.1, 10**0.5), (8, 2**0.5), (1e6, 1.0)])
def test_nuisance_grows_in_small_lesions(volume_ml, factor):
    assert relaxation_nuisance_sd(volume_ml, s0=0.04) == pytest.approx(0.04 * factor, rel=1e-4)

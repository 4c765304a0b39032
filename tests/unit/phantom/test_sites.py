"""The hospitals: each one's patients in numbers; images and the practical ceiling follow the site."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from strokeclock.phantom import ceiling, registered
from strokeclock.phantom.clinic import EpiProtocol, cohort_seed, draw_patient
from strokeclock.phantom.dialects import DIALECTS
from strokeclock.phantom.patient import make_patient
from strokeclock.phantom.signal import SERIES, null_inversion_time
from strokeclock.phantom.sites import MANUFACTURERS, SCANNERS, SITES

N = 3000


@pytest.fixture(scope="module")
def records(laws):
    """Of each site: patients of one seed."""
    return {
        site: [draw_patient(number, seed=1, settings=laws | {"site": site}) for number in range(1, N + 1)]
        for site in SITES
    }


@pytest.mark.parametrize("site", SITES)
def test_scanners_have_names_of_their_own_and_laws_that_can_be_drawn_from(site):
    names = [scanner.name for scanner in SITES[site].scanners]
    assert names == [f"{site}-{number}" for number in range(1, len(names) + 1)]
    assert set(names) <= set(SCANNERS)
    for scanner in SITES[site].scanners:
        assert scanner.vendor in MANUFACTURERS
        assert scanner.vendor in DIALECTS
        for ranges in (scanner.epi, scanner.flair):
            for low, high in (ranges.tr_ms, ranges.te_ms, ranges.in_plane_mm, ranges.slice_mm, ranges.slices):
                assert 0 < low <= high
        assert set(scanner.snr) == set(SERIES)
    shares, minutes = SITES[site].onset_shares, SITES[site].onset_minutes
    assert (shares[0], shares[-1]) == (0, 1)
    assert list(shares) == sorted(set(shares))
    assert list(minutes) == sorted(set(minutes))
    assert len(shares) == len(minutes)


def test_the_default_site_keeps_its_patients(laws):
    """Patient 17 of seed 1, as drawn before there were sites."""
    record = draw_patient(17, seed=1, settings=laws)
    assert (record.onset_to_mri_min, record.age, record.sex, record.nihss) == (583, 73, "F", 2)
    assert record.lesion_volume_ml == pytest.approx(7.015302829856538)
    assert record.epi == EpiProtocol(7493.9646635824365, 80.07008392861297, 1000.0, (0.883, 0.883, 6.317), 27)
    assert record.flair.te_ms == pytest.approx(123.07645109357745)
    assert record.flair.ti_ms == pytest.approx(2431.955466836579)


def test_hospitals_share_no_patient(laws):
    """The default site's streams are those of the seed; another site's are its own."""
    seeds = {
        (site, seed): cohort_seed(laws | {"site": site, "seed": seed}) for site in SITES for seed in range(50)
    }
    assert len(set(seeds.values())) == len(seeds)
    assert [seeds["siemens", seed] for seed in range(50)] == list(range(50))
    drawn = [
        [draw_patient(number, seed=seeds[site, 1], settings=laws | {"site": site}) for number in range(300)]
        for site in SITES
    ]
    for value in ("onset_to_mri_min", "lesion_volume_ml", "age", "clock_factor"):
        first, second = ([getattr(record, value) for record in records] for records in drawn)
        assert abs(stats.spearmanr(first, second).statistic) < 0.2


@pytest.mark.parametrize("site", SITES)
def test_a_patient_has_the_protocol_of_the_scanner(records, site):
    for record in records[site][:500]:
        scanner = SCANNERS[record.site]
        assert (record.vendor, record.field_t) == (scanner.vendor, scanner.field_t)
        for protocol, ranges in ((record.epi, scanner.epi), (record.flair, scanner.flair)):
            assert ranges.tr_ms[0] <= protocol.tr_ms <= ranges.tr_ms[1]
            assert ranges.te_ms[0] <= protocol.te_ms <= ranges.te_ms[1]
            assert ranges.in_plane_mm[0] <= protocol.voxel_mm[0] == protocol.voxel_mm[1]
            assert protocol.voxel_mm[1] <= ranges.in_plane_mm[1]
            assert ranges.slice_mm[0] <= protocol.voxel_mm[2] <= ranges.slice_mm[1]
            assert ranges.slices[0] <= protocol.slices <= ranges.slices[1]
        past = record.flair.ti_ms - null_inversion_time(record.flair.tr_ms)
        assert scanner.flair.ti_past_null_ms[0] <= past <= scanner.flair.ti_past_null_ms[1]
        assert record.epi.b_value == scanner.epi.b_value


def test_the_second_hospital_is_another_one(records):
    shares = {
        site: {
            name: np.mean([record.site == name for record in some])
            for name in sorted({record.site for record in some})
        }
        for site, some in records.items()
    }
    assert shares["siemens"] == pytest.approx(
        {"siemens-1": 0.35, "siemens-2": 0.35, "siemens-3": 0.15, "siemens-4": 0.15}, abs=0.03
    )
    assert shares["philips-ge"] == pytest.approx({"philips-ge-1": 0.5, "philips-ge-2": 0.5}, abs=0.03)
    scanned = {(r.vendor, r.field_t) for r in records["philips-ge"]}
    assert scanned == {("Philips", 3.0), ("GE", 1.5)}

    other = records["philips-ge"]
    minutes = np.array([record.onset_to_mri_min for record in other])
    assert np.mean(minutes < 180) == pytest.approx(0.21, abs=0.025)
    assert np.mean(minutes < 270) == pytest.approx(0.33, abs=0.03)
    assert 30 <= minutes.min() < minutes.max() <= 2880
    volumes = np.array([record.lesion_volume_ml for record in other])
    assert np.median(volumes) == pytest.approx(14, rel=0.1)
    assert np.std(np.log(volumes)) == pytest.approx(1.5, abs=0.1)
    assert max(record.epi.voxel_mm[2] for record in other) <= 5.5
    assert np.mean([record.epi.slices for record in other]) > 28
    assert {record.epi.slices for record in records["siemens"]} == {24, 25, 26, 27, 28}


def test_the_scanner_is_independent_of_onset(records):
    for some in records.values():
        minutes = np.argsort(np.argsort([record.onset_to_mri_min for record in some]))
        for values in ([r.field_t for r in some], [r.site for r in some], [r.lesion_volume_ml for r in some]):
            rank = np.argsort(np.argsort(values))
            assert abs(np.corrcoef(minutes, rank)[0, 1]) < 4 / np.sqrt(N)


def test_the_observer_knows_the_sites_prevalence(laws, records):
    """Calibrated at the second hospital with its own law of onset times, and not with the first one's."""
    some = records["philips-ge"][:1500]
    share = np.array([ceiling.draw_grey_share(record, seed=1) for record in some])
    early = np.array([record.onset_to_mri_min < 270 for record in some])
    one_time = laws | {"lesion_time_sigma": 0.0}
    means = {
        site: ceiling.ratio_observer(some, share, settings=one_time | {"site": site})[:, 1].mean()
        for site in SITES
    }
    assert means["philips-ge"] == pytest.approx(early.mean(), abs=0.03)
    assert means["siemens"] > early.mean() + 0.05


@pytest.mark.parametrize("number", [3, 4])
def test_images_are_of_the_scanner(laws, number):
    """Stored values of the brain, and the noise in the air beside the head."""
    patient = make_patient(number, seed=0, settings=laws | {"site": "philips-ge"})
    scanner = SCANNERS[patient.record.site]
    assert scanner.vendor == {3: "Philips", 4: "GE"}[number]
    b0 = patient.scans["t2w"].data
    brain, air = np.median(b0[patient.brain_mask > 0]), b0[:6, :6].astype(float)
    low, high = scanner.epi.brightness
    assert 0.6 * low < brain < 1.6 * high
    noise = np.sqrt(np.mean(air**2) / 2)
    assert 0.6 * scanner.snr["t2w"][0] < brain / noise < 1.8 * scanner.snr["t2w"][1]


def test_registered_patients_have_the_scanners_noise(laws, monkeypatch):
    """The same patient with a tenth of the signal-to-noise ratio: where brain is even, it scatters more."""
    scatter = []
    for factor in (1.0, 0.1):
        quiet = SCANNERS["philips-ge-2"]
        snr = {name: (factor * low, factor * high) for name, (low, high) in quiet.snr.items()}
        monkeypatch.setattr(registered, "SCANNERS", {quiet.name: replace(quiet, snr=snr)})
        settings = laws | {"site": "philips-ge"}
        patient = registered.make_registered_patient(4, seed=0, settings=settings, grid=(112, 112, 13))
        assert patient.record.site == quiet.name
        dwi = patient.volumes["dwi"]
        scatter.append(np.abs(np.diff(dwi, axis=1))[patient.brain_mask[:, 1:] > 0].mean())
    assert scatter[1] > 2 * scatter[0]

"""The check of a batch: each patient with their own files, side and manual verdict."""

import numpy as np
import pytest

from strokeclock.batches import read_batches, write_batch
from strokeclock.imaging import check as module
from strokeclock.imaging.exclusion import write_exclusion
from strokeclock.imaging.quality_record import make_record, read_records
from strokeclock.imaging.volume import Volume, write_volume

NAMES = ("t2w", "dwi", "brain_mask", "t2w_to_atlas")


@pytest.fixture
def check_batch(tmp_path):
    """Check patients p1 and p2, whose files say why they are excluded; return their records."""
    data = np.ones((6, 6, 6), np.float32)
    data[0] = 0
    for name in ("atlas", "atlas_mask"):
        write_volume(tmp_path / f"{name}.nii.gz", Volume(data, np.eye(4)))
    files = {patient: {name: tmp_path / f"{patient}_{name}" for name in NAMES} for patient in ("p1", "p2")}
    for patient, paths in files.items():
        write_exclusion(paths.values(), f"{patient} moved")
    write_batch(tmp_path / "preprocessed.tsv", files)
    write_batch(tmp_path / "lesions.tsv", {p: {"lesion": named["dwi"]} for p, named in files.items()})
    (tmp_path / "cohort.tsv").write_text("patient\tlesion_side\np1\tleft\np2\tboth\n")

    def check(**changes):
        settings = {
            "sides": None,
            "drawn": ["p2"],
            "shipped_adcs": {"p1": "adc.nii.gz"},
            "is_in_atlas_space": False,
            "persons": {},
            "thresholds": {"min_nmi": 1},
        }
        module.check_batch(
            tmp_path / "preprocessed.tsv",
            tmp_path / "checks.tsv",
            records={patient: {"record": tmp_path / f"{patient}.json"} for patient in files},
            cohort=tmp_path / "cohort.tsv",
            lesions=[tmp_path / "lesions.tsv"],
            atlas=tmp_path / "atlas.nii.gz",
            atlas_mask=tmp_path / "atlas_mask.nii.gz",
            **settings | changes,
        )
        return read_records([tmp_path / "checks.tsv"])

    return check


def test_an_excluded_patient_keeps_the_reason(check_batch, tmp_path):
    records = check_batch()
    assert [(record["verdict"], record["reason"]) for record in records] == [
        ("fail", "p1 moved"),
        ("fail", "p2 moved"),
    ]
    assert set(read_batches(tmp_path / "checks.tsv")) == {"p1", "p2"}


def test_each_patient_is_checked_with_their_own_side_files_and_verdict(check_batch, monkeypatch, tmp_path):
    seen = {}

    def note(volumes, mask, *, patient, **rest):
        seen[patient] = {"volumes": set(volumes), "mask": mask, **rest}
        return make_record(patient, numbers=None, automatic=("fail", ""), person=None)

    monkeypatch.setattr(module, "check", note)
    check_batch(persons={"p2": ("pass", "fine")})
    assert [one["recorded_side"] for one in seen.values()] == ["left", "both"]  # of the cohort
    assert [one["shipped_adc"] for one in seen.values()] == ["adc.nii.gz", None]
    assert [one["person"] for one in seen.values()] == [None, ("pass", "fine")]
    assert [one["lesion"] for one in seen.values()] == [None, str(tmp_path / "p2_dwi")]
    assert seen["p1"]["volumes"] == {"t2w", "dwi"}
    assert seen["p1"]["mask"] == str(tmp_path / "p1_brain_mask")
    assert seen["p1"]["transform"] == str(tmp_path / "p1_t2w_to_atlas")
    assert seen["p1"]["thresholds"] == {"min_nmi": 1}
    check_batch(sides={"p1": "", "p2": "right"}, is_in_atlas_space=True)
    assert [one["recorded_side"] for one in seen.values()] == ["", "right"]
    assert seen["p1"]["transform"] is None


def test_a_shipped_adc_map_is_compared_in_the_patients_place(tmp_path):
    """A map 1.3 times the ADC, 12 mm off in the raw world, is 30 % off; one that is damaged is left out."""
    x, y, z = np.indices((24, 24, 12)) - np.array([11.5, 11.5, 5.5])[:, None, None, None]
    inside = x**2 + y**2 + 4 * z**2 < 100
    affine = np.diag([3.0, 3, 6, 1])
    adc = Volume((inside * (0.8e-3 + 1e-5 * x)).astype(np.float32), affine)
    to_atlas = np.eye(4)
    to_atlas[0, 3] = -12
    raw = tmp_path / "adc.nii.gz"
    write_volume(raw, Volume(1.3e6 * adc.data, np.linalg.inv(to_atlas) @ affine))
    mask = Volume(inside.astype(np.float32), affine)
    rest = {"to_atlas": to_atlas, "patient": "p1"}
    assert module._compare_adc(raw, adc, mask, **rest) == pytest.approx(0.3, abs=1e-3)
    raw.write_bytes(b"damaged")
    assert module._compare_adc(raw, adc, mask, **rest) is None

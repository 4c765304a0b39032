"""What is found out about raw series: copies of a scan, who converted it, what a reader is told."""

import gzip
import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from strokeclock.imaging.findings import (
    Findings,
    describe,
    digest_scan,
    digest_scans,
    find_converters,
    find_shared_scans,
    find_stripped,
    read_findings,
    write_findings,
)
from strokeclock.imaging.volume import Volume, read_volume


@pytest.fixture
def scan():
    """Whole numbers with a background of 0, as a scanner stores them."""
    data = np.random.default_rng(0).integers(20, 900, (24, 20, 12)).astype(np.int16)
    data[:4] = data[:, :3] = 0
    return data


def smoothed(data):
    return (data[:-1] + data[1:]) / 2


COPIES = {
    "float": lambda data: data.astype(np.float32),
    "scale": lambda data: (data * 1.7).astype(np.float32),
    "scale and offset": lambda data: (data * 0.25 + 3).astype(np.float32),
    "mirrored": lambda data: data[::-1],
    "other axes": lambda data: data.transpose(2, 0, 1),
    "larger border": lambda data: np.pad(data, 5),
    "smaller border": lambda data: data[2:, 2:],
}
OTHERS = {
    "one voxel": lambda data: np.where(np.arange(data.size).reshape(data.shape) == 5000, 901, data),
    "cropped": lambda data: data[:, :, 1:],
    "smoothed": smoothed,
    "every second": lambda data: data[::2],
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES)
def test_a_copy_of_a_scan_has_its_digest(scan, change):
    assert digest_scan(change(scan)) == digest_scan(scan) != ""


@pytest.mark.parametrize("change", OTHERS.values(), ids=OTHERS)
def test_another_scan_has_another_digest(scan, change):
    assert digest_scan(change(scan)) != digest_scan(scan)


def test_scans_whose_values_never_repeat_are_told_apart_by_the_values():
    """Counts of one a value would make all scans of one size copies of each other."""
    first, second = np.random.default_rng(0).random((2, 10, 10, 10), dtype=np.float32)
    assert digest_scan(first) != digest_scan(second)
    assert digest_scan(first) == digest_scan(first[::-1])


def test_what_is_no_scan_has_no_digest():
    assert digest_scan(np.arange(8).reshape(2, 2, 2)) == ""


def test_a_scan_stored_otherwise_has_its_digest(scan, tmp_path):
    """Compressed anew, another origin, x stored from right to left."""
    affine = np.diag([2.0, 2.0, 5.0, 1.0])
    nib.save(nib.Nifti1Image(scan, affine), tmp_path / "a.nii")
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress((tmp_path / "a.nii").read_bytes(), 9))
    flip = np.diag([-1.0, 1, 1, 1])
    flip[:3, 3] = (7, -30, 12)
    nib.save(nib.Nifti1Image(scan[::-1], affine @ flip), tmp_path / "b.nii.gz")
    found = {
        digest_scan(read_volume(tmp_path / name, patient="p", series="dwi").data)
        for name in ("a.nii", "a.nii.gz", "b.nii.gz")
    }
    assert found == {digest_scan(scan)}


def test_the_adc_is_digested_where_the_t2w_is_derived_from_it(scan, tmp_path):
    nib.save(nib.Nifti1Image(scan, np.eye(4)), tmp_path / "adc.nii")
    volume = Volume(scan.astype(np.float32), np.eye(4))
    series = {"t2w": volume, "dwi": Volume(volume.data + 1, np.eye(4)), "adc": volume}
    raw = {"t2w": None, "dwi": Path("dwi.nii"), "flair": None, "adc": tmp_path / "adc.nii"}
    assert digest_scans(series, raw, patient="p") == dict.fromkeys(("dwi", "adc"), digest_scan(scan))
    raw["t2w"] = Path("t2w.nii")
    assert set(digest_scans(series, raw, patient="p")) == {"t2w", "dwi"}


def found(**scans):
    return Findings(derived=False, stripped={}, scans=scans)


def test_who_shares_a_scan_is_named_with_the_others():
    reasons = find_shared_scans({
        "p1": found(t2w="a", dwi="b"),
        "p2": found(t2w="c", dwi="b"),
        "p3": found(t2w="d", dwi="e", flair="b"),
        "p4": found(t2w="f", dwi="f"),  # twice, but in one patient
    })  # fmt: skip
    assert set(reasons) == {"p1", "p2", "p3"}
    assert reasons["p1"] == (
        "its DWI is the same scan as the DWI of patient p2 and 1 more; correct column dwi of the cohort sheet"
        ", or exclude the wrong patient (cohort.exclude)"
    )
    assert reasons["p3"].startswith("its FLAIR is the same scan as the DWI of patient p1 and 1 more; correct")


def test_a_program_that_converted_is_one_word(tmp_path):
    for name, software in (("t2w", "dcm2niix"), ("dwi", "Mueller, Hans"), ("flair", ["dcm2niix"])):
        (tmp_path / f"{name}.json").write_text(json.dumps({"ConversionSoftware": software}))
    (tmp_path / "adc.json").write_text("{")
    raw = {name: tmp_path / f"{name}.nii.gz" for name in ("t2w", "dwi", "flair", "adc", "swi")}
    assert find_converters(raw | {"t1w": None}) == {"t2w": "dcm2niix"}


def test_what_the_configuration_says_is_not_looked_for():
    told = {head: find_stripped({}, None, {"t2w": None}, head=head) for head in ("whole", "stripped")}
    assert told == {"whole": {"t2w": False}, "stripped": {"t2w": True}}


@pytest.mark.parametrize(
    ("findings", "notes"),
    [
        (Findings(derived=False, stripped={"t2w": False, "dwi": False}), ["whole head"]),
        (
            Findings(derived=True, stripped={"t2w": True}, told="stripped", converted={"dwi": "dcm2niix"}),
            [
                "T2w derived from DWI and ADC",
                "brain alone (preprocessing.head)",
                "converted by dcm2niix: DWI",
            ],
        ),
    ],
)
def test_notes(findings, notes):
    assert describe(findings) == notes


def test_findings_survive_the_file(tmp_path):
    findings = Findings(derived=True, stripped={"t2w": True}, scans={"dwi": "a"})
    write_findings(tmp_path / "findings.json", findings)
    assert read_findings(tmp_path / "findings.json") == findings

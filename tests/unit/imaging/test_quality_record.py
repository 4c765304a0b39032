"""Records: which verdict counts, and what the tables hold."""

import pytest

from strokeclock.batches import write_batch
from strokeclock.cohort.parts import read_exclusions, read_reasons
from strokeclock.errors import StrokeclockError
from strokeclock.imaging.exclusion import write_exclusion
from strokeclock.imaging.findings import NAME, Findings, write_findings
from strokeclock.imaging.quality_record import (
    make_record,
    read_record,
    read_verdict,
    write_record,
    write_tables,
)

NUMBERS_OF_ONE = {
    "mask_volume_ml": 1400,
    "dice_to_atlas": 0.95,
    "side_seen": "left",
}


def test_a_manual_verdict_overrides_except_without_volumes():
    automatic = ("fail", "Dice")
    record = make_record("p1", numbers=NUMBERS_OF_ONE, automatic=automatic, person=("pass", "fine"))
    assert (record["verdict"], record["reason"], record["judged_by"]) == ("pass", "fine", "person")
    record = make_record("p1", numbers=NUMBERS_OF_ONE, automatic=("pass", ""), person=("fail", "motion"))
    assert (record["verdict"], record["stage"], record["reason"]) == ("fail", "quality", "motion")
    record = make_record("p1", numbers=None, automatic=automatic, person=("pass", "fine"))
    assert (record["verdict"], record["stage"], record["judged_by"]) == ("fail", "preprocessing", "checks")


def test_tables(tmp_path):
    records = [
        make_record("p1", numbers=NUMBERS_OF_ONE, automatic=("pass", ""), person=None),
        make_record("p2", numbers=NUMBERS_OF_ONE, automatic=("fail", "Dice"), person=None),
        make_record("p3", numbers=None, automatic=("fail", "dwi file is truncated"), person=None),
    ]
    (tmp_path / "entry.tsv").write_text("patient\tstage\treason\np0\tentry\tno FLAIR\n")
    for record in records:
        write_record(tmp_path / f"{record['patient']}.json", record)
    write_batch(
        tmp_path / "checks.tsv",
        {record["patient"]: {"record": tmp_path / f"{record['patient']}.json"} for record in records},
    )
    write_batch(tmp_path / "preprocessed.tsv", {})
    write_tables(
        [tmp_path / "checks.tsv"],
        preprocessed=[tmp_path / "preprocessed.tsv"],
        entry_exclusions=tmp_path / "entry.tsv",
        quality=tmp_path / "quality.tsv",
        exclusions=tmp_path / "exclusions.tsv",
    )
    assert (tmp_path / "exclusions.tsv").read_text() == (
        "patient\tstage\treason\np0\tentry\tno FLAIR\np2\tquality\tDice\n"
        "p3\tpreprocessing\tdwi file is truncated\n"
    )
    table = [line.split("\t") for line in (tmp_path / "quality.tsv").read_text().splitlines()]
    assert [row[:2] for row in table] == [
        ["patient", "verdict"],
        ["p1", "pass"],
        ["p2", "fail"],
        ["p3", "fail"],
    ]
    assert table[1][table[0].index("mask_volume_ml")] == "1400"
    assert table[3][table[0].index("mask_volume_ml")] == ""


def test_patients_who_share_a_scan_fail_whatever_a_person_says(tmp_path):
    """p1 and p3 have one DWI; p4 was excluded before, and what p2 has is p2's alone."""
    scans = {"p1": {"dwi": "a", "flair": "b"}, "p2": {"dwi": "c", "flair": "d"}, "p3": {"dwi": "a"}}
    preprocessed = {patient: {NAME: tmp_path / f"{patient}_{NAME}.json"} for patient in (*scans, "p4")}
    for patient, digests in scans.items():
        write_findings(preprocessed[patient][NAME], Findings(derived=False, stripped={}, scans=digests))
    write_exclusion(preprocessed["p4"].values(), "dwi file is truncated")
    records = {patient: {"record": tmp_path / f"{patient}.json"} for patient in preprocessed}
    for patient, files in records.items():
        numbers = None if patient == "p4" else NUMBERS_OF_ONE
        automatic = ("fail", "dwi file is truncated") if patient == "p4" else ("pass", "")
        record = make_record(patient, numbers=numbers, automatic=automatic, person=("pass", "looked at"))
        write_record(files["record"], record)
    write_batch(tmp_path / "preprocessed.tsv", preprocessed)
    write_batch(tmp_path / "checks.tsv", records)
    (tmp_path / "entry.tsv").write_text("patient\tstage\treason\n")
    tables = {name: tmp_path / f"{name}.tsv" for name in ("quality", "exclusions")}
    write_tables(
        [tmp_path / "checks.tsv"],
        preprocessed=[tmp_path / "preprocessed.tsv"],
        entry_exclusions=tmp_path / "entry.tsv",
        **tables,
    )
    assert read_exclusions(tables["exclusions"]) == {"p1": "quality", "p3": "quality", "p4": "preprocessing"}
    assert "its DWI is the same scan as the DWI of patient p3;" in read_reasons(tables["exclusions"])["p1"]
    assert "its DWI is the same scan as the DWI of patient p1;" in read_reasons(tables["exclusions"])["p3"]
    verdicts = {patient: read_verdict(tables["quality"], patient=patient) for patient in ("p1", "p2")}
    assert (verdicts["p1"]["verdict"], verdicts["p1"]["judged_by"]) == ("fail", "checks")
    assert (verdicts["p2"]["verdict"], verdicts["p2"]["judged_by"]) == ("pass", "person")
    with pytest.raises(StrokeclockError, match="lacks patient p9"):
        read_verdict(tables["quality"], patient="p9")


def test_record_survives_the_file(tmp_path):
    record = make_record("p1", numbers=NUMBERS_OF_ONE, automatic=("review", "NMI"), person=None)
    write_record(tmp_path / "p1.json", record)
    assert read_record(tmp_path / "p1.json") == record

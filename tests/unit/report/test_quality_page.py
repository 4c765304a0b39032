"""The quality page: worst first, safe text, pictures by relative path, no network."""

import csv
import re
import shutil
import subprocess
from dataclasses import replace

import pytest

from strokeclock.batches import write_batch
from strokeclock.imaging.exclusion import write_exclusion
from strokeclock.imaging.findings import NAME, Findings, write_findings
from strokeclock.report.quality_page import write_page
from strokeclock.imaging.quality_record import NUMBERS, make_record, write_record
from strokeclock.imaging.reference import NO_TRAINING_PATIENT, Reference, write_reference

REFERENCE = Reference("p2", "train", settings={}, targets={}, profile={}, sha256={})


def write_rows(path, header, rows):
    with open(path, "w", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerows([header, *rows])


def record(patient, verdict, *, dice=0.9, reason="", person=None):
    numbers = dict.fromkeys(NUMBERS, 1.0) | {"dice_to_atlas": dice} if dice else None
    return make_record(patient, numbers=numbers, automatic=(verdict, reason), person=person)


def page(tmp_path, records, *, distances=None, reference=REFERENCE, **others):
    """Write what the page is made of, and in a folder of its own the page; return its text.

    Others: ``findings`` of patients; ``final``, the records that quality.tsv holds where they differ;
    ``left`` and ``lesions``, rows of exclusions.tsv and volumes.tsv.
    """
    checks, pictures, preprocessed = {}, {}, {}
    for patient, found in others.get("findings", {}).items():
        preprocessed[patient] = {NAME: tmp_path / f"{patient}_findings.json"}
        write_findings(preprocessed[patient][NAME], found)
    write_batch(tmp_path / "preprocessed.tsv", preprocessed)
    keys = ("patient", "verdict", "reason", "judged_by")
    write_rows(
        tmp_path / "quality.tsv",
        keys,
        [[found[key] for key in keys] for found in others.get("final", records)],
    )
    write_rows(tmp_path / "exclusions.tsv", ("patient", "stage", "reason"), others.get("left", ()))
    write_rows(
        tmp_path / "volumes.tsv", ("patient", "volume_ml", "source", "note"), others.get("lesions", ())
    )
    for found in records:
        checks[found["patient"]] = {"record": tmp_path / f"{found['patient']}.json"}
        write_record(checks[found["patient"]]["record"], found)
    for patient, matching in (distances or {}).items():
        pictures[patient] = {"matching": tmp_path / f"matching_{patient}.json"}
        write_record(pictures[patient]["matching"], matching)
    write_batch(tmp_path / "checks.tsv", checks)
    write_batch(tmp_path / "pictures.tsv", pictures)
    if isinstance(reference, Reference):
        write_reference(tmp_path / "reference.npz", reference)
    elif reference:
        write_exclusion([tmp_path / "reference.npz"], reference)
    write_page(
        tmp_path / "page/index.html",
        checks=[tmp_path / "checks.tsv"],
        pictures=[tmp_path / "pictures.tsv"],
        preprocessed=[tmp_path / "preprocessed.tsv"],
        quality=tmp_path / "quality.tsv",
        exclusions=tmp_path / "exclusions.tsv",
        lesions=tmp_path / "volumes.tsv",
        reference=tmp_path / "reference.npz" if reference else None,
    )
    assert [path.name for path in (tmp_path / "page").iterdir()] == ["index.html"]
    return (tmp_path / "page/index.html").read_text()


def test_worst_first(tmp_path):
    text = page(
        tmp_path,
        [
            record("p1", "pass", dice=0.95),
            record("p2", "pass", dice=0.91),
            record("p3", "review"),
            record("p4", "fail", dice=0.7),
            record("p5", "fail", dice=None),
        ],
    )
    assert re.findall(r'<td class="patient">(\w+)</td>', text) == ["p5", "p4", "p3", "p2", "p1"]
    assert "2 fail" in text
    assert "1 review" in text
    assert "2 pass" in text


def test_every_number_has_a_column_and_sorts_by_its_value(tmp_path):
    numbers = dict.fromkeys(NUMBERS, 0.98765) | {"mask_volume_ml": None, "side_seen": "left"}
    text = page(tmp_path, [make_record("p1", numbers=numbers, automatic=("review", "NMI"), person=None)])
    assert text.count("<th>") == 5 + len(NUMBERS) + 1 == text.count("<td")
    assert '<td class="number" data-key="0.98765">99%</td>' in text
    assert '<td class="number" data-key="left">left</td>' in text
    assert '<td class="number" data-key=""></td>' in text


def test_buttons_count_and_rows_carry_their_verdict(tmp_path):
    text = page(tmp_path, [record("p1", "pass"), record("p2", "review"), record("p3", "fail", dice=None)])
    assert re.findall(r'data-show="(\w+)" aria-pressed="(\w+)"><u>(\w)</u>\w+ (\d+)<', text) == [
        ("all", "true", "a", "3"),
        ("review", "false", "r", "1"),
        ("fail", "false", "f", "1"),
    ]
    assert re.findall(r'<tr class="(\w+)">', text) == ["fail", "review", "pass"]


def test_pictures_by_relative_path_and_no_network(tmp_path):
    text = page(tmp_path, [record("p1", "pass")])
    assert re.findall(r'(?:src|href)="([^"]*)"', text) == ["p1.png", "p1.png"]
    assert "http" not in text
    assert "@import" not in text


def test_reasons_cannot_break_the_page(tmp_path):
    text = page(tmp_path, [record("p1", "fail", reason="<script>alert(1)</script>")])
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


def test_reference_distance_and_person_are_named(tmp_path):
    text = page(
        tmp_path,
        [record("p1", "fail", person=("pass", "motion is mild"))],
        distances={"p1": {"dwi": [0.1, 0.02], "t2w": [0.25, 0.1], "flair": [0.2, 0.125]}},
    )
    assert "The histogram reference is p2, a training patient." in text
    assert (
        '<td class="number" data-key="0.125">0.20 → 0.12</td>' in text
    )  # the series furthest off at the end
    assert "pass (by a person)" in text


def test_the_page_says_where_the_reference_is_from_or_that_nothing_was_matched(tmp_path):
    given = replace(REFERENCE, patient="p9", part="given")
    for reference, sentence in (
        (given, "The histogram reference is p9, a training patient of another run."),
        (NO_TRAINING_PATIENT, "not matched, because there is no training patient"),
        (None, "Histograms were not matched (preprocessing.intensity.matching is none)."),
    ):
        assert sentence in page(tmp_path, [record("p1", "pass")], reference=reference)


def cells_of(text, patient):
    """The cells of a patient's row, as text."""
    row = next(
        row for row in re.findall(r"<tr .*?</tr>", text) if f'<td class="patient">{patient}</td>' in row
    )
    return [re.sub("(<[^>]+>)+", " ", cell).strip() for cell in re.findall(r"<td.*?</td>", row)]


def test_patients_excluded_at_entry_are_listed_first_with_the_reason(tmp_path):
    text = page(
        tmp_path,
        [record("p1", "pass"), record("p2", "fail", dice=None, reason="dwi is truncated")],
        left=[
            ["p0", "entry", "column flair names x.nii.gz, which is not there"],
            ["p2", "preprocessing", "dwi is truncated"],
        ],
    )
    assert re.findall(r'<td class="patient">(\w+)</td>', text) == ["p0", "p2", "p1"]
    assert cells_of(text, "p0")[2] == "excluded at entry column flair names x.nii.gz, which is not there"
    assert cells_of(text, "p2")[2] == "fail , excluded at preprocessing dwi is truncated"
    assert "2 patients" in text
    assert "; 1 more excluded at entry" in text
    assert len({len(re.findall("<td", row)) for row in re.findall(r"<tr .*?</tr>", text)}) == 1
    assert re.findall(r"<u>\w</u>\w+ (\d+)<", text) == ["3", "0", "2"]
    assert "p0.png" not in text  # there is none


def test_the_final_verdict_counts(tmp_path):
    """quality.tsv knows that two patients share a scan, their records do not."""
    final = record("p1", "pass") | {"verdict": "fail", "reason": "shared"}
    text = page(tmp_path, [record("p1", "pass")], final=[final])
    assert cells_of(text, "p1")[2] == "fail shared"
    assert "1 fail" in text


def test_findings_and_lesions_are_said(tmp_path):
    text = page(
        tmp_path,
        [record("p1", "pass"), record("p2", "pass"), record("p3", "pass"), record("p4", "pass")],
        findings={"p1": Findings(derived=True, stripped={"t2w": True, "flair": False})},
        lesions=[
            ["p1", "12.345", "mask", ""],
            ["p2", "0.250", "automatic", ""],
            ["p3", "", "none", "lesion_mask file m.nii.gz is <empty>"],
        ],
    )
    assert cells_of(text, "p1")[3:5] == [
        "T2w derived from DWI and ADC; brain alone in T2w, whole head in FLAIR",
        "drawn, 12.3 mL",
    ]
    assert cells_of(text, "p2")[3:5] == ["", "found on DWI, 0.2 mL"]
    assert cells_of(text, "p3")[4] == "none: lesion_mask file m.nii.gz is &lt;empty&gt;"
    assert cells_of(text, "p4")[3:5] == ["", ""]


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("chromium"), reason="chromium is not on PATH")
def test_the_browser_shows_a_hundred_rows_at_a_time(tmp_path):
    """The rows of all patients are in the file, the worst hundred in the table."""
    text = page(
        tmp_path, [record(f"p{number:03}", "pass", dice=0.5 + number / 1000) for number in range(130)]
    )
    assert len(re.findall("<tr class", text)) == 130
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    arguments = [
        f"--user-data-dir={tmp_path / 'browser'}",
        "--dump-dom",
        f"file://{tmp_path}/page/index.html",
    ]
    shown = subprocess.run(
        [*command, *arguments], capture_output=True, text=True, timeout=120, check=True
    ).stdout
    body = re.search("<tbody>(.*?)</tbody>", shown, re.DOTALL)[1]
    assert re.findall(r'<td class="patient">(p\d+)', body) == [f"p{number:03}" for number in range(100)]
    assert "1 to 100 of 130" in shown

"""The quality page: worst first, safe text, pictures by relative path, no network."""

import re

from strokeclock.batches import write_batch
from strokeclock.imaging.exclusion import write_exclusion
from strokeclock.imaging.quality_page import write_page
from strokeclock.imaging.quality_record import NUMBERS, make_record, write_record
from strokeclock.imaging.reference import Reference, write_reference

REFERENCE = Reference("p2", "train", landmarks={}, profile={}, sha256={})


def record(patient, verdict, *, dice=0.9, reason="", person=None):
    numbers = dict.fromkeys(NUMBERS, 1.0) | {"dice_to_atlas": dice} if dice else None
    return make_record(patient, numbers=numbers, automatic=(verdict, reason), person=person)


def page(tmp_path, records, *, distances=None, reference=REFERENCE):
    """Write what the page is made of, and in a folder of its own the page; return its text."""
    checks, pictures = {}, {}
    for found in records:
        checks[found["patient"]] = {"record": tmp_path / f"{found['patient']}.json"}
        write_record(checks[found["patient"]]["record"], found)
    for patient, matching in (distances or {}).items():
        pictures[patient] = {"matching": tmp_path / f"matching_{patient}.json"}
        write_record(pictures[patient]["matching"], matching)
    write_batch(tmp_path / "checks.tsv", checks)
    write_batch(tmp_path / "pictures.tsv", pictures)
    if reference:
        write_reference(tmp_path / "reference.npz", reference)
    else:
        write_exclusion([tmp_path / "reference.npz"], "every patient is excluded")
    write_page(
        tmp_path / "page/index.html",
        checks=[tmp_path / "checks.tsv"],
        pictures=[tmp_path / "pictures.tsv"],
        reference=tmp_path / "reference.npz",
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
    assert text.count("<th>") == 3 + len(NUMBERS) + 1 == text.count("<td")
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


def test_reference_without_training_patients_is_named(tmp_path):
    none = Reference("p9", "none", landmarks={}, profile={}, sha256={})
    assert "p9, because there is no training patient" in page(
        tmp_path, [record("p1", "pass")], reference=none
    )
    assert "There is no histogram reference" in page(tmp_path, [record("p1", "fail")], reference=None)

"""Batches follow from the patients' identifiers; their tables name missing and changed files."""

import hashlib
import os
import random

import pytest

from strokeclock.batches import (
    BatchError,
    deal_batches,
    drop_volumes,
    find_batch,
    find_damage,
    read_batches,
    read_dropped,
    write_batch,
)

PATIENTS = [f"sub-{number:04d}" for number in range(500)]


def bits(patient):
    return bin(int.from_bytes(hashlib.sha256(patient.encode()).digest()) | 1 << 256)[3:]


def test_every_patient_is_in_one_batch_that_their_digest_names():
    batches = deal_batches(PATIENTS, most=8)
    assert sorted(patient for members in batches.values() for patient in members) == PATIENTS
    assert all(1 <= len(members) <= 8 for members in batches.values())
    for name, members in batches.items():
        assert all(bits(patient).startswith(name[1:]) for patient in members)


def test_few_patients_are_one_batch():
    assert deal_batches(["p2", "p1"], most=8) == {"b": ["p1", "p2"]}
    assert deal_batches([], most=8) == {}


def test_the_sheets_order_does_not_matter():
    shuffled = PATIENTS.copy()
    random.Random(0).shuffle(shuffled)
    assert deal_batches(shuffled, most=8) == deal_batches(PATIENTS, most=8)


@pytest.mark.parametrize("most", [1, 3, 8])
def test_one_patient_changes_one_batch(most):
    """Removing a patient shortens a batch, or joins it with its sibling."""
    whole = deal_batches(PATIENTS, most=most)
    for patient in PATIENTS[::50]:
        without = deal_batches([other for other in PATIENTS if other != patient], most=most)
        changed = {name for name in whole if without.get(name) != whole[name]}
        joined = {other for name in changed for other in whole[name]}
        assert patient in joined
        assert len(joined) <= most + 1
        new = {name for name in without if whole.get(name) != without[name]}
        assert len(new) <= 1


def test_smaller_batches_lie_in_larger_ones():
    large, small = deal_batches(PATIENTS, most=100), deal_batches(PATIENTS, most=8)
    for name, members in small.items():
        assert set(members) <= set(large[find_batch(large, name)])


@pytest.fixture
def table(tmp_path):
    for name in ("p1_t2w", "p1_dwi", "p2_t2w"):
        (tmp_path / name).write_text(name)
    files = {
        "p2": {"t2w": str(tmp_path / "p2_t2w")},
        "p1": {"t2w": str(tmp_path / "p1_t2w"), "dwi": str(tmp_path / "p1_dwi")},
    }
    write_batch(tmp_path / "b.tsv", files)
    return tmp_path / "b.tsv"


def test_a_table_holds_patient_name_file_and_digest(table, tmp_path):
    header, first, *others = table.read_text().splitlines()
    assert header == "patient\tname\tfile\tsha256"
    assert first.split("\t") == ["p1", "t2w", f"{tmp_path}/p1_t2w", hashlib.sha256(b"p1_t2w").hexdigest()]
    assert len(others) == 2
    assert read_batches([table]) == {
        "p1": {"t2w": f"{tmp_path}/p1_t2w", "dwi": f"{tmp_path}/p1_dwi"},
        "p2": {"t2w": f"{tmp_path}/p2_t2w"},
    }


def test_unchanged_files_are_no_damage(table, tmp_path):
    assert find_damage(table) is None
    later = table.stat().st_mtime + 10
    os.utime(tmp_path / "p1_dwi", (later, later))  # copied, say: the same bytes
    assert find_damage(table) is None


def test_a_missing_file_is_damage(table, tmp_path):
    (tmp_path / "p2_t2w").unlink()
    assert find_damage(table) == f"{tmp_path}/p2_t2w of patient p2 is missing"


def test_a_changed_file_is_damage(table, tmp_path):
    later = table.stat().st_mtime + 10
    (tmp_path / "p1_dwi").write_text("other")
    os.utime(tmp_path / "p1_dwi", (later, later))
    assert find_damage(table) == f"{tmp_path}/p1_dwi of patient p1 has changed"


@pytest.mark.parametrize("content", ["", "a\tb\n"])
def test_what_is_no_table_is_damage_and_refused(table, content):
    table.write_text(content)
    assert "not a table of a batch's files" in find_damage(table)
    with pytest.raises(BatchError, match="delete it and run again"):
        read_batches(table)


@pytest.mark.parametrize("place", range(6))
def test_a_changed_bit_is_found_when_the_table_is_read(table, tmp_path, place):
    """Also where the file's time stays, as on a failing disk."""
    file = tmp_path / "p1_dwi"
    before = file.stat()
    content = bytearray(file.read_bytes())
    content[place] ^= 4
    file.write_bytes(content)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(BatchError, match=r"p1_dwi of patient p1 is not the file that was made: .* Delete it"):
        read_batches(table)
    assert read_batches(table, only=["p2"]) == {"p2": {"t2w": f"{tmp_path}/p2_t2w"}}


@pytest.mark.parametrize(
    "damage", [lambda path: path.write_text(""), lambda path: path.write_text("p2_t2w"), os.remove]
)
def test_a_cut_exchanged_or_absent_file_is_found_when_the_table_is_read(table, tmp_path, damage):
    damage(tmp_path / "p1_t2w")
    with pytest.raises(BatchError, match=r"p1_t2w of patient p1 (is not the file|cannot be read)"):
        read_batches(table)


def test_a_table_that_is_cut_off_in_a_line_is_refused(table):
    table.write_text(table.read_text()[:-70])
    with pytest.raises(BatchError, match=r"b.tsv line 4 has . cells .*: delete it and run again"):
        read_batches(table)


def test_dropped_volumes_are_listed_and_may_be_missing(tmp_path):
    files = {"p1": {"t2w": tmp_path / "t2w.nii.gz", "findings": tmp_path / "findings.json"}}
    for file in files["p1"].values():
        file.write_text("content")
    table, dropped = tmp_path / "b.tsv", tmp_path / "dropped.txt"
    write_batch(table, files)
    assert read_dropped(dropped) == set()
    drop_volumes([table], dropped=dropped)
    assert read_dropped(dropped) == {f"{tmp_path}/t2w.nii.gz"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.tsv", "dropped.txt", "findings.json"]
    assert find_damage(table) == f"{tmp_path}/t2w.nii.gz of patient p1 is missing"
    assert find_damage(table, dropped=read_dropped(dropped)) is None
    with pytest.raises(BatchError, match="keep_volumes: true"):
        read_batches(table)


def test_other_files_are_missed_though_volumes_were_dropped(tmp_path):
    (tmp_path / "findings.json").write_text("content")
    write_batch(tmp_path / "b.tsv", {"p1": {"findings": tmp_path / "findings.json"}})
    drop_volumes([tmp_path / "b.tsv"], dropped=tmp_path / "dropped.txt")
    (tmp_path / "findings.json").unlink()
    assert "is missing" in find_damage(tmp_path / "b.tsv", dropped=read_dropped(tmp_path / "dropped.txt"))

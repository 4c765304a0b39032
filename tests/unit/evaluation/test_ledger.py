"""The ledger counts each access to a test part once, over all runs, keeps all, and refuses edited files."""

import hashlib
import multiprocessing
import time

import pytest

from strokeclock.evaluation.ledger import (
    COLUMNS,
    LedgerError,
    digest,
    read_ledger,
    record_accesses,
    record_external,
)
from strokeclock.files import locked

RESULTS = {"n": "82", "sensitivity": "0.7", "specificity": "0.8", "accuracy": "0.75", "auc": "0.74"}
KEY = ("phase4_attention", "2d", "phase3")
ROW = ("stage", "model", "start")
SPLIT = "patient\tpart\na\ttrain\nb\tvalidation\nc\ttest\nd\ttest\n"


def access(**changes):
    digests = {"configuration": "c1", "predictions": "p1"}
    return dict(zip(ROW, KEY, strict=True)) | digests | RESULTS | changes


@pytest.fixture
def split(tmp_path):
    path = tmp_path / "split.tsv"
    path.write_text(SPLIT)
    return path


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "results/ledger.tsv"


@pytest.fixture
def record(ledger, split):
    """Record accesses of a run; return each row's number of accesses to this split's test part."""

    def record(*accesses, run="one"):
        lines = record_accesses(ledger, accesses, run=run, split=split)
        return {
            row: sum(tuple(line[name] for name in ROW) == row for line in lines)
            for row in {tuple(line[name] for name in ROW) for line in lines}
        }

    return record


def test_the_same_evaluation_twice_is_one_line(record, ledger):
    assert record(access()) == {KEY: 1}
    first = ledger.read_bytes()
    assert record(access()) == {KEY: 1}
    assert record(access(), run="two") == {KEY: 1}
    assert ledger.read_bytes() == first
    assert first.decode().splitlines()[0].split("\t") == list(COLUMNS)


@pytest.mark.parametrize("changed", ["configuration", "predictions"])
def test_another_access_is_another_line_behind_the_first(record, ledger, changed):
    record(access())
    first = ledger.read_text()
    assert record(access(**{changed: "x"})) == {KEY: 2}
    assert ledger.read_text().startswith(first)
    assert [line["access"] for line in read_ledger(ledger)] == ["1", "2"]
    assert [line[changed] for line in read_ledger(ledger)] == [access()[changed], "x"]


def test_recipes_under_other_run_names_add_up(record, ledger):
    counts = [record(access(configuration=f"c{n}", predictions=f"p{n}"), run=f"run{n}") for n in range(5)]
    assert counts == [{KEY: n} for n in range(1, 6)]
    assert [line["run"] for line in read_ledger(ledger)] == [f"run{n}" for n in range(5)]


def test_another_test_part_is_counted_by_itself(record, ledger, split):
    record(access())
    split.write_text(SPLIT.replace("a\ttrain\nb\tvalidation", "a\tvalidation\nb\ttrain"))
    assert record(access(predictions="p2")) == {KEY: 2}  # the same test patients
    split.write_text(SPLIT.replace("d\ttest", "d\ttrain"))
    assert record(access(predictions="p3")) == {KEY: 1}
    assert [line["access"] for line in read_ledger(ledger)] == ["1", "2", "1"]


def test_rows_are_counted_apart_and_keep_their_order(record, ledger):
    reader = access(stage="readers", model="reader1", start="", auc="")
    record(access(), reader)
    counts = record(reader, access(predictions="p2"), access(predictions="p1"))
    assert counts == {KEY: 2, ("readers", "reader1", ""): 1}
    assert [(line["model"], line["access"]) for line in read_ledger(ledger)] == [
        ("2d", "1"),
        ("reader1", "1"),
        ("2d", "2"),
    ]


def test_a_row_that_is_gone_stays_in_the_ledger(record):
    record(access())
    assert record()[KEY] == 1


def record_one(path, split, number):
    record_accesses(path, [access(predictions=f"p{number}")], run=f"run{number}", split=split)


def test_accesses_of_several_processes_are_all_kept(ledger, split):
    fork = multiprocessing.get_context("fork")
    with locked(ledger):  # all wait here, and go on at once
        processes = [fork.Process(target=record_one, args=(ledger, split, number)) for number in range(8)]
        for process in processes:
            process.start()
        time.sleep(0.3)
        assert not ledger.exists()
    for process in processes:
        process.join(30)
        assert process.exitcode == 0
    lines = read_ledger(ledger)
    assert [line["access"] for line in lines] == [str(number) for number in range(1, 9)]
    assert {line["run"] for line in lines} == {f"run{number}" for number in range(8)}


FORMER = ("stage", "model", "weights", "look", "configuration", "predictions", "split", *RESULTS)


def write_former(path, *rows, header=FORMER):
    """Write a run's own ledger as earlier versions did, with its seals."""
    lines, seal = ["\t".join((*header, "seal"))], ""
    for row in rows:
        seal = hashlib.sha256("\t".join([seal, *row]).encode()).hexdigest()[:16]
        lines.append("\t".join([*row, seal]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def former(predictions, *, model="2d", split=None):
    split = split or digest(SPLIT)
    return ("phase4_attention", model, "phase3", "1", "c1", predictions, split, *RESULTS.values())


@pytest.mark.parametrize("header", [FORMER, (*FORMER[:2], "start", "access", *FORMER[4:])])
def test_runs_own_ledgers_are_added_once(record, ledger, header):
    own = ledger.parent / "old/ledger.tsv"
    write_former(own, former("p1"), former("p2"), former("p3", split="another"), header=header)
    write_former(ledger.parent / "outlines/ledger.tsv", former("p1", model="outline"))
    before = own.read_bytes()
    segmented = ("phase4_attention", "segmentation", "phase3")
    for _ in range(2):
        assert record(access(), access(predictions="p4")) == {KEY: 3, segmented: 1}
    assert [(line["run"], line["predictions"], line["access"]) for line in read_ledger(ledger)] == [
        ("old", "p1", "1"),
        ("old", "p2", "2"),
        ("outlines", "p1", "1"),
        ("one", "p4", "3"),
    ]
    assert own.read_bytes() == before


def test_a_damaged_own_ledger_of_a_run_stops_too(record, ledger):
    own = ledger.parent / "old/ledger.tsv"
    write_former(own, former("p1"), former("p2"))
    own.write_text(own.read_text().replace("0.74", "0.94", 1))
    with pytest.raises(LedgerError, match=r"old/ledger\.tsv line 2 was changed"):
        record(access())
    assert not ledger.exists()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda lines: [], "does not begin with the columns of a ledger"),
        (lambda lines: lines[1:], "does not begin with the columns of a ledger"),
        (lambda lines: [*lines[:2], lines[2].replace("0.74", "0.94"), lines[3]], "line 3 was changed"),
        (lambda lines: [*lines[:2], lines[2].replace("one", "two"), lines[3]], "line 3 was changed"),
        (lambda lines: [lines[0], *lines[2:]], "line 2 was changed, or a line before it is missing"),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], "line 2 was changed"),
        (lambda lines: [*lines[:3], lines[3][:-9]], "line 4 was changed"),
        (lambda lines: [*lines[:3], lines[3][:24]], "line 4 has 4 cells where the header has 14"),
    ],
    ids=["emptied", "no header", "edited", "run", "an access removed", "reordered", "cut in the seal", "cut"],
)
def test_a_damaged_ledger_stops_with_one_sentence_and_is_left_alone(record, ledger, damage, says):
    record(*(access(predictions=name) for name in ("p1", "p2", "p3")))
    ledger.write_text("".join(damage(ledger.read_text().splitlines(keepends=True))))
    before = ledger.read_bytes()
    with pytest.raises(LedgerError, match=says) as caught:
        record(access())
    assert str(ledger) in str(caught.value)
    assert "restore the file from a copy" in str(caught.value)
    assert str(caught.value).count("\n") == 0
    assert ledger.read_bytes() == before


def test_digests_are_sha256s_first_digits():
    assert digest("abc") == digest(b"abc") == "ba7816bf8f01cfea"


def external(**changes):
    results = {"rows": ["2d/phase4_attention/phase3"], "patients": ["a", "b"], "results": RESULTS}
    return {"run": "one", "bundle": "b1", "readings": "r1", **results} | changes


def test_an_external_test_is_an_access_of_its_own(record, ledger):
    record(access())
    first = ledger.read_text()
    (line,) = record_external(ledger, **external())
    assert ledger.read_text().startswith(first)
    assert [line[name] for name in ROW] == ["external", "2d/phase4_attention/phase3", ""]
    assert (line["access"], line["configuration"], line["predictions"]) == ("1", "b1", "r1")
    assert line["test_part"] == digest("a\nb")
    assert record(access()) == {KEY: 1}


def test_the_same_bundle_on_the_same_patients_is_one_line(ledger):
    for changes in ({}, {"run": "two"}, {"patients": ["b", "a"]}):
        assert len(record_external(ledger, **external(**changes))) == 1


@pytest.mark.parametrize("changed", ["bundle", "readings"])
def test_another_bundle_or_reading_is_another_access(ledger, changed):
    record_external(ledger, **external())
    lines = record_external(ledger, **external(**{changed: "x"}))
    assert [line["access"] for line in lines] == ["1", "2"]


def test_other_patients_are_counted_by_themselves(ledger):
    record_external(ledger, **external())
    (line,) = record_external(ledger, **external(patients=["a", "b", "c"]))
    assert line["access"] == "1"
    assert len(read_ledger(ledger)) == 2


def test_a_damaged_ledger_stops_an_external_test(ledger):
    record_external(ledger, **external())
    ledger.write_text(ledger.read_text().replace("0.74", "0.94"))
    with pytest.raises(LedgerError, match="line 2 was changed"):
        record_external(ledger, **external(bundle="b2"))

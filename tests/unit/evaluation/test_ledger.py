"""The ledger counts each access once, keeps all, and refuses edited files."""

import pytest

from strokeclock.evaluation.ledger import COLUMNS, LedgerError, digest, read_ledger, record_accesses

RESULTS = {"n": "82", "sensitivity": "0.7", "specificity": "0.8", "accuracy": "0.75", "auc": "0.74"}
KEY = ("phase4_attention", "2d", "phase3")


def access(**changes):
    digests = {"configuration": "c1", "predictions": "p1", "split": "s1"}
    return dict(zip(("stage", "model", "start"), KEY, strict=True)) | digests | RESULTS | changes


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "ledger.tsv"


def test_the_same_evaluation_twice_is_one_line(ledger):
    assert record_accesses(ledger, [access()]) == {KEY: 1}
    first = ledger.read_bytes()
    assert record_accesses(ledger, [access()]) == {KEY: 1}
    assert ledger.read_bytes() == first
    assert first.decode().splitlines()[0].split("\t") == list(COLUMNS)


@pytest.mark.parametrize("changed", ["configuration", "predictions", "split"])
def test_another_access_is_another_line_behind_the_first(ledger, changed):
    record_accesses(ledger, [access()])
    first = ledger.read_text()
    assert record_accesses(ledger, [access(**{changed: "x"})]) == {KEY: 2}
    assert ledger.read_text().startswith(first)
    assert [line["access"] for line in read_ledger(ledger)] == ["1", "2"]
    assert [line[changed] for line in read_ledger(ledger)] == [access()[changed], "x"]


def test_rows_are_counted_apart_and_keep_their_order(ledger):
    reader = access(stage="readers", model="reader1", start="", auc="")
    record_accesses(ledger, [access(), reader])
    counts = record_accesses(ledger, [reader, access(predictions="p2"), access(predictions="p1")])
    assert counts == {KEY: 2, ("readers", "reader1", ""): 1}
    assert [(line["model"], line["access"]) for line in read_ledger(ledger)] == [
        ("2d", "1"),
        ("reader1", "1"),
        ("2d", "2"),
    ]


def test_a_row_that_is_gone_stays_in_the_ledger(ledger):
    record_accesses(ledger, [access()])
    assert record_accesses(ledger, [])[KEY] == 1


def test_a_ledger_under_the_former_names_goes_on(ledger):
    record_accesses(ledger, [access()])
    header, *lines = ledger.read_text().splitlines(keepends=True)
    ledger.write_text(header.replace("start", "weights").replace("access", "look") + "".join(lines))
    assert record_accesses(ledger, [access(), access(predictions="p2")]) == {KEY: 2}
    assert ledger.read_text().startswith(header + "".join(lines))


def test_rows_under_their_former_model_keep_their_count(ledger):
    row = {"stage": "phase3_tss4h5", "start": "ratios"}
    record_accesses(ledger, [access(**row, model="outline")])
    before = ledger.read_text()
    again = [access(**row, model="segmentation", predictions=name) for name in ("p1", "p2")]
    assert record_accesses(ledger, again) == {("phase3_tss4h5", "segmentation", "ratios"): 2}
    assert ledger.read_text().startswith(before)
    assert [line["access"] for line in read_ledger(ledger)] == ["1", "2"]


def three_lines(path):
    record_accesses(path, [access(predictions=name) for name in ("p1", "p2", "p3")])
    return path.read_text().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda lines: [], "does not begin with the columns of a ledger"),
        (lambda lines: lines[1:], "does not begin with the columns of a ledger"),
        (lambda lines: [*lines[:2], lines[2].replace("0.74", "0.94"), lines[3]], "line 3 was changed"),
        (lambda lines: [lines[0], *lines[2:]], "line 2 was changed, or a line before it is missing"),
        (lambda lines: [lines[0], lines[2], lines[1], lines[3]], "line 2 was changed"),
        (lambda lines: [*lines[:3], lines[3][:-9]], "line 4 was changed"),
        (lambda lines: [*lines[:3], lines[3][:20]], "line 4 has 3 cells where the header has 13"),
    ],
    ids=["emptied", "no header", "edited", "an access removed", "reordered", "cut in the seal", "cut"],
)
def test_a_damaged_ledger_stops_with_one_sentence_and_is_left_alone(ledger, damage, says):
    ledger.write_text("".join(damage(three_lines(ledger))))
    before = ledger.read_bytes()
    with pytest.raises(LedgerError, match=says) as caught:
        record_accesses(ledger, [access()])
    assert str(ledger) in str(caught.value)
    assert "restore the file from a copy" in str(caught.value)
    assert str(caught.value).count("\n") == 0
    assert ledger.read_bytes() == before


def test_digests_are_sha256s_first_digits():
    assert digest("abc") == digest(b"abc") == "ba7816bf8f01cfea"

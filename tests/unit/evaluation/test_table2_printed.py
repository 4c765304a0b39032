"""Degenerate runs: Table 2 says why in every printed version, and nowhere stands NaN."""

import re
from pathlib import Path

import pytest

from strokeclock.evaluation.table2 import write_table2
from strokeclock.figures.printed_tables import set_table2
from strokeclock.figures.typeset import print_table

PAPER = Path(__file__).parents[3] / "resources/table2_paper.csv"
SETTINGS = {"threshold": "validation", "fixed_threshold": 0.5, "confidence": 0.95, "bootstraps": 50}
PHASE3 = ("2d", "phase3_tss4h5", "random")
PHASE1 = ("2d", "phase1_stroke", "random")


def three_test_patients(run):
    """One under 4.5 h, two not; the others of the test part learn."""
    cohort = run.cohort
    late = cohort["onset_to_mri_min"] >= 270
    test = cohort["part"] == "test"
    kept = [*cohort.index[test & ~late][:1], *cohort.index[test & late][:2]]
    cohort.loc[test, "part"] = "train"
    cohort.loc[kept, "part"] = "test"


def one_class_in_the_test_part(run):
    run.cohort.loc[run.cohort["part"] == "test", "onset_to_mri_min"] = 400


def readers_agree_on_everything(run):
    run.readers[["reader1", "reader2", "reader3"]] = 1


@pytest.mark.parametrize(
    ("spoil", "scorers", "readers", "says"),
    [
        (None, [PHASE3], True, "not run: training.phase0_genesis"),
        (None, [PHASE3], False, "not run: no reader sheet is configured (cohort.readers)"),
        (None, [PHASE1], True, "not run: no phase 3 or 4 was run"),
        (None, [], True, "not run: no phase 3 or 4 was run"),
        (three_test_patients, [PHASE3, PHASE1], True, "(no interval)"),
        (one_class_in_the_test_part, [PHASE3], True, "validation or test part has one class only"),
        (readers_agree_on_everything, [PHASE3], True, "undefined (one reader, or all calls alike)"),
    ],
    ids=["phase untrained", "no sheet", "no target", "nothing", "three", "one class", "readers alike"],
)
def test_every_version_says_why_and_none_says_nan(made_up_run, spoil, scorers, readers, says):
    root = made_up_run.root
    if spoil:
        spoil(made_up_run)
    paths = made_up_run.write(scorers=scorers)
    write_table2(
        paths,
        root / "tables/table2.csv",
        root / "accesses.tsv",
        ledger=root / "ledger.tsv",
        run="made-up",
        paper=PAPER,
        thresholds=made_up_run.fit(paths)["thresholds"],
        cohort=root / "cohort/cohort.tsv",
        split=root / "cohort/split.tsv",
        exclusions=root / "cohort/exclusions.tsv",
        readers=root / "readers.tsv" if readers else None,
        settings=SETTINGS,
        recipe="paper",
    )
    table = set_table2(root / "tables/table2.csv", confidence=0.95)
    outputs = [root / f"tables/table2.{suffix}" for suffix in ("html", "tex", "png")]
    print_table(table, *outputs)
    html, latex = (path.read_text() for path in outputs[:2])
    assert says in html
    assert says.replace("_", r"\_") in latex
    csvs = [(root / name).read_text() for name in ("tables/table2.csv", "ledger.tsv")]
    for text in (html, latex, *csvs):
        assert not re.search(r"\b(nan|inf)\b", text, re.IGNORECASE)
        assert "None" not in text

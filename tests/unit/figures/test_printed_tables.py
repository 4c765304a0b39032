"""Tables 1 and 2 as printed: each cell as it should read, and words where there is no number."""

import csv

import pytest

from strokeclock.evaluation.table2 import COLUMNS
from strokeclock.figures.printed_tables import set_table1, set_table2
from strokeclock.figures.typeset import Row, print_table

PAPER = {"sensitivity": "0.702700", "specificity": "0.810800", "accuracy": "0.756800", "auc": "0.740700"}
BLANK = dict.fromkeys(COLUMNS, "")
RUN = BLANK | {
    **{"stage": "phase4_attention", "model": "2d", "start": "phase3", "target": "TSS < 4.5 h"},
    **{"recipe": "paper", "status": "ok", "unit": "patient", "accesses": "1"},
    **{"n": "82", "positives": "42", "tp": "30", "fn": "12", "tn": "33", "fp": "7"},
    **{"sensitivity": "0.714286", "sensitivity_low": "0.563889", "sensitivity_high": "0.827901"},
    **{"specificity": "0.824000", "specificity_low": "0.680000", "specificity_high": "0.913000"},
    **{"accuracy": "0.768293", "accuracy_low": "0.666000", "accuracy_high": "0.846000"},
    **{"auc": "0.804000", "auc_low": "0.709000", "auc_high": "1.000000"},
    **{"threshold": "0.483000", "threshold_source": "validation"},
    **{"seeds": "5", "auc_seed_mean": "0.790600", "auc_seed_sd": "0.012400"},
    **{f"paper_{name}": value for name, value in PAPER.items()},
}
UNRUN = BLANK | {
    **{"stage": "phase3_tss4h5", "model": "3d", "start": "medical", "target": "TSS < 4.5 h"},
    **{
        "recipe": "paper",
        "status": "not run: set initial_weights.medical_3d.source",
        "paper_auc": "0.661900",
    },
}
READERS = {"stage": "readers", "start": "", "recipe": "", "auc": "", "auc_low": "", "auc_high": ""} | {
    name: ""
    for name in ("threshold", "threshold_source", "seeds", "auc_seed_mean", "auc_seed_sd", "paper_auc")
}


@pytest.fixture
def table2(tmp_path):
    def make(*rows, confidence=0.95):
        with open(tmp_path / "table2.csv", "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        return set_table2(tmp_path / "table2.csv", confidence=confidence)

    return make


def test_a_row_as_printed(table2):
    assert table2(RUN).rows == [
        "Phase 4 with attention: TSS < 4.5 h",
        Row(
            ["2D", "phase 3"],
            [
                *("82", "42", "30", "12", "33", "7"),
                *(".71 (.56–.83)", ".82 (.68–.91)", ".77 (.67–.85)", ".80 (.71–1.00)"),
                *(".791 ± .012 (5 seeds)", ".48", "validation", "1"),
            ],
            [".70", ".81", ".76", ".74"],
        ),
    ]


def test_a_row_that_was_not_run_gives_its_reason_and_the_papers_values(table2):
    head, row = table2(UNRUN).rows
    assert head == "Phase 3: TSS < 4.5 h"
    assert row == Row(["3D", "medical images"], UNRUN["status"], ["–", "–", "–", ".66"])


def test_no_interval_and_one_seed_are_words(table2):
    few = RUN | {"auc_low": "", "auc_high": "", "seeds": "1", "auc_seed_sd": ""}
    values = table2(few).rows[1].values
    assert values[9] == ".80 (no interval)"
    assert values[10] == "one seed"


def test_rows_are_grouped_by_stage_and_named(table2):
    baseline = RUN | {"model": "ratio", "start": "flair", "recipe": ""}
    lesion = RUN | {"stage": "phase1_stroke", "target": "lesion", "unit": "hemisphere", "start": "genesis"}
    added = UNRUN | {"stage": "phase5_tss6h", "target": "TSS < 6 h", "start": "imagenet"}
    unknown = UNRUN | {"stage": "phase6_x", "target": ""}
    reader = RUN | READERS | {"model": "reader2"}
    rows = table2(lesion, RUN, baseline, added, unknown, reader).rows
    assert [row for row in rows if isinstance(row, str)] == [
        "Phase 1: lesion in a hemisphere (n: hemispheres)",
        "Phase 4 with attention: TSS < 4.5 h",
        "Phase 5: TSS < 6 h",
        "Phase 6",
        "Readers: TSS < 4.5 h",
    ]
    assert [row.labels for row in rows if isinstance(row, Row)] == [
        ["2D", "Models Genesis"],
        ["2D", "phase 3"],
        ["FLAIR ratio", ""],
        ["3D", "ImageNet"],
        ["3D", "medical images"],
        ["Reader 2", ""],
    ]
    assert rows[-1].values[-5:] == ["–", "–", "–", "–", "1"]


def notes(table):
    return "\n".join(table.notes)


def test_notes_on_thresholds_intervals_and_accesses(table2):
    text = notes(table2(RUN, UNRUN, confidence=0.9))
    assert "Value (90 % interval)" in text
    assert "chosen on: validation." in text
    assert "too high" not in text
    assert "trained: paper." in text
    assert "Each row was evaluated once." in text

    crossed = RUN | {
        "model": "ml",
        "start": "radiomics",
        "threshold_source": "cross-validation",
        "accesses": "3",
    }
    text = notes(table2(RUN, crossed, RUN | {"threshold_source": "test (optimistic)"}))
    assert "chosen on: cross-validation, test (optimistic), validation." in text
    assert "too high" in text
    assert "More than one access: 1 of 3 rows, up to 3 accesses a row." in text


@pytest.mark.parametrize(
    ("kappa", "says"),
    [
        (("0.488", "0.45", "0.53"), "κ: .49 (.45–.53); the paper's .46"),
        (("-0.285714", "-0.5", "-0.125"), "κ: −.29 (−.50 to −.12); the paper's .46"),
        (("1.0", "", ""), "κ: 1.00 (no interval); the paper's .46"),
        (("", "", ""), "κ: undefined (one reader, or all calls alike); the paper's .46"),
    ],
)
def test_the_readers_agreement_is_a_note(table2, kappa, says):
    cells = dict(zip(("kappa", "kappa_low", "kappa_high"), kappa, strict=True))
    table = table2(RUN | READERS | cells | {"model": "majority", "paper_kappa": "0.460000"})
    assert says in notes(table)


def test_nothing_evaluated_is_a_table_of_reasons(table2):
    table = table2(UNRUN)
    assert "ccesses" not in notes(table)
    assert "κ" not in notes(table)


def test_table1_has_words_where_there_is_no_number(tmp_path):
    (tmp_path / "table1.csv").write_text(
        "characteristic,training,test,all\n"
        '"Patients, n",3,1,4\n'
        '"Age, years: median (IQR)",60 (55-65),unknown,60 (55-65); 1 missing\n'
        '"Excluded, n",,,2\n'
    )
    table = set_table1(tmp_path / "table1.csv")
    assert table.values == ["Training", "Test", "All"]
    assert table.rows == [
        Row(["Patients, n"], ["3", "1", "4"]),
        Row(["Age, years: median (IQR)"], ["60 (55–65)", "unknown", "60 (55–65); 1 missing"]),
        Row(["Excluded, n"], ["–", "–", "2"]),
    ]


def test_a_table_is_written_as_each_suffix_says(table2, tmp_path):
    outputs = [tmp_path / f"table.{suffix}" for suffix in ("html", "tex", "png")]
    print_table(table2(RUN, UNRUN), *outputs)
    html, latex, picture = (path.read_bytes() for path in outputs)
    assert html.startswith(b"<!doctype html>")
    assert b"\\begin{document}" in latex
    assert picture.startswith(b"\x89PNG")
    assert ".71 (.56–.83)" in html.decode()
    assert ".71 (.56--.83)" in latex.decode()


def test_rows_that_the_paper_lacks_are_set_apart(table2):
    """But for readers beyond the paper's three."""
    blank = {f"paper_{name}": "" for name in PAPER}
    own = RUN | blank | {"stage": "phase3_tss4h5", "model": "ratio", "start": "flair"}
    rows = table2(RUN, RUN | READERS | blank | {"model": "reader4"}, own).rows
    assert [row for row in rows if isinstance(row, str)] == [
        "Phase 4 with attention: TSS < 4.5 h",
        "Readers: TSS < 4.5 h",
        "Not in the paper. Phase 3: TSS < 4.5 h",
    ]

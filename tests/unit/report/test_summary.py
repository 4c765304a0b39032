"""The summary fits the terminal and says what a run can show."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from strokeclock.evaluation.table2 import write_table2
from strokeclock.report.summary import summarise

PAPER = Path(__file__).parents[3] / "resources/table2_paper.csv"


@pytest.fixture
def run(made_up_run):
    paths = made_up_run.write()
    write_table2(
        paths,
        made_up_run.root / "tables/table2.csv",
        made_up_run.root / "accesses.tsv",
        ledger=made_up_run.root / "ledger.tsv",
        run="made-up",
        paper=PAPER,
        thresholds=made_up_run.fit(paths)["thresholds"],
        cohort=made_up_run.root / "cohort/cohort.tsv",
        split=made_up_run.root / "cohort/split.tsv",
        exclusions=made_up_run.root / "cohort/exclusions.tsv",
        readers=made_up_run.root / "readers.tsv",
        settings={"confidence": 0.95, "bootstraps": 50},
        recipe="paper",
    )
    (made_up_run.root / "figures/fig8.svg").touch()
    return made_up_run.root


def test_every_row_is_there(run):
    lines = list(summarise(run))
    rows = lines[4:27]
    assert [line.split()[-1] for line in rows[:2]] == [".89", ".95"]  # the paper's AUC
    assert sum("not run" in line for line in rows) == 7
    assert rows[-1].split()[:2] == ["majority", "20"]
    assert "Not in the paper:" not in rows
    assert any("Patients excluded: 1;" in line for line in lines)
    assert any("fig8.svg" in line for line in lines)
    assert any(line.startswith("Test-set accesses: at most 1 a row") for line in lines)
    assert any("Fleiss' kappa" in line for line in lines)


def test_rows_that_the_paper_lacks_are_set_apart(run):
    path = run / "tables/table2.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    own = table.iloc[0].where(~table.columns.str.startswith("paper_"), "")
    pd.concat([table, own.to_frame().T]).to_csv(path, index=False)
    lines = list(summarise(run))
    assert lines[27] == "Not in the paper:"
    assert lines[28].startswith("P1 lesion")


def test_lines_fit_the_terminal(run):
    head = str(run)
    assert max(len(line.replace(head, "results/demo")) for line in summarise(run)) <= 120


def test_a_phantom_run_says_what_it_can_show(run):
    assert not any("phantom run" in line for line in summarise(run))
    (run / "phantom").mkdir()
    (run / "phantom/ceiling.json").write_text(
        json.dumps({"patients": 60, "tss<3h": {"all": {"auc": 0.811}}, "tss<4.5h": {"all": {"auc": 0.834}}})
    )
    text = "\n".join(summarise(run))
    assert "TSS <3h 0.81, TSS <4.5h 0.83" in text
    assert "20 test patients shows that every step works" in text
    assert "cannot show which" in text


def test_it_runs_as_a_command_and_starts_at_once(run):
    code = (
        "import sys, runpy; sys.argv = ['summary', sys.argv[1]];"
        "runpy.run_module('strokeclock.report.summary', run_name='__main__');"
        "assert not {'numpy', 'pandas', 'torch', 'matplotlib'} & set(sys.modules)"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, str(run)],
        capture_output=True,
        text=True,
        check=False,
        cwd=PAPER.parents[1],
        env={"PYTHONPATH": str(PAPER.parents[1] / "src")},
    )
    assert process.returncode == 0, process.stderr
    assert "majority" in process.stdout

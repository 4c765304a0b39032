"""What the statistics' tables share."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from strokeclock.errors import ConfigurationError
from strokeclock.evaluation.metrics import Counts
from strokeclock.evaluation.tables import (
    name_target,
    rate_columns,
    rates,
    read_calls,
    read_scorers,
    write_table,
)

from ..conftest import CHAIN


def test_cells_are_written_and_the_missing_are_blank(tmp_path):
    path = tmp_path / "table.csv"
    write_table(
        path, [{"a": 0.1234567, "b": np.nan}, {"a": np.int64(3), "c": "x, y"}], columns=("a", "b", "c")
    )
    assert path.read_text() == 'a,b,c\n0.123457,,\n3,,"x, y"\n'
    assert [file.name for file in tmp_path.iterdir()] == ["table.csv"]


def test_a_small_p_value_keeps_its_digits(tmp_path):
    write_table(tmp_path / "t.csv", [{"p": 1.23456789e-12}], columns=("p",))
    assert float((tmp_path / "t.csv").read_text().split()[1]) == pytest.approx(1.23457e-12)


def test_a_cell_without_a_column_is_an_error_and_leaves_the_old_table(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match=f"{path}: cell b has no column: add it to columns"):
        write_table(path, [{"a": 1}, {"a": 1, "b": 2}], columns=("a",))
    assert path.read_text() == "old"


@pytest.mark.parametrize("value", [[1, 2], (), {"low": 1}, {1}, np.ones(1)])
def test_a_cell_of_several_values_is_an_error(tmp_path, value):
    with pytest.raises(
        ValueError, match=rf"t.csv: cell a is a {type(value).__name__}: give one number or text"
    ):
        write_table(tmp_path / "t.csv", [{"a": value}], columns=("a",))


def test_targets_in_words():
    assert [name_target(minutes) for minutes in (None, 180, 270, 360.0)] == [
        "lesion",
        "TSS < 3 h",
        "TSS < 4.5 h",
        "TSS < 6 h",
    ]


def test_rates_with_wilsons_intervals():
    found = rates(Counts(tp=26, fn=11, tn=30, fp=7), confidence=0.9)
    assert list(found) == list(rate_columns("sensitivity", "specificity", "accuracy"))
    assert found["sensitivity"] == pytest.approx(0.7027, abs=5e-5)  # the paper's headline row
    assert found["accuracy"] == pytest.approx(56 / 74)
    assert (found["specificity_low"], found["specificity_high"]) == pytest.approx(
        proportion_confint(30, 37, alpha=0.1, method="wilson")
    )


def test_rates_of_nobody_are_undefined():
    found = rates(Counts(tp=0, fn=0, tn=2, fp=1), confidence=0.95)
    assert np.isnan([found[name] for name in rate_columns("sensitivity")]).all()
    assert found["accuracy"] == found["specificity"] == pytest.approx(2 / 3)


def test_rows_stand_as_in_table_2(made_up_run):
    scorers = [("ratio", "phase3_tss4h5", "flair"), ("2d", "phase3_tss4h5", "imagenet"), *reversed(CHAIN)]
    paths = made_up_run.write(scorers, seeds=(0,))
    folder = made_up_run.root / "cohort"
    tasks = {"phase1_stroke": None, "phase2_tss3h": 180, "phase3_tss4h5": 270, "phase4_attention": 270}
    found = read_scorers(paths, cohort=folder / "cohort.tsv", split=folder / "split.tsv", tasks=tasks)
    assert [str(scorer) for scorer in found if scorer.phase == "phase3_tss4h5"] == [
        "2d/phase3_tss4h5/random",
        "2d/phase3_tss4h5/imagenet",
        "2d/phase3_tss4h5/phase2",
        "3d/phase3_tss4h5/random",
        "3d/phase3_tss4h5/phase2",
        "ratio/phase3_tss4h5/flair",
    ]
    assert [scorer.phase for scorer in found] == sorted(scorer.phase for scorer in found)


@pytest.fixture
def calls(made_up_run):
    def read(**changes):
        made_up_run.readers = made_up_run.readers.assign(**changes)
        made_up_run.write([])
        root = made_up_run.root
        return read_calls(
            root / "readers.tsv",
            cohort=root / "cohort/cohort.tsv",
            exclusions=root / "cohort/exclusions.tsv",
            patients=["p05", "p02"],
        )

    return read


def test_calls_and_their_majority(calls, made_up_run):
    found = calls()
    own = made_up_run.readers.set_index("patient").loc[["p05", "p02"]]
    pd.testing.assert_frame_equal(found.drop(columns="majority"), own, check_dtype=False)
    assert found["majority"].tolist() == (own.sum(axis=1) >= 2).astype(int).tolist()


def test_an_unknown_patient_in_the_reader_sheet_is_an_error(calls):
    with pytest.raises(ConfigurationError, match="patient stranger, not in the cohort"):
        calls(patient=["stranger", *(f"p{number:02d}" for number in range(1, 60))])

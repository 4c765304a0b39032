"""The figures of case mix and onset show what their tables and the cohort hold."""

import numpy as np
import pandas as pd
import pytest

from strokeclock.evaluation.case_mix import COLUMNS
from strokeclock.figures.case_mix import draw_case_mix
from strokeclock.figures.onset import draw_onset
from strokeclock.figures.style import save_figure
from strokeclock.predictions import PAPER

ROWS = [
    {"variable": "age, years", "train_n": 9, "train": 60, "train_low": 50, "train_high": 70,
     "validation_n": 4, "validation": 62, "validation_low": 55, "validation_high": 66,
     "test_n": 5, "test": 61, "test_low": 52, "test_high": 71, "smd_validation": 0.3, "smd_test": -0.05},
    {"variable": "NIHSS", "train_n": 0, "validation_n": 0, "test_n": 0, "note": "not given in any part"},
    {"variable": "sex", "train_n": 9, "validation_n": 4, "test_n": 5, "smd_validation": 0.2},
    *({"variable": "sex", "level": level, "train": share, "validation": 0.5, "test": 1 - share}
      for level, share in (("female", 0.4), ("male", 0.6))),
    {"variable": "side", "train_n": 9, "validation_n": 4, "test_n": 5, "smd_test": 0.7},
    *({"variable": "side", "level": level, "train": 0.3, "validation": 0.3, "test": 0.3} for level in "abc"),
    {"variable": "site", "train_n": 9, "validation_n": 4, "test_n": 5, "smd_test": 0.1, "smd_validation": 0},
    *({"variable": "site", "level": str(number), "train": 0.1} for number in range(9)),
]  # fmt: skip


@pytest.fixture
def mix(tmp_path):
    pd.DataFrame(ROWS, columns=list(COLUMNS)).to_csv(tmp_path / "case_mix.csv", index=False)
    return tmp_path / "case_mix.csv"


def test_the_case_mix_has_a_line_a_number_and_level(mix, tmp_path):
    figure = draw_case_mix(mix)
    axes = figure.axes
    titles = [axis.get_ylabel() for axis in axes[::2]]
    assert titles == ["age, years", "sex: female", "side: a", "side: b", "side: c", "site: 9 levels"]
    medians = [line.get_xdata()[0] for line in axes[0].lines if line.get_marker() != "None"]
    assert medians == [60, 62, 61]
    save_figure(figure, tmp_path / "one.svg")
    save_figure(draw_case_mix(mix), tmp_path / "two.svg")
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_differences_stand_on_the_first_line_of_a_variable(mix):
    axes = draw_case_mix(mix).axes
    found = {}
    for left, right in zip(axes[::2], axes[1::2], strict=True):
        marks = {
            line.get_marker(): line.get_xdata()[0] for line in right.lines if line.get_marker() != "None"
        }
        found[left.get_ylabel()] = marks
    assert found == {
        "age, years": {"s": 0.3, "D": -0.05},
        "sex: female": {"s": 0.2},
        "side: a": {"D": 0.7},
        "side: b": {},
        "side: c": {},
        "site: 9 levels": {"s": 0, "D": 0.1},
    }
    assert axes[1].get_xlim() == pytest.approx((-0.77, 0.77))


@pytest.fixture
def people(tmp_path):
    """Minutes, class, side and part of eleven patients; return cohort.tsv and split.tsv."""
    rows = {
        "a": ("29", "", "left", "train"), "b": ("31", "", "left", "train"),
        "c": ("", "<4.5h", "left", "train"), "d": ("", ">=4.5h", "left", "train"),
        "e": ("", ">=4.5h", "both", "train"), "f": ("719", "", "left", "test"),
        "g": ("720", "", "left", "test"), "h": ("5000", "", "left", "test"),
        "i": ("60", "", "none", "test"), "j": ("180", "", "right", "external"),
        "k": ("", "", "left", "train"),
    }  # fmt: skip
    (tmp_path / "cohort.tsv").write_text(
        "patient\tonset_to_mri_min\tonset_class\tlesion_side\n"
        + "".join(f"{name}\t" + "\t".join(row[:3]) + "\n" for name, row in rows.items())
    )
    (tmp_path / "split.tsv").write_text(
        "patient\tpart\n" + "".join(f"{name}\t{row[3]}\n" for name, row in rows.items())
    )
    return tmp_path / "cohort.tsv", tmp_path / "split.tsv"


def test_each_patient_of_known_minutes_is_in_one_bar(people):
    figure = draw_onset(*people, tasks=PAPER)
    train, test, external = figure.axes
    heights = {axis: np.array([bar.get_height() for bar in axis.patches]) for axis in figure.axes}
    assert np.flatnonzero(heights[train]).tolist() == [0, 1]  # 29 and 31 min, each bar half an hour
    assert heights[test][23] == 1  # 719 min
    assert heights[test][-1] == 2  # from 12 h on
    assert heights[test].sum() == 3
    assert np.flatnonzero(heights[external]).tolist() == [6]  # 180 min lie behind the line of 3 h
    lines = [line.get_xdata()[0] for line in external.lines]
    assert lines == [3, 4.5]


def test_words_count_the_classes(people):
    train, test, external = draw_onset(*people, tasks=PAPER).axes
    assert train.get_title(loc="left") == (
        "Training: 5 patients; TSS < 3 h: 2 of 2 (100%); TSS < 4.5 h: 3 of 5 (60%); "
        "by the class alone: 1 below and 2 from 4.5 h on"
    )
    assert test.get_title(loc="left") == "Test: 3 patients; TSS < 3 h: 0 of 3 (0%); TSS < 4.5 h: 0 of 3 (0%)"
    assert external.get_title(loc="left").startswith("External cohort: 1 patients; TSS < 3 h: 0 of 1 (0%)")


def test_nobody_of_known_onset_is_said(people):
    cohort, split = people
    split.write_text("patient\tpart\nk\ttrain\n")
    (text,) = draw_onset(cohort, split, tasks=PAPER).texts
    assert text.get_text() == "No patient of known onset is in a part."

"""Which comparisons of a run answer the questions of the phantom study."""

import sys

import numpy as np
import pandas as pd
import pytest


@pytest.fixture
def study_answers(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "benchmarks"))
    yield __import__("study_answers")
    sys.modules.pop("study_answers")


@pytest.mark.parametrize(
    ("a", "b", "question"),
    [
        ("3d/phase3_tss4h5/phase1", "3d/phase3_tss4h5/random", "CHAIN"),
        ("2d/phase2_tss3h/phase1", "2d/phase2_tss3h/random", "CHAIN"),
        ("2d/phase4_attention/phase3", "2d/phase3_tss4h5/phase1", "ATTENTION"),
        ("3d/phase3_tss4h5/phase1", "ratio/phase3_tss4h5/flair", "BASELINE"),
        ("3d/phase3_tss4h5/random", "ratio/phase3_tss4h5/flair", ""),
        ("3d/phase3_tss4h5/phase1", "2d/phase3_tss4h5/phase1", ""),
        ("2d/phase4_attention/phase3", "2d/phase3_tss4h5/random", ""),
        ("segmentation/phase3_tss4h5/ratios", "3d/phase3_tss4h5/phase1", ""),
        ("3d/phase3_tss4h5/phase1", "readers/reader1", ""),
    ],
)
def test_pairs_of_rows_answer_their_question(study_answers, a, b, question):
    expected = getattr(study_answers, question) if question else ""
    assert study_answers.name_question(a, b) == expected


def test_two_scores_of_the_same_patients_are_compared(study_answers):
    """By hand: of four pairs of a short and a long time, a orders three and b two as they are."""
    label = np.array([1, 1, 0, 0])
    a, b = np.array([0.9, 0.4, 0.5, 0.1]), np.array([0.9, 0.1, 0.5, 0.4])
    row = study_answers.compare("q", label, below_min=270, a=("a", a), b=("b", b))
    assert (row["auc_a"], row["auc_b"], row["difference"]) == (0.75, 0.5, 0.25)
    assert (row["target"], row["n"]) == ("TSS < 4.5 h", 4)


def test_of_patients_with_one_lesion_the_hemisphere_with_it_counts(study_answers):
    patient = np.array(["a", "a", "b", "b", "c", "c", "d", "d"])
    label = np.array([1, 0, 0, 1, 1, 1, 0, 0])
    scores = np.array(
        [[0.1, 0.3], [0.9, 0.9], [0.5, 0.5], [0.6, 0.8], [0.7, 0.7], [0.2, 0.2], [0.3, 0.3], [0.4, 0.4]]
    )
    patients, score = study_answers.select_one_sided(study_answers.Units(patient, label, scores))
    assert (patients.tolist(), score.tolist()) == (["a", "b"], pytest.approx([0.2, 0.7]))


def test_the_figures_show_the_answers(study_answers):
    """Each difference is a point at its value, beside the name of its row, in the block of its question."""
    figures = __import__("study_figures")
    chain = "3d/phase3_tss4h5/phase2", "3d/phase3_tss4h5/random"
    rows = [
        (f"{study_answers.CHAIN}, tuned recipe", "TSS < 4.5 h", *chain, 0.03, 0.01, 0.05),
        (f"{study_answers.CHAIN}, paper's recipe", "TSS < 4.5 h", *chain, -0.02, -0.04, 0.0),
        (f"{study_answers.ATTENTION}, tuned recipe", "TSS < 4.5 h", "3d/phase4_attention/phase3",
         chain[0], 0.001, -0.01, 0.012),
        (study_answers.UNKNOWN, "TSS < 3 h", "2d/phase2_tss3h/phase1", "2d/phase2_tss3h/phase1",
         0.04, np.nan, np.nan),
    ]  # fmt: skip
    answers = pd.DataFrame(rows, columns=["question", "target", "a", "b", "difference", "low", "high"])
    (axis,) = figures.draw_chain(answers).axes
    points = [line for line in axis.lines if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in points] == [0.03, -0.02, 0.001]
    assert [line.get_ydata()[0] for line in points] == [*axis.get_yticks()]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == [
        "TSS < 4.5 h, 3D, tuned", "TSS < 4.5 h, 3D, paper's", "TSS < 4.5 h, 3D, tuned"
    ]  # fmt: skip
    assert [text.get_text() for text in axis.texts] == [study_answers.CHAIN, study_answers.ATTENTION]
    intervals = [tuple(line.get_xdata()) for line in axis.lines if len(line.get_xdata()) == 2]
    assert {(0.01, 0.05), (-0.04, 0.0), (-0.01, 0.012)} <= {*intervals}
    (axis,) = figures.draw_outside(answers).axes
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["TSS < 3 h, 2D chain"]
    sys.modules.pop("study_figures")

"""Which comparisons of a run answer the questions of the phantom study."""

import sys

import numpy as np
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

"""The table of the sides that were found, and the scores of the hemispheres on these sides."""

import numpy as np
import pytest

from strokeclock.found_sides import (
    FoundSide,
    join_found_scores,
    read_found_sides,
    write_found_scores,
    write_found_sides,
)
from strokeclock.predictions import PredictionError, read_predictions, write_predictions

SCORE = 0.1234567891  # more digits than are written


def side(name, part="test"):
    return FoundSide(part, name, 2.5, "none", "" if name in ("left", "right") else "a reason")


SIDES = {
    "a": side("left"),  # as given
    "b": side("right"),  # wrong
    "c": side("right"),  # one of two
    "d": side("none"),
    "e": side(""),
    "f": side("both"),
    "g": side("left", part=""),  # in no part
    "h": side("left"),  # without the task's label
}


@pytest.fixture
def predictions(tmp_path):
    path = tmp_path / "given.tsv"
    rows = [("a", "left", "test", 1, SCORE), ("b", "left", "test", 0, 0.2), ("c", "left", "test", 1, 0.3)]
    rows += [("c", "right", "test", 1, 0.4), ("d", "left", "test", 1, 0.5), ("e", "left", "test", 1, 0.6)]
    write_predictions(path, [*rows, ("v", "left", "validation", 1, 0.7)])
    return path


@pytest.fixture
def scores(tmp_path, predictions):
    """The file that is written, and the hemispheres that were asked for."""
    asked = []

    def score(hemispheres):
        asked.extend(hemispheres)
        return np.linspace(0.91, 0.93, len(hemispheres))

    write_found_scores(tmp_path / "found.tsv", predictions=predictions, sides=SIDES, score=score)
    return tmp_path / "found.tsv", asked


def test_sides_come_back(tmp_path):
    write_found_sides(tmp_path / "sides.tsv", dict(reversed(SIDES.items())))
    found = read_found_sides(tmp_path / "sides.tsv")
    assert found == SIDES
    assert [*found] == [*"abcdefgh"]


def test_a_side_that_is_none_is_refused(tmp_path):
    write_found_sides(tmp_path / "sides.tsv", {"a": side("up")})
    with pytest.raises(PredictionError, match=r"has side 'up' for patient a: delete it"):
        read_found_sides(tmp_path / "sides.tsv")


def test_only_hemispheres_without_a_score_are_scored(scores):
    path, asked = scores
    assert asked == [("b", "right"), ("g", "left"), ("h", "left")]
    frame = read_predictions(path, unlabelled=True)
    assert frame["patient"].tolist() == ["a", "b", "c", "g", "h"]
    assert frame["hemisphere"].tolist() == ["left", "right", "right", "left", "left"]
    assert frame["score"].tolist() == [0.123456789, 0.91, 0.4, 0.92, 0.93]


def test_a_known_score_keeps_its_bytes(scores, predictions):
    line = "a\tleft\ttest\t1\t"
    cells = [
        next(found for found in path.read_text().splitlines() if found.startswith(line)).split("\t")[:5]
        for path in (scores[0], predictions)
    ]
    assert cells[0] == cells[1]


def test_who_has_no_label_has_an_empty_one(scores):
    frame = read_predictions(scores[0], unlabelled=True).set_index("patient")
    assert frame["label"].dropna().to_dict() == {"a": 1, "b": 0, "c": 1}
    assert frame["part"].to_dict() == {"a": "test", "b": "test", "c": "test", "g": "", "h": "test"}
    with pytest.raises(PredictionError, match="has part '' for patient g"):
        read_predictions(scores[0])


def test_nobody_needs_a_score(tmp_path, predictions):
    def score(_):
        raise AssertionError

    write_found_scores(
        tmp_path / "found.tsv", predictions=predictions, sides={"a": side("left")}, score=score
    )
    assert read_predictions(tmp_path / "found.tsv")["patient"].tolist() == ["a"]
    write_found_scores(tmp_path / "found.tsv", predictions=predictions, sides={}, score=score)
    assert read_predictions(tmp_path / "found.tsv").empty


def test_joined_scores_are_means_of_the_same_hemispheres(tmp_path, scores):
    other, joined = tmp_path / "other.tsv", tmp_path / "joined.tsv"
    rows = read_predictions(scores[0], unlabelled=True)
    write_predictions(other, rows.assign(score=0.5).itertuples(index=False, name=None))
    join_found_scores([scores[0]], [other], [joined])
    found = read_predictions(joined, unlabelled=True)
    assert found["score"].tolist() == pytest.approx(((rows["score"] + 0.5) / 2).tolist(), abs=1e-9)
    assert found.drop(columns="score").equals(rows.drop(columns="score"))
    write_predictions(other, rows[1:].itertuples(index=False, name=None))
    with pytest.raises(PredictionError, match="differ in hemispheres or labels"):
        join_found_scores([scores[0]], [other], [joined])

"""The lesion's side: the rule by hand, its fit, and its errors in the test part."""

import csv
import json

import numpy as np
import pytest

from strokeclock.cohort.parts import read_split
from strokeclock.evaluation.side import (
    LEAST_MARGIN,
    NOT_RUN,
    SidePoint,
    choose_margin,
    find_side,
    find_sides,
    fit_side,
    read_side,
    write_sides,
)
from strokeclock.fitted import FittedError
from strokeclock.found_sides import read_found_sides
from strokeclock.predictions import PredictionError

DETECTORS = (("2d", "phase1_stroke", "random"), ("3d", "phase1_stroke", "genesis"))
POINT = SidePoint(threshold=0.5, margin=1.0)


@pytest.mark.parametrize(
    ("left", "right", "seen", "side", "reason"),
    [
        (0.9, 0.1, "none", "left", ""),
        (0.1, 0.9, "none", "right", ""),
        (0.9, 0.1, "left", "left", ""),
        (0.9, 0.1, "", "left", ""),
        (0.9, 0.1, "right", "", "the networks see the lesion left, and restricted diffusion lies right"),
        (
            0.9,
            0.1,
            "both",
            "",
            "the networks see the lesion left, and restricted diffusion lies on both sides",
        ),
        (0.6, 0.4, "none", "", "the scores of the two hemispheres are too close"),  # log odds .81
        (0.65, 0.35, "none", "left", ""),  # log odds 1.24
        (0.9, 0.6, "none", "both", "the networks see a lesion in both hemispheres"),
        (0.9, 0.6, "left", "both", "the networks see a lesion in both hemispheres"),
        (0.4, 0.1, "none", "none", "the networks see no lesion"),
        (0.4, 0.1, "left", "", "the networks see no lesion, and restricted diffusion lies left"),
        (0.4, 0.1, "both", "", "the networks see no lesion, and restricted diffusion lies on both sides"),
        (0.5, 0.1, "none", "left", ""),  # the threshold is reached
        (0.0, 0.0, "none", "none", "the networks see no lesion"),
        (1.0, 0.0, "none", "left", ""),
    ],
)
def test_the_rule(left, right, seen, side, reason):
    found = find_side({"left": left, "right": right}, POINT, seen=seen)
    assert (found.side, found.reason) == (side, reason)
    assert found.difference >= 0


def test_the_margin_exceeds_the_worst_wrong_side():
    odds = np.array([[3.0, -3.0], [2.5, -2.0], [1.0, -1.5], [-2.0, 2.0]])  # the third is wrong by 2.5
    scores = 1 / (1 + np.exp(-odds))
    lesion = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
    margin = choose_margin(scores, lesion, 0.5)
    assert 2.5 < margin < 2.5 + 1e-9
    assert choose_margin(scores[[0, 1, 3]], lesion[[0, 1, 3]], 0.5) == LEAST_MARGIN


def test_one_odd_patient_does_not_silence_the_rule():
    odds = np.array([[1.0, -1.0], [1.5, -1.5], [-1.2, 1.2], [8.0, -8.0]])  # the last is wrong by 16
    lesion = np.array([[1, 0], [1, 0], [0, 1], [0, 1]])
    margin = choose_margin(1 / (1 + np.exp(-odds)), lesion, 0.5)
    assert margin == pytest.approx(2.4)  # the median difference of those who are right


def test_patients_with_two_lesions_or_none_choose_no_margin():
    scores = np.array([[0.99, 0.01], [0.99, 0.01]])
    assert choose_margin(scores, np.array([[1, 1], [0, 0]]), 0.5) == LEAST_MARGIN


@pytest.fixture
def run(made_up_run):
    paths = made_up_run.write(DETECTORS)
    folder = made_up_run.root
    lines = ["patient\tside_seen", *(f"p{number:02d}\tnone" for number in range(60))]
    (folder / "quality.tsv").write_text("\n".join(lines) + "\n")
    return made_up_run, paths


def tables(run):
    return {name: run.root / f"cohort/{name}.tsv" for name in ("cohort", "split")}


def sides_of(run, paths, fitted):
    settings = {"confidence": 0.95, "bootstraps": 10}
    table = run.root / "tables/sides.csv"
    write_sides(
        paths, table, fitted=fitted, quality=run.root / "quality.tsv", settings=settings, **tables(run)
    )
    with open(table, newline="") as file:
        return list(csv.DictReader(file))


def means_of(run, part):
    """Patient -> (left, right): the mean over networks of the mean over seeds, and who has lesions where."""
    found = {}
    for net, phase, start in DETECTORS:
        for seed in (0, 1):
            path = run.root / f"predictions/{net}/{phase}/{start}/seed-{seed}.tsv"
            with open(path, newline="") as file:
                for row in csv.DictReader(file, delimiter="\t"):
                    if row["part"] == part:
                        sides = found.setdefault(row["patient"], {"left": [], "right": []})
                        sides[row["hemisphere"]].append(float(row["score"]))
    return {
        patient: tuple(np.mean(sides[name]) for name in ("left", "right")) for patient, sides in found.items()
    }


def test_it_is_fitted_on_validation_alone(run, tmp_path):
    made, paths = run
    fit_side(paths, tmp_path / "side.json", **tables(made))
    point, content = read_side(tmp_path / "side.json")
    assert content["rows"] == {"2d/phase1_stroke/random": [0, 1], "3d/phase1_stroke/genesis": [0, 1]}
    assert content["fitted_on"]["parts"] == ["validation"]
    assert content["fitted_on"]["patients"] == len(read_split(tables(made)["split"])["validation"]) == 20
    for path in paths:  # other scores of test patients change nothing
        lines = path.read_text().splitlines()
        path.write_text(
            "\n".join(
                "\t".join([*line.split("\t")[:4], "0.5"]) if "\ttest\t" in line else line for line in lines
            )
            + "\n"
        )
    fit_side(paths, tmp_path / "again.json", **tables(made))
    assert read_side(tmp_path / "again.json")[0] == point


def test_the_table_counts_the_errors(run, tmp_path):
    made, paths = run
    fit_side(paths, tmp_path / "side.json", **tables(made))
    point, _ = read_side(tmp_path / "side.json")
    one, both = sides_of(made, paths, tmp_path / "side.json")
    assert (one["lesion"], both["lesion"]) == ("one side", "both sides")
    true = made.cohort.set_index("patient")["lesion_side"]
    scores = {p: dict(zip(("left", "right"), s, strict=True)) for p, s in means_of(made, "test").items()}
    single = {patient: found for patient, found in scores.items() if true[patient] != "both"}
    wrong = sum(max(found, key=found.get) != true[patient] for patient, found in single.items())
    assert int(one["n"]) == len(single) == 18
    assert float(one["greater_is_wrong"]) == pytest.approx(wrong / 18, abs=1e-6)
    told = {p: find_side(found, point, seen="none").side for p, found in single.items()}
    sided = {patient: side for patient, side in told.items() if side in ("left", "right")}
    assert int(one["told"]) == len(sided) > 0
    assert int(one["told_wrong"]) == sum(true[patient] != side for patient, side in sided.items())
    assert sum(int(one[name]) for name in ("told", "none", "both", "unclear")) == 18
    assert both["greater_is_wrong"] == ""


def test_restricted_diffusion_on_the_other_side_silences_it(run, tmp_path):
    made, paths = run
    fit_side(paths, tmp_path / "side.json", **tables(made))
    before = sides_of(made, paths, tmp_path / "side.json")[0]
    (made.root / "quality.tsv").write_text(
        "patient\tside_seen\n" + "".join(f"p{number:02d}\tboth\n" for number in range(60))
    )
    after = sides_of(made, paths, tmp_path / "side.json")[0]
    assert int(before["told"]) > 0
    assert (after["told"], after["none"]) == ("0", "0")


def test_other_predictions_than_those_of_the_fit_are_refused(run, tmp_path):
    made, paths = run
    fit_side(paths, tmp_path / "side.json", **tables(made))
    text = paths[0].read_text()
    score = text.splitlines()[1].split("\t")[4]
    paths[0].write_text(text.replace(score, "0.123"))
    with pytest.raises(PredictionError, match=r"side\.json was fitted on other predictions"):
        sides_of(made, paths, tmp_path / "side.json")


def test_without_detection_there_is_no_rule(made_up_run, tmp_path):
    paths = made_up_run.write([("2d", "phase3_tss4h5", "random")])
    (made_up_run.root / "quality.tsv").write_text("patient\tside_seen\n")
    fit_side(paths, tmp_path / "side.json", **tables(made_up_run))
    assert read_side(tmp_path / "side.json")[0] is None
    assert sides_of(made_up_run, paths, tmp_path / "side.json")[0]["note"] == NOT_RUN


def test_a_changed_file_is_refused(run, tmp_path):
    made, paths = run
    fit_side(paths, tmp_path / "side.json", **tables(made))
    content = json.loads((tmp_path / "side.json").read_text())
    (tmp_path / "side.json").write_text(json.dumps(content | {"margin": 0.0}))
    with pytest.raises(FittedError, match="was changed by hand"):
        read_side(tmp_path / "side.json")


@pytest.fixture
def find(run, tmp_path):
    """Find the sides of the run, and of patients in no part with these scores: the table."""
    made, paths = run

    def found(detected=()):
        lines = ["patient\tleft\tright", *("\t".join(map(str, line)) for line in detected)]
        (tmp_path / "detected.tsv").write_text("\n".join(lines) + "\n")
        fit_side(paths, tmp_path / "side.json", **tables(made))
        find_sides(
            paths,
            tmp_path / "sides.tsv",
            detected=tmp_path / "detected.tsv",
            fitted=tmp_path / "side.json",
            quality=made.root / "quality.tsv",
        )
        return tmp_path / "sides.tsv"

    return found


def test_the_sides_of_test_patients_are_the_rules(run, find, tmp_path):
    made, _ = run
    found = read_found_sides(find())
    scores, point = means_of(made, "test"), read_side(tmp_path / "side.json")[0]
    assert found.keys() == scores.keys()
    for patient, pair in scores.items():
        wanted = find_side(dict(zip(("left", "right"), pair, strict=True)), point, seen="none")
        own = found[patient]
        assert (own.part, own.side, own.seen, own.reason) == ("test", wanted.side, "none", wanted.reason)
        assert own.difference == pytest.approx(wanted.difference, rel=1e-5)
    assert {one.side for one in found.values()} == {"left", "right", "both", "none"}


def test_who_is_in_no_part_is_found_by_the_same_rule(find):
    before = read_found_sides(find())
    found = read_found_sides(find([("q1", 0.999, 0.001), ("q2", 0.001, 0.002)]))
    assert (found["q1"].part, found["q1"].side, found["q1"].seen) == ("", "left", "")
    assert found["q2"].side == "none"
    assert {patient: one for patient, one in found.items() if patient in before} == before


def test_no_label_decides_on_a_side(run, find):
    made, paths = run
    before = find().read_bytes()
    for path in paths:  # every label of a test patient is the other one
        lines = [line.split("\t") for line in path.read_text().splitlines()]
        for cells in lines:
            if cells[2] == "test":
                cells[3] = str(1 - int(cells[3]))
        path.write_text("\n".join(map("\t".join, lines)) + "\n")
    flip = {"left": "right", "right": "left", "both": "none"}
    test = made.cohort["part"] == "test"
    made.cohort.loc[test, "lesion_side"] = made.cohort.loc[test, "lesion_side"].map(flip)
    made.cohort.drop(columns="part").to_csv(tables(made)["cohort"], sep="\t", index=False)
    assert find().read_bytes() == before


def test_other_predictions_than_those_of_the_fit_find_no_side(run, find, tmp_path):
    made, paths = run
    find()
    paths[0].write_text(paths[0].read_text().replace("validation\t1\t0.9", "validation\t1\t0.8"))
    with pytest.raises(PredictionError, match=r"side\.json was fitted on other predictions"):
        find_sides(
            paths,
            tmp_path / "sides.tsv",
            detected=tmp_path / "detected.tsv",
            fitted=tmp_path / "side.json",
            quality=made.root / "quality.tsv",
        )


def test_without_a_rule_nobody_has_a_side(made_up_run, tmp_path):
    paths = made_up_run.write([("2d", "phase3_tss4h5", "random")])
    fit_side(paths, tmp_path / "side.json", **tables(made_up_run))
    find_sides(
        [],
        tmp_path / "sides.tsv",
        detected=tmp_path / "absent.tsv",
        fitted=tmp_path / "side.json",
        quality=tmp_path / "absent.tsv",
    )
    assert read_found_sides(tmp_path / "sides.tsv") == {}

"""End to end on a dozen test patients with every outcome, each number by hand."""

import csv
import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from strokeclock.evaluation import end_to_end
from strokeclock.evaluation.end_to_end import (
    ALL_TEACH,
    COLUMNS,
    NO_RULE,
    NOBODY_EXCLUDED,
    NOT_RUN,
    OUTCOMES,
    write_end_to_end,
)
from strokeclock.evaluation.operating import fit_operating_points
from strokeclock.figures.end_to_end import draw_end_to_end
from strokeclock.figures.style import save_figure
from strokeclock.fitted import write_fitted
from strokeclock.found_sides import FoundSide, write_found_scores, write_found_sides
from strokeclock.predictions import PredictionError, write_predictions
from strokeclock.reading.result import STATUSES
from strokeclock.series import list_sides

ROW = "2d/phase4_attention/phase3"
SHORT, LONG = 100, 400  # minutes
# patient: label, lesion's side, side found, scores with the side given, score of the side found
TEST = {
    "t01": (1, "left", "left", [0.9], 0.9),
    "t02": (1, "right", "right", [0.7], 0.7),
    "t03": (1, "left", "right", [0.8], 0.3),  # the wrong side, answered
    "t04": (1, "both", "left", [0.8, 0.6], 0.8),  # one of two
    "t05": (1, "right", "none", [0.7], None),
    "t06": (1, "left", "both", [0.45], None),
    "t07": (0, "left", "left", [0.2], 0.2),
    "t08": (0, "right", "right", [0.55], 0.55),  # abstained
    "t09": (0, "right", "", [0.3], None),
    "t10": (0, "left", "right", [0.1], 0.45),  # the wrong side, abstained
    "t11": (0, "right", "right", [0.8], 0.8),
    "t12": (0, "left", "left", [0.1], 0.1),  # unlike the training patients
}
VALIDATION = {"v1": (1, 0.55), "v2": (1, 0.6), "v3": (1, 0.8), "v4": (0, 0.9), "v5": (0, 0.2)}
# In no part: lesion's side, side found, score.
UNDIVIDED = {
    "u1": ("none", "left", 0.9),
    "u2": ("none", "none", None),
    "u3": ("none", "right", 0.52),
    "u4": ("left", "right", 0.1),
}
PREVALENCE = 0.6  # of VALIDATION
# The fifth of VALIDATION nearest to the threshold .5 is v1: who is nearer than v2, .6, gets no answer.
SETTINGS = {"confidence": 0.95, "bootstraps": 200}


@dataclasses.dataclass
class World:
    """A run's tables; write with `measure`."""

    root: object
    cohort: dict  # patient -> minutes, lesion's side, person, site
    parts: dict
    excluded: dict
    sides: dict
    given: dict  # (patient, side) -> part, label, score
    found: dict  # patient -> score
    unlike: tuple = ("t12",)
    has_rule: bool = True
    chosen: dict = dataclasses.field(default_factory=lambda: {"threshold": "fixed", "fixed_threshold": 0.5})

    def write(self):
        """Write all tables; return the arguments of `write_end_to_end`."""
        root = self.root
        for folder in ("cohort", "fitted", f"predictions/{ROW}", f"end_to_end/{ROW}"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        names = ("onset_to_mri_min", "lesion_side", "person", "site")
        rows = [
            {"patient": one, **dict(zip(names, cells, strict=True))} for one, cells in self.cohort.items()
        ]
        pd.DataFrame(rows).to_csv(root / "cohort/cohort.tsv", sep="\t", index=False)
        for name, columns, table in (
            ("split", "patient\tpart", self.parts),
            ("exclusions", "patient\tstage", self.excluded),
        ):
            lines = [columns, *("\t".join(one) for one in table.items())]
            (root / f"cohort/{name}.tsv").write_text("\n".join(lines) + "\n")
        given, scores = (root / kind / ROW / "seed-0.tsv" for kind in ("predictions", "end_to_end"))
        write_predictions(given, ((*key, *cells) for key, cells in self.given.items()))
        write_found_sides(root / "sides.tsv", self.sides)
        (root / "unlike.tsv").write_text("\n".join(["patient", *self.unlike]) + "\n")
        write_found_scores(
            scores,
            predictions=given,
            sides=self.sides,
            score=lambda missing: np.array([self.found[patient] for patient, _ in missing]),
        )
        tables = {"cohort": root / "cohort/cohort.tsv", "split": root / "cohort/split.tsv"}
        fitted = {kind: root / f"fitted/{kind}.json" for kind in ("thresholds", "temperatures", "abstention")}
        fit_operating_points([given], **fitted, **tables, settings=self.chosen)
        rule = {"threshold": 0.5, "margin": 1.0} if self.has_rule else {"threshold": None, "margin": None}
        write_fitted(root / "fitted/side.json", rule, kind="side")
        return {
            "predictions": [given],
            "scores": [scores],
            "table": root / "end_to_end.csv",
            "sides": root / "sides.tsv",
            "unlike": root / "unlike.tsv",
            "fitted": root / "fitted/side.json",
            "thresholds": fitted["thresholds"],
            "abstention": fitted["abstention"],
            **tables,
            "exclusions": root / "cohort/exclusions.tsv",
            "external": {},
            "coverage": 0.8,
            "settings": SETTINGS,
        }

    def measure(self, **changes):
        """Return (side, patients) -> the row's cells, numbers as numbers."""
        arguments = self.write() | changes
        write_end_to_end(**arguments)
        assert not re.search(r"\b(nan|inf|None)\b", arguments["table"].read_text())
        with open(arguments["table"], newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == list(COLUMNS)
        return {
            (row["side"], row["patients"]): {name: _parse(cell) for name, cell in row.items() if cell}
            for row in rows
        }


def _parse(cell):
    try:
        return float(cell)
    except ValueError:
        return cell


@pytest.fixture
def world(tmp_path):
    minutes = {1: SHORT, 0: LONG}
    cohort = {one: (minutes[label], side) for one, (label, side, *_) in TEST.items()}
    cohort |= {one: (minutes[label], "left") for one, (label, _) in VALIDATION.items()}
    cohort |= {f"l{number:02d}": (minutes[number % 2], "right") for number in range(13)}
    cohort |= {one: (np.nan, side) for one, (side, *_) in UNDIVIDED.items()}
    cohort |= {"e1": (SHORT, "left"), "e2": (SHORT, "both"), "e3": (LONG, "left"), "e4": (np.nan, "left")}
    parts = dict.fromkeys(TEST, "test") | dict.fromkeys(VALIDATION, "validation")
    parts |= {patient: "train" for patient in cohort if patient.startswith("l")}
    excluded = {"e1": "quality", "e2": "preprocessing", "e3": "quality", "e4": "quality", "gone": "entry"}
    given = {(one, "left"): ("validation", label, score) for one, (label, score) in VALIDATION.items()}
    sides, found = {}, {}
    for patient, (label, lesion, side, scores, own) in TEST.items():
        pairs = zip(list_sides(lesion), scores, strict=True)
        given |= {(patient, hemisphere): ("test", label, score) for hemisphere, score in pairs}
        sides[patient], found[patient] = FoundSide("test", side, 2.0, "none", ""), own
    for patient, (_, side, own) in UNDIVIDED.items():
        sides[patient], found[patient] = FoundSide("", side, 2.0, "none", ""), own
    people = {one: (*cells, one, "near") for one, cells in cohort.items()}
    return World(tmp_path, people, parts, excluded, sides, given, found)


def counts(row, *names):
    return tuple(row[name] for name in names)


def check_rates(row, **shares):
    """Compare rates and their Wilson intervals with right / among."""
    for name, (right, among) in shares.items():
        assert row[name] == pytest.approx(right / among, abs=1e-6)
        ends = row[f"{name}_low"], row[f"{name}_high"]
        wilson = proportion_confint(right, among, alpha=0.05, method="wilson")
        assert ends == pytest.approx(wilson, abs=1e-6)


def test_every_outcome_is_counted(world):
    rows = world.measure()
    row = rows["found", "all"]
    assert counts(row, "n", "persons", "positives") == (12, 12, 6)
    assert counts(row, *OUTCOMES) == (6, 2, 1, 1, 1, 1, 0)
    assert row["answered_wrong_side"] == 1
    row = rows["given", "all"]
    assert counts(row, *OUTCOMES) == (10, 2, 0, 0, 0, 0, 0)  # t06 and t08 lie in the band
    assert "answered_wrong_side" not in row


def test_all_patients_count_with_the_side_found(world):
    row = world.measure()["found", "all"]
    # without a score, t05 and t06 are missed, t09 and t12 are not called
    assert counts(row, "tp", "fn", "tn", "fp") == (3, 3, 4, 2)
    check_rates(row, sensitivity=(3, 6), specificity=(4, 6), ppv=(3, 5), npv=(4, 7), accuracy=(7, 12))
    # positives .9 .7 .3 .8 .6 .6 against negatives .2 .55 .6 .45 .8 .6: 6 + 5 + 1 + 5.5 + 4 + 4 pairs of 36
    assert row["auc"] == pytest.approx(25.5 / 36, abs=1e-6)
    squares = (0.01, 0.09, 0.49, 0.04, 0.16, 0.16, 0.04, 0.3025, 0.36, 0.2025, 0.64, 0.36)
    assert row["brier"] == pytest.approx(sum(squares) / 12, abs=1e-6)
    assert row["brier_low"] < row["brier"] < row["brier_high"]
    assert counts(row, "threshold", "threshold_source", "coverage") == (0.5, "fixed", 0.8)
    assert row["prevalence"] == PREVALENCE
    assert "note" not in row


def test_the_side_given_is_the_row_of_table_2(world):
    row = world.measure()["given", "all"]
    assert counts(row, "tp", "fn", "tn", "fp") == (5, 1, 4, 2)
    # positives .9 .7 .8 .7 .7 .45 against negatives .2 .55 .3 .1 .8 .1: 6 + 5 + 5.5 + 5 + 5 + 4 pairs of 36
    assert row["auc"] == pytest.approx(30.5 / 36, abs=1e-6)
    check_rates(row, sensitivity=(5, 6), specificity=(4, 6), accuracy=(9, 12))


def test_the_difference_is_found_minus_given_of_the_same_patients(world):
    rows = world.measure()
    row = rows["found", "all"]
    assert row["auc_difference"] == pytest.approx(-5 / 36, abs=1e-6)
    # DeLong: each patient's mean over the other class of the difference of the two comparisons
    found = np.array([0.9, 0.7, 0.3, 0.8, 0.6, 0.6]), np.array([0.2, 0.55, 0.6, 0.45, 0.8, 0.6])
    given = np.array([0.9, 0.7, 0.8, 0.7, 0.7, 0.45]), np.array([0.2, 0.55, 0.3, 0.1, 0.8, 0.1])
    pairs = [(np.sign(p[:, None] - n) + 1) / 2 for p, n in (found, given)]
    change = pairs[0] - pairs[1]
    variance = change.mean(1).var(ddof=1) / 6 + change.mean(0).var(ddof=1) / 6
    half = 1.959964 * variance**0.5
    ends = row["auc_difference_low"], row["auc_difference_high"]
    assert ends == pytest.approx((-5 / 36 - half, -5 / 36 + half), abs=1e-5)
    assert "auc_difference" not in rows["given", "all"]
    assert "auc_difference" not in rows["found", "answered"]


def test_the_answered_are_those_outside_the_band(world):
    row = world.measure()["found", "answered"]
    assert counts(row, "n", "positives", "answered", "answered_wrong_side", "no_lesion") == (6, 4, 6, 1, 0)
    assert counts(row, "tp", "fn", "tn", "fp") == (3, 1, 1, 1)
    assert row["auc"] == pytest.approx(5.5 / 8, abs=1e-6)  # .9 .7 .3 .8 against .2 .8
    assert row["brier"] == pytest.approx((0.01 + 0.09 + 0.49 + 0.04 + 0.04 + 0.64) / 6, abs=1e-6)


def test_the_edge_of_the_band_is_answered(world):
    world.given["t02", "right"] = ("test", 1, 0.6)  # as v2, the least certain of the answered
    assert world.measure()["found", "all"]["answered"] == 6
    world.given["t02", "right"] = ("test", 1, 0.599)
    assert world.measure()["found", "all"]["answered"] == 5


def test_the_excluded_are_added_by_the_test_parts_share(world):
    row = world.measure()["found", "all and excluded"]
    # 12 of 30 patients of known class are in the test part: of two short times .8, of one long time .4
    assert counts(row, "excluded_in_run", "excluded", "n", "positives") == (3, 2, 14, 7)
    assert counts(row, "tp", "fn", "tn", "fp") == (3, 4, 5, 2)
    check_rates(row, sensitivity=(3, 7), specificity=(5, 7), accuracy=(8, 14))
    # a further positive and a further negative of .6: 7 + 6 + 1 + 6.5 + 3 × 4.5 pairs of 49
    assert row["auc"] == pytest.approx(34 / 49, abs=1e-6)
    assert counts(row, *OUTCOMES) == (6, 2, 1, 1, 1, 1, 2)


def test_excluded_patients_of_the_external_part_are_not_this_runs(world, tmp_path):
    world.cohort["e1"] = (SHORT, "left", "e1", "far")
    row = world.measure(external={"site": ["far"]})["found", "all and excluded"]
    assert counts(row, "excluded_in_run", "excluded") == (2, 2)
    split = tmp_path / "split.tsv"
    split.write_text("patient\tpart\ne2\texternal\ne3 \t external\n")
    row = world.measure(external={"site": ["far"]}, file=split)["found", "all and excluded"]
    assert (row["excluded_in_run"], row["note"]) == (0, NOBODY_EXCLUDED)
    assert "auc" not in row


def test_without_exclusions_there_is_nothing_to_add(world):
    world.excluded = {"gone": "entry", "e4": "quality"}
    row = world.measure()["found", "all and excluded"]
    assert (row["excluded_in_run"], row["n"], row["note"]) == (0, 12, NOBODY_EXCLUDED)


def test_answers_to_patients_without_a_lesion_are_counted(world):
    rows = world.measure()
    row = rows["found", "without a lesion"]
    assert counts(row, "n", "persons", "answered", "abstained", "no_lesion") == (3, 3, 1, 1, 1)
    assert "answered_wrong_side" not in row
    assert "auc" not in row
    row = rows["found", "class not known"]
    assert counts(row, "n", "answered", "answered_wrong_side") == (1, 1, 1)


def test_where_all_without_a_lesion_teach_it_says_so(world):
    for patient in UNDIVIDED:
        del world.sides[patient], world.cohort[patient]
    rows = world.measure()
    assert rows["found", "without a lesion"]["note"] == ALL_TEACH
    assert ("found", "class not known") not in rows


def test_a_test_patient_without_the_tasks_class_is_counted_alone(world):
    world.cohort["t11"] = (np.nan, "right", "t11", "near")
    del world.given["t11", "right"]
    rows = world.measure()
    assert counts(rows["found", "all"], "n", "positives", "fp") == (11, 6, 1)
    assert counts(rows["found", "class not known"], "n", "answered", "answered_wrong_side") == (2, 2, 1)


def test_where_every_side_is_found_right_the_two_are_the_same(world):
    world.unlike = ()
    for patient, (_, lesion, *_) in TEST.items():
        side = "left" if lesion == "both" else lesion
        world.sides[patient] = FoundSide("test", side, 2.0, "none", "")
    world.cohort["t04"] = (SHORT, "left", "t04", "near")
    del world.given["t04", "right"]
    rows = world.measure()
    for patients in ("all", "answered"):
        given, found = rows["given", patients], rows["found", patients]
        assert {name: found[name] for name in given if name != "side"} == {
            name: value for name, value in given.items() if name != "side"
        }
    assert rows["found", "all"]["auc_difference"] == 0


def test_several_scans_of_a_person_are_resampled_together(world):
    for patient in ("t02", "t07"):
        world.cohort[patient] = (*world.cohort[patient][:2], "t01", "near")
    row = world.measure()["found", "all"]
    assert counts(row, "n", "persons") == (12, 10)
    assert row["note"] == "12 patients are 10 persons, who are resampled for the intervals"
    assert row["auc_difference_low"] < row["auc_difference"] < row["auc_difference_high"]


def test_without_a_rule_the_side_is_given_alone(world):
    world.has_rule, world.sides = False, {}
    rows = world.measure()
    assert rows["found", "all"]["note"] == NO_RULE
    assert set(rows) == {("given", "all"), ("given", "answered"), ("found", "all")}


def test_one_class_in_validation_leaves_no_answer_and_no_prevalence(world):
    for patient in VALIDATION:
        world.cohort[patient] = (SHORT, "left", patient, "near")
        world.given[patient, "left"] = ("validation", 1, 0.5)
    world.chosen = {"threshold": "validation"}
    rows = world.measure()
    assert rows["found", "all"]["abstained"] == 8
    assert rows["found", "all"]["note"] == (
        "no calls: the part that the threshold is chosen on has one class only; "
        "no score for patients without a reading: the validation part has one class only"
    )
    assert rows["found", "answered"]["note"] == "no patient: nobody was answered"
    assert rows["given", "all"]["auc"] == pytest.approx(30.5 / 36, abs=1e-6)


def test_one_class_in_the_test_part_has_no_auc(world):
    for patient in [one for one, (label, *_) in TEST.items() if label]:
        world.cohort[patient] = (LONG, *world.cohort[patient][1:])
    world.given = {
        key: (part, 0 if part == "test" else label, score)
        for key, (part, label, score) in world.given.items()
    }
    row = world.measure()["found", "all"]
    assert row["note"] == "one class only: no AUC"
    assert row["specificity"] == pytest.approx(7 / 12, abs=1e-6)  # t01, t02, t04, t08 and t11 are called


def test_no_row_says_so(world):
    rows = world.measure(predictions=[], scores=[])
    assert [row["note"] for row in rows.values()] == [NOT_RUN]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda world: world.sides.pop("t05"), "lack the test patient t05"),
        (
            lambda world: world.sides.update(t01=FoundSide("test", "right", 2.0, "none", "")),
            "scores other hemispheres than were found",
        ),
        (
            lambda world: world.given.update({("t01", "left"): ("test", 1, 0.91)}),
            "are not those of the predictions",
        ),
    ],
    ids=["a patient lost", "another side", "other predictions"],
)
def test_tables_that_contradict_each_other_are_refused(world, spoil, message):
    arguments = world.write()
    scores = arguments["scores"][0].read_bytes()
    spoil(world)
    world.write()
    arguments["scores"][0].write_bytes(scores)
    with pytest.raises(PredictionError, match=message):
        write_end_to_end(**arguments)


def test_outcomes_have_the_words_of_a_reading():
    assert {*OUTCOMES} - {end_to_end.EXCLUDED} <= {*STATUSES}


def test_the_picture(world, tmp_path):
    arguments = world.write()
    write_end_to_end(**arguments)
    figure = draw_end_to_end(arguments["table"])
    areas, outcomes = figure.axes
    found = [line.get_xdata().tolist() for line in areas.lines if line.get_marker() == "s"]
    assert found == [[pytest.approx(25.5 / 36, abs=1e-6)]]
    widths = [bar.get_width() * 12 for bar in outcomes.patches]
    assert widths == pytest.approx([5, 1, 2, 1, 1, 1, 1])
    (legend,) = figure.legends
    words = [text.get_text() for text in legend.get_texts()]
    assert words[:4] == ["side given", "side found", "answered, lesion's side", "answered, wrong side"]
    for file in ("a.svg", "b.svg"):
        save_figure(draw_end_to_end(arguments["table"]), tmp_path / file)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_pictures_of_nothing_say_so(world):
    arguments = world.write()
    write_end_to_end(**arguments | {"predictions": [], "scores": []})
    (text,) = draw_end_to_end(arguments["table"]).texts
    assert text.get_text() == "No row of TSS < 4.5 h was tested."
    world.has_rule, world.sides = False, {}
    write_end_to_end(**world.write())
    words = [text.get_text() for axis in draw_end_to_end(arguments["table"]).axes for text in axis.texts]
    assert words == ["no AUC", "no side was found"]

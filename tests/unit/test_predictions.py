"""Prediction files: read, checked, joined; contradictions refused."""

import numpy as np
import pandas as pd
import pytest

from strokeclock.cohort.parts import SplitError
from strokeclock.predictions import (
    PredictionError,
    Scorer,
    check_against_cohort,
    collect_predictions,
    join_predictions,
    parse_path,
    read_predictions,
    select_reader_target,
    write_predictions,
)

ROWS = [  # patient c has lesions on both sides
    ("a", "left", "validation", 1, 0.75),
    ("b", "right", "test", 0, 0.25),
    ("c", "left", "test", 1, 0.5),
    ("c", "right", "test", 1, 1.0),
]
HEADER = "patient\themisphere\tpart\tlabel\tscore\n"


def write(root, rows=ROWS, *, scorer="2d/phase3_tss4h5/random", seed=0):
    path = root / "predictions" / scorer / f"seed-{seed}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEADER + "".join("\t".join(map(str, row)) + "\n" for row in rows))
    return path


def change(rows, number, **values):
    names = ["patient", "hemisphere", "part", "label", "score"]
    changed = list(rows[number])
    for name, value in values.items():
        changed[names.index(name)] = value
    return [tuple(changed) if at == number else row for at, row in enumerate(rows)]


def test_path_names_scorer_and_seed():
    path = "results/x/predictions/3d/phase2_tss3h/phase1/seed-12.tsv"
    assert parse_path(path) == (Scorer("3d", "phase2_tss3h", "phase1"), 12)


@pytest.mark.parametrize(
    "path", ["3d/third/phase1/seed-1.tsv", "3d/phase2_tss3h/phase1/best.tsv", "seed-1.tsv"]
)
def test_other_paths_are_refused(path):
    with pytest.raises(PredictionError, match="no prediction file"):
        parse_path(path)


def test_patient_score_is_mean_of_lesion_hemispheres(tmp_path):
    (scorer,) = collect_predictions([write(tmp_path)]).values()
    test = scorer.units("test")
    assert test.patient.tolist() == ["b", "c"]
    assert test.label.tolist() == [0, 1]
    assert test.score.tolist() == [0.25, 0.75]
    assert scorer.units("validation").score.tolist() == [0.75]


@pytest.mark.parametrize("part", ["tests", None, {"test"}, ["test"]])
def test_a_part_that_there_is_not_is_refused_instead_of_an_empty_table(tmp_path, part):
    (scorer,) = collect_predictions([write(tmp_path)]).values()
    with pytest.raises(PredictionError, match=r"^part is .+: use train, validation or test$"):
        scorer.units("test", part)


def test_training_patients_are_refused_where_none_is_scored(tmp_path):
    (network,) = collect_predictions([write(tmp_path)]).values()
    with pytest.raises(PredictionError, match="2d/phase3_tss4h5/random scores no training patients: use val"):
        network.units("train")
    learned = change(ROWS, 0, part="train")
    (baseline,) = collect_predictions([write(tmp_path, learned, scorer="ml/phase3_tss4h5/all")]).values()
    assert baseline.units("train").patient.tolist() == ["a"]


def test_phase_1_keeps_hemispheres(tmp_path):
    (scorer,) = collect_predictions([write(tmp_path, scorer="2d/phase1_stroke/random")]).values()
    assert scorer.units("test").patient.tolist() == ["b", "c", "c"]
    assert scorer.units("test").score.tolist() == [0.25, 0.5, 1.0]


def test_ensemble_is_mean_over_seeds(tmp_path):
    paths = [write(tmp_path, seed=3), write(tmp_path, change(ROWS, 1, score=0.75), seed=0)]
    (scorer,) = collect_predictions(paths).values()
    assert scorer.seeds == (0, 3)
    assert scorer.units("test").scores.tolist() == [[0.75, 0.25], [0.75, 0.75]]
    assert scorer.units("test").score.tolist() == [0.5, 0.75]


def test_numeric_patient_ids_stay_text(tmp_path):
    path = write(tmp_path, [("007", "left", "test", 1, 0.5)])
    assert read_predictions(path)["patient"].tolist() == ["007"]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (change(ROWS, 0, hemisphere="Left"), "hemisphere 'Left' for patient a; it can be left or right"),
        (change(ROWS, 0, part="train"), "scores training patients"),
        (change(ROWS, 0, label=2), "label '2' for patient a"),
        (change(ROWS, 1, score=1.5), "outside .0, 1. for patient b"),
        (change(ROWS, 1, score="nan"), "outside .0, 1. for patient b"),
        (change(ROWS, 1, score=""), "outside .0, 1. for patient b"),
        (change(ROWS, 3, hemisphere="left"), "patient c twice"),
        (change(ROWS, 3, part="validation"), "patient c in two parts at once"),
        (change(ROWS, 3, label=0), "patient c different labels"),
        (ROWS[:1], "no test patients"),
    ],
)
def test_faults_of_a_file(tmp_path, rows, sentence):
    with pytest.raises(PredictionError, match=sentence):
        collect_predictions([write(tmp_path, rows)])


def test_missing_column(tmp_path):
    path = write(tmp_path)
    path.write_text(path.read_text().replace("score", "probability"))
    with pytest.raises(PredictionError, match="lacks the column score"):
        read_predictions(path)


@pytest.mark.parametrize("lost", range(1, len("right\ttest\t1\t0.75") + 1))
def test_a_file_cut_off_in_a_line(tmp_path, lost):
    """Wherever it ends, also inside the last number, where each line still has all its cells."""
    path = write(tmp_path)
    path.write_text(path.read_text()[:-lost])
    with pytest.raises(PredictionError, match=r"seed-0\.tsv is empty or ends in the middle of a line"):
        read_predictions(path)


def test_files_that_are_no_table(tmp_path):
    path = write(tmp_path)
    for content, sentence in (
        (b"", "is empty or ends"),
        (b"\x89PNG\xff\xfe\n", "is not UTF-8 text"),
        (path.read_bytes().replace(b"0.25\n", b"0.25\t7\n"), "line 3 has 6 cells where the header has 5"),
        (path.read_bytes().replace(b"\t0.25\n", b"\n"), "line 3 has 4 cells .*: delete it and predict anew"),
    ):
        path.write_bytes(content)
        with pytest.raises(PredictionError, match=rf"seed-0\.tsv {sentence}") as error:
            read_predictions(path)
        assert "\n" not in str(error.value)


def test_labels_and_parts_may_be_empty_where_it_is_asked_for(tmp_path):
    rows = [("a", "left", "test", 1, 0.75), ("b", "right", "", np.nan, 0.25)]
    write_predictions(tmp_path / "found.tsv", rows)
    found = read_predictions(tmp_path / "found.tsv", unlabelled=True)
    assert found["part"].tolist() == ["test", ""]
    np.testing.assert_equal(found["label"].tolist(), [1.0, np.nan])
    with pytest.raises(PredictionError, match="has part '' for patient b"):
        read_predictions(tmp_path / "found.tsv")
    text = (tmp_path / "found.tsv").read_text()
    (tmp_path / "found.tsv").write_text(text.replace("right\t\t\t0.25", "right\t\t1\t0.25"))
    with pytest.raises(PredictionError, match="line 3 was changed"):
        read_predictions(tmp_path / "found.tsv", unlabelled=True)


def test_a_phase_that_is_no_task(tmp_path):
    path = write(tmp_path, scorer="2d/phase7_tss9h/random")
    with pytest.raises(PredictionError, match="phase7_tss9h, which is no task of this configuration: remove"):
        collect_predictions([path])
    (scorer,) = collect_predictions([path], tasks={"phase7_tss9h": 540})
    assert scorer.phase == "phase7_tss9h"


def test_seeds_with_different_patients_are_refused(tmp_path):
    with pytest.raises(PredictionError, match="seeds 0, 1 of 2d/phase3_tss4h5/random differ"):
        collect_predictions([write(tmp_path), write(tmp_path, [ROWS[0], *ROWS[2:]], seed=1)])


@pytest.mark.parametrize("other", ["3d/phase3_tss4h5/random", "2d/phase4_attention/phase3"])
@pytest.mark.parametrize(
    "rows", [[ROWS[0], *ROWS[2:]], change(ROWS, 1, label=1)], ids=["a patient less", "a label"]
)
def test_rows_of_a_stage_share_one_test_list(tmp_path, other, rows):
    with pytest.raises(PredictionError, match="differ in test patients or labels"):
        collect_predictions([write(tmp_path), write(tmp_path, rows, scorer=other)])


def test_stages_with_other_targets_may_differ_in_labels(tmp_path):
    scorers = collect_predictions(
        [write(tmp_path), write(tmp_path, change(ROWS, 1, label=1), scorer="2d/phase2_tss3h/random")]
    )
    assert select_reader_target(scorers).label.tolist() == [0, 1]


@pytest.fixture
def cohort(tmp_path):
    """Writes cohort.tsv and split.tsv that agree with ROWS, after changes to single patients."""

    def write_cohort(onset=None, side=None, part=None):
        frame = pd.DataFrame(
            {
                "patient": ["a", "b", "c", "d"],
                "onset_to_mri_min": [100.0, 270.0, 269.0, 50.0],
                "lesion_side": ["left", "right", "both", "left"],
                "part": ["validation", "test", "test", "train"],
            }
        ).set_index("patient")
        for column, changes in (("onset_to_mri_min", onset), ("lesion_side", side), ("part", part)):
            for patient, value in (changes or {}).items():
                frame.loc[patient, column] = value
        frame.drop(columns="part").to_csv(tmp_path / "cohort.tsv", sep="\t")
        frame["part"].to_csv(tmp_path / "split.tsv", sep="\t")
        return {"cohort": tmp_path / "cohort.tsv", "split": tmp_path / "split.tsv"}

    return write_cohort


def test_positive_is_under_the_threshold(tmp_path, cohort):
    scorers = collect_predictions([write(tmp_path)]).values()
    check_against_cohort(scorers, **cohort())  # 270 min is not under 4.5 h, 269 min is
    with pytest.raises(PredictionError, match="wrong label for patient b: 1 must mean a TSS under"):
        check_against_cohort(scorers, **cohort(onset={"b": 269.0}))


def test_a_class_of_the_onset_is_the_label_of_4h5_alone(tmp_path, cohort):
    files = cohort(onset={"c": np.nan})
    table = pd.read_csv(files["cohort"], sep="\t")
    table.assign(onset_class=[None, None, "<4.5h", None]).to_csv(files["cohort"], sep="\t", index=False)
    check_against_cohort(collect_predictions([write(tmp_path)]).values(), **files)
    three_hours = "2d/phase2_tss3h/random"
    scorers = collect_predictions([write(tmp_path / "3h", ROWS[:2], scorer=three_hours)]).values()
    check_against_cohort(scorers, **files)  # c has no label of 3 h, and need not be scored
    scorers = collect_predictions([write(tmp_path / "3h", scorer=three_hours)]).values()
    with pytest.raises(PredictionError, match="wrong label for patient c"):
        check_against_cohort(scorers, **files)


def test_the_external_part_is_neither_asked_for_nor_allowed(tmp_path, cohort):
    files = cohort(part={"d": "external"})
    check_against_cohort(collect_predictions([write(tmp_path)]).values(), **files)
    files = cohort(part={"c": "external"})
    with pytest.raises(PredictionError, match=r"predicts patient c as test, but .* it is external"):
        check_against_cohort(collect_predictions([write(tmp_path)]).values(), **files)


def test_scans_of_one_person_in_two_parts_are_refused(tmp_path, cohort):
    files = cohort()
    table = pd.read_csv(files["cohort"], sep="\t")
    table.assign(person=["x", "y", "z", "y"]).to_csv(files["cohort"], sep="\t", index=False)
    with pytest.raises(SplitError, match="patients b and d are scans of one person"):
        check_against_cohort(collect_predictions([write(tmp_path)]).values(), **files)


def test_flipped_class_is_refused(tmp_path, cohort):
    flipped = [(*row[:3], 1 - row[3], row[4]) for row in ROWS]
    with pytest.raises(PredictionError, match="wrong label"):
        check_against_cohort(collect_predictions([write(tmp_path, flipped)]).values(), **cohort())


def test_phase_1_label_is_the_lesion_side(tmp_path, cohort):
    rows = [
        (patient, side, "validation" if patient == "a" else "test", int(side in sides), 0.5)
        for patient, sides in (("a", ["left"]), ("b", ["right"]), ("c", ["left", "right"]))
        for side in ("left", "right")
    ]
    scorers = collect_predictions([write(tmp_path, rows, scorer="2d/phase1_stroke/random")]).values()
    check_against_cohort(scorers, **cohort())
    with pytest.raises(PredictionError, match="patient c: 1 must mean a lesion in this hemisphere"):
        check_against_cohort(scorers, **cohort(side={"c": "left"}))
    scorers = collect_predictions([write(tmp_path, rows[:-1], scorer="2d/phase1_stroke/random")]).values()
    with pytest.raises(PredictionError, match=r"1 of the 3 .*, or not in both hemispheres, c first"):
        check_against_cohort(scorers, **cohort())


@pytest.mark.parametrize("part", ["train", "validation"])
def test_a_test_patient_of_another_part_is_refused(tmp_path, cohort, part):
    scorers = collect_predictions([write(tmp_path)]).values()
    with pytest.raises(PredictionError, match=f"predicts patient c as test, but .* it is {part}"):
        check_against_cohort(scorers, **cohort(part={"c": part}))


def test_an_unknown_patient_is_refused(tmp_path, cohort):
    scorers = collect_predictions([write(tmp_path, change(ROWS, 1, patient="z"))]).values()
    with pytest.raises(PredictionError, match=r"patient z as test, but .* it is absent"):
        check_against_cohort(scorers, **cohort())


@pytest.mark.parametrize("left_out", ["a", "b", "c"])
def test_everyone_of_the_split_is_predicted(tmp_path, cohort, left_out):
    """Nothing but the split tells that a file was cut off between two lines."""
    rows = [row for row in ROWS if row[0] != left_out]
    scorers = collect_predictions([write(tmp_path, rows)]).values()
    with pytest.raises(PredictionError, match=f"not score 1 of the 3 .* {left_out} first: predict anew"):
        check_against_cohort(scorers, **cohort())
    scorers = collect_predictions([write(tmp_path, rows, scorer="ml/phase4_attention/radiomics")]).values()
    check_against_cohort([scorer for scorer in scorers if scorer.scorer.net == "ml"], **cohort())


def test_a_cohort_changed_after_predicting(tmp_path, cohort):
    scorers = collect_predictions([write(tmp_path)]).values()
    changed = cohort(onset={"c": 300.0})
    with pytest.raises(PredictionError, match=r"label for patient c: .*; if .*cohort\.tsv has changed since"):
        check_against_cohort(scorers, **changed)


ML = ("ml", "phase4_attention", "radiomics")


def _keep(path, patients):
    rows = pd.read_csv(path, sep="\t")
    rows[rows["patient"].isin(patients)].to_csv(path, sep="\t", index=False)


def test_the_radiomics_baseline_alone_may_have_fewer_patients(made_up_run):
    paths = made_up_run.write((("2d", "phase3_tss4h5", "random"), ML), seeds=(0,))
    test = made_up_run.cohort["patient"][made_up_run.cohort["part"] == "test"]
    _keep(paths[-1], set(test[:7]))
    scorers = collect_predictions(paths)
    assert list(scorers[Scorer(*ML)].units("test").patient) == sorted(test[:7])
    assert select_reader_target(scorers).patient.size == 20  # readers are judged on all patients
    _keep(paths[0], set(test[:3]))
    with pytest.raises(PredictionError, match="differ in test patients"):
        collect_predictions(paths)  # fewer, never others


def test_the_radiomics_baseline_has_the_others_labels(made_up_run):
    paths = made_up_run.write((("2d", "phase3_tss4h5", "random"), ML), seeds=(0,))
    rows = pd.read_csv(paths[-1], sep="\t")
    rows.assign(label=1 - rows["label"]).to_csv(paths[-1], sep="\t", index=False)
    with pytest.raises(PredictionError, match=r"ml/phase4_attention/radiomics and .* differ"):
        collect_predictions(paths)


def test_a_radiomics_baseline_without_patients_is_not_there(made_up_run):
    paths = made_up_run.write((("2d", "phase3_tss4h5", "random"), ML), seeds=(0,))
    _keep(paths[-1], set())
    assert Scorer(*ML) not in collect_predictions(paths)


def test_written_predictions_are_read_again(tmp_path):
    path = tmp_path / "seed-0.tsv"
    write_predictions(path, [("b", "left", "test", 1.0, 0.25), ("a", "right", "validation", 0.0, 1 / 3)])
    assert read_predictions(path).to_dict("list") == {
        "patient": ["a", "b"],
        "hemisphere": ["right", "left"],
        "part": ["validation", "test"],
        "label": [0, 1],
        "score": [pytest.approx(1 / 3, abs=1e-9), 0.25],
    }


def test_joined_scores_are_the_mean_whatever_the_order(tmp_path):
    others = [(*row[:4], score) for row, score in zip(ROWS, (0.25, 0.75, 0.5, 0.0), strict=True)]
    for name, rows in {"a": ROWS, "b": others[::-1]}.items():
        write_predictions(tmp_path / f"{name}.tsv", rows)
    join_predictions(tmp_path / "a.tsv", tmp_path / "b.tsv", tmp_path / "out.tsv")
    joined = read_predictions(tmp_path / "out.tsv")
    assert joined["score"].tolist() == [0.5] * 4
    pd.testing.assert_frame_equal(
        joined.drop(columns="score"), read_predictions(tmp_path / "a.tsv").drop(columns="score")
    )


def test_scores_of_other_patients_are_not_joined(tmp_path):
    write_predictions(tmp_path / "a.tsv", ROWS)
    write_predictions(tmp_path / "b.tsv", [*ROWS[:3], ("d", *ROWS[3][1:])])
    with pytest.raises(PredictionError, match="differ in units or labels"):
        join_predictions(tmp_path / "a.tsv", tmp_path / "b.tsv", tmp_path / "out.tsv")

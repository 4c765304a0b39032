"""Thresholds, temperatures and bands, from the validation part to a file and back."""

import json

import numpy as np
import pytest

from strokeclock.evaluation.metrics import youden_threshold
from strokeclock.evaluation.operating import (
    COVERAGES,
    Threshold,
    read_bands,
    read_temperatures,
    read_thresholds,
)
from strokeclock.fitted import FittedError
from strokeclock.predictions import Scorer, collect_predictions

STROKE = Scorer("2d", "phase1_stroke", "random")
TIME = Scorer("2d", "phase3_tss4h5", "phase2")
RATIO = Scorer("ratio", "phase2_tss3h", "flair")
SCORERS = [STROKE, TIME, RATIO]


@pytest.fixture
def fit(made_up_run):
    """Write the run's files and fit; return the scorers and the files."""

    def make(*, chosen=None, seeds=(0, 1, 2), **files):
        paths = made_up_run.write(SCORERS, seeds=seeds, **files)
        return collect_predictions(paths), made_up_run.fit(paths, **(chosen or {}))

    return make


def test_numbers_are_those_of_the_tables_before_there_were_files(fit):
    """Worked out by the code of commit 3ca9fb0, where Table 2 and its like fitted them."""
    scorers, files = fit()
    assert read_thresholds(files["thresholds"], scorers).rows == {
        STROKE: Threshold(0.4955098876118898, "validation"),
        TIME: Threshold(0.5982931228992703, "validation"),
        RATIO: Threshold(0.6179784230003609, "validation"),
    }
    temperatures = {STROKE: 0.37821764329049234, TIME: 0.5129740407911721, RATIO: 0.05000000398520824}
    assert read_temperatures(files["temperatures"], scorers) == pytest.approx(temperatures, rel=1e-9)
    timed = {scorer: scorers[scorer] for scorer in (TIME, RATIO)}
    cuts = read_bands(files["abstention"], timed)[TIME].cuts
    assert [*cuts["margin"]] == [*cuts["spread"]] == list(COVERAGES)
    assert [*cuts["margin"].values()] == pytest.approx(
        [
            *(0.0, 0.13183797764665361, 0.17496775153943173),
            *(0.36671641782361625, 0.7032829956286781, 0.8320121564815076),
        ],
        rel=1e-12,
    )
    assert [*cuts["spread"].values()] == pytest.approx(
        [
            *(0.0, 0.14756211167514535, 0.24969041000253958),
            *(0.282987976700967, 0.42656598644617516, 0.5241241638971772),
        ],
        rel=1e-12,
    )


def test_the_test_part_chooses_nothing(fit):
    def turned(_scorer, _seed, rows):
        return rows["score"] if rows["part"].iloc[0] == "validation" else 1 - rows["score"]

    _, files = fit()
    first = [path.read_bytes() for path in files.values()]
    _, files = fit(score=turned)
    assert [path.read_bytes() for path in files.values()] == first


def test_a_file_holds_what_it_rests_on_and_names_no_patient(fit, made_up_run):
    scorers, files = fit()
    validation = scorers[TIME].units("validation")
    for kind, path in files.items():
        content = json.loads(path.read_text())
        assert content["kind"] == kind
        row = content["rows"][str(TIME)]
        assert (row["below_min"], row["seeds"]) == (270, [0, 1, 2])
        fitted_on = row["fitted_on"]
        assert fitted_on["parts"] == ["validation"]
        assert (fitted_on["patients"], fitted_on["positives"]) == (20, validation.label.sum())
        assert not [name for name in made_up_run.cohort["patient"] if f'"{name}"' in path.read_text()]
    assert set(content["rows"]) == {str(TIME), str(RATIO)}  # abstention: rows with a TSS target


@pytest.mark.parametrize(
    ("chosen", "source"),
    [
        ({"threshold": "fixed", "fixed_threshold": 0.25}, "fixed"),
        ({"threshold": "test"}, "test (optimistic)"),
    ],
)
def test_a_threshold_from_elsewhere_says_its_source(fit, chosen, source):
    scorers, files = fit(chosen=chosen)
    found = read_thresholds(files["thresholds"], scorers)
    assert found.choice == chosen
    test = scorers[TIME].units("test")
    value = 0.25 if source == "fixed" else youden_threshold(test.label, test.score)
    assert found.rows[TIME] == Threshold(value, source)
    assert read_bands(files["abstention"], {TIME: scorers[TIME]})[TIME].threshold == Threshold(value, source)
    fitted_on = json.loads(files["thresholds"].read_text())["rows"][str(TIME)]["fitted_on"]
    assert fitted_on is None if source == "fixed" else fitted_on["parts"] == ["test"]


def test_one_class_chooses_nothing(fit, made_up_run):
    made_up_run.cohort.loc[made_up_run.cohort["part"] == "validation", "onset_to_mri_min"] = 400
    scorers, files = fit()
    assert read_thresholds(files["thresholds"], scorers).rows[TIME] == Threshold(None, "validation")
    assert read_temperatures(files["temperatures"], scorers)[TIME] is None
    assert read_bands(files["abstention"], {TIME: scorers[TIME]})[TIME].cuts == {}
    scorers, files = fit(chosen={"threshold": "fixed"})
    assert read_thresholds(files["thresholds"], scorers).rows[TIME] == Threshold(0.5, "fixed")
    assert read_temperatures(files["temperatures"], scorers)[TIME] is None


def test_one_seed_has_a_margin_and_no_spread(fit):
    scorers, files = fit(seeds=(0,))
    assert set(read_bands(files["abstention"], {TIME: scorers[TIME]})[TIME].cuts) == {"margin"}


@pytest.mark.parametrize(
    ("read", "kind"),
    [(read_thresholds, "thresholds"), (read_temperatures, "temperatures"), (read_bands, "abstention")],
)
def test_other_predictions_are_refused(fit, read, kind):
    timed = {TIME: fit()[0][TIME]}
    _, files = fit(score=lambda _scorer, _seed, rows: rows["score"] ** 2)
    with pytest.raises(FittedError, match=f"{kind}.json was fitted on other predictions of {TIME}"):
        read(files[kind], timed)
    scorers, files = fit(seeds=(0, 1))
    with pytest.raises(FittedError, match=f"{kind}.json was fitted on other predictions of {TIME}"):
        read(files[kind], timed)
    tasks = {TIME.phase: 300.0}
    with pytest.raises(FittedError, match=f"{kind}.json was fitted on other predictions of {TIME}"):
        read(files[kind], {TIME: scorers[TIME]}, tasks=tasks)
    stranger = Scorer("3d", TIME.phase, TIME.start)
    with pytest.raises(FittedError, match=f"{kind}.json holds nothing of {stranger}"):
        read(files[kind], {stranger: scorers[TIME]})


def test_another_kind_is_refused(fit):
    scorers, files = fit()
    with pytest.raises(FittedError, match="holds 'temperatures', not 'thresholds'"):
        read_thresholds(files["temperatures"], scorers)


def test_cross_validated_scores_of_training_patients_choose_too(made_up_run):
    paths = made_up_run.write([("ml", "phase4_attention", "radiomics")], seeds=(0,))
    text = paths[0].read_text()
    rng = np.random.default_rng(0)
    rows = [
        f"{row.patient}\t{side}\ttrain\t{int(row.onset_to_mri_min < 270)}\t{rng.random()}"
        for row in made_up_run.cohort.itertuples()
        for side in ("left", "right")
        if row.part == "train" and row.lesion_side in (side, "both")
    ]
    paths[0].write_text(text + "\n".join(rows) + "\n")
    scorers, files = collect_predictions(paths), made_up_run.fit(paths)
    ((scorer, found),) = scorers.items()
    units = found.units("train", "validation")
    threshold = Threshold(youden_threshold(units.label, units.score), "cross-validation")
    assert read_thresholds(files["thresholds"], scorers).rows[scorer] == threshold
    row = json.loads(files["temperatures"].read_text())["rows"][str(scorer)]
    assert row["fitted_on"]["parts"] == ["train", "validation"]
    assert row["fitted_on"]["patients"] == 40

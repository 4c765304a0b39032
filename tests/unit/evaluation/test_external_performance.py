"""The table of an external test against scikit-learn, statsmodels and numbers by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, confusion_matrix, roc_auc_score
from statsmodels.stats.proportion import proportion_confint

from strokeclock.cohort.folds import divide_folds
from strokeclock.evaluation.external.patients import read_external
from strokeclock.evaluation.external.performance import ALL, ANSWERED, COLUMNS, check_frozen
from strokeclock.evaluation.external.recalibration import FOLDS, INTERCEPT, LOGISTIC, recalibrate
from strokeclock.evaluation.ledger import read_ledger
from strokeclock.evaluation.tables import FEWEST

PREDICTED, SCALED = "as predicted", "temperature-scaled"


def row_of(table, *, side="found", patients=ALL, scores=PREDICTED):
    chosen = (table["side"] == side) & (table["patients"] == patients) & (table["scores"] == scores)
    (row,) = table[chosen].to_dict("records")
    return row


def truth_of(world, side="found"):
    """Each patient's label, score (NaN: no reading) and abstention, by hand."""
    lines = {line.patient: line for line in world.lines if line.side_from == side}
    return pd.DataFrame(
        {
            "label": (world.cohort["onset_to_mri_min"] < 270).astype(int).to_numpy(),
            "score": [lines[one].score for one in world.cohort["patient"]],
            "abstained": [bool(lines[one].abstained) for one in world.cohort["patient"]],
        },
        index=world.cohort["patient"],
    ).astype({"score": float})


def ends(row, name):
    return row[f"{name}_low"], row[f"{name}_high"]


def test_all_patients_with_no_reading_not_called(external):
    world = external(80)
    table = world.measure()["external"]
    assert list(table.columns) == list(COLUMNS)
    row, truth = row_of(table), truth_of(world)
    called = truth["score"] >= 0.47
    tn, fp, fn, tp = confusion_matrix(truth["label"], called).ravel()
    assert (row["tp"], row["fn"], row["tn"], row["fp"]) == (tp, fn, tn, fp)
    assert (row["n"], row["no_reading"], row["abstained"]) == (80, 8, truth["abstained"].sum())
    # without a reading a patient scores .55, more than the threshold, and is not called all the same
    filled = truth["score"].fillna(0.55)
    assert (filled >= 0.47).sum() == tp + fp + 8
    for name, right, among in (
        ("sensitivity", tp, tp + fn),
        ("specificity", tn, tn + fp),
        ("ppv", tp, tp + fp),
        ("npv", tn, tn + fn),
        ("accuracy", tp + tn, 80),
    ):
        assert row[name] == pytest.approx(right / among, abs=1e-6)
        assert ends(row, name) == pytest.approx(
            proportion_confint(right, among, alpha=0.05, method="wilson"), abs=1e-6
        )
    assert row["auc"] == pytest.approx(roc_auc_score(truth["label"], filled), abs=1e-6)
    assert row["brier"] == pytest.approx(brier_score_loss(truth["label"], filled), abs=1e-6)
    assert row["observed_expected"] == pytest.approx(truth["label"].sum() / filled.sum(), abs=1e-5)
    for name, at in (("net_benefit_30", 0.3), ("net_benefit_50", 0.5), ("net_benefit_70", 0.7)):
        treated = truth["score"] >= at
        right, wrong = (treated & (truth["label"] == value) for value in (1, 0))
        assert row[name] == pytest.approx((right.sum() - wrong.sum() * at / (1 - at)) / 80, abs=1e-6)
    assert row["threshold"] == 0.47
    assert row["threshold_source"] == "validation"
    assert row["note"] == ""


def test_the_answered_are_those_outside_the_band(external):
    world = external(80)
    row, truth = row_of(world.measure()["external"], patients=ANSWERED), truth_of(world)
    answered = truth[truth["score"].notna() & ~truth["abstained"]]
    assert (row["n"], row["no_reading"], row["abstained"]) == (len(answered), 0, 0)
    assert row["positives"] == answered["label"].sum()
    assert row["auc"] == pytest.approx(roc_auc_score(answered["label"], answered["score"]), abs=1e-6)
    assert row["accuracy"] == pytest.approx(
        ((answered["score"] >= 0.47) == answered["label"]).mean(), abs=1e-6
    )


@pytest.mark.parametrize("scores", [PREDICTED, SCALED])
def test_the_calibration_line_is_statsmodels(external, scores):
    world = external(80)
    row, truth = row_of(world.measure()["external"], scores=scores), truth_of(world)
    score = truth["score"] if scores == PREDICTED else expit(logit(truth["score"]) / 1.7)
    odds = logit(score.fillna(0.55)).to_numpy()
    fits = (
        ("intercept", sm.GLM(truth["label"], np.ones(80), offset=odds, family=sm.families.Binomial())),
        (
            "slope",
            sm.GLM(truth["label"], np.column_stack([odds, np.ones(80)]), family=sm.families.Binomial()),
        ),
    )
    for name, model in fits:
        fitted = model.fit(cov_type="HC0")
        half = 1.959964 * fitted.bse.iloc[0] * (80 / 79) ** 0.5
        value = fitted.params.iloc[0]
        assert row[name] == pytest.approx(value, abs=1e-5)
        assert ends(row, name) == pytest.approx((value - half, value + half), abs=1e-4)


def test_the_calibration_error_takes_no_reading_as_one_bin(external):
    world = external(90)
    tables, truth = world.measure(), truth_of(world)
    read = truth[truth["score"].notna()].sort_index().sort_values("score", kind="stable")
    parts = np.array_split((read["label"] - read["score"]).to_numpy(), 4)  # 81 // 20
    errors = [abs(part.sum()) for part in parts]
    unread = truth[truth["score"].isna()]
    errors.append(abs((unread["label"] - 0.55).sum()))
    assert row_of(tables["external"])["ece"] == pytest.approx(sum(errors) / 90, abs=1e-6)
    bins = tables["reliability"]
    bins = bins[(bins["side"] == "found") & (bins["patients"] == ALL) & (bins["scores"] == PREDICTED)]
    assert bins["bin"].tolist() == ["1", "2", "3", "4", "no reading"]
    assert bins["n"].sum() == 90
    assert bins["mean_score"].iloc[-1] == 0.55


def test_calls_and_auc_stand_in_one_row_and_scaling_changes_the_others(external):
    table = external(80).measure()["external"]
    for scores in (SCALED, INTERCEPT, LOGISTIC):
        row = row_of(table, scores=scores)
        assert np.isnan([row["auc"], row["sensitivity"], row["threshold"], row["tp"]]).all()
        assert row["brier"] > 0
    assert row_of(table, scores=SCALED)["temperature"] == 1.7


def test_the_developments_values_stand_beside(external):
    table = external(80).measure()["external"]
    row = row_of(table)
    assert (row["development_n"], row["development_positives"]) == (82, 44)
    assert [row[f"development_auc{end}"] for end in ("", "_low", "_high")] == [0.7, 0.6, 0.8]
    assert row["development_brier"] == 0.2
    scaled = row_of(table, scores=SCALED)
    assert scaled["development_brier"] == 0.25
    assert np.isnan(scaled["development_auc"])
    assert np.isnan(row_of(table, scores=LOGISTIC)["development_brier"])


@pytest.mark.parametrize("kind", [INTERCEPT, LOGISTIC])
def test_each_fold_is_recalibrated_by_the_others(kind):
    rng = np.random.default_rng(5)
    person = np.array([f"p{number:02d}" for number in range(50)]).repeat(2)
    label = rng.integers(0, 2, 50).repeat(2)
    score = expit(rng.normal(label - 0.5, 1))
    found = recalibrate(score, label, person=person, kind=kind)
    labels = dict(zip(person, label, strict=True))
    folds = divide_folds(list(labels), list(labels.values()), folds=FOLDS, seed=0)
    assert sorted(len(fold) for fold in folds) == [10] * 5
    for fold in folds:
        inside, odds = np.isin(person, fold), logit(score)
        if kind == LOGISTIC:
            model = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
            expected = model.fit(odds[~inside, None], label[~inside]).predict_proba(odds[inside, None])[:, 1]
        else:
            family = sm.families.Binomial()
            model = sm.GLM(label[~inside], np.ones((~inside).sum()), offset=odds[~inside], family=family)
            expected = expit(odds[inside] + model.fit().params[0])
        assert found[inside] == pytest.approx(expected, abs=1e-5)


def test_recalibration_mends_what_is_biased(external):
    world = external(300)
    world.lines = [
        line if line.score is None else dataclasses.replace(line, score=float(expit(logit(line.score) - 2)))
        for line in world.lines
    ]
    table = world.measure()["external"]
    frozen = row_of(table, side="given")
    moved, both = (row_of(table, side="given", scores=kind) for kind in (INTERCEPT, LOGISTIC))
    assert frozen["intercept_low"] > 1
    assert abs(moved["intercept"]) < 0.1
    assert max(moved["brier"], both["brier"]) < frozen["brier"] - 0.03
    assert both["slope_low"] < 1 < both["slope_high"]


def test_recalibration_leaves_who_has_no_reading(external):
    bins = external(90).measure()["reliability"]
    unread = bins[(bins["bin"] == "no reading") & (bins["scores"] == LOGISTIC)]
    assert unread["mean_score"].tolist() == [0.55]


def test_no_external_label_enters_what_is_frozen(external):
    """Other onsets, and another order of the patients, change neither scores nor calls nor what is frozen."""
    world = external(60)
    before, table = read_external(**world.write()), world.measure()["external"]
    world.cohort["onset_to_mri_min"] = world.cohort["onset_to_mri_min"].to_numpy()[::-1]
    world.cohort = world.cohort.iloc[::-1]
    after, other = read_external(**world.write()), world.measure()["external"]
    for one, two in zip(before.tested, after.tested, strict=True):
        assert (one.label != two.label).any()
        assert one.frozen == two.frozen
        for name in ("called", "predicted", "scaled"):
            assert getattr(one.judged, name).tolist() == getattr(two.judged, name).tolist()
    frozen = ["side", "patients", "scores", "threshold", "threshold_source", "temperature"]
    assert table[frozen].equals(other[frozen])
    assert not table["auc"].equals(other["auc"])


@pytest.mark.parametrize("name", ["threshold", "temperature"])
def test_a_number_that_is_not_the_bundles_is_noticed(external, name):
    world = external(20)
    test = read_external(**world.write())
    row = {**world.frozen[0].key, "threshold": 0.47, "temperature": 1.7}
    check_frozen([row, {"note": "of no row"}], test)
    with pytest.raises(AssertionError, match=f"the {name} 0.5 is not the bundle's"):
        check_frozen([row | {name: 0.5}], test)


def test_the_order_of_the_tables_changes_nothing(external):
    world = external(60)
    world.measure()
    before = (world.root / "tables/external.csv").read_bytes()
    world.lines, world.cohort = world.lines[::-1], world.cohort.sample(frac=1, random_state=1)
    world.measure()
    assert (world.root / "tables/external.csv").read_bytes() == before
    assert len(read_ledger(world.root / "results/ledger.tsv")) == 1


def test_scans_of_one_person_are_drawn_together(external):
    """Two equal scans of each person have the intervals of one, but for the chance of the draws."""
    world = external(50)
    world.settings = {"confidence": 0.95, "bootstraps": 3000}
    single = row_of(world.measure()["external"], side="given")
    twin = world.cohort.assign(patient=world.cohort["patient"] + "b")
    world.cohort = pd.concat([world.cohort, twin])
    world.lines += [dataclasses.replace(line, patient=line.patient + "b") for line in world.lines]
    twice = row_of(world.measure()["external"], side="given")
    assert (twice["n"], twice["persons"]) == (100, 50)
    assert twice["note"] == "100 patients are 50 persons, who are resampled for the intervals"
    for name in ("auc", "accuracy", "ppv", "brier", "slope"):
        assert twice[name] == pytest.approx(single[name], abs=1e-6)
        assert np.subtract(*ends(twice, name)) == pytest.approx(np.subtract(*ends(single, name)), rel=0.15)


def test_intervals_of_persons_are_percentiles_of_resamples(external):
    world = external(40)
    world.cohort["person"] = [f"p{number // 2}" for number in range(40)]
    row, truth = row_of(world.measure()["external"], side="given"), truth_of(world, "given")
    person = world.cohort["person"].to_numpy()
    names = np.unique(person)
    draws = np.random.default_rng(0).multinomial(20, np.full(20, 1 / 20), size=200)
    values = []
    for times in draws:
        part = pd.concat(
            [truth[person == name] for name, often in zip(names, times, strict=True) for _ in range(often)]
        )
        called = part["score"] >= 0.47
        values.append(
            (
                roc_auc_score(part["label"], part["score"]),
                part["label"][called].mean(),
                (part["label"] == called).mean(),
                brier_score_loss(part["label"], part["score"]),
                part["label"].sum() / part["score"].sum(),
            )
        )
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    names = ("auc", "ppv", "accuracy", "brier", "observed_expected")
    for name, expected in zip(names, zip(low, high, strict=True), strict=True):
        assert ends(row, name) == pytest.approx(expected, abs=1e-5)


def test_one_class_is_said(external):
    world = external(40)
    world.cohort["onset_to_mri_min"] = 100.0
    table = world.measure()["external"]
    row = row_of(table)
    assert row["note"] == "one class only: no AUC, and no calibration line"
    assert np.isnan([row["auc"], row["specificity"], row["slope"]]).all()
    assert row["sensitivity"] == row["accuracy"]
    assert row["brier"] > 0
    assert row_of(table, scores=LOGISTIC)["note"] == (
        "not recalibrated: too few: fewer than 10 of a class with a reading"
    )


def test_few_patients_have_calls_and_no_line(external):
    table = external(12).measure()["external"]
    row = row_of(table)
    assert row["note"] == "no calibration line: too few: fewer than 10 of a class"
    assert row["accuracy_low"] < row["accuracy"] < row["accuracy_high"]
    assert np.isnan(row["slope"])
    assert row["n"] < 2 * FEWEST


def test_no_reading_at_all(external):
    world = external(40)
    world.lines = [
        dataclasses.replace(line, status="quality_fail", score=None, abstained=None) for line in world.lines
    ]
    table = world.measure()["external"]
    row = row_of(table)
    assert (row["no_reading"], row["sensitivity"], row["specificity"], row["auc"]) == (40, 0, 1, 0.5)
    assert row["note"] == (
        "no interval of the AUC: its variance is 0, or a class has one patient; "
        "no calibration line: all scores are the same"
    )
    assert row["net_benefit_30"] == 0
    answered = row_of(table, patients=ANSWERED)
    assert (answered["n"], answered["note"]) == (0, "no patient: nobody was answered")


def test_nobody_of_known_onset_is_said_and_no_access(external):
    world = external(6)
    world.cohort["onset_to_mri_min"] = np.nan
    table = world.measure()["external"]
    assert set(table.loc[table["patients"] == ALL, "note"]) == {"no patient: nobody's class is known"}
    assert not (world.root / "results/ledger.tsv").exists()
    assert (world.root / "accesses.tsv").read_text().count("\n") == 1


def test_no_row_is_said(external):
    world = external(6)
    world.lines = []
    tables = world.tables()
    for name in ("external", "subgroups", "decision", "flow"):
        assert tables[name]["note"].tolist() == ["nothing to test: no row of the bundle was read"]


def change(world, **fields):
    world.frozen = [dataclasses.replace(frozen, **fields) for frozen in world.frozen]
    return world.measure()["external"]


def test_without_threshold_temperature_or_prevalence(external):
    row = row_of(change(external(40), threshold=None))
    assert row["note"] == "no calls: the part that the threshold is chosen on has one class only"
    assert np.isnan(row["accuracy"])
    assert row["auc"] > 0.5
    row = row_of(change(external(40), temperature=None), scores=SCALED)
    assert row["note"] == "not scaled: the validation part has one class only"
    table = change(external(40), prevalence=None)
    assert "no score for patients without a reading" in row_of(table)["note"]
    assert np.isnan(row_of(table)["auc"])
    assert row_of(table)["accuracy"] > 0.5
    assert row_of(table, side="given")["auc"] > 0.5  # all have a reading


def test_excluded_patients_of_known_onset_are_not_called(external):
    world = external(40)
    before = row_of(world.measure()["external"], side="given")
    world.exclusions = {patient: "check" for patient in world.cohort["patient"][:4]}
    world.lines = [line for line in world.lines if line.patient not in world.exclusions]
    after = row_of(world.measure()["external"], side="given")
    assert (before["n"], before["no_reading"]) == (40, 0)
    assert (after["n"], after["no_reading"]) == (40, 4)


def test_readers_stand_below(external, tmp_path):
    world = external(40)
    world.exclusions = {"far-039": "check"}
    world.lines = [line for line in world.lines if line.patient != "far-039"]
    short = (world.cohort["onset_to_mri_min"] < 270).astype(int).to_numpy()
    calls = pd.DataFrame({"patient": world.cohort["patient"], "reader1": short, "reader2": 1, "reader3": 0})
    calls[:-1].to_csv(tmp_path / "readers.tsv", sep="\t", index=False)
    tables = world.tables(readers=tmp_path / "readers.tsv")
    rows = tables["external"].query("stage == 'readers'").set_index("model")
    assert list(rows.index) == ["reader1", "reader2", "reader3", "majority"]
    assert rows["n"].tolist() == [39] * 4
    assert rows["accuracy"].tolist()[::3] == [1, 1]
    assert rows.loc["reader2", "ppv"] == pytest.approx(short[:-1].mean(), abs=1e-6)
    assert set(rows["note"]) == {"without 1 patients who were excluded before they were read"}
    benefit = tables["decision"].query("model == 'reader1' and threshold == 0.5")["net_benefit"].iloc[0]
    assert benefit == pytest.approx(short[:-1].mean(), abs=1e-6)


def test_a_row_of_another_target_has_its_own_labels_and_no_readers(external, tmp_path):
    world = external(60)
    world.frozen = [dataclasses.replace(world.frozen[0], below_min=180.0)]
    calls = pd.DataFrame({"patient": world.cohort["patient"], "reader1": 1})
    calls.to_csv(tmp_path / "readers.tsv", sep="\t", index=False)
    table = world.measure(readers=tmp_path / "readers.tsv")["external"]
    assert set(table["target"]) == {"TSS < 3 h"}
    assert row_of(table)["positives"] == (world.cohort["onset_to_mri_min"] < 180).sum()


def test_each_test_is_one_line_of_the_ledger(external):
    world = external(30, rows=("2d/phase4_attention/phase3", "segmentation/phase4_attention/3d"))
    table = world.measure()["external"]
    ledger = world.root / "results/ledger.tsv"
    (line,) = read_ledger(ledger)
    assert line["stage"] == "external"
    assert line["model"] == "2d/phase4_attention/phase3, segmentation/phase4_attention/3d"
    assert len(line["configuration"]) == 64
    assert (line["run"], line["access"], line["n"]) == ("there", "1", "30")
    row = row_of(table[table["model"] == "2d"])
    assert float(line["auc"]) == pytest.approx(row["auc"], abs=1e-6)
    assert set(table["accesses"]) == {1}
    world.measure(run="again")
    assert len(read_ledger(ledger)) == 1
    assert set(world.measure(bundle=b"another bundle")["external"]["accesses"]) == {2}
    world.lines[0] = dataclasses.replace(world.lines[0], score=0.999)
    assert set(world.measure()["external"]["accesses"]) == {3}
    world.cohort.loc[0, "onset_to_mri_min"] = 100 if world.cohort.loc[0, "onset_to_mri_min"] >= 270 else 900
    assert set(world.measure()["external"]["accesses"]) == {4}  # another label
    assert [line["access"] for line in read_ledger(ledger)] == ["1", "2", "3", "4"]
    assert read_ledger(world.root / "accesses.tsv") == read_ledger(ledger)
    world.cohort = world.cohort[:-1]
    world.lines = [line for line in world.lines if line.patient != "far-029"]
    assert set(world.measure()["external"]["accesses"]) == {1}

"""Age, NIHSS and lesion volume: fitted on the training part, stored as numbers, applied to the others."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from strokeclock.baselines.clinical import fit_clinical, predict_clinical
from strokeclock.errors import StrokeclockError
from strokeclock.fitted import FittedError
from strokeclock.predictions import read_predictions

TASK = {"phase": "phase3_tss4h5", "below_min": 270}


@pytest.fixture
def run(tmp_path):
    """90 patients, some without age or NIHSS or a volume; the older, the later."""
    rng = np.random.default_rng(0)
    names = [f"p{number:02d}" for number in range(90)]
    minutes = rng.uniform(30, 510, 90).round()
    age = np.where(rng.random(90) < 0.1, np.nan, (minutes / 10 + rng.normal(40, 10, 90)).round())
    nihss = np.where(rng.random(90) < 0.1, np.nan, rng.integers(0, 30, 90))
    columns = {
        "patient": names,
        "onset_to_mri_min": minutes,
        "lesion_side": "left",
        "age": age,
        "nihss": nihss,
    }
    pd.DataFrame(columns).to_csv(tmp_path / "cohort.tsv", sep="\t", index=False)
    parts = np.array(["train", "validation", "test"])[np.arange(90) % 3]
    pd.DataFrame({"patient": names, "part": parts}).to_csv(tmp_path / "split.tsv", sep="\t", index=False)
    volumes = {"patient": names, "volume_ml": [0.0, *rng.lognormal(2, 1, 89)], "source": "mask"}
    pd.DataFrame(volumes).to_csv(tmp_path / "volumes.tsv", sep="\t", index=False)
    return tmp_path


def _files(run):
    return {name: run / f"{name}.tsv" for name in ("volumes", "cohort", "split")}


def _predict(run, **changes):
    predict_clinical(run / "fitted.json", run / "seed-0.tsv", **_files(run), **TASK | changes)
    return read_predictions(run / "seed-0.tsv")


def test_scores_are_those_of_a_regression_with_medians(run):
    fit_clinical(run / "fitted.json", **_files(run), **TASK)
    found = _predict(run)
    table = pd.read_csv(run / "cohort.tsv", sep="\t").merge(pd.read_csv(run / "split.tsv", sep="\t"))
    volume = pd.read_csv(run / "volumes.tsv", sep="\t")["volume_ml"]
    values = table[["age", "nihss"]].assign(log_volume=np.log(volume.where(volume > 0)))
    train = table["part"] == "train"
    values = values.fillna(values[train].median())
    label = (table["onset_to_mri_min"] < 270).astype(int)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(values[train].to_numpy(), label[train])
    expected = pd.Series(model.predict_proba(values.to_numpy())[:, 1], table["patient"])
    np.testing.assert_allclose(found["score"], expected[found["patient"]], rtol=1e-8)
    assert set(found["part"]) == {"validation", "test"}
    content = json.loads((run / "fitted.json").read_text())
    assert content["regression"]["inputs"] == ["age", "nihss", "log_volume"]
    fitted_on = content["fitted_on"]
    assert (fitted_on["parts"], fitted_on["patients"]) == (["train"], 30)
    assert fitted_on["positives"] == label[train].sum()
    assert not [name for name in table["patient"] if name in (run / "fitted.json").read_text()]


def test_where_no_patient_has_a_value_it_is_0(run):
    cohort = pd.read_csv(run / "cohort.tsv", sep="\t").assign(nihss="")
    cohort.to_csv(run / "cohort.tsv", sep="\t", index=False)
    fit_clinical(run / "fitted.json", **_files(run), **TASK)
    assert json.loads((run / "fitted.json").read_text())["regression"]["imputation"][1] == 0
    _predict(run)


def test_another_question_or_split_is_refused(run):
    fit_clinical(run / "fitted.json", **_files(run), **TASK)
    with pytest.raises(FittedError, match="was fitted for row 'clinical/phase3_tss4h5/covariates'"):
        _predict(run, phase="phase2_tss3h", below_min=180)
    split = pd.read_csv(run / "split.tsv", sep="\t").assign(part=lambda rows: [*rows["part"][1:], "train"])
    split.to_csv(run / "split.tsv", sep="\t", index=False)
    with pytest.raises(FittedError, match=r"fitted\.json was fitted on other patients than the train part"):
        _predict(run)


def test_one_class_in_training_is_refused(run):
    cohort = pd.read_csv(run / "cohort.tsv", sep="\t").assign(onset_to_mri_min=60)
    cohort.to_csv(run / "cohort.tsv", sep="\t", index=False)
    with pytest.raises(StrokeclockError, match="has one class of TSS < 270 min only"):
        fit_clinical(run / "fitted.json", **_files(run), **TASK)
    assert not (run / "fitted.json").exists()

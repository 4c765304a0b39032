"""The clinical baseline: age, NIHSS and the lesion's volume, without any signal of time in the images.

Logistic regression on the training part. A network that depends on the lesion's size only should not beat it.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from strokeclock.baselines.patients import read_patients, write_scores
from strokeclock.baselines.regression import (
    apply_regression,
    read_regression,
    take_numbers,
    write_regression,
)
from strokeclock.cohort.parts import read_split
from strokeclock.errors import StrokeclockError
from strokeclock.fitted import check_patients, describe_fit
from strokeclock.predictions import Scorer

log = logging.getLogger(__name__)

CLINICAL, ROW = "clinical", "covariates"  # net and start of the row of Table 2
COVARIATES = ("age", "nihss", "log_volume")


def fit_clinical(
    fitted: str | Path,
    *,
    volumes: str | Path,
    cohort: str | Path,
    split: str | Path,
    phase: str,
    below_min: float,
) -> None:
    """Fit the regression on the training part and write it.

    A missing value becomes the training part's median.

    Parameters
    ----------
    fitted : path
        fitted/clinical/<phase>/covariates.json.
    volumes : path
        lesions/volumes.tsv.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    phase, below_min : str, float
        A time task: the label is 1 where TSS is below so many minutes.

    Raises
    ------
    StrokeclockError
        The training part has one class only.
    """
    # imported here, for it takes 1 s and the workflow does not need it
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    patients = _read_covariates(cohort, split, volumes=volumes, below_min=below_min)
    train = patients[patients["part"] == "train"]
    if train["label"].nunique() < 2:
        raise StrokeclockError(
            f"{split}: the training part has one class of TSS < {below_min:g} min only, and the clinical "
            "baseline needs both: give the part more patients or choose another split.seed."
        )
    values = train[list(COVARIATES)].astype(float)
    fitted_on = describe_fit(
        list(train.index), train["label"], values.to_numpy(), parts=["train"], split=read_split(split)
    )
    imputation = values.median().fillna(0.0)  # 0 where no patient has a value
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(values.fillna(imputation).to_numpy(), train["label"])
    log.info("coefficients: %s", dict(zip(COVARIATES, model[-1].coef_[0].round(3).tolist(), strict=True)))
    write_regression(
        fitted,
        take_numbers(model, inputs=COVARIATES, imputation=list(imputation)),
        row=Scorer(CLINICAL, phase, ROW),
        below_min=below_min,
        fitted_on=fitted_on,
    )


def predict_clinical(
    fitted: str | Path,
    predictions: str | Path,
    *,
    volumes: str | Path,
    cohort: str | Path,
    split: str | Path,
    phase: str,
    below_min: float,
) -> None:
    """Write scores of the validation and test parts by a fitted regression.

    Parameters
    ----------
    fitted : path
        What `fit_clinical` wrote, for the same task.
    predictions : path
        predictions/clinical/<phase>/covariates/seed-0.tsv.
    volumes, cohort, split, phase, below_min
        As of `fit_clinical`.

    Raises
    ------
    FittedError
        The file was fitted for something else, or on other patients than the present training part.
    """
    regression, content = read_regression(
        fitted, row=Scorer(CLINICAL, phase, ROW), below_min=below_min, inputs=COVARIATES
    )
    check_patients(fitted, content, cohort=cohort, split=split, below_min=below_min)
    patients = _read_covariates(cohort, split, volumes=volumes, below_min=below_min)
    predicted = [patients[patients["part"] == part] for part in ("validation", "test")]
    write_scores(
        predictions,
        (
            (part, apply_regression(regression, part[list(COVARIATES)].astype(float).to_numpy()))
            for part in predicted
        ),
    )


def _read_covariates(
    cohort: str | Path, split: str | Path, *, volumes: str | Path, below_min: float
) -> pd.DataFrame:
    """Read the patients of a split (`read_patients`), with the log of the lesion's volume in mL."""
    patients = read_patients(cohort, split, below_min=below_min)
    table = pd.read_csv(volumes, sep="\t", dtype={"patient": str}, na_values=[""], keep_default_na=False)
    volume_ml = table.set_index("patient")["volume_ml"]
    patients["log_volume"] = np.log(volume_ml.reindex(patients.index).where(lambda ml: ml > 0).astype(float))
    for name, missing in patients[list(COVARIATES)].isna().sum().items():
        if missing:
            log.info("%s: missing in %d of %d patients, replaced by the median", name, missing, len(patients))
    return patients

"""What is known without reading time from the images: age, NIHSS and the lesion's volume.

Logistic regression on the training part. A network that sees no more than how large a lesion is should not
beat it.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd

from strokeclock.baselines.patients import read_patients, write_scores
from strokeclock.errors import StrokeclockError

log = logging.getLogger(__name__)

COVARIATES = ("age", "nihss", "log_volume")


def predict_clinical(
    output: str | Path, *, volumes: str | Path, cohort: str | Path, split: str | Path, below_min: float
) -> None:
    """Write scores of the validation and test parts, fitted on the training part.

    A missing value becomes the training part's median.

    Parameters
    ----------
    output : path
        predictions/clinical/<phase>/covariates/seed-0.tsv.
    volumes : path
        lesions/volumes.tsv.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    below_min : float
        The label is 1 where TSS is below so many minutes.

    Raises
    ------
    StrokeclockError
        The training part has one class only.
    """
    # a second that the workflow need not pay
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    patients = read_patients(cohort, split, below_min=below_min)
    volume_ml = pd.read_csv(volumes, sep="\t", dtype={"patient": str}).set_index("patient")["volume_ml"]
    patients["log_volume"] = np.log(volume_ml.reindex(patients.index).where(lambda ml: ml > 0).astype(float))
    train = patients[patients["part"] == "train"]
    if train["label"].nunique() < 2:
        raise StrokeclockError(
            f"{split}: the training part has one class of TSS < {below_min:g} min only, and the clinical "
            "baseline needs both: give the part more patients or choose another split.seed."
        )
    values = patients[list(COVARIATES)].astype(float)
    for name, missing in values.isna().sum().items():
        if missing:
            log.info("%s: missing in %d of %d patients, who get the median", name, missing, len(values))
    values = values.fillna(values.loc[train.index].median()).fillna(0.0)  # 0: nobody has a value
    model = make_pipeline(StandardScaler(), LogisticRegression())
    model.fit(values.loc[train.index].to_numpy(), train["label"])
    log.info("weights: %s", dict(zip(COVARIATES, model[-1].coef_[0].round(3).tolist(), strict=True)))

    predicted = [patients[patients["part"] == part] for part in ("validation", "test")]
    write_scores(
        output,
        ((part, model.predict_proba(values.loc[part.index].to_numpy())[:, 1]) for part in predicted),
    )

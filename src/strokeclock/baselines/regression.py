"""Scores from what is measured in each hemisphere: a model of few numbers, fitted on the training part."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from strokeclock.models.channels import channel_names
from strokeclock.predictions import write_predictions
from strokeclock.training.phases import Task
from strokeclock.training.store import Hemispheres, check_channels, check_classes, read_hemispheres

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator


def score_measured(
    measure: Callable[[Hemispheres, str], np.ndarray],
    steps: "Sequence[BaseEstimator]",
    *,
    hemispheres: str | Path,
    output: str | Path,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    task: Task,
) -> None:
    """Fit a model of measures on the training part, and write its scores of validation and test part.

    Parameters
    ----------
    measure : of hemispheres, which hold both sides' channels, and their part: (n, measures), NaN where there
        is nothing to measure, which takes the training part's mean.
    steps : what stands in the model behind imputation and standardisation, a classifier the last.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    parts, measured = {}, {}
    for part in ("train", "validation", "test"):
        parts[part] = read_hemispheres(
            hemispheres, cohort=cohort, split=split, task=task, part=part, other_hemisphere=True
        )
        check_channels(parts[part], channels=channel_names(channels, other_hemisphere=True))
        measured[part] = measure(parts[part], part)
    check_classes(parts["train"], phase=task.phase, part="train")
    model = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), *steps)
    model.fit(measured["train"], parts["train"].labels)

    rows = []
    for part in ("validation", "test"):
        units, scores = parts[part], model.predict_proba(measured[part])[:, 1]
        rows += zip(units.patients, units.sides, [part] * len(units), units.labels, scores, strict=True)
    write_predictions(output, rows)

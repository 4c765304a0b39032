"""Regressions on what is measured in each hemisphere: fitted on the training part, applied to the others."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strokeclock.baselines.regression import (
    apply_regression,
    read_regression,
    take_numbers,
    write_regression,
)
from strokeclock.cohort.parts import read_split
from strokeclock.fitted import check_patients, describe_fit
from strokeclock.models.channels import channel_names
from strokeclock.predictions import Arm, write_predictions
from strokeclock.training.phases import Task
from strokeclock.training.store import Hemispheres, check_channels, check_classes, read_hemispheres

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

# of hemispheres with both sides' channels, and their part: (n, measures), NaN where nothing is measured
Measure = Callable[[Hemispheres, str], np.ndarray]


def fit_measured(
    measure: Measure,
    steps: "Sequence[BaseEstimator]",
    *,
    output: str | Path,
    row: Arm,
    inputs: Sequence[str],
    hemispheres: str | Path,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    task: Task,
    **more: Any,
) -> None:
    """Fit a regression of measures on the training part and write it (`write_regression`).

    What cannot be measured takes the part's mean.

    Parameters
    ----------
    steps : what stands in the model behind imputation and standardisation, a classifier the last.
    row, inputs : of Table 2; the measures' names, in order.
    more : what else the measures depend on.

    Raises
    ------
    SplitError
        The training part has one class only, or the hemispheres hold other series.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    units = _read_part("train", hemispheres, cohort=cohort, split=split, channels=channels, task=task)
    measured = measure(units, "train")
    check_classes(units, phase=task.phase, part="train")
    fitted_on = describe_fit(units.patients, units.labels, measured, parts=["train"], split=read_split(split))
    model = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), *steps)
    model.fit(measured, units.labels)
    write_regression(
        output,
        take_numbers(model, inputs=inputs),
        row=row,
        below_min=task.below_min,
        fitted_on=fitted_on,
        series=list(channels),
        **more,
    )


def predict_measured(
    measure: Measure,
    fitted: str | Path,
    output: str | Path,
    *,
    row: Arm,
    inputs: Sequence[str],
    hemispheres: str | Path,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    task: Task,
    **more: Any,
) -> None:
    """Write the scores of the validation and test parts by what `fit_measured` wrote.

    Raises
    ------
    FittedError
        The file was fitted for something else, or on other patients than today's training part.
    SplitError
        The hemispheres hold other series.
    """
    asked = {"series": list(channels), **more}
    regression, content = read_regression(fitted, row=row, below_min=task.below_min, inputs=inputs, **asked)
    check_patients(fitted, content, split=split)
    rows = []
    for part in ("validation", "test"):
        units = _read_part(part, hemispheres, cohort=cohort, split=split, channels=channels, task=task)
        scores = apply_regression(regression, measure(units, part))
        rows += zip(units.patients, units.sides, [part] * len(units), units.labels, scores, strict=True)
    write_predictions(output, rows)


def _read_part(part: str, folder: str | Path, *, channels: Sequence[str], **where: Any) -> Hemispheres:
    """Read a part's hemispheres with both sides' channels."""
    units = read_hemispheres(folder, part=part, other_hemisphere=True, **where)
    check_channels(units, channels=channel_names(channels, other_hemisphere=True))
    return units

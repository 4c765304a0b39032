"""Regressions on measures of each hemisphere: fitted on the training part, applied to the others."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from strokeclock.baselines.regression import (
    Regression,
    apply_regression,
    read_regression,
    write_regression,
)
from strokeclock.cohort.parts import read_split
from strokeclock.fitted import check_patients, describe_fit
from strokeclock.found_sides import Hemisphere, read_found_sides, write_found_scores
from strokeclock.models.channels import channel_names
from strokeclock.predictions import Scorer, write_predictions
from strokeclock.training.material import CohortFiles
from strokeclock.training.phases import Task
from strokeclock.training.store import (
    Hemispheres,
    check_channels,
    check_classes,
    read_hemispheres,
    read_sides,
)

# (hemispheres with both sides' channels, their part) -> (n, measures), NaN where there is no measure
Measure = Callable[[Hemispheres, str], np.ndarray]
# (measures of the training part's hemispheres, these, the measures' names) -> the regression of their class
Fit = Callable[[np.ndarray, Hemispheres, Sequence[str]], Regression]


def measure_once(measure: Measure) -> Measure:
    """Return a measure that keeps what it measured: the tasks share most hemispheres."""
    found: dict[tuple[str, ...], np.ndarray] = {}

    def look_up(units: Hemispheres, part: str) -> np.ndarray:
        key = (part, *units.patients, *units.sides)
        if key not in found:
            found[key] = measure(units, part)
        return found[key]

    return look_up


def fit_measured(
    measure: Measure,
    fit: Fit,
    *,
    fitted: str | Path,
    files: CohortFiles,
    channels: Sequence[str],
    row: Scorer,
    below_min: float,
    inputs: Sequence[str],
    **more: Any,
) -> None:
    """Fit a regression of measures on the training part and write it (`write_regression`).

    Parameters
    ----------
    channels : the series of a hemisphere, in order (models.channels).
    row, below_min : of Table 2, of a time task: the label is 1 where TSS is below so many minutes.
    inputs : the measures' names, in order.
    more : further facts that the measures depend on.

    Raises
    ------
    SplitError
        The training part has one class only, or the hemispheres hold other series.
    """
    units = _read_part("train", files, channels=channels, phase=row.phase, below_min=below_min)
    measured = measure(units, "train")
    check_classes(units, phase=row.phase, part="train")
    known = np.column_stack([measured, units.minutes])
    fitted_on = describe_fit(
        units.patients, units.labels, known, parts=["train"], split=read_split(files.split)
    )
    write_regression(
        fitted,
        fit(measured, units, inputs),
        row=row,
        below_min=below_min,
        fitted_on=fitted_on,
        series=list(channels),
        **more,
    )


def predict_measured(
    measure: Measure,
    fitted: str | Path,
    predictions: str | Path,
    *,
    files: CohortFiles,
    channels: Sequence[str],
    row: Scorer,
    below_min: float,
    inputs: Sequence[str],
    **more: Any,
) -> None:
    """Write the scores of the validation and test parts with the regression that `fit_measured` wrote.

    Raises
    ------
    FittedError
        The file was fitted for something else, or on other patients than the present training part.
    SplitError
        The hemispheres hold other series.
    """
    regression = _read_fit(
        fitted, files, channels=channels, row=row, below_min=below_min, inputs=inputs, **more
    )
    rows: list[tuple[str, str, str, float, float]] = []
    for part in ("validation", "test"):
        units = _read_part(part, files, channels=channels, phase=row.phase, below_min=below_min)
        scores = apply_regression(regression, measure(units, part))
        rows += zip(units.patients, units.sides, [part] * len(units), units.labels, scores, strict=True)
    write_predictions(predictions, rows)


def predict_measured_found(
    measure: Measure,
    fitted: str | Path,
    scores: str | Path,
    *,
    predictions: str | Path,
    sides: str | Path,
    files: CohortFiles,
    channels: Sequence[str],
    row: Scorer,
    below_min: float,
    inputs: Sequence[str],
    **more: Any,
) -> None:
    """Write the scores of the hemisphere that was found (`found_sides.write_found_scores`).

    Parameters
    ----------
    predictions : what `predict_measured` wrote.
    sides : end_to_end/sides.tsv.

    Raises
    ------
    FittedError, SplitError, PredictionError
        As `predict_measured`; a file is damaged.
    """
    regression = _read_fit(
        fitted, files, channels=channels, row=row, below_min=below_min, inputs=inputs, **more
    )

    def score(hemispheres: Sequence[Hemisphere]) -> np.ndarray:
        units = read_sides(files.manifest, hemispheres, contralateral=True)
        check_channels(units, channels=channel_names(channels, contralateral=True))
        return apply_regression(regression, measure(units, "found"))

    write_found_scores(scores, predictions=predictions, sides=read_found_sides(sides), score=score)


def _read_fit(
    fitted: str | Path,
    files: CohortFiles,
    *,
    channels: Sequence[str],
    row: Scorer,
    below_min: float,
    inputs: Sequence[str],
    **more: Any,
) -> Regression:
    """Read what `fit_measured` wrote of the present training part."""
    asked = {"series": list(channels), **more}
    regression, content = read_regression(fitted, row=row, below_min=below_min, inputs=inputs, **asked)
    check_patients(fitted, content, cohort=files.cohort, split=files.split, below_min=below_min)
    return regression


def _read_part(
    part: str, files: CohortFiles, *, channels: Sequence[str], phase: str, below_min: float
) -> Hemispheres:
    """Read a part's hemispheres with a lesion, with the channels of both sides."""
    units = read_hemispheres(
        files.manifest,
        cohort=files.cohort,
        split=files.split,
        task=Task(phase, below_min=below_min, after=None),
        part=part,
        contralateral=True,
    )
    check_channels(units, channels=channel_names(channels, contralateral=True))
    return units

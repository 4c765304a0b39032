"""The lesion's relative signal intensity, lesion : contralateral: what a reader judges as DWI-FLAIR mismatch.

Without a network or a reader: the infarct is found on DWI by two fixed ratios (`find_lesion`), and logistic
regression turns the log ratios there into a probability. A network of Table 2 should beat at least this. The
ratios are those of the scans where intensities are scaled and not shifted
(preprocessing.intensity.normalisation: median); z-scores give other numbers in the same order.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from strokeclock.baselines.measured import (
    Measure,
    fit_measured,
    measure_once,
    predict_measured,
    predict_measured_found,
)
from strokeclock.baselines.regression import Regression, take_numbers
from strokeclock.models.view import WHOLE
from strokeclock.predictions import Scorer, Tasks, parse_path, time_limit
from strokeclock.segmentation.lesion import find_lesion
from strokeclock.segmentation.ratios import measure_ratios, name_measures
from strokeclock.training.material import CohortFiles
from strokeclock.training.store import Hemispheres

log = logging.getLogger(__name__)

RATIO = "ratio"  # the net of these rows
ROWS = ("flair", "series")  # of Table 2: the FLAIR ratio; the ratios of all series and the lesion's size
FEWEST_VOXELS = 2


def find_on_dwi(own: np.ndarray, contralateral: np.ndarray, *, dwi: int) -> np.ndarray:
    """Mark the lesion (x, y, z) on the channel ``dwi``; fewer than `FEWEST_VOXELS` voxels are no lesion."""
    lesion = find_lesion(own[dwi].astype(np.float32), contralateral[dwi].astype(np.float32))
    return lesion & (lesion.sum() >= FEWEST_VOXELS)


def fit_ratio(
    manifest: str | Path,
    fitted: Sequence[str | Path],
    *,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    tasks: Tasks,
) -> None:
    """Fit the regression of each row on the training part and write it.

    A hemisphere without a lesion on DWI gets the mean ratios.

    Parameters
    ----------
    manifest : path
        hemispheres/manifest.tsv, the hemispheres beside it.
    fitted : paths
        Files to write, fitted/ratio/<phase>/<row>.json, each row one of `ROWS`.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    channels : names
        The series of a hemisphere, in order (models.channels), dwi and flair among them.
    tasks : mapping of phase -> minutes
        The label of a lesion's hemisphere is 1 where TSS is below.

    Raises
    ------
    SplitError
        The training part has one class only, or the hemispheres hold other series.
    """
    measure = _measure(channels)
    for path in map(Path, fitted):
        row = Scorer(RATIO, path.parent.name, path.stem)
        fit_measured(
            _choosing(measure, channels, row.start),
            _fit_class,
            fitted=path,
            files=CohortFiles(manifest, cohort, split),
            channels=channels,
            row=row,
            below_min=time_limit(row, tasks),
            inputs=_name_inputs(channels, row.start),
        )


def predict_ratio(
    fitted: Sequence[str | Path],
    predictions: Sequence[str | Path],
    *,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    tasks: Tasks,
) -> None:
    """Write scores of the validation and test parts by the fitted regression of each row.

    Parameters
    ----------
    fitted : paths
        What `fit_ratio` wrote, for the same channels and tasks.
    predictions : paths
        Files to write, predictions/ratio/<phase>/<row>/seed-0.tsv, in the order of ``fitted``.
    manifest, cohort, split, channels, tasks
        As of `fit_ratio`.

    Raises
    ------
    FittedError
        A file was fitted for something else, or on other patients than the present training part.
    SplitError
        The hemispheres hold other series.
    """
    measure = _measure(channels)
    for file, path in zip(fitted, predictions, strict=True):
        row, _ = parse_path(path)
        predict_measured(
            _choosing(measure, channels, row.start),
            file,
            path,
            files=CohortFiles(manifest, cohort, split),
            channels=channels,
            row=row,
            below_min=time_limit(row, tasks),
            inputs=_name_inputs(channels, row.start),
        )


def predict_ratio_found(
    fitted: Sequence[str | Path],
    scores: Sequence[str | Path],
    *,
    predictions: Sequence[str | Path],
    sides: str | Path,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    tasks: Tasks,
) -> None:
    """Write the scores of the hemisphere that was found, of several rows.

    Parameters
    ----------
    fitted : paths
        What `fit_ratio` wrote, for the same channels.
    scores, predictions : paths
        Files to write (`found_sides.write_found_scores`), and what `predict_ratio` wrote, in the order of
        ``fitted``.
    sides : path
        end_to_end/sides.tsv.
    manifest, cohort, split, channels
        As of `fit_ratio`.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below.

    Raises
    ------
    FittedError, SplitError, PredictionError
        As `predict_ratio`; a file is damaged.
    """
    measure = _measure(channels)
    for file, given, path in zip(fitted, predictions, scores, strict=True):
        row, _ = parse_path(given)
        predict_measured_found(
            _choosing(measure, channels, row.start),
            file,
            path,
            predictions=given,
            sides=sides,
            files=CohortFiles(manifest, cohort, split),
            channels=channels,
            row=row,
            below_min=time_limit(row, tasks),
            inputs=_name_inputs(channels, row.start),
        )


def _choose(channels: Sequence[str], row: str) -> list[int] | slice:
    """Return the indices of a row's measures."""
    return [channels.index("flair")] if row == "flair" else slice(None)


def _name_inputs(channels: Sequence[str], row: str) -> tuple[str, ...]:
    return tuple(np.array(name_measures(channels))[_choose(channels, row)].tolist())


def _fit_class(measured: np.ndarray, units: Hemispheres, inputs: Sequence[str]) -> Regression:
    """Fit the class on the measures, standardised; the mean stands for a missing one."""
    # imported here, for it takes 1 s and the workflow does not need it
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression())
    return take_numbers(model.fit(measured, units.labels), inputs=inputs)


def _measure(channels: Sequence[str]) -> Measure:
    return measure_once(lambda units, part: _measure_part(units, channels, part))


def _choosing(measure: Measure, channels: Sequence[str], row: str) -> Measure:
    """Return the measure of a row's inputs alone."""
    return lambda units, part: measure(units, part)[:, _choose(channels, row)]


def _measure_part(units: Hemispheres, channels: Sequence[str], part: str) -> np.ndarray:
    """Return the measures of each hemisphere, (n, channels + 1)."""
    spacing = WHOLE.spacing_mm(units.values.shape[2:])
    dwi = channels.index("dwi")
    pairs = (np.split(both, 2) for both in map(units.values.__getitem__, range(len(units))))
    ratios = np.array(
        [
            measure_ratios(own, contralateral, find_on_dwi(own, contralateral, dwi=dwi), spacing=spacing)
            for own, contralateral in pairs
        ]
    )
    lost = np.isnan(ratios).any(axis=1)
    log.info(
        "%s: no lesion found on DWI in %d of %d patients, ratios replaced by the mean",
        part,
        len({patient for patient, none in zip(units.patients, lost, strict=True) if none}),
        len(units.participants),
    )
    return ratios

"""The lesion's brightness against the other hemisphere: automatically what a reader's DWI-FLAIR mismatch is.

No network and no human: on DWI the infarct is found as what is bright in itself and against its mirror
image; the log ratios there are turned into a probability by logistic regression. It is the least that a
network of Table 2 should beat. The ratios are the scans' own where intensities are scaled and never shifted
(preprocessing.intensity.normalisation: median); a z-score's are other numbers in the same order.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from strokeclock.baselines.measured import Measure, fit_measured, predict_measured
from strokeclock.models.field import WHOLE
from strokeclock.predictions import Arm
from strokeclock.segmentation.lesion import find_lesion
from strokeclock.segmentation.ratios import measure_ratios, name_measures
from strokeclock.training.material import CohortFiles
from strokeclock.training.store import Hemispheres

log = logging.getLogger(__name__)

RATIO = "ratio"  # the net of these rows
ROWS = ("flair", "series")  # of Table 2: the FLAIR ratio alone; those of all series, and the lesion's size
FEWEST_VOXELS = 2


def find_on_dwi(own: np.ndarray, other: np.ndarray, *, dwi: int) -> np.ndarray:
    """Mark the lesion (x, y, z) by the channel ``dwi``; fewer than `FEWEST_VOXELS` are none."""
    lesion = find_lesion(own[dwi].astype(np.float32), other[dwi].astype(np.float32))
    return lesion & (lesion.sum() >= FEWEST_VOXELS)


def fit_ratio(
    manifest: str | Path,
    fitted: str | Path,
    *,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    phase: str,
    below_min: float,
    row: str,
) -> None:
    """Fit the regression on the training part and write it.

    A hemisphere without a lesion on DWI counts as one with the mean ratios.

    Parameters
    ----------
    manifest : path
        hemispheres/manifest.tsv, the hemispheres beside it.
    fitted : path
        fitted/ratio/<phase>/<row>.json.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    channels : names
        The series of a hemisphere, in order (models.channels), dwi and flair among them.
    phase, below_min : str, float
        A time task: the label of a lesion's hemisphere is 1 where TSS is below so many minutes.
    row : str
        One of `ROWS`.

    Raises
    ------
    SplitError
        The training part has one class only, or the hemispheres hold other series.
    """
    # a second that the workflow and the readers of ROWS need not pay
    from sklearn.linear_model import LogisticRegression

    fit_measured(
        _measure(channels, row),
        [LogisticRegression()],
        fitted=fitted,
        files=CohortFiles(manifest, cohort, split),
        channels=channels,
        row=Arm(RATIO, phase, row),
        below_min=below_min,
        inputs=_name_inputs(channels, row),
    )


def predict_ratio(
    fitted: str | Path,
    predictions: str | Path,
    *,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    phase: str,
    below_min: float,
    row: str,
) -> None:
    """Write scores of the validation and test parts by a fitted regression.

    Parameters
    ----------
    fitted : path
        What `fit_ratio` wrote, for the same channels, task and row.
    predictions : path
        predictions/ratio/<phase>/<row>/seed-0.tsv.
    manifest, cohort, split, channels, phase, below_min, row
        As of `fit_ratio`.

    Raises
    ------
    FittedError
        The file was fitted for something else, or on other patients than today's training part.
    SplitError
        The hemispheres hold other series.
    """
    predict_measured(
        _measure(channels, row),
        fitted,
        predictions,
        files=CohortFiles(manifest, cohort, split),
        channels=channels,
        row=Arm(RATIO, phase, row),
        below_min=below_min,
        inputs=_name_inputs(channels, row),
    )


def _choose(channels: Sequence[str], row: str) -> list[int] | slice:
    """Which of all measures a row takes."""
    return [channels.index("flair")] if row == "flair" else slice(None)


def _name_inputs(channels: Sequence[str], row: str) -> tuple[str, ...]:
    return tuple(np.array(name_measures(channels))[_choose(channels, row)].tolist())


def _measure(channels: Sequence[str], row: str) -> Measure:
    return lambda units, part: _measure_part(units, channels, part)[:, _choose(channels, row)]


def _measure_part(units: Hemispheres, channels: Sequence[str], part: str) -> np.ndarray:
    """The ratios of each hemisphere, (n, channels + 1)."""
    spacing = WHOLE.spacing_mm(units.values.shape[2:])
    ratios = np.array(
        [
            measure_ratios(own, other, find_on_dwi(own, other, dwi=channels.index("dwi")), spacing=spacing)
            for own, other in (np.split(both, 2) for both in map(units.values.__getitem__, range(len(units))))
        ]
    )
    lost = np.isnan(ratios).any(axis=1)
    log.info(
        "%s: no lesion found on DWI in %d of %d patients, who get the mean ratios",
        part,
        len({patient for patient, none in zip(units.patients, lost, strict=True) if none}),
        len(units.participants),
    )
    return ratios

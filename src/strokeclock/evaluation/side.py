"""Which hemisphere holds the lesion: the rule, its fit in validation, what it finds, and its errors.

The networks of lesion detection score both hemispheres. A side is told only where one hemisphere alone
reaches the threshold, its score exceeds the other's by a margin, and the restricted diffusion that a fixed
rule sees on DWI and ADC (`imaging.quality.side_of`) does not lie on the other side.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from strokeclock.cohort.cells import read_columns
from strokeclock.cohort.parts import read_split
from strokeclock.evaluation.intervals import wilson_interval
from strokeclock.evaluation.metrics import youden_threshold
from strokeclock.evaluation.odds import logit
from strokeclock.evaluation.tables import rate_columns, read_scorers, with_interval, write_table
from strokeclock.fitted import describe_fit, digest_units, read_fitted, write_fitted
from strokeclock.found_sides import UNCLEAR, FoundSide, write_found_sides
from strokeclock.predictions import (
    PAPER,
    PredictionError,
    Scorer,
    ScorerPredictions,
    Tasks,
    collect_predictions,
)
from strokeclock.series import BOTH, NO_LESION, SIDES

KIND = "side"  # of the fitted file
LEAST_MARGIN = 1.0  # log odds; of phantoms with less, one side in five was wrong
NOT_RUN = "not run: no network of lesion detection was run"
COLUMNS = (
    *("networks", "seeds", "part", "lesion", "n", "threshold", "margin", *rate_columns("greater_is_wrong")),
    *("told", "told_wrong", *rate_columns("told_is_wrong"), "none", "both", "unclear", "note"),
)


class SideFound(NamedTuple):
    """What the scores of both hemispheres tell.

    Attributes
    ----------
    side : of `SIDES`; both: each hemisphere reaches the threshold; none: neither does; `UNCLEAR`.
    difference : log odds of the greater score minus those of the lesser.
    reason : one clause on why no side is told; "".
    """

    side: str
    difference: float
    reason: str


@dataclass(frozen=True)
class SidePoint:
    """The rule's numbers: the least score of a lesion, and the least difference of the sides in log odds."""

    threshold: float
    margin: float


def find_side(scores: Mapping[str, float], point: SidePoint, *, seen: str) -> SideFound:
    """Tell the lesion's side.

    Parameters
    ----------
    scores : side -> probability of a lesion there.
    seen : side of restricted diffusion on DWI and ADC: left, right, both, none, or "" where it is not known.

    Examples
    --------
    >>> find_side({"left": 0.9, "right": 0.1}, SidePoint(0.5, 1.0), seen="none").side
    'left'
    >>> find_side({"left": 0.9, "right": 0.1}, SidePoint(0.5, 1.0), seen="right").reason
    'the networks see the lesion left, and restricted diffusion lies right'
    """
    odds = {side: float(logit(scores[side])) for side in SIDES}
    greater, lesser = sorted(SIDES, key=odds.__getitem__, reverse=True)
    difference = odds[greater] - odds[lesser]
    above = [side for side in SIDES if scores[side] >= point.threshold]
    is_seen = seen not in ("", NO_LESION)
    if len(above) > 1:
        return SideFound(BOTH, difference, "the networks see a lesion in both hemispheres")
    if not above and not is_seen:
        return SideFound(NO_LESION, difference, "the networks see no lesion")
    if not above:
        where = "on both sides" if seen == BOTH else seen
        reason = f"the networks see no lesion, and restricted diffusion lies {where}"
    elif difference < point.margin:
        reason = "the scores of the two hemispheres are too close"
    elif is_seen and seen != greater:
        where = "on both sides" if seen == BOTH else seen
        reason = f"the networks see the lesion {greater}, and restricted diffusion lies {where}"
    else:
        return SideFound(greater, difference, "")
    return SideFound(UNCLEAR, difference, reason)


def fit_side(
    predictions: Iterable[str | Path],
    fitted: str | Path,
    *,
    cohort: str | Path,
    split: str | Path,
    tasks: Tasks = PAPER,
) -> None:
    """Fit threshold and margin on the validation part and write them.

    The threshold is Youden's on all hemispheres' scores. The margin is `LEAST_MARGIN`, or just more than the
    largest difference of a validation patient whose only score above the threshold is on the wrong side; but
    at most the median difference of those who are right, for one odd patient must not silence the rule.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run.
    fitted : path
        fitted/side.json; with threshold null where no network of lesion detection was run, or the validation
        part has one class.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    tasks : mapping of phase -> minutes
        None: the label is whether the hemisphere holds a lesion.

    Raises
    ------
    PredictionError
        The predictions contradict the cohort, or each other.
    """
    scorers = _detectors(predictions, cohort=cohort, split=split, tasks=tasks)
    content: dict[str, Any] = {"rows": {}, "threshold": None, "margin": None, "fitted_on": None}
    if scorers:
        heads = _join(scorers, "validation")
        hemispheres = [(patient, side) for patient in heads.patients for side in SIDES]
        labels = heads.lesion.ravel()
        content["rows"] = {str(scorer): list(found.seeds) for scorer, found in scorers.items()}
        content["fitted_on"] = describe_fit(
            [patient for patient, _ in hemispheres],
            labels,
            heads.scores.ravel(),
            parts=["validation"],
            split=read_split(split),
        )
        if len(set(labels.tolist())) > 1:
            threshold = youden_threshold(labels, heads.scores.ravel())
            content |= {
                "threshold": threshold,
                "margin": choose_margin(heads.scores, heads.lesion, threshold),
            }
    write_fitted(fitted, content, kind=KIND)


def choose_margin(scores: np.ndarray, lesion: np.ndarray, threshold: float) -> float:
    """Choose the margin (`fit_side`).

    Parameters
    ----------
    scores : (n, 2), probabilities of a lesion left and right.
    lesion : (n, 2), 1 where there is one.
    """
    one_sided = (lesion.sum(axis=1) == 1) & ((scores >= threshold).sum(axis=1) == 1)
    odds = logit(scores[one_sided])
    difference = np.abs(odds[:, 0] - odds[:, 1])
    is_right = (odds[:, 0] > odds[:, 1]) == (lesion[one_sided, 0] == 1)
    needed = np.nextafter(difference[~is_right].max(initial=0.0), np.inf)
    most = np.median(difference[is_right]) if is_right.any() else np.inf
    return float(max(LEAST_MARGIN, min(needed, most)))


def read_side(path: str | Path) -> tuple[SidePoint | None, dict[str, Any]]:
    """Read what `fit_side` wrote: the rule's numbers, None where there are none, and the whole file."""
    content = read_fitted(path, kind=KIND)
    if content["threshold"] is None:
        return None, content
    return SidePoint(content["threshold"], content["margin"]), content


def write_sides(
    predictions: Iterable[str | Path],
    table: str | Path,
    *,
    fitted: str | Path,
    quality: str | Path,
    cohort: str | Path,
    split: str | Path,
    settings: Mapping[str, Any],
    tasks: Tasks = PAPER,
) -> None:
    """Write how often the side is wrong on the test part: by the greater score, and by the rule.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run.
    table : path
        tables/sides.csv (`COLUMNS`), a row for patients with a lesion on one side, on both, and on none.
        told_is_wrong is the share of those whose side is told.
    fitted : path
        fitted/side.json, of these predictions.
    quality : path
        quality/quality.tsv: the side that is seen on DWI.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    settings : mapping
        The configuration's `evaluation`: confidence.

    Raises
    ------
    PredictionError
        The predictions contradict the cohort or each other, or are not those that the file was fitted on.
    """
    scorers = _detectors(predictions, cohort=cohort, split=split, tasks=tasks)
    point, content = read_side(fitted)
    if not scorers or point is None:
        write_table(table, [{"note": NOT_RUN}], columns=COLUMNS)
        return
    _check_fit(scorers, content, path=fitted)
    heads = _join(scorers, "test")
    seen = _read_seen(quality)
    key = {
        "networks": ", ".join(map(str, scorers)),
        "seeds": max(len(found.seeds) for found in scorers.values()),
        "part": "test",
        "threshold": point.threshold,
        "margin": point.margin,
    }
    rows = []
    for lesion, count in (("one side", 1), ("both sides", 2), ("none", 0)):
        chosen = np.flatnonzero(heads.lesion.sum(axis=1) == count)
        if len(chosen):
            rows.append(
                key | {"lesion": lesion} | _measure(heads, chosen, point, seen, settings["confidence"])
            )
    write_table(table, rows, columns=COLUMNS)


def find_sides(
    predictions: Iterable[str | Path],
    sides: str | Path,
    *,
    detected: str | Path,
    fitted: str | Path,
    quality: str | Path,
    tasks: Tasks = PAPER,
) -> None:
    """Find the side of each test patient, and of the patients in no part, by the fitted rule.

    No label decides on a side. Those of the validation part are compared with those of the fit.

    Parameters
    ----------
    predictions : paths
        The prediction files of lesion detection.
    sides : path
        end_to_end/sides.tsv (`found_sides.COLUMNS`); without a line where the rule has no numbers.
    detected : path
        end_to_end/detected.tsv: patient, left, right, of the patients in no part.
    fitted : path
        fitted/side.json, of these predictions.
    quality : path
        quality/quality.tsv: the side that is seen on DWI.

    Raises
    ------
    PredictionError
        The predictions contradict each other, or are not those that the file was fitted on.
    """
    scorers = {
        scorer: found
        for scorer, found in collect_predictions(predictions, tasks=tasks).items()
        if tasks[scorer.phase] is None
    }
    point, content = read_side(fitted)
    found: dict[str, FoundSide] = {}
    if scorers and point is not None:
        _check_fit(scorers, content, path=fitted)
        heads, seen = _join(scorers, "test"), _read_seen(quality)
        scores = {
            patient: ("test", pair)
            for patient, pair in zip(heads.patients, heads.scores.tolist(), strict=True)
        }
        for patient, *pair in read_columns(detected, "patient", *SIDES):
            scores[patient] = ("", [*map(float, pair)])
        for patient, (part, pair) in scores.items():
            own = seen.get(patient, "")
            side = find_side(dict(zip(SIDES, pair, strict=True)), point, seen=own)
            found[patient] = FoundSide(part, side.side, side.difference, own, side.reason)
    write_found_sides(sides, found)


@dataclass(frozen=True)
class _Heads:
    """Patients (n,) with the scores and lesions of both hemispheres, (n, 2): left, right."""

    patients: Sequence[str]
    scores: np.ndarray
    lesion: np.ndarray


def _read_seen(quality: str | Path) -> dict[str, str]:
    """Patient -> the side of restricted diffusion on DWI."""
    return {patient: side for patient, side in read_columns(quality, "patient", "side_seen")}


def _check_fit(
    scorers: Mapping[Scorer, ScorerPredictions], content: Mapping[str, Any], *, path: str | Path
) -> None:
    """Raise PredictionError where the rule was fitted on other predictions."""
    heads = _join(scorers, "validation")
    names = [patient for patient in heads.patients for _ in SIDES]
    if content["fitted_on"]["sha256"] != digest_units(names, heads.lesion.ravel(), heads.scores.ravel()):
        raise PredictionError(f"{path} was fitted on other predictions: delete it and fit it anew.")


def _detectors(
    predictions: Iterable[str | Path], *, cohort: str | Path, split: str | Path, tasks: Tasks
) -> dict[Scorer, ScorerPredictions]:
    """The rows of lesion detection, which score both hemispheres."""
    scorers = read_scorers(predictions, cohort=cohort, split=split, tasks=tasks)
    return {scorer: found for scorer, found in scorers.items() if tasks[scorer.phase] is None}


def _join(scorers: Mapping[Scorer, ScorerPredictions], part: str) -> _Heads:
    """Average the rows' ensembles: each hemisphere's score is the mean over rows of the mean over seeds."""
    frames = [found.frame[found.frame["part"] == part] for found in scorers.values()]
    means = [
        frame[list(found.seeds)].mean(axis=1) for frame, found in zip(frames, scorers.values(), strict=True)
    ]
    for scorer, frame in zip(scorers, frames, strict=True):
        if not frame.index.equals(frames[0].index) or not frame["label"].equals(frames[0]["label"]):
            raise PredictionError(f"{scorer} scores other hemispheres than the first row: predict anew.")
    score = pd.concat(means, axis=1).mean(axis=1).unstack()[[*SIDES]]
    lesion = frames[0]["label"].unstack()[[*SIDES]]
    return _Heads(list(score.index), score.to_numpy(float), lesion.to_numpy(int))


def _measure(
    heads: _Heads, chosen: np.ndarray, point: SidePoint, seen: Mapping[str, str], confidence: float
) -> dict[str, Any]:
    found = [
        find_side(
            dict(zip(SIDES, heads.scores[number], strict=True)),
            point,
            seen=seen.get(heads.patients[number], ""),
        ).side
        for number in chosen
    ]
    told = [number for number, side in zip(chosen, found, strict=True) if side in SIDES]
    wrong = sum(
        not heads.lesion[number, SIDES.index(side)]
        for number, side in zip(chosen, found, strict=True)
        if side in SIDES
    )
    cells: dict[str, Any] = {"n": len(chosen), "told": len(told), "told_wrong": wrong}
    cells |= {"none": found.count(NO_LESION), "both": found.count(BOTH), "unclear": found.count(UNCLEAR)}
    if (heads.lesion[chosen].sum(axis=1) == 1).all():
        greater = heads.scores[chosen].argmax(axis=1)
        errors = int((heads.lesion[chosen, greater] == 0).sum())
        interval = wilson_interval(errors, len(chosen), confidence=confidence)
        cells |= with_interval("greater_is_wrong", errors / len(chosen), interval)
    if told:
        interval = wilson_interval(wrong, len(told), confidence=confidence)
        cells |= with_interval("told_is_wrong", wrong / len(told), interval)
    return cells

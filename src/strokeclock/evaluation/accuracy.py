"""Diagnostic accuracy of each row of Table 2: predictive values, likelihood ratios, the AUC over seeds.

Calls are those of Table 2, at the row's own threshold. Predictive values hold for the prevalence of the test
part, which stands beside them. Intervals are Wilson's for predictive values, and those of the log method for
likelihood ratios; in phase 1, where a patient has two hemispheres, all come from resampled patients.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from strokeclock.evaluation.comparison import is_trained
from strokeclock.evaluation.intervals import (
    UNDEFINED,
    Interval,
    percentile_interval,
    resample_weights,
    wilson_interval,
)
from strokeclock.evaluation.metrics import Counts, auc, compare_pairs, count
from strokeclock.evaluation.operating import Threshold, read_thresholds
from strokeclock.evaluation.seeds import estimate_over_seeds
from strokeclock.evaluation.tables import (
    KEY,
    NO_SHEET,
    NO_TARGET,
    name_row,
    name_target,
    rate_columns,
    read_calls,
    read_scorers,
    with_interval,
    write_table,
)
from strokeclock.predictions import (
    PAPER,
    READER_THRESHOLD_MIN,
    ScorerPredictions,
    Tasks,
    Units,
    select_reader_target,
)

POSITIVE, NEGATIVE = "lr_positive", "lr_negative"
RATIOS = (POSITIVE, NEGATIVE)
MEASURES = ("ppv", "npv", *RATIOS)
COLUMNS = (
    *(*KEY, "target", "unit", "n", "positives", "prevalence", "tp", "fn", "tn", "fp"),
    *rate_columns(*MEASURES),
    *("threshold", "threshold_source", "auc", *rate_columns("auc_seeds_patients"), "seeds", "note"),
)
READERS = "readers"
NOT_RUN = "not run: no row was predicted"
ONE_CLASS = "not evaluated: the validation or test part has one class only, so there is no threshold or AUC"
TITLES = {"ppv": "PPV", "npv": "NPV", POSITIVE: "LR+", NEGATIVE: "LR−"}
CORRECTED = "{}: a cell is 0, so 0.5 is added to each cell"
CERTAIN = "no interval of {}: {} unit is called positive"
NO_VALUE = "no {}: {} unit is called positive"
CLUSTERED = "intervals from resampled patients"
NO_RANGE = "no interval of {}: it is the same in all resamples"
ONE_SEED = "one seed: no interval over seeds"
FITTED_ONCE = "fitted once, so no seed varies"
NO_SPREAD = "no interval over seeds: the AUCs have no variance, or a class has one unit"


class Ratio(NamedTuple):
    """A likelihood ratio with its interval."""

    value: float
    interval: Interval


def write_accuracy(
    predictions: Iterable[str | Path],
    table: str | Path,
    *,
    thresholds: str | Path,
    cohort: str | Path,
    split: str | Path,
    exclusions: str | Path,
    readers: str | Path | None = None,
    settings: Mapping[str, Any],
    tasks: Tasks = PAPER,
) -> None:
    """Write the diagnostic accuracy on the test part, a row a network, baseline and reader, and the majority.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines.
    table : path
        tables/accuracy.csv (`COLUMNS`). ``auc`` is the ensemble's, as in Table 2; ``auc_seeds_patients`` is
        the mean of the single trainings' AUCs, with an interval for new seeds and new patients
        (`seeds.estimate_over_seeds`), of networks and what is joined with them.
    thresholds : path
        fitted/thresholds.json, of these predictions.
    cohort, split, exclusions : paths
        cohort/cohort.tsv, split.tsv and exclusions.tsv.
    readers : path or None
        The reader sheet.
    settings : mapping
        The configuration's `evaluation`: confidence, bootstraps.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.

    Raises
    ------
    PredictionError, ConfigurationError
        The predictions or the reader sheet contradict the cohort, or each other.
    FittedError
        The predictions are not those that the thresholds were chosen on.
    """
    scorers = read_scorers(predictions, cohort=cohort, split=split, tasks=tasks)
    chosen = read_thresholds(thresholds, scorers, tasks=tasks).rows
    rows = [
        name_row(scorer)
        | {"target": name_target(tasks[scorer.phase])}
        | _measure_row(found, chosen[scorer], settings, clustered=tasks[scorer.phase] is None)
        for scorer, found in scorers.items()
    ]
    of_readers = {"stage": READERS, "target": name_target(READER_THRESHOLD_MIN)}
    truth = select_reader_target(scorers, tasks=tasks)
    if truth and readers:
        calls = read_calls(readers, cohort=cohort, exclusions=exclusions, patients=list(truth.patient))
        for name, called in calls.items():
            counts = count(truth.label, called)
            rows.append(of_readers | {"model": name} | _measure_reader(counts, settings["confidence"]))
    else:
        rows.append(of_readers | {"note": f"not run: {NO_SHEET if truth else NO_TARGET}"})
    write_table(table, rows if scorers else [{"note": NOT_RUN}], columns=COLUMNS)


def _measure_row(
    predictions: ScorerPredictions, chosen: Threshold, settings: Mapping[str, Any], *, clustered: bool
) -> dict[str, Any]:
    test = predictions.units("test")
    row: dict[str, Any] = {"unit": "hemisphere" if clustered else "patient", "n": len(test.label)}
    row |= {"positives": int(test.label.sum()), "seeds": len(predictions.seeds)}
    if chosen.value is None or len(set(test.label)) < 2:
        return row | {"note": ONE_CLASS}
    called = test.score >= chosen.value
    counts = count(test.label, called)
    resampled: dict[str, Interval] = {}
    if clustered:
        resampled = resample_measures(
            test.label,
            called,
            patient=test.patient,
            confidence=settings["confidence"],
            bootstraps=settings["bootstraps"],
        )
    row |= _count_cells(counts) | {"threshold": chosen.value, "threshold_source": chosen.source}
    row |= _measure_calls(counts, settings["confidence"], resampled)
    notes = [*_explain_calls(counts), *[CLUSTERED] * clustered]
    alike = [name for name in resampled if np.isnan(row[f"{name}_low"]) and not np.isnan(row[name])]
    if alike and 0 < counts.called < counts.n:
        notes.append(NO_RANGE.format(" and ".join(TITLES[name] for name in alike)))
    row["auc"] = auc(test.label, test.score)
    if is_trained(predictions.scorer):
        row |= _vary_seeds(test, settings, clustered=clustered)
        if len(predictions.seeds) < 2:
            notes.append(ONE_SEED)
        elif np.isnan(row["auc_seeds_patients_low"]):
            notes.append(NO_SPREAD)
    else:
        notes.append(FITTED_ONCE)
    return row | {"note": "; ".join(notes)}


def _measure_reader(counts: Counts, confidence: float) -> dict[str, Any]:
    row: dict[str, Any] = {"unit": "patient", "n": counts.n, "positives": counts.positives}
    if not counts.positives or not counts.negatives:
        return row | {"note": ONE_CLASS}
    row |= _count_cells(counts) | _measure_calls(counts, confidence, {})
    return row | {"note": "; ".join(_explain_calls(counts))}


def _count_cells(counts: Counts) -> dict[str, Any]:
    return {"prevalence": counts.prevalence, **counts._asdict()}


def _vary_seeds(test: Units, settings: Mapping[str, Any], *, clustered: bool) -> dict[str, float]:
    found = estimate_over_seeds(
        (compare_pairs(test.label, score) for score in test.scores.T),
        confidence=settings["confidence"],
        label=test.label,
        patient=test.patient if clustered else None,
        bootstraps=settings["bootstraps"],
    )
    return with_interval("auc_seeds_patients", found.value, found.interval)


def _measure_calls(counts: Counts, confidence: float, resampled: Mapping[str, Interval]) -> dict[str, float]:
    """The cells of `MEASURES`, with the resampled intervals where there are any."""
    shares = {"ppv": (counts.tp, counts.called), "npv": (counts.tn, counts.n - counts.called)}
    cells: dict[str, float] = {}
    for name, (right, among) in shares.items():
        interval = resampled.get(name) or wilson_interval(right, among, confidence=confidence)
        cells |= with_interval(name, getattr(counts, name), interval)
    for name in RATIOS:
        found = likelihood_ratio(counts, name, confidence=confidence)
        interval = resampled.get(name) or found.interval
        cells |= with_interval(name, found.value, UNDEFINED if np.isnan(found.value) else interval)
    return cells


def likelihood_ratio(counts: Counts, name: str, *, confidence: float) -> Ratio:
    """A likelihood ratio with the interval of the log method (Simel, Samsa and Matchar 1991).

    LR+ is sensitivity / (1 - specificity), LR- is (1 - sensitivity) / specificity: a ratio a/P over b/N of
    two independent proportions, whose logarithm has the variance 1/a - 1/P + 1/b - 1/N. Where a or b is 0,
    0.5 is added to each of the four cells, for the value and for its interval (Haldane 1956).

    Parameters
    ----------
    counts : with both classes.
    name : `POSITIVE` or `NEGATIVE`.

    Returns
    -------
    The value is NaN where a and b are 0, because then no call, or every call, is positive; the interval is
    undefined there, and where a = P and b = N.
    """
    a, b = _numerators(counts, name)
    value = float(_divide_shares(a, b, counts.positives, counts.negatives))
    more = 0.5 if 0 in (a, b) else 0
    cells = (a + more, counts.positives + 2 * more, b + more, counts.negatives + 2 * more)
    if np.isnan(value) or (cells[0] == cells[1] and cells[2] == cells[3]):
        return Ratio(value, UNDEFINED)
    variance = 1 / cells[0] - 1 / cells[1] + 1 / cells[2] - 1 / cells[3]
    factor = float(np.exp(NormalDist().inv_cdf((1 + confidence) / 2) * variance**0.5))
    return Ratio(value, Interval(value / factor, value * factor))


def _numerators(counts: Counts, name: str) -> tuple[int, int]:
    """The cells whose shares a likelihood ratio divides: of the positives, and of the negatives."""
    return (counts.tp, counts.fp) if name == POSITIVE else (counts.fn, counts.tn)


def _divide_shares(a: ArrayLike, b: ArrayLike, positives: ArrayLike, negatives: ArrayLike) -> np.ndarray:
    """a/positives over b/negatives, with 0.5 in each cell where a or b is 0.

    NaN where both are 0, or there are no positives or no negatives.
    """
    a, b, positives, negatives = (np.asarray(cell, float) for cell in (a, b, positives, negatives))
    more = 0.5 * ((a == 0) | (b == 0))
    ratio = (a + more) * (negatives + 2 * more) / ((b + more) * (positives + 2 * more))
    return np.where(((a == 0) & (b == 0)) | (positives == 0) | (negatives == 0), np.nan, ratio)


def resample_measures(
    label: ArrayLike, called: ArrayLike, *, patient: ArrayLike, confidence: float, bootstraps: int
) -> dict[str, Interval]:
    """Percentile intervals of `MEASURES` where a patient has several units: whole patients are drawn.

    Cells that are 0 in a resample are treated as in `likelihood_ratio`; a resample in which a measure has no
    denominator is left out of that measure.

    Parameters
    ----------
    label, called, patient : (n,)
        Of each unit.
    """
    label, called = np.asarray(label, bool), np.asarray(called, bool)
    names, owner = np.unique(np.asarray(patient), return_inverse=True)
    weights = resample_weights(len(names), bootstraps=bootstraps)
    tp, fn, tn, fp = (
        weights @ np.bincount(owner, weights=cell, minlength=len(names))
        for cell in (label & called, label & ~called, ~label & ~called, ~label & called)
    )
    with np.errstate(divide="ignore", invalid="ignore"):  # 0/0: a resample without these units
        values = {
            "ppv": tp / (tp + fp),
            "npv": tn / (tn + fn),
            POSITIVE: _divide_shares(tp, fp, tp + fn, tn + fp),
            NEGATIVE: _divide_shares(fn, tn, tp + fn, tn + fp),
        }
    return {name: percentile_interval(value, confidence=confidence) for name, value in values.items()}


def _explain_calls(counts: Counts) -> Iterator[str]:
    """Say why numbers are missing, or were corrected."""
    if not counts.called:
        yield NO_VALUE.format("PPV and LR+", "no")
        yield CERTAIN.format("LR−", "no")
    elif counts.called == counts.n:
        yield NO_VALUE.format("NPV and LR−", "every")
        yield CERTAIN.format("LR+", "every")
    elif corrected := [TITLES[name] for name in RATIOS if 0 in _numerators(counts, name)]:
        yield CORRECTED.format(" and ".join(corrected))

"""What the size of the test part allows: widths of intervals, differences that it can show, patients needed.

These numbers are computed from assumed values, so that they do not depend on the results, but for the
correlation of the rows' AUCs. The variance of an AUC A with P positives and N negatives is that of Hanley and
McNeil (1982, Radiology 143:29):

    V(A) = (A (1 - A) + (P - 1) (Q1 - A²) + (N - 1) (Q2 - A²)) / (P N)
    with Q1 = A / (2 - A) and Q2 = 2 A² / (1 + A)

Half the width of its interval is z V(A)^½. That of a sensitivity or specificity is Wilson's. The least
difference d that a paired comparison of two AUCs shows with a power of 80 %, with r the correlation of the
AUCs (Hanley and McNeil 1983, Radiology 148:839), solves

    d = (z[1 - α/2] + z[.8]) (V(A) + V(A + d) - 2 r (V(A) V(A + d))^½)^½.

r is the median over the pairs of rows that tables/comparisons.csv compares, by DeLong's covariance.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np

from strokeclock.evaluation.comparison import list_pairs
from strokeclock.evaluation.intervals import wilson_interval
from strokeclock.evaluation.metrics import SENSITIVITY, SPECIFICITY, compare_pairs
from strokeclock.evaluation.seeds import covary_placements, place
from strokeclock.evaluation.tables import name_target, read_scorers, write_table
from strokeclock.predictions import PAPER, SUBSET, Scorer, ScorerPredictions, Tasks

COLUMNS = (
    *("target", "unit", "n", "positives", "negatives", "measure", "assumed", "half_width"),
    *("wanted_half_width", "needed_positives", "needed_negatives"),
    *("correlation", "correlation_pairs", "least_difference", "words", "note"),
)
AUC = "AUC"
AREAS, RATE = (0.75, 0.85), 0.8  # assumed values
NARROW = 0.05  # the wanted half-width
POWER = 0.8
NOT_RUN = "not run: no row was predicted"
ONE_CLASS = "the test part has one class only"
NO_PAIR = "no correlation: no two rows of this target are compared on all test patients"
OUT_OF_REACH = "no least difference: even an AUC of 1 is too near"
HEMISPHERES = (
    "the formulas take the two hemispheres of a patient as independent, so the numbers are approximate"
)


def write_sample_size(
    predictions: Iterable[str | Path],
    table: str | Path,
    *,
    cohort: str | Path,
    split: str | Path,
    settings: Mapping[str, Any],
    tasks: Tasks = PAPER,
) -> None:
    """Write what the test part's size allows, a row a target and assumed AUC, sensitivity and specificity.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines.
    table : path
        tables/sample_size.csv (`COLUMNS`); ``words`` says the row in a sentence or two.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    settings : mapping
        The configuration's `evaluation`: confidence.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.

    Raises
    ------
    PredictionError
        The predictions contradict the cohort, or each other.
    """
    scorers = read_scorers(predictions, cohort=cohort, split=split, tasks=tasks)
    rows: list[dict[str, Any]] = []
    for below_min in dict.fromkeys(tasks[scorer.phase] for scorer in scorers):
        of_target = {
            scorer: found
            for scorer, found in scorers.items()
            if tasks[scorer.phase] == below_min and scorer.net != SUBSET
        }
        if of_target:
            clustered = below_min is None
            row = {"target": name_target(below_min), "unit": "hemisphere" if clustered else "patient"}
            for found in _rows(of_target, tasks, settings["confidence"]):
                notes = [found["note"], HEMISPHERES if clustered else ""]
                rows.append(row | found | {"note": "; ".join(filter(None, notes))})
    write_table(table, rows or [{"note": NOT_RUN}], columns=COLUMNS)


def _rows(
    scorers: Mapping[Scorer, ScorerPredictions], tasks: Tasks, confidence: float
) -> Iterator[dict[str, Any]]:
    label = next(iter(scorers.values())).units("test").label
    positives, negatives = int(label.sum()), int((1 - label).sum())
    row: dict[str, Any] = {"n": len(label), "positives": positives, "negatives": negatives}
    if not positives or not negatives:
        yield row | {"note": ONE_CLASS}
        return
    correlations = correlate_rows(scorers, tasks)
    for area in AREAS:
        yield row | _plan_auc(area, positives, negatives, correlations, confidence)
    for name, n in ((SENSITIVITY, positives), (SPECIFICITY, negatives)):
        yield row | _plan_rate(name, n, confidence)


def _plan_auc(
    area: float, positives: int, negatives: int, correlations: np.ndarray, confidence: float
) -> dict[str, Any]:
    half = auc_half_width(area, positives, negatives, confidence=confidence)

    def count_negatives(more: int) -> int:
        """As many negatives a positive as in the test part."""
        return _round_up(more * negatives / positives)

    needed = _find_least(
        lambda more: auc_half_width(area, more, count_negatives(more), confidence=confidence)
    )
    row = {
        "measure": AUC,
        "assumed": area,
        "half_width": half,
        "wanted_half_width": NARROW,
        "needed_positives": needed,
        "needed_negatives": count_negatives(needed),
        "note": "",
    }
    words = (
        f"With {positives} positives and {negatives} negatives, an AUC of {area:g} has an interval of "
        f"± {half:.3f}. For ± {NARROW:g}, {needed} positives and {count_negatives(needed)} negatives are "
        "needed."
    )
    if not correlations.size:
        return row | {"words": words, "note": NO_PAIR}
    correlation = float(np.median(correlations))
    row |= {"correlation": correlation, "correlation_pairs": len(correlations)}
    difference = least_difference(area, positives, negatives, correlation=correlation, confidence=confidence)
    if np.isnan(difference):
        return row | {"words": words, "note": OUT_OF_REACH}
    rows = "that of the one pair of rows"
    if len(correlations) > 1:
        spread = f"{correlations.min():.2f} to {correlations.max():.2f}"
        rows = f"the median of {len(correlations)} pairs of rows ({spread})"
    words += (
        f" With a power of {POWER:.0%}, a paired comparison shows a rise to {area + difference:.3f} or more, "
        f"where the two AUCs have a correlation of {correlation:.2f}, {rows}."
    )
    return row | {"least_difference": difference, "words": words}


def _plan_rate(name: str, n: int, confidence: float) -> dict[str, Any]:
    half = rate_half_width(RATE, n, confidence=confidence)
    needed = _find_least(lambda more: rate_half_width(RATE, more, confidence=confidence))
    whose = "positives" if name == SENSITIVITY else "negatives"
    return {
        "measure": name,
        "assumed": RATE,
        "half_width": half,
        "wanted_half_width": NARROW,
        f"needed_{whose}": needed,
        "words": f"With {n} {whose}, a {name} of {RATE:g} has an interval of ± {half:.3f}. "
        f"For ± {NARROW:g}, {needed} {whose} are needed.",
        "note": "",
    }


def auc_variance(area: float, positives: int, negatives: int) -> float:
    """Variance of an AUC by Hanley and McNeil (1982)."""
    square, q1, q2 = area**2, area / (2 - area), 2 * area**2 / (1 + area)
    pairs = positives * negatives
    return (area - square + (positives - 1) * (q1 - square) + (negatives - 1) * (q2 - square)) / pairs


def auc_half_width(area: float, positives: int, negatives: int, *, confidence: float) -> float:
    """Half the width of the interval of an AUC, z times its standard error."""
    return NormalDist().inv_cdf((1 + confidence) / 2) * auc_variance(area, positives, negatives) ** 0.5


def rate_half_width(rate: float, n: int, *, confidence: float) -> float:
    """Half the width of Wilson's interval where this share of n is right, be it whole or not."""
    low, high = wilson_interval(rate * n, n, confidence=confidence)
    return (high - low) / 2


def least_difference(
    area: float,
    positives: int,
    negatives: int,
    *,
    correlation: float,
    confidence: float,
    power: float = POWER,
) -> float:
    """The least rise of an AUC that a paired comparison shows with a power; NaN if even a rise to 1 is none.

    Solves d = (z[(1 + confidence) / 2] + z[power]) · SE(A, A + d), with the standard error of a difference of
    correlated AUCs (Hanley and McNeil 1983).
    """
    from scipy.optimize import brentq

    normal = NormalDist()
    z = normal.inv_cdf((1 + confidence) / 2) + normal.inv_cdf(power)

    def beyond(difference: float) -> float:
        first, second = (auc_variance(one, positives, negatives) for one in (area, area + difference))
        variance = first + second - 2 * correlation * (first * second) ** 0.5
        return difference - z * max(0.0, variance) ** 0.5

    highest = 1 - area
    if not beyond(highest) > 0:
        return np.nan
    return float(brentq(beyond, 0, highest))


def correlate_rows(scorers: Mapping[Scorer, ScorerPredictions], tasks: Tasks) -> np.ndarray:
    """Correlations of the AUCs of the rows that are compared (`comparison.list_pairs`), on their test units.

    Parameters
    ----------
    scorers : of one target, with the same test units.
    """
    units = {scorer: found.units("test") for scorer, found in scorers.items()}
    at = {scorer: number for number, scorer in enumerate(units)}
    covariance = covary_placements([place(compare_pairs(one.label, one.score)) for one in units.values()])
    found = [
        covariance[at[a], at[b]] / (covariance[at[a], at[a]] * covariance[at[b], at[b]]) ** 0.5
        for a, b, _ in list_pairs(scorers, tasks)
        if covariance[at[a], at[a]] > 0 and covariance[at[b], at[b]] > 0
    ]
    return np.array(found)


def _find_least(half_width: Callable[[int], float]) -> int:
    """The least number from which on a half-width is `NARROW` or less."""
    more = 2
    while half_width(more) > NARROW:
        more += 1
    return more


def _round_up(number: float) -> int:
    return max(1, int(np.ceil(number - 1e-9)))  # a whole number that was rounded

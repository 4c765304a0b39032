"""Compare rows of Table 2 on the same test patients, and networks with the readers.

AUCs are compared by DeLong's paired test; in phase 1, where a patient has two hemispheres, by a bootstrap of
patients. Calls at the row's threshold are compared with a reader's by McNemar's exact test. Holm's correction
is within a family: one question about one target. A row's score is its ensemble's, as in Table 2. The single
seeds' results stand beside it, because the p-value of one pair of ensembles holds for these trainings only:
``seed_difference`` is the mean difference of the AUCs of two single trainings, ``seed_sd`` its SD from seed
to seed (`compare_seeds`). Its interval holds for new seeds and new patients (`seeds.estimate_over_seeds`).
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from strokeclock.evaluation.intervals import (
    UNDEFINED,
    Interval,
    clustered_means,
    pairs_variance,
    percentile_interval,
)
from strokeclock.evaluation.metrics import auc, compare_pairs
from strokeclock.evaluation.operating import Threshold, read_thresholds
from strokeclock.evaluation.seeds import estimate_over_seeds
from strokeclock.evaluation.tables import (
    NO_SHEET,
    NO_TARGET,
    name_target,
    rate_columns,
    read_calls,
    read_scorers,
    with_interval,
    write_table,
)
from strokeclock.models.registry import find_network, networks, place_of
from strokeclock.predictions import (
    PAPER,
    READER_THRESHOLD_MIN,
    SEGMENTED,
    SUBSET,
    Scorer,
    ScorerPredictions,
    Tasks,
    Units,
)

COLUMNS = (
    *("target", "a", "b", "n", "auc_a", "auc_b", "accuracy_a", "accuracy_b"),
    *("difference", "low", "high", "test", "p", "family", "p_holm"),
    *("seeds_a", "seeds_b", *rate_columns("seed_difference"), "seed_sd", "note"),
)
DELONG, BOOTSTRAP, MCNEMAR = "DeLong, paired", "bootstrap of patients, paired", "McNemar, exact"
TOO_FEW = "too few: fewer than two test units of a class"
SAME = "the difference has no variance: nothing to test"


class Difference(NamedTuple):
    """Of two AUCs or accuracies, a - b, with its interval and two-sided p-value; NaN where undefined."""

    value: float
    interval: Interval
    p: float


def write_comparisons(
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
    """Write tables/comparisons.csv (`COLUMNS`), a row a pair.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines.
    table : path
        tables/comparisons.csv. Where nothing can be compared, one row whose note says why.
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
    rows = [
        {"target": name_target(tasks[a.phase]), "family": f"{question}: {name_target(tasks[a.phase])}"}
        | _compare_scorers(scorers[a], scorers[b], settings, clustered=tasks[a.phase] is None)
        for a, b, question in list_pairs(scorers, tasks)
    ]
    if not rows:
        rows = [{"note": "nothing to compare: no target has two rows that were run"}]
    timed = [
        scorer
        for scorer in scorers
        if tasks[scorer.phase] == READER_THRESHOLD_MIN and scorer.net in networks()
    ]
    target = name_target(READER_THRESHOLD_MIN)
    if timed and readers:
        patients = scorers[timed[0]].units("test").patient
        calls = read_calls(readers, cohort=cohort, exclusions=exclusions, patients=list(patients))
        threshold_of = read_thresholds(
            thresholds, {scorer: scorers[scorer] for scorer in timed}, tasks=tasks
        ).rows
        for scorer in timed:
            rows += [
                {"target": target, "family": f"network against reader: {target}"} | row
                for row in _compare_readers(scorers[scorer], calls, threshold_of[scorer], settings)
            ]
    else:
        missing = NO_SHEET if timed else NO_TARGET
        rows.append({"target": target, "b": "readers", "note": f"not run: {missing}"})
    write_table(table, correct_by_holm(rows), columns=COLUMNS)


def list_pairs(scorers: Iterable[Scorer], tasks: Tasks) -> Iterator[tuple[Scorer, Scorer, str]]:
    """Yield the pairs to compare: a, b and the question; both rows have one target."""
    scorers = list(scorers)
    for a in scorers:
        for b in scorers:
            if tasks[a.phase] == tasks[b.phase] and (question := _question(a, b, tasks)):
                yield a, b, question


def _question(a: Scorer, b: Scorer, tasks: Tasks) -> str | None:
    if SEGMENTED in (a.net, b.net):
        return _question_segmented(a, b)
    if a.net not in networks():
        return None
    if b.net not in networks():
        return "network against baseline"
    if a.net != b.net:
        # phase 1 has one row a network: the chain's, from random weights or after Models Genesis
        same = a.phase == b.phase and (a.start == b.start or tasks[a.phase] is None)
        later = same and place_of(a.net) > place_of(b.net)
        return f"{find_network(a.net).title} against {find_network(b.net).title}" if later else None
    if a.start != "random" and b.start == "random":
        return "start against random"
    if _in_chain(a) and b.start != "random" and (not _in_chain(b) or a.phase > b.phase):
        return "chain against others"
    return None


def _question_segmented(a: Scorer, b: Scorer) -> str | None:
    if a.net != SEGMENTED:
        return None
    if b.net == SEGMENTED:
        joined = a.start in networks() and b.start == "ratios"
        return "segmentation with and without network" if joined else None
    if b.net not in networks():
        return "segmentation against baseline"
    joined = a.start == b.net or a.start == "ratios"
    return "segmentation against network" if joined and _in_chain(b) and a.phase == b.phase else None


def _in_chain(scorer: Scorer) -> bool:
    return scorer.start.startswith("phase")


def delong_test(label: ArrayLike, score_a: ArrayLike, score_b: ArrayLike, *, confidence: float) -> Difference:
    """Compare two correlated AUCs (DeLong, DeLong and Clarke-Pearson 1988).

    Parameters
    ----------
    label : (n,) of 0 and 1
    score_a, score_b : (n,)
        Of the same units.
    confidence : float
        Of the normal interval, which is cut at -1 and 1.
    """
    pairs = compare_pairs(label, score_a) - compare_pairs(label, score_b)
    if not pairs.size:
        return Difference(np.nan, UNDEFINED, np.nan)
    difference, variance = float(pairs.mean()), pairs_variance(pairs)
    if not variance > 0:
        return Difference(difference, UNDEFINED, np.nan)
    return _normal(difference, variance**0.5, confidence)


def _normal(difference: float, error: float, confidence: float) -> Difference:
    half = NormalDist().inv_cdf((1 + confidence) / 2) * error
    p = math.erfc(abs(difference) / error / math.sqrt(2))  # exact where 1 - cdf would round to 0
    return Difference(difference, Interval(max(-1.0, difference - half), min(1.0, difference + half)), p)


def bootstrap_test(
    label: ArrayLike,
    score_a: ArrayLike,
    score_b: ArrayLike,
    *,
    patient: ArrayLike,
    confidence: float,
    bootstraps: int,
) -> Difference:
    """Compare two AUCs where a patient has several units: percentiles of resampled patients.

    The p-value is twice the smaller share of resamples on either side of 0, both counted with one more.
    """
    pairs = compare_pairs(label, score_a) - compare_pairs(label, score_b)
    if not pairs.size:
        return Difference(np.nan, UNDEFINED, np.nan)
    values = clustered_means(pairs, label, patient=patient, bootstraps=bootstraps)
    values = values[np.isfinite(values)]
    interval = percentile_interval(values, confidence=confidence)
    if interval is UNDEFINED:
        return Difference(float(pairs.mean()), UNDEFINED, np.nan)
    beyond = 1 + min(np.count_nonzero(values <= 0), np.count_nonzero(values >= 0))
    return Difference(float(pairs.mean()), interval, min(1.0, 2 * beyond / (1 + len(values))))


def mcnemar_test(right_a: ArrayLike, right_b: ArrayLike, *, confidence: float) -> Difference:
    """Compare two accuracies on the same patients, given which answers were right (n,): McNemar's exact test.

    The interval is Bonett and Price's (2012) for paired proportions, cut at -1 and 1.
    """
    from statsmodels.stats.contingency_tables import mcnemar

    right_a, right_b = np.asarray(right_a, bool), np.asarray(right_b, bool)
    n = len(right_a)
    a_alone, b_alone = np.count_nonzero(right_a & ~right_b), np.count_nonzero(right_b & ~right_a)
    p = float(mcnemar([[0, a_alone], [b_alone, 0]], exact=True).pvalue) if a_alone + b_alone else 1.0
    share_a, share_b = (a_alone + 1) / (n + 2), (b_alone + 1) / (n + 2)
    error = ((share_a + share_b - (share_a - share_b) ** 2) / (n + 2)) ** 0.5
    interval = _normal(share_a - share_b, error, confidence).interval
    return Difference((a_alone - b_alone) / n, interval, p)


def _compare_scorers(
    first: ScorerPredictions, second: ScorerPredictions, settings: Mapping[str, Any], *, clustered: bool
) -> dict[str, Any]:
    a, b = share_units(first.units("test"), second.units("test"))
    confidence = settings["confidence"]
    if clustered:
        found = bootstrap_test(
            a.label,
            a.score,
            b.score,
            patient=a.patient,
            confidence=confidence,
            bootstraps=settings["bootstraps"],
        )
    else:
        found = delong_test(a.label, a.score, b.score, confidence=confidence)
    notes = []
    if np.isnan(found.p):
        notes.append(TOO_FEW if min(a.label.sum(), (1 - a.label).sum()) < 2 else SAME)
    if SUBSET in (first.scorer.net, second.scorer.net):
        notes.append("patients with a region that can be measured")
    trained = [side for side in (first, second) if is_trained(side.scorer)]
    if len({side.seeds for side in trained}) > 1:
        notes.append("different seeds: an ensemble of more seeds has an advantage")
    by_seed = compare_seeds(
        _measure_seeds(first, a, beside=second.seeds), _measure_seeds(second, b, beside=first.seeds)
    )
    if np.isnan(by_seed["seed_sd"]) and not np.isnan(by_seed["seed_difference"]):
        notes.append("seed_sd needs 2 seeds or more")
    return {
        "a": first.scorer,
        "b": second.scorer,
        "n": len(a.label),
        "auc_a": auc(a.label, a.score),
        "auc_b": auc(b.label, b.score),
        **_cells(found, BOOTSTRAP if clustered else DELONG),
        "seeds_a": len(first.seeds),
        "seeds_b": len(second.seeds),
        **by_seed,
        **_vary_seeds((first, a), (second, b), settings, clustered=clustered),
        "note": "; ".join(notes),
    }


def _cells(found: Difference, test: str) -> dict[str, Any]:
    low, high = found.interval
    return {"difference": found.value, "low": low, "high": high, "test": test, "p": found.p}


def share_units(a: Units, b: Units) -> tuple[Units, Units]:
    """Both rows' units in one order; with the radiomics baseline, those of the patients that it scores."""
    if len(a.label) != len(b.label):
        _, of_a, of_b = np.intersect1d(a.patient, b.patient, return_indices=True)
        a, b = Units(*(column[of_a] for column in a)), Units(*(column[of_b] for column in b))
    assert np.array_equal(a.patient, b.patient)
    assert np.array_equal(a.label, b.label)
    return a, b


def is_trained(scorer: Scorer) -> bool:
    """Whether a row has a training for each seed; a baseline is fitted once."""
    return scorer.net in (*networks(), SEGMENTED)


def _measure_seeds(
    predictions: ScorerPredictions, units: Units, *, beside: Sequence[int]
) -> dict[int, float]:
    """Return seed -> AUC; of a baseline the same AUC for all seeds of the row ``beside`` it."""
    areas = [auc(units.label, score) for score in units.scores.T]
    if is_trained(predictions.scorer):
        return dict(zip(predictions.seeds, areas, strict=True))
    return dict.fromkeys(beside, areas[0])


def _vary_seeds(
    first: tuple[ScorerPredictions, Units],
    second: tuple[ScorerPredictions, Units],
    settings: Mapping[str, Any],
    *,
    clustered: bool,
) -> dict[str, float]:
    """The interval of seed_difference for new seeds and patients, of rows that share at least two seeds."""
    trained = [set(row.seeds) for row, _ in (first, second) if is_trained(row.scorer)]
    shared = sorted(set.intersection(*trained)) if trained else []
    if len(shared) < 2:
        return {}
    units = first[1]
    found = estimate_over_seeds(
        (
            compare_pairs(units.label, _score_of(*first, seed))
            - compare_pairs(units.label, _score_of(*second, seed))
            for seed in shared
        ),
        confidence=settings["confidence"],
        lowest=-1.0,
        label=units.label,
        patient=units.patient if clustered else None,
        bootstraps=settings["bootstraps"],
    )
    return with_interval("seed_difference", found.value, found.interval)


def _score_of(predictions: ScorerPredictions, units: Units, seed: int) -> np.ndarray:
    """The score of the training with a seed; of a baseline the same for all seeds."""
    return units.scores[:, predictions.seeds.index(seed) if is_trained(predictions.scorer) else 0]


def compare_seeds(first: Mapping[int, float], second: Mapping[int, float]) -> dict[str, float]:
    """Return the difference of two single trainings' AUCs, and its SD from training to training.

    Trainings of one seed are not independent: they share what the seed draws, and in the chain an earlier
    phase's checkpoint. The SD is therefore that of the differences within a seed. Where the rows share no
    seed, their variances add up. It is the SD of one difference, not the standard error of their mean.

    Parameters
    ----------
    first, second : seed -> AUC.

    Returns
    -------
    dict
        seed_difference, first - second: the mean over the seeds that both rows have, else the difference of
        their means. seed_sd, with n - 1 in the denominator: NaN where it rests on a single seed.
    """
    if shared := sorted(first.keys() & second.keys()):
        differences = [first[seed] - second[seed] for seed in shared]
        return {"seed_difference": float(np.mean(differences)), "seed_sd": _sample_sd(differences)}
    areas = [[*first.values()], [*second.values()]]
    return {
        "seed_difference": float(np.mean(areas[0]) - np.mean(areas[1])),
        "seed_sd": math.hypot(*map(_sample_sd, areas)),
    }


def _sample_sd(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan


def _compare_readers(
    predictions: ScorerPredictions, calls: pd.DataFrame, threshold: Threshold, settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    test = predictions.units("test")
    assert list(calls.index) == list(test.patient)
    if threshold.value is None:
        reason = "not run: the part that the threshold is chosen on has one class only"
        yield from ({"a": predictions.scorer, "b": f"readers/{name}", "note": reason} for name in calls)
        return
    right = (test.score >= threshold.value) == test.label
    for name in calls:
        reader_right = calls[name].to_numpy() == test.label
        found = mcnemar_test(right, reader_right, confidence=settings["confidence"])
        alone = np.count_nonzero(right & ~reader_right), np.count_nonzero(reader_right & ~right)
        yield {
            "a": predictions.scorer,
            "b": f"readers/{name}",
            "n": len(right),
            "accuracy_a": float(right.mean()),
            "accuracy_b": float(reader_right.mean()),
            **_cells(found, MCNEMAR),
            "seeds_a": len(predictions.seeds),
            "note": f"difference of accuracy; right alone: {alone[0]} against {alone[1]}; "
            f"threshold from {threshold.source}",
        }


def correct_by_holm(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give each row with a p-value its p_holm, corrected for the rows of the same family."""
    from statsmodels.stats.multitest import multipletests

    rows = list(rows)
    families: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if not np.isnan(row.get("p", np.nan)):
            families.setdefault(row["family"], []).append(row)
    for family in families.values():
        corrected = multipletests([row["p"] for row in family], method="holm")[1]
        for row, p in zip(family, corrected, strict=True):
            row["p_holm"] = float(p)
    return rows

"""Table 2: one row for each of the paper's rows, with counts, intervals and the paper's own values.

With several seeds, a row's counts, rates and AUC are those of the seed-averaged score (the ensemble), and
its threshold comes from the seed-averaged validation scores; auc_seed_mean and auc_seed_sd are those of the
single seeds' AUCs. Intervals: Wilson and DeLong where the patient is the unit; a bootstrap of patients in
phase 1, where a patient has two hemispheres. Each row that is evaluated is an access to the test part: the
ledger of all runs counts them (`ledger.record_accesses`).
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokeclock.cohort.parts import read_exclusions
from strokeclock.cohort.tables import read_cohort
from strokeclock.evaluation.intervals import Interval, clustered_intervals, delong_interval, wilson_interval
from strokeclock.evaluation.ledger import digest, record_accesses, write_lines
from strokeclock.evaluation.metrics import Counts, auc, count, youden_threshold
from strokeclock.evaluation.operating import Threshold, read_thresholds
from strokeclock.evaluation.readers import measure_agreement, read_readers, vote
from strokeclock.evaluation.tables import KEY, NO_SHEET, NO_TARGET, RATES, name_target, read_scorers
from strokeclock.files import write_whole
from strokeclock.models.registry import networks, place_of
from strokeclock.predictions import (
    PAPER,
    READER_THRESHOLD_MIN,
    SEGMENTED,
    SUBSET,
    Scorer,
    ScorerPredictions,
    Tasks,
    Units,
    select_reader_target,
)

COLUMNS = (
    *(*KEY, "target", "recipe", "status", "unit", "n", "positives", "tp", "fn", "tn", "fp"),
    *(f"{name}{end}" for name in (*RATES, "auc") for end in ("", "_low", "_high")),
    *("threshold", "threshold_source", "seeds", "auc_seed_mean", "auc_seed_sd", "accesses"),
    *(f"optimistic_{name}" for name in ("threshold", *RATES)),
    *("kappa", "kappa_low", "kappa_high"),
    *(f"paper_{name}" for name in (*RATES, "auc", "kappa")),
)
NO_BASELINE = "too few patients have a region that can be measured (tables/ml_baseline.csv)"
LEFT_OUT = "training.phase0_genesis or a phase's after leaves it out"


def write_table2(
    predictions: Iterable[str | Path],
    table: str | Path,
    accesses: str | Path,
    *,
    ledger: str | Path,
    run: str,
    paper: str | Path,
    thresholds: str | Path,
    cohort: str | Path,
    split: str | Path,
    exclusions: str | Path,
    readers: str | Path | None = None,
    settings: Mapping[str, Any],
    tasks: Tasks = PAPER,
    recipe: str,
    not_run: Iterable[Sequence[str]] = (),
) -> None:
    """Write Table 2 as CSV (`COLUMNS`): the paper's rows in their order, and further rows that were run.

    Further rows stand after all of the paper's, by phase.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run; the status of a row without any is "not run" and the reason.
    table : path
        tables/table2.csv.
    accesses : path
        accesses.tsv, for the ledger's lines on this run's test part, of all runs until now.
    ledger : path
        results/ledger.tsv, which gets a line for each row's new access to the test part.
    run : str
        The run's name, for the ledger.
    paper : path
        resources/table2_paper.csv: the rows, and the values as printed.
    thresholds : path
        fitted/thresholds.json, of these predictions.
    cohort, split, exclusions : paths
        cohort/cohort.tsv, split.tsv and exclusions.tsv, against which labels, parts and reader sheet are
        checked.
    readers : path or None
        The reader sheet; None: the status of the reader rows is "not run".
    settings : mapping
        The configuration's `evaluation`: confidence, bootstraps.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.
    recipe : str
        The configuration's name of the way the networks were trained.
    not_run : of (net, phase, start, reason)
        Why rows have no predictions.

    Raises
    ------
    PredictionError, ConfigurationError
        The predictions or the reader sheet contradict the cohort, or each other.
    FittedError
        The predictions are not those that the thresholds were chosen on.
    LedgerError
        The ledger was damaged.
    """
    scorers = read_scorers(predictions, cohort=cohort, split=split, tasks=tasks)
    chosen = read_thresholds(thresholds, scorers, tasks=tasks)
    truth = select_reader_target(scorers, tasks=tasks)
    read: tuple[pd.DataFrame, Units] | None = None
    reasons = {Scorer(*scorer): reason for *scorer, reason in not_run}
    if readers and truth:
        known = {*read_cohort(cohort)["patient"], *read_exclusions(exclusions)}
        read = read_readers(readers, known=known, needed=list(truth.patient)), truth
    missing = NO_TARGET if readers else NO_SHEET

    rows: list[dict[str, Any]] = []
    for printed in _add_rows(pd.read_csv(paper, dtype={"start": str}), [*scorers, *reasons]).to_dict(
        "records"
    ):
        key = {name: printed[name] if isinstance(printed[name], str) else "" for name in KEY}
        stage = key["stage"]
        if stage == "readers" or stage in tasks:
            key["target"] = name_target(READER_THRESHOLD_MIN if stage == "readers" else tasks[stage])
        beside = {f"paper_{name}": printed[name] for name in (*RATES, "auc", "kappa")}
        if stage == "readers":
            if key["model"] == "majority" and read:  # readers beyond the paper's three
                extra = [str(name) for name in read[0] if name not in {row["model"] for row in rows}]
                rows += [key | {"model": name} | _reader_row(name, *read, settings) for name in extra]
            row = _reader_row(key["model"], *read, settings) if read else _not_run(missing)
        else:
            scorer = Scorer(key["model"], stage, key["start"])
            reason = reasons.get(scorer, NO_BASELINE if scorer.net == SUBSET else LEFT_OUT)
            row = (
                _model_row(scorers[scorer], chosen.rows[scorer], settings, tasks)
                if scorer in scorers
                else _not_run(reason)
            )
            if scorer.net in (*networks(), SEGMENTED):
                row["recipe"] = recipe
        rows.append(key | beside | row)
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object).map(_format)
    evaluated = _identify_accesses(frame, scorers, read, choice=chosen.choice)
    lines = record_accesses(ledger, evaluated, run=run, split=split)
    times = Counter(tuple(line[name] for name in KEY) for line in lines)
    frame["accesses"] = [
        str(times[tuple(row[name] for name in KEY)]) if row["status"] == "ok" else ""
        for row in frame.to_dict("records")
    ]
    write_whole(table, frame.to_csv(index=False))
    write_lines(accesses, lines)


def _identify_accesses(
    table: pd.DataFrame,
    scorers: Mapping[Scorer, ScorerPredictions],
    read: tuple[pd.DataFrame, Units] | None,
    *,
    choice: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Return the rows that were evaluated, with the digests of their configuration and predictions.

    An access is new where predictions or labels differ, or settings that change calls. Settings of the
    intervals do not count: nobody could choose by them.
    """
    run = table[table["status"] == "ok"]
    evaluated = [dict(zip(COLUMNS, row, strict=True)) for row in run.itertuples(index=False, name=None)]
    for row in evaluated:
        if row["stage"] == "readers" and read:
            calls, truth = read
            names = list(calls) if row["model"] == "majority" else [row["model"]]
            judged, by = calls[names].assign(label=truth.label), {}
        else:
            judged = scorers[Scorer(row["model"], row["stage"], row["start"])].frame
            by = dict(choice)
        by |= {"target": row["target"], "recipe": row["recipe"]}
        row["configuration"] = digest(json.dumps(by, sort_keys=True))
        row["predictions"] = digest(judged.to_csv())
    return evaluated


def _add_rows(paper: pd.DataFrame, scorers: Iterable[Scorer]) -> pd.DataFrame:
    """The paper's rows, and one without printed values for each further scorer."""
    known = set(paper[["stage", "model", "start"]].itertuples(index=False, name=None))
    further = [
        {"stage": scorer.phase, "model": scorer.net, "start": scorer.start}
        for scorer in sorted(set(scorers), key=lambda scorer: (place_of(scorer.net), scorer))
        if (scorer.phase, scorer.net, scorer.start) not in known
    ]
    own = pd.DataFrame(further, columns=["stage", "model", "start"])
    number = own["stage"].str.extract(r"phase(\d+)", expand=False).astype(float)
    return pd.concat([paper, own.loc[number.sort_values(kind="stable").index]], ignore_index=True)


def _format(value: Any) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.6f}"
    return str(value)


def _not_run(reason: str) -> dict[str, Any]:
    return {"status": f"not run: {reason}"}


def _model_row(
    predictions: ScorerPredictions, chosen: Threshold, settings: Mapping[str, Any], tasks: Tasks
) -> dict[str, Any]:
    test, threshold = predictions.units("test"), chosen.value
    if threshold is None or len(set(test.label)) < 2:
        return _not_run("the validation or test part has one class only, so there is no threshold or AUC")
    optimistic = youden_threshold(test.label, test.score)
    counts = count(test.label, test.score >= threshold)
    at_best = count(test.label, test.score >= optimistic)
    by_seed = [auc(test.label, scores) for scores in test.scores.T]
    clustered = tasks[predictions.scorer.phase] is None
    return {
        "status": "ok",
        "unit": "hemisphere" if clustered else "patient",
        **_counts(counts),
        **_rates(counts, _intervals(counts, test, threshold, clustered, settings)),
        "auc": auc(test.label, test.score),
        "threshold": threshold,
        "threshold_source": chosen.source,
        "seeds": len(predictions.seeds),
        "auc_seed_mean": float(np.mean(by_seed)),
        "auc_seed_sd": float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else np.nan,
        "optimistic_threshold": optimistic,
        **{f"optimistic_{name}": getattr(at_best, name) for name in RATES},
    }


def _reader_row(model: str, calls: pd.DataFrame, truth: Units, settings: Mapping[str, Any]) -> dict[str, Any]:
    if model != "majority" and model not in calls:
        return _not_run(f"the reader sheet has {len(calls.columns)} readers")
    counts = count(truth.label, vote(calls) if model == "majority" else calls[model])
    row = {
        "status": "ok",
        "unit": "patient",
        **_counts(counts),
        **_rates(counts, _wilson(counts, settings["confidence"])),
    }
    if model == "majority" and len(calls.columns) > 1:
        kappa, interval = measure_agreement(
            calls, confidence=settings["confidence"], bootstraps=settings["bootstraps"]
        )
        row |= {"kappa": kappa, "kappa_low": interval.low, "kappa_high": interval.high}
    return row


def _counts(counts: Counts) -> dict[str, int]:
    return {"n": counts.n, "positives": counts.positives, **counts._asdict()}


def _rates(counts: Counts, intervals: Mapping[str, Interval]) -> dict[str, float]:
    row = {name: getattr(counts, name) for name in RATES}
    for name, interval in intervals.items():
        row |= {f"{name}_low": interval.low, f"{name}_high": interval.high}
    return row


def _intervals(
    counts: Counts, test: Units, threshold: float, clustered: bool, settings: Mapping[str, Any]
) -> dict[str, Interval]:
    confidence = settings["confidence"]
    if clustered:
        return clustered_intervals(
            test.label,
            test.score,
            patient=test.patient,
            threshold=threshold,
            confidence=confidence,
            bootstraps=settings["bootstraps"],
        )
    return _wilson(counts, confidence) | {
        "auc": delong_interval(test.label, test.score, confidence=confidence)
    }


def _wilson(counts: Counts, confidence: float) -> dict[str, Interval]:
    return {
        "sensitivity": wilson_interval(counts.tp, counts.positives, confidence=confidence),
        "specificity": wilson_interval(counts.tn, counts.negatives, confidence=confidence),
        "accuracy": wilson_interval(counts.tp + counts.tn, counts.n, confidence=confidence),
    }

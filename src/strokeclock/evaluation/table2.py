"""Table 2: one row for each of the paper's rows, with counts, intervals, and the paper's own values beside.

With several seeds, a row's counts, rates and AUC are those of the seed-averaged score (the ensemble), and
its threshold comes from the seed-averaged validation scores; auc_seed_mean and auc_seed_sd tell what a
single seed does. Intervals: Wilson and DeLong where the patient is the unit; a bootstrap of patients in
phase 1, where the two hemispheres of a patient belong together. Each row that is evaluated is a look at the
test part: the run's ledger counts them (`ledger.record_looks`).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokeclock.cohort.parts import read_exclusions
from strokeclock.cohort.split import read_cohort
from strokeclock.evaluation.intervals import Interval, clustered_intervals, delong_interval, wilson_interval
from strokeclock.evaluation.ledger import digest, record_looks
from strokeclock.evaluation.metrics import Counts, auc, count, youden_threshold
from strokeclock.evaluation.operating import Threshold, read_thresholds
from strokeclock.evaluation.readers import measure_agreement, read_readers, vote
from strokeclock.evaluation.tables import KEY, name_target, read_arms
from strokeclock.files import write_whole
from strokeclock.models.registry import networks, place_of
from strokeclock.predictions import (
    OUTLINED,
    PAPER,
    READER_THRESHOLD_MIN,
    SUBSET,
    Arm,
    ArmPredictions,
    Tasks,
    Units,
    select_reader_target,
)

RATES = ("sensitivity", "specificity", "accuracy")
COLUMNS = (
    *(*KEY, "target", "recipe", "status", "unit", "n", "positives", "tp", "fn", "tn", "fp"),
    *(f"{name}{end}" for name in (*RATES, "auc") for end in ("", "_low", "_high")),
    *("threshold", "threshold_source", "seeds", "auc_seed_mean", "auc_seed_sd", "looks"),
    *(f"optimistic_{name}" for name in ("threshold", *RATES)),
    *("kappa", "kappa_low", "kappa_high"),
    *(f"paper_{name}" for name in (*RATES, "auc", "kappa")),
)
NO_BASELINE = "too few patients have a region that can be measured (tables/ml_baseline.csv)"
LEFT_OUT = "training.networks, training.arms, training.phase0_genesis or a phase's after leaves it out"


def write_table2(
    predictions: Iterable[str | Path],
    table: str | Path,
    *,
    ledger: str | Path,
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
    """Write Table 2 as CSV (`COLUMNS`): the paper's rows in their order, and what was run beyond.

    A further row stands behind the paper's of its phase.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run; a row without any says "not run" and why.
    table : path
        tables/table2.csv.
    ledger : path
        ledger.tsv of the run, which gets a line for each row's new look at the test part.
    paper : path
        resources/table2_paper.csv: the rows, and the values as printed.
    thresholds : path
        fitted/thresholds.json, of these predictions.
    cohort, split, exclusions : paths
        cohort/cohort.tsv, split.tsv and exclusions.tsv, against which labels, parts and reader sheet are
        checked.
    readers : path or None
        The reader sheet; None: the reader rows say "not run".
    settings : mapping
        The configuration's `evaluation`: confidence, bootstraps.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.
    recipe : str
        The configuration's name for the way the networks were trained.
    not_run : of (net, phase, weights, reason)
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
    arms = read_arms(predictions, cohort=cohort, split=split, tasks=tasks)
    chosen = read_thresholds(thresholds, arms, tasks=tasks)
    truth = select_reader_target(arms, tasks=tasks)
    read: tuple[pd.DataFrame, Units] | None = None
    reasons = {Arm(*arm): reason for *arm, reason in not_run}
    if readers and truth:
        known = {*read_cohort(cohort)["patient"], *read_exclusions(exclusions)}
        read = read_readers(readers, known=known, needed=list(truth.patient)), truth
    missing = "no phase 3 or 4 was run" if readers else "no reader sheet is configured (cohort.readers)"

    rows: list[dict[str, Any]] = []
    for printed in _add_rows(pd.read_csv(paper, dtype={"weights": str}), [*arms, *reasons]).to_dict(
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
            arm = Arm(key["model"], stage, key["weights"])
            reason = NO_BASELINE if arm.net == SUBSET else reasons.get(arm, LEFT_OUT)
            row = (
                _model_row(arms[arm], chosen.rows[arm], settings, tasks) if arm in arms else _not_run(reason)
            )
            if arm.net in (*networks(), OUTLINED):
                row["recipe"] = recipe
        rows.append(key | beside | row)
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object).map(_format)
    frame["looks"] = _count_looks(ledger, frame, arms, read, choice=chosen.choice, split=split)
    write_whole(table, frame.to_csv(index=False))


def _count_looks(
    ledger: str | Path,
    table: pd.DataFrame,
    arms: Mapping[Arm, ArmPredictions],
    read: tuple[pd.DataFrame, Units] | None,
    *,
    choice: Mapping[str, Any],
    split: str | Path,
) -> list[str]:
    """Enter the evaluated rows into the ledger; return each row's looks, "" for those not run.

    A look is another one where it rests on other predictions, labels or parts, or where other settings give
    other calls: how wide an interval is, and how it was resampled, changes nothing that one could choose by.
    """
    run = table[table["status"] == "ok"]
    evaluated = [dict(zip(COLUMNS, row, strict=True)) for row in run.itertuples(index=False, name=None)]
    for row in evaluated:
        if row["stage"] == "readers" and read:
            calls, truth = read
            names = list(calls) if row["model"] == "majority" else [row["model"]]
            judged, by = calls[names].assign(label=truth.label), {}
        else:
            judged = arms[Arm(row["model"], row["stage"], row["weights"])].frame
            by = dict(choice)
        by |= {"target": row["target"], "recipe": row["recipe"]}
        row["configuration"] = digest(json.dumps(by, sort_keys=True))
        row["predictions"] = digest(judged.to_csv())
        row["split"] = digest(Path(split).read_bytes())
    looks = record_looks(ledger, evaluated)
    return [
        str(looks[tuple(row[name] for name in KEY)]) if row["status"] == "ok" else ""
        for row in table.to_dict("records")
    ]


def _add_rows(paper: pd.DataFrame, arms: Iterable[Arm]) -> pd.DataFrame:
    """The paper's rows, and one with nothing printed for each arm that it has not."""
    known = set(paper[["stage", "model", "weights"]].itertuples(index=False, name=None))
    further = [
        {"stage": arm.phase, "model": arm.net, "weights": arm.weights}
        for arm in sorted(set(arms), key=lambda arm: (place_of(arm.net), arm))
        if (arm.phase, arm.net, arm.weights) not in known
    ]
    rows = pd.concat([paper, pd.DataFrame(further, columns=["stage", "model", "weights"])], ignore_index=True)
    number = rows["stage"].str.extract(r"phase(\d+)", expand=False).astype(float)  # readers: none, and last
    return rows.loc[number.sort_values(kind="stable").index]


def _format(value: Any) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.6f}"
    return str(value)


def _not_run(reason: str) -> dict[str, Any]:
    return {"status": f"not run: {reason}"}


def _model_row(
    predictions: ArmPredictions, chosen: Threshold, settings: Mapping[str, Any], tasks: Tasks
) -> dict[str, Any]:
    test, threshold = predictions.units("test"), chosen.value
    if threshold is None or len(set(test.label)) < 2:
        return _not_run("validation or test part has one class only, so that no threshold or AUC can be had")
    optimistic = youden_threshold(test.label, test.score)
    counts = count(test.label, test.score >= threshold)
    at_best = count(test.label, test.score >= optimistic)
    by_seed = [auc(test.label, scores) for scores in test.scores.T]
    clustered = tasks[predictions.arm.phase] is None
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

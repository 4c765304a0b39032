"""The radiomics baseline beside the networks: usable regions, the chosen classifier, thresholds, and AUCs.

The paper reports an AUC of .76 of its 2D network on the 221 of 422 patients that the baseline could use.
These patients are easier: their infarcts are larger. So all rows of the baseline's task are measured on the
same test patients.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from strokeclock.cohort.parts import PARTS
from strokeclock.evaluation.comparison import SAME, TOO_FEW, delong_test
from strokeclock.evaluation.intervals import delong_interval
from strokeclock.evaluation.metrics import auc, count, youden_threshold
from strokeclock.evaluation.tables import (
    RATES,
    name_row,
    rate_columns,
    rates,
    read_scorers,
    with_interval,
    write_table,
)
from strokeclock.predictions import PAPER, SUBSET, Scorer, ScorerPredictions, Tasks

COLUMNS = (
    *("section", "stage", "model", "start", "part", "patients", "n", "positives"),
    *rate_columns("auc", "difference"),
    *("p", "threshold"),
    *rate_columns(*RATES),
    "note",
)
REGION, CHOICE, CALLS, TEST = "usable regions", "classifiers", "thresholds", "same test patients"
F05, YOUDEN = "F0.5 (Lee et al. 2020)", "Youden's J (as in Table 2)"
PAPER_SHARE = "the paper: 221 of 422"


def write_ml_table(
    predictions: Iterable[str | Path],
    table: str | Path,
    *,
    record: str | Path,
    cohort: str | Path,
    split: str | Path,
    confidence: float,
    tasks: Tasks = PAPER,
) -> None:
    """Write tables/ml_baseline.csv (`COLUMNS`).

    Its sections: in how many patients of each part the region can be measured (n of patients); the
    candidates' AUC with their best settings, by which they were chosen, so a little too high; the baseline's
    rates on the test part at two thresholds, both chosen on scores of models that did not learn from the
    patient; and every row with the baseline's task on the test patients that it can use. The difference is
    row - baseline, by DeLong's paired test, not corrected for the number of rows.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines.
    table : path
        tables/ml_baseline.csv.
    record : path
        What `predict_ml` wrote of its choice.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    confidence : float
        Of the intervals.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.

    Raises
    ------
    PredictionError
        The predictions contradict the cohort, or each other.
    """
    found = json.loads(Path(record).read_text())
    scorers = read_scorers(predictions, cohort=cohort, split=split, tasks=tasks)
    parts = found["parts"]
    total = {key: sum(part[key] for part in parts.values()) for key in ("patients", "usable", "positives")}
    rows = [
        {
            "section": REGION,
            "part": name,
            "patients": part["patients"],
            "n": part["usable"],
            "positives": part["positives"],
            "note": PAPER_SHARE if name == "all" else "",
        }
        for name, part in {**{name: parts[name] for name in PARTS}, "all": total}.items()
    ]
    for name, candidate in found["candidates"].items():
        notes = [f"{key.split('__')[-1]} {value:g}" for key, value in candidate["settings"].items()]
        if name == found["chosen"]:
            notes.append(f"chosen, with {len(found['selected'])} features")
        rows.append({"section": CHOICE, "model": name, "auc": candidate["auc"], "note": ", ".join(notes)})
    if baselines := [predicted for scorer, predicted in scorers.items() if scorer.net == SUBSET]:
        rows += _call(baselines[0], found["threshold_f05"], confidence)
        rows += _compare(baselines[0], scorers, tasks, confidence)
    else:
        rows.append({"section": TEST, "model": SUBSET, "part": "test", "note": found["note"]})
    write_table(table, rows, columns=COLUMNS)


def _call(baseline: ScorerPredictions, threshold_f05: float, confidence: float) -> Iterator[dict[str, Any]]:
    """Yield the baseline's rates on the test part at each threshold."""
    learned, test = baseline.units(*baseline.fitting_parts), baseline.units("test")
    thresholds = {F05: threshold_f05, YOUDEN: youden_threshold(learned.label, learned.score)}
    for name, threshold in thresholds.items():
        counts = count(test.label, test.score >= threshold)
        yield {
            "section": CALLS,
            "model": name,
            "part": "test",
            "n": counts.n,
            "positives": counts.positives,
            "threshold": threshold,
            **rates(counts, confidence=confidence),
        }


def _compare(
    baseline: ScorerPredictions, scorers: Mapping[Scorer, ScorerPredictions], tasks: Tasks, confidence: float
) -> Iterator[dict[str, Any]]:
    test = baseline.units("test")
    for scorer, found in scorers.items():
        if tasks[scorer.phase] != tasks[baseline.scorer.phase]:
            continue
        units = found.units("test")
        _, here, there = np.intersect1d(test.patient, units.patient, return_indices=True)
        label, score = test.label[here], units.score[there]
        assert np.array_equal(test.patient, units.patient[there])
        assert np.array_equal(label, units.label[there])
        row = {
            "section": TEST,
            **name_row(scorer),
            "part": "test",
            "patients": len(units.patient),
            "n": len(label),
            "positives": int(label.sum()),
            **with_interval("auc", auc(label, score), delong_interval(label, score, confidence=confidence)),
        }
        if min(label.sum(), (1 - label).sum()) < 2:
            row["note"] = TOO_FEW
        elif found is not baseline:
            difference, interval, p = delong_test(label, score, test.score[here], confidence=confidence)
            row |= with_interval("difference", difference, interval) | {"p": p}
            row["note"] = SAME if np.isnan(p) else ""
        yield row

"""The test patients whose score lies farthest on the wrong side of the threshold, for TSS < 4.5 h.

The row is the one with the highest AUC in the validation part, as for a bundle: nothing is chosen on the test
part but the patients to look at.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from strokeclock.cohort.onset import CLASS, MINUTES
from strokeclock.cohort.tables import read_cohort
from strokeclock.evaluation.operating import Threshold, read_thresholds
from strokeclock.evaluation.tables import KEY, choose_best, name_row, read_scorers, write_table
from strokeclock.predictions import PAPER, READER_THRESHOLD_MIN, SUBSET, Tasks, Units
from strokeclock.segmentation.lesion import NONE, Size, read_volumes

TOO_EARLY, TOO_LATE = "read too early", "read too late"
MOST = 4  # of each kind
_OF_PATIENT = (MINUTES, CLASS, "lesion_side", "age", "nihss", "site")
COLUMNS = (
    *(*KEY, "error", "patient", "score", "threshold", "threshold_source"),
    *(*_OF_PATIENT, "field_strength", "volume_ml", "volume_source", "note"),
)
NOT_RUN = "not run: no row with the target TSS < 4.5 h"
NO_THRESHOLD = "no threshold: the part that it is chosen on has one class only"


def write_worst_errors(
    predictions: Iterable[str | Path],
    table: str | Path,
    *,
    thresholds: str | Path,
    cohort: str | Path,
    split: str | Path,
    volumes: str | Path,
    tasks: Tasks = PAPER,
) -> None:
    """Write the worst errors of the best row: at most `MOST` patients of each kind, the worst first.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines. The radiomics baseline, which reads some
        of the patients alone, is left out.
    table : path
        tables/worst_errors.csv (`COLUMNS`), a row a patient. `TOO_EARLY`: TSS is 4.5 h or more and was called
        below. A kind without errors has a row with a note.
    thresholds : path
        fitted/thresholds.json, of these predictions.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    volumes : path
        lesions/volumes.tsv.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.

    Raises
    ------
    PredictionError, FittedError
        The predictions contradict the cohort or each other, or are not those that the file was fitted on.
    """
    scorers = {
        scorer: found
        for scorer, found in read_scorers(predictions, cohort=cohort, split=split, tasks=tasks).items()
        if tasks[scorer.phase] == READER_THRESHOLD_MIN and scorer.net != SUBSET
    }
    if not scorers:
        write_table(table, [{"note": NOT_RUN}], columns=COLUMNS)
        return
    best = choose_best(scorers.values())
    threshold = read_thresholds(thresholds, scorers, tasks=tasks).rows[best.scorer]
    patients, sizes = read_cohort(cohort).set_index("patient"), read_volumes(volumes)
    rows = []
    for found in _find(best.units("test"), threshold):
        row = name_row(best.scorer) | found
        if patient := found.get("patient"):
            size = sizes.get(patient, Size(None, NONE))
            row |= {name: _cell(patients.loc[patient, name]) for name in _OF_PATIENT}
            tesla = _cell(patients.loc[patient, "field_t"])
            row["field_strength"] = f"{float(tesla):g} T" if tesla else ""
            row |= {"volume_ml": _cell(size.volume_ml), "volume_source": size.source}
        rows.append(row)
    write_table(table, rows, columns=COLUMNS)


def _find(test: Units, threshold: Threshold) -> Iterator[dict[str, Any]]:
    if threshold.value is None:
        yield {"note": NO_THRESHOLD}
        return
    point = {"threshold": threshold.value, "threshold_source": threshold.source}
    called = test.score >= threshold.value
    for error, wrong in ((TOO_EARLY, called & (test.label == 0)), (TOO_LATE, ~called & (test.label == 1))):
        numbers = np.flatnonzero(wrong)
        distance = np.abs(test.score[numbers] - threshold.value)
        for number in numbers[np.argsort(-distance, kind="stable")][:MOST]:
            found = {"patient": str(test.patient[number]), "score": float(test.score[number])}
            yield {"error": error} | found | point
        if not len(numbers):
            yield {"error": error, "note": "no test patient"} | point


def _cell(value: Any) -> Any:
    """A cell's value, "" where there is none."""
    return "" if value is None or value != value else value

"""Who entered an external test, who left it, and what the readings of the others found, by class."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from strokeclock.cohort.labels import label_time
from strokeclock.evaluation.external.patients import ExternalTest, Tested, read_external
from strokeclock.evaluation.external.performance import NOT_RUN
from strokeclock.evaluation.tables import KEY, name_target, write_table

COLUMNS = ("target", *KEY, "side", "step", "what", "n", "positives", "negatives", "unknown", "note")
ENTERED, LEFT_OUT, TESTED = "entered", "left out", "tested"
NO_READING, ABSTAINED, ANSWERED = "no reading", "abstained", "answered"
CALLED, NOT_CALLED = "called shorter", "not called shorter"


def write_external_flow(
    readings: str | Path,
    table: str | Path,
    *,
    operating: str | Path,
    cohort: str | Path,
    exclusions: str | Path,
) -> None:
    """Write the numbers of patients at each step, for each row and side.

    Parameters
    ----------
    readings, operating, cohort, exclusions : paths
        As of `performance.write_external`.
    table : path
        tables/external_flow.csv (`COLUMNS`). A step's first line has an empty `what` and counts all; the
        lines below it say why patients are in it, or how they were called. `unknown` counts patients whose
        class is not known.

    Raises
    ------
    ReadingsError, FittedError
        The readings or the bundle's file are damaged or contradict the cohort.
    """
    test = read_external(readings, operating=operating, cohort=cohort, exclusions=exclusions)
    rows = [
        {
            "target": name_target(tested.frozen.below_min),
            **tested.frozen.key,
            "side": tested.side_from,
            **row,
        }
        for tested in test.tested
        for row in _rows(tested, test)
    ]
    write_table(table, rows or [{"note": NOT_RUN}], columns=COLUMNS)


def _rows(tested: Tested, test: ExternalTest) -> Iterator[dict[str, Any]]:
    class_of = label_time(test.cohort, below_min=tested.frozen.below_min).to_dict()
    left_out = test.why_left_out(tested.frozen.below_min)
    everyone = sorted({*test.cohort.index, *test.exclusions})

    def count(patients: list[str]) -> dict[str, int]:
        classes = np.array([class_of.get(patient, np.nan) for patient in patients], float)
        positives, negatives = int((classes == 1).sum()), int((classes == 0).sum())
        unknown = len(patients) - positives - negatives
        return {"n": len(patients), "positives": positives, "negatives": negatives, "unknown": unknown}

    def divide(step: str, what_of: dict[str, str]) -> Iterator[dict[str, Any]]:
        yield {"step": step, "what": "", **count([*what_of])}
        for what in sorted({*what_of.values()} - {""}):
            yield {"step": step, "what": what, **count([one for one, own in what_of.items() if own == what])}

    called = tested.judged.called
    calls = np.full(len(tested.label), "") if called is None else np.where(called, CALLED, NOT_CALLED)
    yield from divide(ENTERED, dict.fromkeys(everyone, ""))
    yield from divide(LEFT_OUT, left_out)
    yield from divide(TESTED, dict.fromkeys(tested.patient.tolist(), ""))
    for step, inside, what in (
        (NO_READING, ~tested.is_read, tested.status),
        (ABSTAINED, tested.abstained, np.full(len(tested.label), "")),
        (ANSWERED, tested.answered, calls),
    ):
        yield from divide(
            step, dict(zip(tested.patient[inside].tolist(), what[inside].tolist(), strict=True))
        )

"""Decision curves of an external test: the net benefit of treating by the frozen, scaled scores.

All patients of known class count; who has no reading is not treated.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokeclock.evaluation.decision import NO_PROBABILITY, STRATEGIES, THRESHOLDS
from strokeclock.evaluation.estimates import draw_persons, measure_benefit
from strokeclock.evaluation.external.patients import ExternalTest, Tested, read_external
from strokeclock.evaluation.external.performance import NO_PATIENT, NOT_RUN
from strokeclock.evaluation.external.readers import read_external_calls
from strokeclock.evaluation.tables import KEY, name_target, rate_columns, write_table
from strokeclock.predictions import READER_THRESHOLD_MIN

COLUMNS = (
    *("target", *KEY, "side", "n", "persons", "positives", "threshold"),
    *(*rate_columns("net_benefit"), "note"),
)


def write_external_decision(
    readings: str | Path,
    table: str | Path,
    *,
    operating: str | Path,
    cohort: str | Path,
    exclusions: str | Path,
    readers: str | Path | None = None,
    settings: Mapping[str, Any],
) -> None:
    """Write net benefits on the external patients, a row a model and threshold probability.

    Parameters
    ----------
    readings, operating, cohort, exclusions, readers : paths
        As of `performance.write_external`.
    table : path
        tables/external_decision.csv (`COLUMNS`); stage is "strategy" for treat all and treat none, "readers"
        for the readers, whose patients are those who were not excluded.
    settings : mapping
        The configuration's `evaluation`: confidence, bootstraps.

    Raises
    ------
    ReadingsError, FittedError, ConfigurationError
        The readings, the bundle's file or the reader sheet are damaged or contradict the cohort.
    """
    test = read_external(readings, operating=operating, cohort=cohort, exclusions=exclusions)
    rows: list[dict[str, Any]] = []
    for below_min in dict.fromkeys(tested.frozen.below_min for tested in test.tested):
        of_target = [tested for tested in test.tested if tested.frozen.below_min == below_min]
        for key, truth, treated in _list_models(of_target, test, readers):
            cells = {
                "target": name_target(below_min),
                **key,
                "n": len(truth),
                "persons": truth["person"].nunique(),
                "positives": int(truth["label"].sum()),
            }
            rows += [cells | row for row in _curve(truth, treated, settings)]
    write_table(table, rows or [{"note": NOT_RUN}], columns=COLUMNS)


def _list_models(
    of_target: list[Tested], test: ExternalTest, readers: str | Path | None
) -> Iterator[tuple[dict[str, str], pd.DataFrame, np.ndarray | None]]:
    """Yield each model's key, its patients' label and person, and whom it treats, (n, thresholds) or None."""
    first = of_target[0]
    truth = pd.DataFrame({"label": first.label, "person": first.person}, index=first.patient)
    for strategy, treats in STRATEGIES.items():
        treated = np.full((len(truth), len(THRESHOLDS)), treats)
        yield dict(zip(KEY, ("strategy", strategy, ""), strict=True)), truth, treated
    for tested in of_target:
        scaled = tested.judged.scaled
        called = None if scaled is None else tested.is_read[:, None] & (scaled[:, None] >= THRESHOLDS)
        yield tested.frozen.key | {"side": tested.side_from}, truth, called
    if readers and first.frozen.below_min == READER_THRESHOLD_MIN:
        calls = read_external_calls(readers, test=test, tested=first)
        for name, judged in calls.items():
            called = judged.to_numpy(bool)[:, None].repeat(len(THRESHOLDS), axis=1)
            key = dict(zip(KEY, ("readers", str(name), ""), strict=True))
            yield key, truth.loc[calls.index], called


def _curve(
    truth: pd.DataFrame, treated: np.ndarray | None, settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    if treated is None or truth.empty:
        yield {"note": NO_PATIENT if truth.empty else NO_PROBABILITY}
        return
    draws = draw_persons(truth["person"].to_numpy(str), bootstraps=settings["bootstraps"])
    found = measure_benefit(
        truth["label"].to_numpy(), treated, THRESHOLDS, draws, confidence=settings["confidence"]
    )
    for threshold, benefit in zip(THRESHOLDS, found, strict=True):
        yield {"threshold": threshold, **benefit}

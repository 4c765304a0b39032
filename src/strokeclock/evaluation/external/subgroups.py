"""An external test in groups of patients: site, field strength, lesion volume, age, sex, side, borderline.

The threshold is the frozen one. A group with few of a class is counted, not measured.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokeclock.evaluation.estimates import are_enough, draw_persons, measure_auc, measure_calls
from strokeclock.evaluation.external.patients import read_external
from strokeclock.evaluation.external.performance import ALL as EVERYBODY
from strokeclock.evaluation.external.performance import (
    GROUP,
    NO_ANSWER,
    NO_INTERVAL,
    NO_PATIENT,
    NO_PREVALENCE,
    NO_THRESHOLD,
    NOT_RUN,
    Group,
    list_groups,
)
from strokeclock.evaluation.subgroups import ALL, NOT_GIVEN, assign_groups
from strokeclock.evaluation.tables import TOO_FEW, rate_columns, write_table

COLUMNS = (
    *(*GROUP, "variable", "group", "n", "persons", "positives", "no_reading", "abstained"),
    *(*rate_columns("auc", "accuracy"), "threshold", "note"),
)


def write_external_subgroups(
    readings: str | Path,
    table: str | Path,
    *,
    operating: str | Path,
    cohort: str | Path,
    exclusions: str | Path,
    settings: Mapping[str, Any],
) -> None:
    """Write AUC and accuracy in groups of the external patients, a row a group.

    Parameters
    ----------
    readings, operating, cohort, exclusions : paths
        As of `performance.write_external`. A patient's group by volume is the same for both sides
        (`ExternalTest.volume_ml`).
    table : path
        tables/external_subgroups.csv (`COLUMNS`).
    settings : mapping
        The configuration's `evaluation`: confidence, bootstraps.

    Raises
    ------
    ReadingsError, FittedError
        The readings or the bundle's file are damaged or contradict the cohort.
    """
    test = read_external(readings, operating=operating, cohort=cohort, exclusions=exclusions)
    rows: list[dict[str, Any]] = []
    for tested in test.tested:
        lesions = pd.DataFrame({"volume_ml": test.volume_ml})
        groups = assign_groups(test.cohort.loc[tested.patient], lesions)
        for group in list_groups(tested):
            rows += _rows(group, groups, settings)
    write_table(table, rows or [{"note": NOT_RUN}], columns=COLUMNS)


def _rows(group: Group, groups: pd.DataFrame, settings: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    if not group.inside.any():
        note = NO_PATIENT if group.name == EVERYBODY else NO_ANSWER
        yield group.cells | {"variable": ALL, "group": ALL, "note": note}
        return
    for variable, column in groups.items():
        for name in column.cat.categories:
            part = Group(group.tested, group.name, group.inside & (column == name).to_numpy())
            if name == NOT_GIVEN and not part.inside.any():
                continue
            yield part.cells | {"variable": variable, "group": name} | _measure(part, name, settings)


def _measure(part: Group, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    label, judged = part.label, part.tested.judged
    if name == NOT_GIVEN or not are_enough(label):
        return {"note": NOT_GIVEN if name == NOT_GIVEN else TOO_FEW}
    draws = draw_persons(part.tested.person[part.inside], bootstraps=settings["bootstraps"])
    cells: dict[str, Any] = {}
    notes = []
    score = judged.predicted[part.inside]
    if np.isnan(score).any():
        notes.append(NO_PREVALENCE)
    else:
        cells |= measure_auc(label, score, draws, confidence=settings["confidence"])
        notes += [NO_INTERVAL] * bool(np.isnan(cells["auc_low"]))
    if judged.called is None:
        notes.append(NO_THRESHOLD)
    else:
        called = judged.called[part.inside]
        rates = measure_calls(label, called, draws, confidence=settings["confidence"])
        cells |= {column: rates[column] for column in rate_columns("accuracy")}
        cells["threshold"] = part.tested.frozen.threshold
    return cells | {"note": "; ".join(notes)}

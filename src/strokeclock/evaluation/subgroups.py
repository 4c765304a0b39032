"""Each TSS < 4.5 h row of Table 2 in groups of patients: field strength, lesion, age, sex, side, borderline.

The threshold is the row's own, never a group's. A group with few of a class is counted, not measured.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokeclock.cohort.sheet import SIDES
from strokeclock.evaluation.intervals import UNDEFINED, delong_interval
from strokeclock.evaluation.metrics import auc, count
from strokeclock.evaluation.table2 import choose_threshold
from strokeclock.evaluation.tables import (
    FEWEST,
    KEY,
    TOO_FEW,
    name_row,
    rate_columns,
    rates,
    read_arms,
    with_interval,
    write_table,
)
from strokeclock.predictions import PAPER, READER_THRESHOLD_MIN, ArmPredictions, Tasks

NOT_GIVEN = "not given"
ALL, VOLUME = "all", "lesion volume"
VOLUMES_ML = {"< 3 mL": (0, 3), "3 to 20 mL": (3, 20), "20 mL or more": (20, np.inf)}
OLD = 70
BORDERLINE_MIN = (240, 300)  # 4 to 5 h: half an hour around the threshold
COLUMNS = (
    *(*KEY, "variable", "group", "n", "positives", *rate_columns("auc", "sensitivity", "specificity")),
    *("threshold", "threshold_source", "note"),
)
NOT_RUN = "not run: no row that asks for TSS < 4.5 h"


def write_subgroups(
    predictions: Iterable[str | Path],
    output: str | Path,
    *,
    cohort: str | Path,
    split: str | Path,
    volumes: str | Path,
    settings: Mapping[str, Any],
    tasks: Tasks = PAPER,
) -> None:
    """Write AUC, sensitivity and specificity on the test part's groups, a row a model and group.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines.
    output : path
        tables/subgroups.csv (`COLUMNS`).
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    volumes : path
        lesions/volumes.tsv: patient, volume_ml, source.
    settings : mapping
        The configuration's `evaluation`: threshold, fixed_threshold, confidence.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.
    """
    patients, lesions = (
        pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False).set_index("patient")
        for path in (cohort, volumes)
    )
    groups, sources = assign_groups(patients, lesions), lesions["source"]
    rows = []
    for arm, found in read_arms(predictions, cohort=cohort, split=split, tasks=tasks).items():
        if tasks[arm.phase] == READER_THRESHOLD_MIN:
            rows += [name_row(arm) | row for row in _rows(found, groups, sources, settings)]
    write_table(output, rows or [{"note": NOT_RUN}], columns=COLUMNS)


def assign_groups(patients: pd.DataFrame, lesions: pd.DataFrame) -> pd.DataFrame:
    """Each patient's groups, a column a variable: categories in order, `NOT_GIVEN` where a value is missing.

    Parameters
    ----------
    patients, lesions : index patient
        The columns of cohort.tsv and volumes.tsv, as texts.
    """

    def number(column: pd.Series) -> pd.Series:
        return pd.to_numeric(column).reindex(patients.index)

    def cut(values: pd.Series, bounds: Mapping[str, tuple[float, float]]) -> pd.Series:
        named = pd.Series(NOT_GIVEN, patients.index)
        for name, (low, high) in bounds.items():
            named[(values >= low) & (values < high)] = name
        return named.astype(pd.CategoricalDtype([*bounds, NOT_GIVEN]))

    field = number(patients["field_t"])
    volume = number(lesions["volume_ml"])
    minutes = number(patients["onset_to_mri_min"])
    borderline = minutes.between(*BORDERLINE_MIN).map({True: "4 to 5 h", False: "outside"})
    columns = {
        ALL: pd.Series(ALL, patients.index),
        "field strength": field.map(lambda tesla: NOT_GIVEN if np.isnan(tesla) else f"{tesla:g} T"),
        VOLUME: cut(volume, VOLUMES_ML),
        "age": cut(number(patients["age"]), {f"< {OLD}": (0, OLD), f"{OLD} or more": (OLD, np.inf)}),
        "sex": patients["sex"].map({"F": "female", "M": "male"}).fillna(NOT_GIVEN),
        "side": patients["lesion_side"]
        .replace("", NOT_GIVEN)
        .astype(pd.CategoricalDtype([*SIDES, NOT_GIVEN])),
        "time since onset": borderline,
    }
    return pd.DataFrame(columns).astype("category")


def _rows(
    predictions: ArmPredictions, groups: pd.DataFrame, sources: pd.Series, settings: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    test, confidence = predictions.units("test"), settings["confidence"]
    groups, sources = groups.loc[test.patient], sources.reindex(test.patient)
    try:
        threshold, source = choose_threshold(predictions, settings)
    except ValueError:
        threshold, source = np.nan, ""
    for variable, column in groups.items():
        for group in column.cat.categories:
            inside = (column == group).to_numpy()
            label, score = test.label[inside], test.score[inside]
            counts = count(label, score >= threshold)
            row = {"variable": variable, "group": group, "n": counts.n, "positives": counts.positives}
            notes = []
            if group == NOT_GIVEN:
                if not counts.n:
                    continue
                notes.append(NOT_GIVEN)
            elif min(counts.positives, counts.negatives) < FEWEST:
                notes.append(TOO_FEW)
            else:
                interval = delong_interval(label, score, confidence=confidence)
                row |= with_interval("auc", auc(label, score), interval)
                if interval is UNDEFINED:
                    notes.append("no interval: an AUC of 0 or 1")
                if source:
                    cells = rates(counts, confidence=confidence)
                    row |= {name: cells[name] for name in rate_columns("sensitivity", "specificity")}
                    row |= {"threshold": threshold, "threshold_source": source}
                else:
                    notes.append("no threshold: the part that chooses it has one class only")
            if variable == VOLUME and counts.n:
                found = sources[inside].value_counts().sort_index()
                notes.append("volume from " + ", ".join(f"{name}: {times}" for name, times in found.items()))
            yield row | {"note": "; ".join(notes)}

"""Each TSS < 4.5 h row of Table 2 in groups of patients: site, scanner, lesion, age, sex, side, borderline.

The threshold is the row's own, never a group's. A group with few of a class is counted, not measured.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokeclock.cohort.sheet import LESION_SIDES
from strokeclock.cohort.tables import read_cohort
from strokeclock.evaluation.intervals import UNDEFINED, delong_interval
from strokeclock.evaluation.metrics import auc, count
from strokeclock.evaluation.operating import Threshold, read_thresholds
from strokeclock.evaluation.tables import (
    FEWEST,
    KEY,
    TOO_FEW,
    name_row,
    rate_columns,
    rates,
    read_scorers,
    with_interval,
    write_table,
)
from strokeclock.predictions import PAPER, READER_THRESHOLD_MIN, ScorerPredictions, Tasks

NOT_GIVEN = "not given"
ALL, SITE, SCANNER, VOLUME = "all", "site", "scanner", "lesion volume"
SOURCES = {"mask": "drawn", "automatic": "found on DWI", "none": "none found"}  # of volumes.tsv, in words
VOLUMES_ML = {"< 3 mL": (0, 3), "3 to 20 mL": (3, 20), "20 mL or more": (20, np.inf)}
OLD = 70
BORDERLINE_MIN = (240, 300)  # 4 to 5 h: half an hour around the threshold
COLUMNS = (
    *(*KEY, "variable", "group", "n", "positives", *rate_columns("auc", "sensitivity", "specificity")),
    *("threshold", "threshold_source", "note"),
)
NOT_RUN = "not run: no row with the target TSS < 4.5 h"


def write_subgroups(
    predictions: Iterable[str | Path],
    table: str | Path,
    *,
    thresholds: str | Path,
    cohort: str | Path,
    split: str | Path,
    volumes: str | Path,
    protocols: str | Path,
    settings: Mapping[str, Any],
    tasks: Tasks = PAPER,
) -> None:
    """Write AUC, sensitivity and specificity on the test part's groups, a row a model and group.

    Parameters
    ----------
    predictions : paths
        The prediction files of the run, of networks and baselines.
    table : path
        tables/subgroups.csv (`COLUMNS`).
    thresholds : path
        fitted/thresholds.json, of these predictions.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    volumes : path
        lesions/volumes.tsv: patient, volume_ml, source.
    protocols : path
        cohort/protocol.tsv: a row a series, with vendor and field_t.
    settings : mapping
        The configuration's `evaluation`: confidence.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.

    Raises
    ------
    PredictionError, FittedError
        The predictions contradict the cohort or each other, or are not those that the file was fitted on.
    """
    groups, sources = read_groups(cohort, volumes=volumes, protocols=protocols)
    scorers = {
        scorer: found
        for scorer, found in read_scorers(predictions, cohort=cohort, split=split, tasks=tasks).items()
        if tasks[scorer.phase] == READER_THRESHOLD_MIN
    }
    rows = []
    for scorer, threshold in read_thresholds(thresholds, scorers, tasks=tasks).rows.items():
        found = _rows(scorers[scorer], groups, sources, threshold, settings["confidence"])
        rows += [name_row(scorer) | row for row in found]
    write_table(table, rows or [{"note": NOT_RUN}], columns=COLUMNS)


def read_groups(
    cohort: str | Path, *, volumes: str | Path, protocols: str | Path
) -> tuple[pd.DataFrame, pd.Series]:
    """Read the cohort's groups (`assign_groups`), and where each patient's lesion volume comes from."""
    lesions = pd.read_csv(volumes, sep="\t", dtype=str, keep_default_na=False).set_index("patient")
    patients = read_cohort(cohort).set_index("patient")
    return assign_groups(patients, lesions, read_scanners(protocols)), lesions["source"]


def read_scanners(protocols: str | Path) -> pd.Series:
    """Read each patient's scanner in words, "Siemens 3 T", from protocol.tsv; the index is the patient.

    Vendor and field strength are those of the first series that has them. Who has neither is left out.
    """
    series = pd.read_csv(protocols, sep="\t", dtype=str, na_values=["n/a"], keep_default_na=False)
    found = series.groupby("patient")[["vendor", "field_t"]].first()
    vendor, field = found["vendor"], found["field_t"] + " T"
    return (vendor + " " + field).fillna(vendor).fillna("vendor unknown, " + field).dropna()


def assign_groups(
    patients: pd.DataFrame, lesions: pd.DataFrame, scanners: pd.Series | None = None
) -> pd.DataFrame:
    """Each patient's groups, a column a variable: categories in order, `NOT_GIVEN` where a value is missing.

    Parameters
    ----------
    patients, lesions : index patient
        The columns of cohort.tsv (`read_cohort`) and of volumes.tsv. Without the column source, there is no
        group by the source of the lesion's mask.
    scanners : index patient
        Names of scanners (`read_scanners`); None: there is no group by scanner.
    """

    def number(column: pd.Series) -> pd.Series:
        return pd.to_numeric(column).reindex(patients.index)

    def cut(values: pd.Series, bounds: Mapping[str, tuple[float, float]]) -> pd.Series:
        named = pd.Series(NOT_GIVEN, patients.index)
        for name, (low, high) in bounds.items():
            named[(values >= low) & (values < high)] = name
        return named.astype(pd.CategoricalDtype([*bounds, NOT_GIVEN]))

    def sort_names(values: pd.Series) -> pd.Series:
        named = values.reindex(patients.index).astype(object).fillna(NOT_GIVEN)
        return named.astype(pd.CategoricalDtype([*sorted({*named} - {NOT_GIVEN}), NOT_GIVEN]))

    field = number(patients["field_t"])
    volume = number(lesions["volume_ml"])
    minutes = number(patients["onset_to_mri_min"])
    borderline = minutes.between(*BORDERLINE_MIN).map({True: "4 to 5 h", False: "outside"})
    borderline = borderline.where(minutes.notna(), NOT_GIVEN)  # of a class alone
    columns = {
        ALL: pd.Series(ALL, patients.index),
        SITE: sort_names(patients["site"]),
        **({} if scanners is None else {SCANNER: sort_names(scanners)}),
        "field strength": field.map(lambda tesla: NOT_GIVEN if np.isnan(tesla) else f"{tesla:g} T"),
        VOLUME: cut(volume, VOLUMES_ML),
        **({"lesion mask": sort_names(lesions["source"].map(SOURCES))} if "source" in lesions else {}),
        "age": cut(number(patients["age"]), {f"< {OLD}": (0, OLD), f"{OLD} or more": (OLD, np.inf)}),
        "sex": patients["sex"].map({"F": "female", "M": "male"}).fillna(NOT_GIVEN),
        "side": patients["lesion_side"]
        .fillna(NOT_GIVEN)
        .astype(pd.CategoricalDtype([*LESION_SIDES, NOT_GIVEN])),
        "time since onset": borderline,
    }
    return pd.DataFrame(columns).astype("category")


def _rows(
    predictions: ScorerPredictions,
    groups: pd.DataFrame,
    sources: pd.Series,
    threshold: Threshold,
    confidence: float,
) -> Iterator[dict[str, Any]]:
    test = predictions.units("test")
    groups, sources = groups.loc[test.patient], sources.reindex(test.patient)
    value = np.nan if threshold.value is None else threshold.value
    for variable, column in groups.items():
        for group in column.cat.categories:
            inside = (column == group).to_numpy()
            label, score = test.label[inside], test.score[inside]
            counts = count(label, score >= value)
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
                if threshold.value is not None:
                    cells = rates(counts, confidence=confidence)
                    row |= {name: cells[name] for name in rate_columns("sensitivity", "specificity")}
                    row |= {"threshold": value, "threshold_source": threshold.source}
                else:
                    notes.append("no threshold: the part that it is chosen on has one class only")
            if variable == VOLUME and counts.n:
                found = sources[inside].value_counts().sort_index()
                notes.append("volume from " + ", ".join(f"{name}: {times}" for name, times in found.items()))
            yield row | {"note": "; ".join(notes)}

"""Which patients a part has, and how far the parts differ: standardised differences.

Of numbers: the difference of the means over the root of the mean variance (Austin 2009). Of categories: the
Mahalanobis distance of the shares with the mean of both multinomial covariances (Yang and Dalton 2012), which
for two levels is the difference of the shares over the same root.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from strokeclock.cohort.cells import read_columns
from strokeclock.cohort.demographics import read_divided
from strokeclock.cohort.labels import label_time
from strokeclock.cohort.onset import CLASS_MIN, MINUTES
from strokeclock.cohort.parts import PARTS
from strokeclock.cohort.protocol import MISSING
from strokeclock.evaluation.tables import name_target, write_table
from strokeclock.predictions import Tasks
from strokeclock.segmentation.lesion import read_volumes

SMALL = 0.1  # a standardised difference within it is usually called small (Austin 2009)
VOLUME = "volume_ml"
NUMBERS = {"age": "age, years", "nihss": "NIHSS", MINUTES: "TSS, min", VOLUME: "lesion volume, mL"}
SHORT = name_target(CLASS_MIN)
QUARTILES = ("0.25", "0.5", "0.75")
ENDS = ("_low", "", "_high")  # of the columns of a part's quartiles
NO_SPREAD = "no standardised difference: nobody differs from the others of a cohort"
ALIKE = "no standardised difference: all alike, or no level in both parts"
VENDOR, SITE, ONSET = "vendor", "site", "onset known"
TRAIN, *COMPARED = PARTS
COLUMNS = (
    *("variable", "level"),
    *(f"{part}{end}" for part in PARTS for end in ("_n", "", "_low", "_high")),
    *(f"{name}_{part}" for part in COMPARED for name in ("smd", "chance")),
    *("above", "note"),
)
NOT_GIVEN = "not given in any part"
FEW = "no standardised difference: fewer than two values in a part"


def describe_case_mix(patients: pd.DataFrame, volume_ml: pd.Series) -> dict[str, Any]:
    """Summarise patients, without naming one.

    Parameters
    ----------
    patients : the columns of `read_cohort`, indexed by patient.
    volume_ml : of the lesion, indexed by patient; may lack some.

    Returns
    -------
    {"n": patients, "numbers": {name of `NUMBERS`: {"n", "mean", "sd", "quantiles": {"0.25": …}}}, "shares":
    {name: {"n", "shares": {level: share}}}} of sex, field strength, lesion side and TSS < 4.5 h; n counts the
    patients whose value is known. What nobody has is left out, as is the sd of one patient.
    """
    return summarise(patients.assign(**{VOLUME: volume_ml}), list_levels(patients, limits=(CLASS_MIN,)))


def list_levels(patients: pd.DataFrame, *, limits: Sequence[float]) -> dict[str, pd.Series]:
    """Return each category of `describe_case_mix` -> the patients' levels; of TSS, one a limit in minutes."""
    return {
        "sex": patients["sex"].map({"F": "female", "M": "male"}),
        "field strength": patients["field_t"].dropna().map(lambda tesla: f"{float(tesla):g} T"),
        "lesion side": patients["lesion_side"],
        **{
            name_target(limit): label_time(patients, below_min=limit).map({1.0: "yes", 0.0: "no"})
            for limit in limits
        },
    }


def summarise(patients: pd.DataFrame, levels: Mapping[str, pd.Series]) -> dict[str, Any]:
    """Summarise the `NUMBERS` and these categories of patients, as of `describe_case_mix`."""
    numbers = {
        name: _describe_numbers(pd.to_numeric(patients[name]).dropna().astype(float)) for name in NUMBERS
    }
    shares = {
        name: _describe_shares(values.reindex(patients.index).dropna().astype(str))
        for name, values in levels.items()
    }
    return {
        "n": len(patients),
        "numbers": {name: found for name, found in numbers.items() if found["n"]},
        "shares": {name: found for name, found in shares.items() if found["n"]},
    }


def _describe_numbers(values: pd.Series) -> dict[str, Any]:
    if values.empty:
        return {"n": 0}
    found: dict[str, Any] = {"n": len(values), "mean": float(values.mean())}
    if len(values) > 1:
        found["sd"] = float(values.std(ddof=1))
    return found | {"quantiles": {at: float(values.quantile(float(at))) for at in QUARTILES}}


def _describe_shares(values: pd.Series) -> dict[str, Any]:
    shares = values.value_counts(normalize=True).sort_index()
    return {"n": len(values), "shares": {str(level): float(share) for level, share in shares.items()}}


def standardise(means: Sequence[float], variances: Sequence[float]) -> float | None:
    """Return the second mean minus the first over the root of the mean variance; None where that is 0."""
    if (spread := math.sqrt(sum(variances) / 2)) == 0:
        return None
    return (means[1] - means[0]) / spread


def standardise_shares(first: Mapping[str, float], second: Mapping[str, float]) -> float | None:
    """Return the standardised difference of a category's levels, 0 or more.

    Parameters
    ----------
    first, second : level -> share in a part; a level may be missing in one of them.

    Returns
    -------
    The root of d' S⁻¹ d: d are the differences of the shares of all levels but one, S is the mean of both
    covariances, p (1 - p) on the diagonal and -p q beside it. None where S has no inverse: then some levels
    separate the parts, or nobody differs from the others.
    """
    levels = sorted({*first, *second})[1:]
    shares = np.array([[part.get(level, 0.0) for level in levels] for part in (first, second)])
    covariance = np.mean([np.diag(part) - np.outer(part, part) for part in shares], axis=0)
    if not levels or np.linalg.matrix_rank(covariance) < len(levels):
        return None
    difference = shares[1] - shares[0]
    return float(np.sqrt(difference @ np.linalg.solve(covariance, difference)))


def write_case_mix(
    cohort: str | Path,
    split: str | Path,
    table: str | Path,
    *,
    volumes: str | Path,
    protocol: str | Path,
    tasks: Tasks,
) -> None:
    """Write the patients of known onset of the three parts side by side.

    Parameters
    ----------
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    table : path
        tables/case_mix.csv (`COLUMNS`). Numbers have one row, with median and quartiles of each part; a
        category has one for its difference, and one with the share of each level. ``smd_…`` compares a part
        with the training part. ``chance_…`` is how large the difference is on average (root mean square) if
        patients are dealt at random. ``above`` names the parts whose difference exceeds `SMALL`.
    volumes : path
        lesions/volumes.tsv.
    protocol : path
        cohort/protocol.tsv: vendor, and the field strength where the cohort sheet has none.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.
    """
    patients = read_divided(cohort, split)
    volume = {patient: size.volume_ml for patient, size in read_volumes(volumes).items()}
    vendor, field_t = (_read_first(protocol, column) for column in ("vendor", "field_t"))
    patients = patients.assign(
        field_t=pd.to_numeric(patients["field_t"]).fillna(field_t.astype(float).reindex(patients.index)),
        **{VOLUME: pd.Series(volume, dtype=float).reindex(patients.index)},
    )
    limits = sorted({limit for limit in tasks.values() if limit})
    levels = list_levels(patients, limits=limits) | {
        ONSET: patients[MINUTES].notna().map({True: "to the minute", False: "by its class alone"}),
        VENDOR: vendor,
        SITE: patients["site"],
    }
    parts = {part: summarise(patients[patients["part"] == part], levels) for part in PARTS}
    write_table(table, [*_number_rows(parts), *_share_rows(parts, [*levels])], columns=COLUMNS)


def _read_first(protocol: str | Path, column: str) -> pd.Series:
    """Read a column's value of each patient's first series that has one, as text."""
    found: dict[str, str] = {}
    for patient, value in read_columns(protocol, "patient", column):
        if value != MISSING:
            found.setdefault(patient, value)
    return pd.Series(found, dtype=object)


def _number_rows(parts: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for name, label in NUMBERS.items():
        found = {part: summary["numbers"].get(name) for part, summary in parts.items()}
        cells: dict[str, Any] = {"variable": label}
        for part, one in found.items():
            cells[f"{part}_n"] = one["n"] if one else 0
            for end, at in zip(ENDS, QUARTILES, strict=True):
                cells[f"{part}{end}"] = one["quantiles"][at] if one else math.nan
        yield cells | _compare(found, _compare_numbers, freedom=1)


def _compare_numbers(first: Mapping[str, Any], second: Mapping[str, Any]) -> float | None:
    both = first, second
    if not all("sd" in one for one in both):
        return math.nan
    return standardise([one["mean"] for one in both], [one["sd"] ** 2 for one in both])


def _compare_shares(first: Mapping[str, Any], second: Mapping[str, Any]) -> float | None:
    return standardise_shares(first["shares"], second["shares"])


def _share_rows(parts: Mapping[str, Mapping[str, Any]], names: Sequence[str]) -> Iterator[dict[str, Any]]:
    for name in names:
        found = {part: summary["shares"].get(name) for part, summary in parts.items()}
        every = sorted({level for one in found.values() if one for level in one["shares"]})
        counts = {f"{part}_n": one["n"] if one else 0 for part, one in found.items()}
        yield {"variable": name, **counts} | _compare(found, _compare_shares, freedom=len(every) - 1)
        for level in every:
            yield {"variable": name, "level": level} | {
                part: one["shares"].get(level, 0.0) if one else math.nan for part, one in found.items()
            }


def _compare(
    found: Mapping[str, Mapping[str, Any] | None],
    compare: Callable[[Mapping[str, Any], Mapping[str, Any]], float | None],
    *,
    freedom: int,
) -> dict[str, Any]:
    """The differences from the training part, what chance alone makes, and a note where there is none."""
    if not any(found.values()):
        return {"note": NOT_GIVEN}
    cells: dict[str, Any] = {}
    notes: dict[str, None] = {}
    above = []
    for part in COMPARED:
        train, other = found[TRAIN], found[part]
        if train is None or other is None:
            notes[f"not given in the {TRAIN if train is None else part} part"] = None
            continue
        difference = compare(train, other)
        if difference is None:
            notes[ALIKE if "shares" in train else NO_SPREAD] = None
        elif math.isnan(difference):
            notes[FEW] = None
        else:
            cells[f"smd_{part}"] = difference
            cells[f"chance_{part}"] = math.sqrt(freedom * (1 / train["n"] + 1 / other["n"]))
            above += [part] if abs(difference) > SMALL else []
    return cells | {"above": ", ".join(above), "note": "; ".join(notes)}

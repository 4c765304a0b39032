"""Repeated splits: the rows of Table 2 over several divisions of the same patients.

One split of a small cohort says little: another test part would give other numbers. Here each split has its
own networks, thresholds and Table 2, and what is printed is how its numbers vary from split to split.

Training parts of two splits share most of their patients, and test parts share some. The splits' results
are therefore not independent, and the usual standard error, s / √n, is too small. The intervals and tests
here use the variance (1/n + n_test/n_train) s² of Nadeau and Bengio (Machine Learning 52:239-281, 2003) with
n - 1 degrees of freedom. It is an approximation: no unbiased estimate of this variance exists. n_test and
n_train are the patients of the test and training parts who have the task's label; the validation part does
not count as training, which makes the intervals wider.

A patient may be in the training part of one split and in the test part of another. No test part is untouched
by the choice of methods any more: the results describe this cohort, and replace no external test.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from strokeclock.cohort.parts import read_split
from strokeclock.cohort.tables import read_members
from strokeclock.errors import StrokeclockError
from strokeclock.evaluation.comparison import correct_by_holm
from strokeclock.evaluation.tables import KEY, RATES, write_table
from strokeclock.models.registry import networks
from strokeclock.predictions import PAPER, Tasks

MEASURES = ("auc", *RATES)
READERS = "readers"  # the stage of the readers' rows
RANDOM = "random"
_LEAST_RANGE = 1e-9  # under it values are equal, but for rounding; Table 2 has six decimals
COLUMNS = (
    *(*KEY, "target", "splits", "test_to_train"),
    *(f"{measure}_{what}" for measure in MEASURES for what in ("mean", "sd", "min", "max", "low", "high")),
    "note",
)
DIFFERENCES = (
    *("target", "a", "b", "splits", "test_to_train", "mean", "sd", "min", "max", "low", "high", "t", "p"),
    *("family", "p_holm", "note"),
)
SPLITS = (*KEY, "target", "split", "n", "positives", *MEASURES, "threshold", "threshold_source", "note")


Key = tuple[str, ...]
Rows = dict[Key, list[dict[str, Any]]]


class RepeatError(StrokeclockError):
    """The tables of the splits do not fit together."""


class Spread(NamedTuple):
    """Of a measure over splits; NaN where undefined.

    Attributes
    ----------
    n
        Number of splits.
    mean, sd, minimum, maximum
        Over splits; SD with n - 1 in the denominator.
    low, high
        Of the mean's interval, which allows for splits that overlap.
    t, p
        Of the test that the mean is 0, two-sided.
    """

    n: int
    mean: float
    sd: float
    minimum: float
    maximum: float
    low: float
    high: float
    t: float
    p: float


def write_repeats(
    tables: Sequence[str | Path],
    table: str | Path,
    differences: str | Path,
    by_split: str | Path,
    *,
    splits: Sequence[str | Path],
    cohort: str | Path,
    seeds: Sequence[int],
    confidence: float,
    tasks: Tasks = PAPER,
) -> None:
    """Write the tables of repeated splits.

    tables/repeats.csv (`COLUMNS`), repeats_differences.csv (`DIFFERENCES`), repeats_splits.csv (`SPLITS`).

    Parameters
    ----------
    tables : paths
        tables/table2.csv of each split.
    table, differences, by_split : paths
        The rows of Table 2 over splits; the chain's AUC minus that of random weights; each split's rows.
    splits : paths
        cohort/split.tsv of each split, in the same order.
    cohort : path
        cohort/cohort.tsv.
    seeds : ints
        Of the splits, in the same order.
    confidence : float
        Of the intervals.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below; None: where the hemisphere holds a lesion.

    Raises
    ------
    RepeatError
        The tables do not have the same rows.
    """
    rows = _read_rows(tables, seeds)
    ratios = {
        below_min: float(np.mean([_compare_parts(cohort, split, below_min=below_min) for split in splits]))
        for below_min in {*tasks.values()}
    }
    ratio_of = {stage: ratios[tasks[stage]] for stage in tasks}
    write_table(
        table,
        [_summarise(key, of_row, ratio_of, confidence) for key, of_row in rows.items()],
        columns=COLUMNS,
    )
    ran = [key for key, of_row in rows.items() if any(row["status"] == "ok" for row in of_row)]
    found = [_compare(a, b, rows, ratio_of[a[0]], confidence) for a, b in list_chained_pairs(ran, tasks)] or [
        {"note": "nothing to compare: no network has a row of the chain and one from random weights"}
    ]
    write_table(differences, correct_by_holm(found), columns=DIFFERENCES)
    write_table(by_split, [_show(row) for of_row in rows.values() for row in of_row], columns=SPLITS)


def spread(values: Iterable[float], *, test_to_train: float, confidence: float) -> Spread:
    """Describe a measure over splits, with the corrected interval and test (module's docstring).

    Parameters
    ----------
    values
        Of each split.
    test_to_train
        n_test / n_train; NaN where nothing is trained: no interval and no test.
    confidence
        Of the interval, Student's t with n - 1 degrees of freedom.

    Examples
    --------
    Mean 0.8, SD 0.1 and variance (1/3 + 1/4) · 0.01 of the mean:

    >>> found = spread([0.7, 0.8, 0.9], test_to_train=0.25, confidence=0.95)
    >>> round(found.high - found.mean, 3)  # 4.303 · √0.00583
    0.329
    """
    from scipy.stats import t as student

    values = np.fromiter(values, float)
    n = len(values)
    if not n:
        return Spread(0, *[math.nan] * 8)
    mean, low, high = float(values.mean()), float(values.min()), float(values.max())
    if n == 1:
        return Spread(1, mean, math.nan, low, high, *[math.nan] * 4)
    sd = float(values.std(ddof=1)) if high - low > _LEAST_RANGE else 0.0
    error = math.sqrt(1 / n + test_to_train) * sd
    if not error > 0:  # NaN too
        return Spread(n, mean, sd, low, high, *[math.nan] * 4)
    half = float(student.ppf((1 + confidence) / 2, n - 1)) * error
    ratio = mean / error
    return Spread(
        n, mean, sd, low, high, mean - half, mean + half, ratio, float(2 * student.sf(abs(ratio), n - 1))
    )


class Overlap(NamedTuple):
    """How splits share patients.

    Attributes
    ----------
    patients : of all parts but the external one.
    tested : in the test part of at least one split.
    again : in the test part of several.
    learned : in the test part of one split and in the training or validation part of another.
    """

    patients: int
    tested: int
    again: int
    learned: int


def measure_overlap(splits: Iterable[str | Path]) -> Overlap:
    """Count how the splits (cohort/split.tsv) share patients."""
    parts = [read_split(split) for split in splits]
    tested = Counter(patient for found in parts for patient in found["test"])
    others = {patient for found in parts for part in ("train", "validation") for patient in found[part]}
    return Overlap(
        patients=len({*tested, *others}),
        tested=len(tested),
        again=sum(times > 1 for times in tested.values()),
        learned=len(others & {*tested}),
    )


def list_chained_pairs(keys: Iterable[Key], tasks: Tasks) -> Iterator[tuple[Key, Key]]:
    """Yield the pairs of rows of one network and target: of the chain, and from random weights."""
    keys = [key for key in keys if key[0] in tasks and key[1] in networks()]
    for a in keys:
        for b in keys:
            same = a[1] == b[1] and tasks[a[0]] == tasks[b[0]] is not None
            if same and a[2].startswith("phase") and b[2] == RANDOM:
                yield a, b


def _read_rows(tables: Sequence[str | Path], seeds: Sequence[int]) -> Rows:
    """Read row of Table 2 -> its row in each split, in the order of the first table."""
    rows: Rows = {}
    for path, seed in zip(tables, seeds, strict=True):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        found: list[dict[str, Any]] = [dict(row) for _, row in table.iterrows()]
        keys = [tuple(str(row[name]) for name in KEY) for row in found]
        if rows and {*rows} != {*keys}:
            strange = sorted({*rows} ^ {*keys})[0]
            raise RepeatError(
                f"{path} and {tables[0]} do not have the same rows ({'/'.join(strange)}): make both anew."
            )
        for key, row in zip(keys, found, strict=True):
            rows.setdefault(key, []).append({**row, "split": seed})
    return rows


def _compare_parts(cohort: str | Path, split: str | Path, *, below_min: float | None) -> float:
    """n_test / n_train of those who have the label; NaN without anybody in training."""
    members = read_members(cohort, split, below_min=below_min)
    test, train = len(members["test"]), len(members["train"])
    return test / train if train else math.nan


def _summarise(
    key: Key, of_row: Sequence[Mapping[str, Any]], ratio_of: Mapping[str, float], confidence: float
) -> dict[str, Any]:
    is_of_readers = key[0] == READERS
    ratio = math.nan if is_of_readers else ratio_of[key[0]]
    ran = [row for row in of_row if row["status"] == "ok"]
    cells: dict[str, Any] = dict(zip(KEY, key, strict=True))
    cells |= {"target": of_row[0]["target"], "splits": len(ran), "test_to_train": ratio}
    unvaried = False
    for measure in MEASURES:
        values = [float(row[measure]) for row in ran if row[measure]]
        found = spread(values, test_to_train=ratio, confidence=confidence)
        unvaried |= found.sd == 0
        cells |= {
            f"{measure}_mean": found.mean,
            f"{measure}_sd": found.sd,
            f"{measure}_min": found.minimum,
            f"{measure}_max": found.maximum,
            f"{measure}_low": _cut(found.low, 0, 1),
            f"{measure}_high": _cut(found.high, 0, 1),
        }
    notes = [_explain_missing(of_row)] if len(ran) < len(of_row) else []
    if len(ran) == 1:
        notes.append("one split has no SD and no interval")
    elif is_of_readers and ran:
        notes.append("readers learn from no training part: no interval")
    elif unvaried:
        notes.append("no interval where all splits have one value")
    if any("optimistic" in row["threshold_source"] for row in ran):
        notes.append("thresholds were chosen on the test parts, so that the rates are optimistic")
    return cells | {"note": "; ".join(notes)}


def _explain_missing(of_row: Sequence[Mapping[str, Any]]) -> str:
    reasons = dict.fromkeys(row["status"] for row in of_row if row["status"] != "ok")
    missing = sum(row["status"] != "ok" for row in of_row)
    return f"{missing} of {len(of_row)} splits {'; '.join(reasons)}"


def _compare(a: Key, b: Key, rows: Rows, ratio: float, confidence: float) -> dict[str, Any]:
    pairs = [
        (float(first["auc"]), float(second["auc"]))
        for first, second in zip(rows[a], rows[b], strict=True)
        if first["status"] == second["status"] == "ok"
    ]
    found = spread([first - second for first, second in pairs], test_to_train=ratio, confidence=confidence)
    notes = []
    if found.n < len(rows[a]):
        notes.append(f"{len(rows[a]) - found.n} of {len(rows[a])} splits lack one of the rows")
    if found.n == 1:
        notes.append("one split has no SD and no test")
    elif found.n > 1 and math.isnan(found.p):
        notes.append("the difference has no variance: nothing to test")
    target = rows[a][0]["target"]
    return {
        "target": target,
        "a": _name(a),
        "b": _name(b),
        "splits": found.n,
        "test_to_train": ratio,
        "mean": found.mean,
        "sd": found.sd,
        "min": found.minimum,
        "max": found.maximum,
        "low": _cut(found.low, -1, 1),
        "high": _cut(found.high, -1, 1),
        "t": found.t,
        "p": found.p,
        "family": f"chain against random weights: {target}",
        "note": "; ".join(notes),
    }


def _cut(value: float, low: float, high: float) -> float:
    """The value within what it can be; NaN stays."""
    return float(np.clip(value, low, high))


def _name(key: Key) -> str:
    """A row as the comparisons name it: <net>/<phase>/<start>."""
    stage, net, start = key
    return f"{net}/{stage}/{start}"


def _show(row: Mapping[str, Any]) -> dict[str, Any]:
    shown = {name: row[name] for name in SPLITS if name != "note"}
    return shown | {"note": "" if row["status"] == "ok" else row["status"]}

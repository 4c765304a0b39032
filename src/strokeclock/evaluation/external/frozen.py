"""What was fixed before the external patients were seen: each row's threshold, temperature and prevalence.

They are read from the bundle's file. No function of this module takes a label of the external cohort.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from strokeclock.evaluation.intervals import Interval
from strokeclock.evaluation.odds import scale
from strokeclock.evaluation.tables import KEY
from strokeclock.files import write_whole
from strokeclock.fitted import FittedError

PERFORMANCE = ("auc", "sensitivity", "specificity", "ppv", "npv", "accuracy")
CALIBRATION = ("brier", "intercept", "slope", "ece")
_REMEDY = "export the bundle anew"


class Estimate(NamedTuple):
    """A value with its interval; NaN where there is none."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan

    @property
    def interval(self) -> Interval:
        return Interval(self.low, self.high)


@dataclass(frozen=True, kw_only=True)
class Development:
    """The row's performance on the test part of the run that made the bundle.

    Attributes
    ----------
    n, positives : test patients, and those with the shorter time.
    performance : names of `PERFORMANCE` -> estimate.
    calibration : kind of scores ("as predicted", "temperature-scaled") -> names of `CALIBRATION` -> estimate.
    """

    n: int
    positives: int
    performance: Mapping[str, Estimate]
    calibration: Mapping[str, Mapping[str, Estimate]]


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """A row of the bundle.

    Attributes
    ----------
    row : <net>/<phase>/<start>.
    below_min : minutes; the label is 1 where TSS is below.
    threshold, source : from which score on a patient is called positive, and on what it was chosen; the
        threshold is None where those patients had one class.
    temperature : of the scores; None where the validation part had one class.
    prevalence : share of positives in the validation part, which is the score of a patient without a
        reading; None where that part had one class.
    development : None where the run's tables lack the row.
    """

    row: str
    below_min: float
    threshold: float | None
    source: str
    temperature: float | None
    prevalence: float | None
    development: Development | None = None

    @property
    def key(self) -> dict[str, str]:
        """Stage, model and start, as in Table 2."""
        net, phase, start = self.row.split("/")
        return dict(zip(KEY, (phase, net, start), strict=True))


@dataclass(frozen=True)
class Judged:
    """What frozen numbers make of scores.

    Attributes
    ----------
    called : (n,) whether a patient is called positive, never without a reading; None without a threshold.
    predicted : (n,) the scores, the prevalence in place of a missing one.
    scaled : (n,) with the temperature, the prevalence in place of a missing one; None without a temperature.
    """

    called: np.ndarray | None
    predicted: np.ndarray
    scaled: np.ndarray | None


def judge(score: ArrayLike, frozen: Frozen) -> Judged:
    """Apply the frozen threshold and temperature to scores (n,), NaN without a reading.

    No label enters. Without a prevalence, the scores of patients without a reading stay NaN.
    """
    score = np.asarray(score, float)
    called = None if frozen.threshold is None else score >= frozen.threshold  # NaN is not
    missing = np.nan if frozen.prevalence is None else frozen.prevalence
    scaled = None
    if frozen.temperature is not None:
        scaled = np.where(np.isnan(score), missing, scale(score, frozen.temperature))
    return Judged(called, np.where(np.isnan(score), missing, score), scaled)


def read_frozen(path: str | Path) -> dict[str, Frozen]:
    """Read the bundle's operating.json: row -> frozen numbers, in the file's order.

    The file holds under "rows" the fields of `Frozen` (but row) for each row; further keys are ignored.

    Raises
    ------
    FittedError
        The file is no such file, or a number lies outside its range. One sentence.
    """
    name = Path(path).name
    try:
        rows = json.loads(Path(path).read_text(encoding="utf-8"))["rows"]
        found = {row: from_json(row, fields) for row, fields in rows.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise FittedError(f"{name} does not hold the operating points of a bundle: {_REMEDY}.") from None
    for frozen in found.values():
        if fault := _find_fault(frozen):
            raise FittedError(f"{name}: {frozen.row} {fault}: {_REMEDY}.")
    return found


def write_frozen(path: str | Path, rows: Iterable[Frozen]) -> None:
    """Write an operating.json that `read_frozen` reads back exactly."""
    content = {"rows": {frozen.row: to_json(frozen) for frozen in rows}}
    write_whole(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def to_json(frozen: Frozen) -> dict[str, Any]:
    """The fields of a row as operating.json holds them; an estimate is [value, low, high], null for NaN."""
    content = {
        name: getattr(frozen, name) for name in ("below_min", "threshold", "source", "temperature")
    } | {"prevalence": frozen.prevalence, "development": None}
    if (development := frozen.development) is not None:
        content["development"] = {
            "n": development.n,
            "positives": development.positives,
            "performance": _list_estimates(development.performance),
            "calibration": {
                scores: _list_estimates(estimates) for scores, estimates in development.calibration.items()
            },
        }
    return content


def from_json(row: str, content: Mapping[str, Any]) -> Frozen:
    """The inverse of `to_json`; KeyError, TypeError or ValueError where it cannot be read."""
    development = content["development"]
    if not isinstance(content["source"], str):
        raise TypeError("source is no text")
    return Frozen(
        row=row,
        below_min=float(content["below_min"]),
        threshold=_number_or_none(content["threshold"]),
        source=content["source"],
        temperature=_number_or_none(content["temperature"]),
        prevalence=_number_or_none(content["prevalence"]),
        development=None
        if development is None
        else Development(
            n=int(development["n"]),
            positives=int(development["positives"]),
            performance=_read_estimates(development["performance"]),
            calibration={
                scores: _read_estimates(estimates) for scores, estimates in development["calibration"].items()
            },
        ),
    )


def _list_estimates(estimates: Mapping[str, Estimate]) -> dict[str, list[float | None]]:
    return {
        name: [None if math.isnan(number) else float(number) for number in estimate]
        for name, estimate in estimates.items()
    }


def _read_estimates(content: Mapping[str, Iterable[float | None]]) -> dict[str, Estimate]:
    return {
        name: Estimate(*(math.nan if number is None else float(number) for number in numbers))
        for name, numbers in content.items()
    }


def _number_or_none(value: Any) -> float | None:
    return None if value is None else float(value)


def _find_fault(frozen: Frozen) -> str:
    if frozen.row.count("/") != 2:
        return "is no row <net>/<phase>/<start>"
    if not 0 < frozen.below_min < math.inf:
        return f"has the limit {frozen.below_min:g} min"
    for name in ("threshold", "prevalence"):
        value = getattr(frozen, name)
        if value is not None and not 0 <= value <= 1:
            return f"has the {name} {value:g}, which is no probability"
    if frozen.temperature is not None and not 0 < frozen.temperature < math.inf:
        return f"has the temperature {frozen.temperature:g}"
    return ""

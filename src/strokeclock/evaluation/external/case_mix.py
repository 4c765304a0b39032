"""The external patients beside the development's: are they other patients, and in what?

The development's summary travels with the bundle. It holds quartiles and shares, and no patient. The
standardised difference is that of the means, or of the shares, over the root of the mean of both variances.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from strokeclock.evaluation.case_mix import (
    ENDS,
    NO_SPREAD,
    NUMBERS,
    QUARTILES,
    SHORT,
    describe_case_mix,
    standardise,
)
from strokeclock.evaluation.external.patients import SEEN, ExternalTest, read_external
from strokeclock.evaluation.tables import write_table
from strokeclock.fitted import FittedError

SHARES = ("sex", "field strength", "lesion side", SHORT)
IMPLIED = ("male", "no")  # levels of which another one tells the share
_PLACES = ("development", "external")
COLUMNS = (
    *("variable", "level"),
    *(f"{place}{end}" for place in _PLACES for end in ("_n", "", "_low", "_high")),
    *("smd", "note"),
)
FROM_QUARTILES = "difference from the quartiles (Wan et al. 2014)"
NO_DEVELOPMENT = "not in the development's summary"
NOT_GIVEN = "not given for the external patients"


def write_external_case_mix(
    readings: str | Path,
    table: str | Path,
    *,
    summary: str | Path,
    operating: str | Path,
    cohort: str | Path,
    exclusions: str | Path,
) -> None:
    """Write the development cohort beside the external one, a row a number or a level of a share.

    Parameters
    ----------
    readings, operating, cohort, exclusions : paths
        As of `performance.write_external`. Of the external cohort, the tested patients of the first row
        count; without a row, all who were not seen. The lesion's volume is the reading's.
    table : path
        tables/external_case_mix.csv (`COLUMNS`): medians with quartiles, or shares.
    summary : path
        A JSON file that holds what `describe_case_mix` returns; means and SD may be missing.

    Raises
    ------
    ReadingsError, FittedError
        The readings or a file of the bundle are damaged or contradict the cohort.
    """
    test = read_external(readings, operating=operating, cohort=cohort, exclusions=exclusions)
    before, name = _read_summary(summary), Path(summary).name
    now = describe_case_mix(_choose(test), test.volume_ml)
    try:
        rows = [*_number_rows(before["numbers"], now["numbers"])]
        rows += _share_rows(before["shares"], now["shares"])
    except (KeyError, TypeError, AttributeError):
        raise FittedError(f"{name} holds no summary of a cohort: export the bundle anew.") from None
    write_table(table, rows, columns=COLUMNS)


def _choose(test: ExternalTest) -> pd.DataFrame:
    """The patients who count."""
    if test.tested:
        return test.cohort.loc[test.tested[0].patient]
    seen = [patient for patient, stage in test.exclusions.items() if stage == SEEN]
    return test.cohort.drop(index=seen, errors="ignore")


def _read_summary(path: str | Path) -> dict[str, Any]:
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise FittedError(f"{Path(path).name} holds no summary of a cohort: export the bundle anew.")
    return content


def _number_rows(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name, label in NUMBERS.items():
        cells: dict[str, Any] = {"variable": label}
        for place, found in zip(_PLACES, (before.get(name), now.get(name)), strict=True):
            cells[f"{place}_n"] = found["n"] if found else 0
            for end, at in zip(ENDS, QUARTILES, strict=True):
                cells[f"{place}{end}"] = found["quantiles"][at] if found else math.nan
        yield cells | _compare(before.get(name), now.get(name))


def _share_rows(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for name in SHARES:
        both = before.get(name), now.get(name)
        for level in sorted({level for found in both if found for level in found["shares"]} - {*IMPLIED}):
            cells: dict[str, Any] = {"variable": name, "level": level}
            for place, found in zip(_PLACES, both, strict=True):
                cells[f"{place}_n"] = found["n"] if found else 0
                cells[place] = found["shares"].get(level, 0.0) if found else math.nan
            shares = [cells[place] for place in _PLACES]
            variances = [share * (1 - share) for share in shares]
            yield cells | (_lack(*both) or _standardise(shares, variances))


def _compare(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> dict[str, Any]:
    """The standardised difference of numbers, or why there is none."""
    if lacking := _lack(before, now):
        return lacking
    found = [_moments(one) for one in (before, now) if one]
    means, variances = [one[0] for one in found], [one[1] for one in found]
    cells = _standardise(means, variances)
    if "smd" in cells and any(one[2] for one in found):
        cells["note"] = FROM_QUARTILES
    return cells


def _lack(before: Mapping[str, Any] | None, now: Mapping[str, Any] | None) -> dict[str, Any]:
    return {"note": NOT_GIVEN} if not now else {"note": NO_DEVELOPMENT} if not before else {}


def _moments(found: Mapping[str, Any]) -> tuple[float, float, bool]:
    """Mean and variance, and whether they follow from the quartiles (Wan et al. 2014)."""
    if "mean" in found and "sd" in found:
        return found["mean"], found["sd"] ** 2, False
    low, middle, high = (found["quantiles"][at] for at in QUARTILES)
    return (low + middle + high) / 3, ((high - low) / 1.35) ** 2, True


def _standardise(means: Sequence[float], variances: Sequence[float]) -> dict[str, Any]:
    """External minus development, or why there is no difference."""
    difference = standardise(means, variances)
    return {"note": NO_SPREAD} if difference is None else {"smd": difference}

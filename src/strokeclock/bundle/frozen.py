"""A bundle's frozen numbers and its cohort, as the evaluation of an external test takes them."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strokeclock.bundle.model import open_bundle
from strokeclock.bundle.recipe import Row
from strokeclock.bundle.summary import Range, Summary
from strokeclock.cohort.onset import CLASS_MIN
from strokeclock.cohort.sheet import LESION_SIDES
from strokeclock.evaluation.case_mix import NUMBERS, QUARTILES, SHORT
from strokeclock.evaluation.external.frozen import CALIBRATION, Development, Estimate, Frozen, write_frozen
from strokeclock.evaluation.intervals import wilson_interval
from strokeclock.files import write_whole


def write_frozen_numbers(bundle: str | Path, operating: str | Path, summary: str | Path) -> None:
    """Write what an external test takes of a bundle; BundleError as `open_bundle`.

    Parameters
    ----------
    operating : path
        operating.json (`evaluation.external.frozen.read_frozen`).
    summary : path
        summary.json (`evaluation.case_mix.describe_case_mix`).
    """
    opened = open_bundle(bundle)
    write_frozen(operating, map(freeze, opened.recipe.rows))
    write_whole(summary, json.dumps(convert_case_mix(opened.summary), indent=1) + "\n")


def freeze(row: Row) -> Frozen:
    """The frozen numbers of a row, and its performance in its own run."""
    point = row.operating
    return Frozen(
        row=str(row.row.scorer),
        below_min=row.below_min,
        threshold=point.threshold,
        source=point.source,
        temperature=point.temperature,
        prevalence=point.prevalence,
        development=_describe(row, confidence=point.confidence),
    )


def convert_case_mix(summary: Summary) -> dict[str, Any]:
    """The training part's case mix, without means: a summary holds quartiles."""
    patients, known, limit = summary.patients["train"], summary.with_onset["train"], f"{CLASS_MIN:g}"
    numbers = {name: _convert(found) for name, found in summary.case_mix.items() if name in NUMBERS}
    shares: dict[str, dict[str, Any]] = {}
    if "female" in summary.shares:
        shares["sex"] = {"n": patients, "shares": {"female": summary.shares["female"]}}
    if sides := {name: share for name, share in summary.shares.items() if name in LESION_SIDES}:
        shares["lesion side"] = {"n": patients, "shares": sides}
    if known and limit in summary.below:
        shares[SHORT] = {"n": known, "shares": {"yes": summary.below[limit]["train"] / known}}
    return {"n": patients, "numbers": numbers, "shares": shares}


def _convert(found: Range) -> dict[str, Any]:
    values = (found.lower_quartile, found.median, found.upper_quartile)
    return {"n": found.n, "quantiles": dict(zip(QUARTILES, values, strict=True))}


def _describe(row: Row, *, confidence: float) -> Development | None:
    """The row of Table 2; predictive values follow from its counts. None where it was not evaluated."""
    found = row.development
    if not {"n", "positives", "sensitivity", "specificity"} <= found.keys():
        return None
    n, positives = int(found["n"]), int(found["positives"])
    performance = {name: _estimate(found, name) for name in ("auc", "sensitivity", "specificity", "accuracy")}
    tp = round(performance["sensitivity"].value * positives)
    tn = round(performance["specificity"].value * (n - positives))
    fp, fn = n - positives - tn, positives - tp
    for name, right, called in (("ppv", tp, tp + fp), ("npv", tn, tn + fn)):
        interval = wilson_interval(right, called, confidence=confidence)
        performance[name] = Estimate(right / called if called else math.nan, *interval)
    calibration = {
        scores: {name: _estimate(numbers, name) for name in CALIBRATION}
        for scores, numbers in row.calibration.items()
    }
    return Development(n=n, positives=positives, performance=performance, calibration=calibration)


def _estimate(found: Mapping[str, float | str], name: str) -> Estimate:
    return Estimate(*(float(found.get(f"{name}{end}", math.nan)) for end in ("", "_low", "_high")))

"""The choice among the candidates of a search of hyper-parameters, on the validation part. Imports no torch.

A candidate is one training of a phase with one point of the grid (`candidate.train_candidate`). The point
with the highest validation AUC is chosen and stored as a fitted file, which all trainings of that network,
phase and start read. Test patients take no part.
"""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from strokeclock.cohort.parts import check_not_external, read_parts
from strokeclock.cohort.tables import read_members
from strokeclock.errors import StrokeclockError
from strokeclock.fitted import FittedError, check_patients, digest_patients, read_fitted, write_fitted
from strokeclock.training.grid import list_points, name_point
from strokeclock.training.record import TrainingRecord

KIND = "search"  # of the fitted file
LEARNED = ("train", "validation")  # the parts that a candidate sees


class SearchError(StrokeclockError):
    """A search of hyper-parameters has no result."""


def choose_settings(
    results: Sequence[str | Path],
    chosen: str | Path,
    *,
    net: str,
    phase: str,
    start: str,
    seed: int,
    grid: Mapping[str, Sequence[Any]],
    below_min: float | None,
    cohort: str | Path,
    split: str | Path,
) -> None:
    """Choose the candidate with the highest validation AUC, the first of those at a tie, and write it.

    The file holds net, phase, start, seed, grid, candidates, the number of the chosen one (from 1), its
    settings, looks and fitted_on. Each candidate is one look at the validation part.

    Parameters
    ----------
    results : paths
        result.json of each candidate (`candidate.train_candidate`), in the grid's order.
    chosen : path
        fitted/search/<net>/<phase>/<start>.json.
    net, phase, start, seed
        Of the candidates' trainings.
    grid : mapping of setting -> values
        As in the configuration.
    below_min : float or None
        The label is 1 where TSS is below so many minutes; None: where the hemisphere holds a lesion.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.

    Raises
    ------
    SearchError
        No candidate could be trained.
    FittedError
        A result is of another point of the grid, or of other patients than the first one's.
    SplitError
        A patient of the external part would be learned from.
    """
    candidates = [_read_result(path) for path in results]
    trained = [number for number, found in enumerate(candidates) if found["validation_auc"] is not None]
    for number, point in enumerate(list_points(grid)):
        found = candidates[number]
        is_other = number in trained and found["data"] != candidates[trained[0]]["data"]
        if found["settings"] != point or is_other:
            raise FittedError(
                f"{results[number]} is of other settings or patients: delete it and train it again."
            )
    if not trained:
        raise SearchError(
            f"No candidate of training.search.{phase} could be trained for {net} from {start}: the first "
            f"says: {candidates[0]['note']}"
        )
    best = max(trained, key=lambda number: candidates[number]["validation_auc"])
    members = read_members(cohort, split, below_min=below_min)
    patients = [patient for part in LEARNED for patient in members[part].index]
    check_not_external(patients, read_parts(split), what="a hyper-parameter")
    content = {
        "net": net,
        "phase": phase,
        "start": start,
        "seed": seed,
        "grid": grid,
        "candidates": [{key: found[key] for key in found if key != "data"} for found in candidates],
        "chosen": best + 1,
        "settings": candidates[best]["settings"],
        "looks": len(candidates),
        "fitted_on": {
            "parts": LEARNED,
            "patients": len(patients),
            "patients_sha256": digest_patients(patients),
            "data": candidates[best]["data"],
        },
    }
    write_fitted(chosen, content, kind=KIND)


def read_chosen(
    path: str | Path,
    *,
    net: str,
    phase: str,
    start: str,
    below_min: float | None,
    cohort: str | Path,
    split: str | Path,
) -> dict[str, Any]:
    """Read the settings that `choose_settings` chose: setting -> value.

    Raises
    ------
    FittedError
        The file is damaged, or was chosen for another training or on other patients.
    """
    content = read_fitted(path, kind=KIND, net=net, phase=phase, start=start)
    check_patients(path, content, cohort=cohort, split=split, below_min=below_min)
    return dict(content["settings"])


def read_search(path: str | Path) -> dict[str, Any]:
    """Read a whole file of `choose_settings`; FittedError where it is damaged."""
    return read_fitted(path, kind=KIND)


def describe_result(record: TrainingRecord, *, point: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of result.json of a candidate that was trained.

    Parameters
    ----------
    record : of the training.
    point : setting -> value, of the grid.

    Raises
    ------
    ValueError
        Another part than training and validation was read.
    """
    if {*record.data} != {*LEARNED}:
        raise ValueError(
            f"the candidate {name_point(point)} was trained with the parts {sorted(record.data)}"
        )
    return {
        "settings": dict(point),
        "validation_auc": record.kept["validation_auc"],
        "validation_loss": record.kept["validation_loss"],
        "epochs": record.epochs,
        "kept_epoch": int(record.kept["epoch"]),
        "note": "",
        "data": dict(record.data),
    }


def describe_failure(note: str, *, point: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of result.json of a candidate that could not be trained, and why."""
    measures = ("validation_auc", "validation_loss", "epochs", "kept_epoch")
    return {"settings": dict(point), **dict.fromkeys(measures), "note": note, "data": None}


def _read_result(path: str | Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
        auc = content["validation_auc"]
        whole = (auc is None or math.isfinite(auc)) and {"settings", "note", "data"} <= content.keys()
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise FittedError(f"{path} is no result of a candidate: delete it and train it again.")
    return content

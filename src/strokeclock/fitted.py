"""Fitted files: small models, thresholds and the like as exact numbers in JSON, and what they rest on.

A file may be taken to another hospital. It names no patient: it holds the number of patients that it was
fitted on, and a digest of their identifiers. A file of another format, or for another task, is refused.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from strokeclock.cohort.tables import read_members
from strokeclock.errors import StrokeclockError
from strokeclock.files import write_whole
from strokeclock.provenance import digest_settings, list_versions

SHA256 = "sha256"  # the key of a file's digest of itself
FORMAT = 1  # of the files; a file of another format must be fitted anew
_SOFTWARE = ("numpy", "scipy", "pandas", "scikit-learn", "torch")  # on which the numbers depend


class FittedError(StrokeclockError):
    """A fitted file is damaged, of another kind or format, or was fitted for or on something else."""


@dataclass(frozen=True)
class FittedOn:
    """The patients and values that numbers were fitted on.

    Attributes
    ----------
    parts : of the split (train, validation, test).
    patients, units, positives : how many; a unit is a patient or a hemisphere.
    patients_sha256 : of the sorted identifiers.
    sha256 : of the units' patients, labels and values, in their order.
    """

    parts: tuple[str, ...]
    patients: int
    units: int
    positives: int
    patients_sha256: str
    sha256: str


def describe_fit(
    patients: Sequence[str],
    labels: ArrayLike,
    values: ArrayLike,
    *,
    parts: Sequence[str],
    split: Mapping[str, Iterable[str]],
) -> FittedOn:
    """Describe what is about to be fitted on.

    Parameters
    ----------
    patients, labels, values : (n,), (n,) of 0 and 1, and (n, …) of numbers
        Of each unit.
    parts : names
        The parts that may be fitted on.
    split : part -> patients

    Raises
    ------
    FittedError
        A unit's patient stands in none of these parts.
    """
    allowed = {patient for part in parts for patient in split[part]}
    if strange := sorted(set(patients) - allowed):
        raise FittedError(
            f"patient {strange[0]} is to be fitted on and is not in the {' or '.join(parts)} part of the "
            "split: make the files of another split anew."
        )
    return FittedOn(
        parts=tuple(parts),
        patients=len(set(patients)),
        units=len(patients),
        positives=int(np.sum(labels)),
        patients_sha256=digest_patients(patients),
        sha256=digest_units(patients, labels, values),
    )


def digest_patients(patients: Iterable[str]) -> str:
    """The sha256 of a set of identifiers, whatever their order."""
    return hashlib.sha256("\n".join(sorted(set(patients))).encode()).hexdigest()


def digest_units(patients: Sequence[str], labels: ArrayLike, values: ArrayLike) -> str:
    """The sha256 of units: patients (n,), labels (n,) and values (n, …), where NaN is missing."""
    digest = hashlib.sha256("\n".join(patients).encode())
    for numbers in (labels, values):
        numbers = np.asarray(numbers, "<f8")
        digest.update(np.ascontiguousarray(np.where(np.isnan(numbers), np.nan, numbers)).data)
    return digest.hexdigest()


def write_fitted(path: str | Path, content: Mapping[str, Any], *, kind: str) -> None:
    """Write a fitted file whole: its format, its kind, ``content`` and the software's versions.

    Numbers are written so that they are read back exactly. ValueError for one that is not finite.
    """
    installed = list_versions()
    versions = {name: installed[name] for name in _SOFTWARE if name in installed}
    content = {"format": FORMAT, "kind": kind, **content, "versions": versions}
    content = json.loads(json.dumps(content, allow_nan=False, default=asdict))
    write_whole(path, json.dumps({**content, SHA256: digest_settings(content)}, indent=1) + "\n")


def read_fitted(path: str | Path, *, kind: str, **asked: Any) -> dict[str, Any]:
    """Read a fitted file.

    Parameters
    ----------
    kind : of the file.
    asked : what the file must hold under these keys, in JSON's types.

    Raises
    ------
    FittedError
        The file is damaged, has another format or kind, or was fitted for something else.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        found = content["format"], content["kind"]
    except (ValueError, KeyError, TypeError):
        raise FittedError(f"{path} is no fitted file of strokeclock: delete it and fit it anew.") from None
    if found[0] != FORMAT:
        raise FittedError(f"{path} has format {found[0]!r}, not {FORMAT}: delete it and fit it anew.")
    if content.pop(SHA256, None) != digest_settings(content):
        raise FittedError(f"{path} is damaged or was changed by hand: delete it and fit it anew.")
    if found[1] != kind:
        raise FittedError(f"{path} holds {found[1]!r}, not {kind!r}: name a file of that kind.")
    for key, value in asked.items():
        if content.get(key) != value:
            raise FittedError(
                f"{path} was fitted for {key} {content.get(key)!r}, not for {value!r}: delete it "
                "and fit it anew."
            )
    return content


def check_patients(
    path: str | Path,
    content: Mapping[str, Any],
    *,
    cohort: str | Path,
    split: str | Path,
    below_min: float | None,
) -> None:
    """Assert that a file was fitted on all patients of its parts who have the label, and on no others.

    Parameters
    ----------
    cohort, split : cohort/cohort.tsv and the present split.tsv.
    below_min : minutes; the label is 1 where TSS is below. None: where the hemisphere holds a lesion.

    Raises
    ------
    FittedError
        It was not: a test patient may have been fitted on.
    """
    fitted_on, parts = content["fitted_on"], read_members(cohort, split, below_min=below_min)
    present = [patient for part in fitted_on["parts"] for patient in parts[part].index]
    if digest_patients(present) != fitted_on["patients_sha256"]:
        raise FittedError(
            f"{path} was fitted on other patients than the {' and '.join(fitted_on['parts'])} part of "
            f"{split}: delete it and fit it anew."
        )

"""Reasons of exclusions without what is one patient's: file, number, other patient. Standard library alone.

A reason names the file and the number that were found, so that a person can act. To count reasons, this
module leaves out what differs between two patients who were excluded for one reason.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from strokeclock.cohort.cells import read_columns
from strokeclock.cohort.sheet import EXCLUSIONS
from strokeclock.errors import StrokeclockError

BY_PERSON = {  # stage -> who excluded, where a person did: their own words may tell an identity
    "entry": "left out by a person (cohort.exclude)",
    "quality": "left out by a person (quality.verdicts)",
}
NO_REASON = "no reason given"
_ONE = "…"  # in place of what is one patient's
_SUFFIXES = "nii\\.gz|nii|json|bval|bvec|npy|mha|mhd|nrrd|nhdr|mgz|dcm|img|hdr"
_FILE = re.compile(rf"\b(file|names) (?!whose\b|a file\b)(?:.+?\.(?:{_SUFFIXES})(?![\w.])|\S+?(?=[\s,;:]|$))")
_BARE = re.compile(rf"\S+\.(?:{_SUFFIXES})(?![\w.])")
_QUOTED = re.compile(r"(?<=\bis )(['\"]).*?\1(?=[:,;]|$)")
_PATIENT = re.compile(r"\bof patient [^\s;,:]+(?: and \d+ more)?")
_MESSAGE = re.compile(r"\b(failed(?: with \w+)?)\b.*")
_PATH = re.compile(r"(?<!\w)/\S+")
_NUMBER = re.compile(r"(?<![\w·])[+-]?\d[\d.]*(?:e[+-]?\d+)?(?:×\d+)*\s?%?(?![\w³²])", re.IGNORECASE)
_LIMIT = re.compile(r"\s*(outside|below|above|more than|fewer than)\b")


def read_reason_groups(
    exclusions: str | Path, *, by_person: Mapping[str, Collection[str]]
) -> dict[str, list[tuple[str, int]]]:
    """Count the reasons in exclusions.tsv: stage -> its groups of reasons, the most frequent first.

    Parameters
    ----------
    by_person : stage -> the patients whom a person left out.
    """
    found: dict[str, list[str]] = {}
    for patient, stage, reason in read_columns(exclusions, *EXCLUSIONS, error=StrokeclockError):
        is_person = patient in by_person.get(stage, ())
        found.setdefault(stage, []).append(BY_PERSON[stage] if is_person else generalise(reason))
    return {stage: _count(reasons) for stage, reasons in found.items()}


def generalise(reason: str) -> str:
    """Return the first clause of a reason without the file, the number and the patient that it names.

    >>> generalise("dwi file p7_dwi.nii.gz has too few slices: 2 (128×128×2); give the whole series")
    'dwi file has too few slices'
    >>> generalise("brain mask of 640 mL, outside 900 to 2000 mL; NMI of T2w and atlas 1.001, below 1.02")
    'brain mask of … mL, outside 900 to 2000 mL'
    """
    text = _FILE.sub(lambda found: "file" if found[1] == "file" else "names a file", reason)
    text = _PATIENT.sub("of another patient", _QUOTED.sub(_ONE, _BARE.sub("a file", text)))
    text = _MESSAGE.sub(r"\1", _PATH.sub(_ONE, text))
    text = re.split(r"[;:]", text)[0]
    what, comma, limit = text.partition(", ")
    if not _LIMIT.match(limit):
        limit = _NUMBER.sub(_ONE, limit)
    text = _NUMBER.sub(_ONE, what) + comma + limit
    return " ".join(text.split()).strip(" ,.") or NO_REASON


def _count(reasons: Iterable[str]) -> list[tuple[str, int]]:
    return sorted(Counter(reasons).items(), key=lambda group: (-group[1], group[0]))

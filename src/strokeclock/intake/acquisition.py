"""What a sidecar says of a series, beyond the fields that are kept: its b-value and reasons against it."""

import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from strokeclock.cohort.sidecars import read_b_values

LARGEST_B0 = 50.0  # s/mm2
LOW_B, HIGH_B = 500.0, 3000.0  # s/mm2, of a DWI in the cohort sheet
ASSUMED_B = 1000.0  # s/mm2, where no file says it
_LEAST_TI = 1.5  # s, of a T2-weighted FLAIR
_PROJECTIONS = {"MIP", "MINIP", "MIN_IP", "MAX_IP", "PROJECTION", "PROJECTION_IMAGE"}
_REFORMATTED = {"MPR", "REFORMATTED", "RESAMPLED"}
_NUMBER = re.compile("[0-9]+")
_B_IN_TEXT = re.compile(
    r"(?<![a-z])s?b[ =_]{0,2}([0-9]{1,4}(?![0-9])(?:[-_/, ]+[0-9]{2,3}[05]0?(?![0-9]))*)", re.I
)
_EXPONENTIAL = re.compile(r"(?<![a-z])(e|exp|exponential)[ _-]?adc|(?<![a-z])exp(?![a-z])", re.I)
_WITHOUT_CONTRAST = re.compile(
    r"(?<![a-z])(pre|non|no|without|w/o|vor|ohne)[ _.-]*(contrast|gad\w*|gd|ce|km|c)?(?![a-z])", re.I
)
_CONTRAST = re.compile(
    r"(?<![a-z])(post(?!erior)|gad|(gd|ce|km)(?![a-z])|c\+)|contrast|postgad|\+[ _]?c(?![a-z])", re.I
)


def read_json(path: str) -> tuple[dict[str, Any], str]:
    """Return a sidecar's content, and "" or a phrase on why it cannot be read; both empty where none is."""
    try:
        with open(path, "rb") as file:
            content = json.loads(file.read())
    except FileNotFoundError:
        return {}, _missing_json(path)
    except (OSError, ValueError, RecursionError):
        return {}, "its JSON file cannot be read"
    return (content, "") if isinstance(content, dict) else ({}, "its JSON file is no JSON object")


def _missing_json(path: str) -> str:
    return "its JSON file is not downloaded" if os.path.islink(path) else ""


def list_image_type(content: Mapping[str, Any]) -> list[str]:
    """Return the words of ImageType in capitals; empty where it is not given."""
    value = content.get("ImageType")
    if isinstance(value, str):
        value = re.split(r"[\\/,]", value)
    return [str(word).strip().upper() for word in value] if isinstance(value, list) else []


def describe(content: Mapping[str, Any]) -> str:
    """Return SeriesDescription; "" where it is not given. It may hold anything, so it is never written."""
    value = content.get("SeriesDescription")
    return value if isinstance(value, str) else ""


def find_b_in_text(text: str) -> float | None:
    """Return the largest b-value that a description names, s/mm2, or None.

    >>> [find_b_in_text(text) for text in ("ep2d_diff_3scan_b0_1000", "sB1000", "DWI b1000 2024", "TRACE")]
    [1000.0, 1000.0, 1000.0, None]
    """
    found = [float(number) for match in _B_IN_TEXT.finditer(text) for number in _NUMBER.findall(match[1])]
    return max(found, default=None)


def find_b_value(
    facts: Mapping[str, Any], b_values: Sequence[float], *texts: str
) -> tuple[float | None, str]:
    """Return the b-value of one volume in s/mm2 and what says it; None and "" where nothing does.

    A value above 0 precedes a 0, which is a placeholder in many sidecars and .bval files.

    Parameters
    ----------
    facts : kept fields of the sidecar.
    b_values : of the .bval file; only one number can be that of one volume.
    texts : descriptions that may name it.
    """
    ways = [
        (facts.get("DiffusionBValue"), "DiffusionBValue"),
        (b_values[0] if len(b_values) == 1 else None, ".bval"),
        *((find_b_in_text(text), "the series' description") for text in texts),
    ]
    given = [(float(value), source) for value, source in ways if value is not None]
    return next((way for way in given if way[0] > 0), given[0] if given else (None, ""))


def read_b_values_beside(stem: str) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """Return the b-value of an image of one volume from <stem>.bval, s/mm2, and faults.

    There are no b-values where no such file is there, and where it has a fault.
    """
    b_values, faults = read_b_values(f"{stem}.bval")
    if len(b_values) > 1:
        return (), (count_b_values(b_values),)
    return b_values, tuple(f"its .bval file {fault}" for fault in faults)


def count_b_values(b_values: Sequence[float]) -> str:
    """Return the fault of an image of one volume whose .bval file has several numbers."""
    return f"it holds 1 volume and its .bval file {len(b_values)} numbers: correct the .bval file"


def is_enhanced(content: Mapping[str, Any], *texts: str) -> bool:
    """Whether a contrast agent was given, by the sidecar or by descriptions such as "FLAIR post gad"."""
    agent = content.get("ContrastBolusAgent")
    if isinstance(agent, str) and agent.strip().lower() not in ("", "none", "no", "n/a"):
        return True
    return any(_CONTRAST.search(_WITHOUT_CONTRAST.sub("", text)) for text in texts)


def is_exponential(content: Mapping[str, Any], *texts: str) -> bool:
    """Whether a map is an exponential ADC."""
    words = {"EADC", "EXPADC", "EXP", "EXPONENTIAL"}
    return bool(words & {*list_image_type(content)}) or any(_EXPONENTIAL.search(text) for text in texts)


def doubt_adc(content: Mapping[str, Any], *texts: str) -> list[str]:
    """Return sentences on why an image that is named ADC may be none."""
    if is_exponential(content, *texts):
        return ["it is an exponential ADC: name the ADC itself"]
    words = list_image_type(content)
    if words and not any("ADC" in word or word.startswith("APPARENT") for word in words):
        return ["its ImageType does not say ADC: look at it, and write yes if it is one"]
    return []


def doubt_flair(content: Mapping[str, Any], facts: Mapping[str, Any], *texts: str) -> list[str]:
    """Return sentences on why an image that is named FLAIR is not the T2-weighted one without contrast."""
    doubts = []
    inversion = facts.get("InversionTime")
    if inversion and inversion < _LEAST_TI:
        doubts.append(f"its TI of {inversion:g} s is that of a T1-weighted FLAIR: take the T2-weighted one")
    if is_enhanced(content, *texts):
        doubts.append("it was made after a contrast agent: take the one before")
    if _PROJECTIONS & {*list_image_type(content)}:
        doubts.append("its ImageType is that of a projection (MIP): take the slices")
    return doubts


def is_reformatted(content: Mapping[str, Any]) -> bool:
    """Whether an image was computed from another's slices."""
    return bool(_REFORMATTED & {*list_image_type(content)})


def doubt_b_value(b_value: float | None) -> list[str]:
    """Return a sentence where a DWI's b-value is none that can be used."""
    if b_value is None or LOW_B <= b_value <= HIGH_B:
        return []
    return [f"its b-value is {b_value:g} s/mm², and about {ASSUMED_B:g} is needed: take another volume"]

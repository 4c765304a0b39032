"""What a BIDS file is taken for: by its suffix and entities, and by what its sidecar says against it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from strokeclock.cohort.sheet import LESION_MASK
from strokeclock.intake.acquisition import (
    ASSUMED_B,
    LARGEST_B0,
    LOW_B,
    count_b_values,
    describe,
    doubt_adc,
    doubt_b_value,
    doubt_flair,
    find_b_in_text,
    find_b_value,
    is_exponential,
    is_reformatted,
)
from strokeclock.intake.bids_name import BidsName

_LESION = re.compile(r"lesion|infarct|stroke|core", re.I)
_TRACE = re.compile("trace|isotropic", re.I)
_B0 = re.compile("b0+", re.I)
_LESION_LABELS = ("L", "lesion")
_GRIDS = {"", "trace", "dwi", "adc", "b0", "b1000", "orig", "native", "individual", "scanner", "t2w"}
_RANK = 1000  # between kinds of series; below it the distance of the b-value from 1000 decides
_UNUSED_ENTITIES = {"echo": "one of several echoes", "inv": "one of several inversions"}


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """What a series is taken for; the fields are those of `found.Found`.

    `by_volumes` : the series holds several b-values, which its .bval file tells.
    """

    gives: tuple[str, ...]
    why: str
    rank: int = 0
    b_value: float | None = None
    faults: tuple[str, ...] = ()
    by_volumes: bool = False


def may_be_used(suffix: str) -> bool:
    """Whether a raw image with this suffix may be one of those that are wanted."""
    return suffix.lower() in ("flair", "dwi", "trace", "adc", "sbref", "s0map")


def read_meaning(
    name: BidsName,
    *,
    content: Mapping[str, Any],
    facts: Mapping[str, Any],
    b_values: Sequence[float],
    volumes: int,
) -> Meaning:
    """Say what a raw image is taken for.

    Parameters
    ----------
    content, facts : its sidecar, with what it inherits; what of it may be kept.
    b_values : of its .bval file, own or inherited, s/mm2.
    volumes : number of volumes in the image.
    """
    suffix, labels = name.suffix.lower(), name.entities
    texts = [labels.get(key, "") for key in ("acq", "rec", "desc")] + [describe(content)]
    if labels.get("part", "mag") != "mag":
        return Meaning(gives=(), why=f"part {labels['part']}, not the magnitude")
    if left := next((why for key, why in _UNUSED_ENTITIES.items() if key in labels), ""):
        return Meaning(gives=(), why=left)
    if suffix == "flair":
        faults = doubt_flair(content, facts, *texts) + ["it has the entity ce"] * ("ce" in labels)
        rank = _RANK if is_reformatted(content) else 0
        return Meaning(gives=("flair",), why=f"suffix {name.suffix}", rank=rank, faults=tuple(faults[:1]))
    if suffix == "adc" or labels.get("rec", labels.get("desc", "")).lower() in ("adc", "eadc", "expadc"):
        why = f"suffix {name.suffix}" if suffix == "adc" else f"rec-{labels.get('rec', 'ADC')}"
        if is_exponential({}, *texts[:3]):
            return Meaning(gives=(), why="exponential ADC, by its name")
        return Meaning(gives=("adc",), why=why, faults=tuple(doubt_adc(content, texts[3])))
    if suffix == "s0map":
        return Meaning(gives=("t2w",), why="suffix S0map", rank=_RANK)
    return _read_diffusion(name, facts=facts, b_values=b_values, volumes=volumes, texts=texts)


def _read_diffusion(
    name: BidsName,
    *,
    facts: Mapping[str, Any],
    b_values: Sequence[float],
    volumes: int,
    texts: Sequence[str],
) -> Meaning:
    suffix, labels = name.suffix.lower(), name.entities
    is_trace = suffix == "trace" or any(_TRACE.search(labels.get(key, "")) for key in ("acq", "rec", "desc"))
    if volumes > 1 and suffix != "sbref":
        return Meaning(gives=("t2w", "dwi"), why=f"{volumes} volumes by .bval", by_volumes=True)
    b_value, source = find_b_value(facts, b_values, *texts)
    if any(_B0.fullmatch(labels.get(key, "")) for key in ("acq", "rec", "desc")):
        return Meaning(gives=("t2w",), why="b 0 by its name")
    if suffix == "sbref":
        if b_value is None or b_value > LARGEST_B0:
            return Meaning(gives=(), why="sbref, whose b-value is not known to be 0")
        return Meaning(gives=("t2w",), why=f"sbref, b 0 by {source}", rank=_RANK)
    if not is_trace and b_value is not None and b_value <= LARGEST_B0:
        return Meaning(gives=("t2w",), why=f"b {b_value:g} by {source}")
    if any(find_b_in_text(text) == 0 for text in texts):
        faults = ("its description says b 0: look at it, and write yes if it is the DWI",)
        return Meaning(gives=("dwi",), why="trace", rank=_RANK, faults=faults)
    kind = "trace" if is_trace else f"suffix {name.suffix}"
    meaning = Meaning(gives=("dwi",), why=kind, rank=_RANK)
    if not is_trace and len(b_values) > 1:
        return replace(meaning, faults=(count_b_values(b_values),))
    return weigh(meaning, b_value=b_value, source=source)


def weigh(meaning: Meaning, *, b_value: float | None, source: str) -> Meaning:
    """Add the b-value of a DWI: of several, the nearest to 1000 s/mm2 is taken."""
    if b_value is None or b_value <= LARGEST_B0:  # 0 stands beside traces whose b-value nobody wrote
        return replace(meaning, why=f"{meaning.why}; b {ASSUMED_B:g} is assumed, since no file says it")
    distance = min(_RANK - 1, round(abs(b_value - ASSUMED_B)))
    return replace(
        meaning,
        why=f"{meaning.why}, b {b_value:g} by {source}",
        rank=meaning.rank + distance,
        b_value=b_value if b_value >= LOW_B else None,
        faults=(*meaning.faults, *doubt_b_value(b_value)),
    )


def read_mask_meaning(name: BidsName, *, folder: str) -> Meaning | None:
    """Say what a mask is taken for; None where the image is no mask.

    Parameters
    ----------
    folder : of the derivative, which may say what its masks are.
    """
    suffix = name.suffix.lower()
    if suffix not in ("mask", "msk", "roi", "lesion"):
        return None
    label, desc = (name.entities.get(key, "") for key in ("label", "desc"))
    own = f"{desc} {label}" if label not in _LESION_LABELS else f"{desc} lesion"
    if re.search("chronic", own, re.I):
        return Meaning(gives=(), why="mask of a chronic lesion")
    is_lesion = _LESION.search(own) or suffix in ("msk", "lesion")
    if not is_lesion and not (own.strip() == "" and _LESION.search(folder)):
        return Meaning(gives=(), why="mask of something else")
    acute = bool(re.search("acute", own, re.I))
    faults = []
    if (space := name.entities.get("space", "")).lower() not in _GRIDS:
        faults.append(f"it is in the space {space}: give the mask on the grid of the DWI")
    why = "mask of the acute lesion" if acute else "mask of the lesion"
    return Meaning(gives=(LESION_MASK,), why=why, rank=0 if acute else _RANK, faults=tuple(faults))

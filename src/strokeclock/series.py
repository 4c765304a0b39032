"""The series of a patient with their properties, and the sides of the brain.

All properties of a series stand here and nowhere else: whether every patient needs it, its geometry, how N4
corrects it, how its intensities are scaled, what is checked.
docs/how-to/new-series.md shows how to add a series.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf, isnan
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from strokeclock.errors import ConfigurationError
from strokeclock.words import list_words

# The order of a hemisphere file's first axis: left, then right mirrored onto the left.
SIDES = ("left", "right")
BOTH = "both"  # of a lesion's side
NO_LESION = "none"  # in place of a side: the patient has no acute lesion

_PLACES, _BIAS_FIELDS = ("reference", "shared", "own"), ("own", "shared", None)
# The series that other modules make: `derived` and `instead` in imaging/volume.py, `phantom` in phantom/.
_MADE = {"instead": ("t2w",), "derived": ("adc",), "phantom": ("t2w", "dwi", "flair", "adc")}
_TAKEN = ("brain", "mask", "lesion", "contralateral")  # names of other files and channels


class Limits(NamedTuple):
    """Between which a number lies: outside the inner two is for review, outside the outer two is fail.

    Infinite: there is no limit on that side.
    """

    fail_below: float
    review_below: float
    review_above: float
    fail_above: float

    def find_broken(self, value: float, *, fail: bool, shown_as: str = "{:g}") -> str:
        """Return which limit a number breaks, as "below 0.6", or ""; ``shown_as`` is the limit's format.

        >>> Limits(0.6, 0.7, 1.3, 1.6).find_broken(1.4, fail=False)
        'above 1.3'
        """
        low, high = (self.fail_below, self.fail_above) if fail else (self.review_below, self.review_above)
        if value < low:
            return f"below {shown_as.format(low)}"
        return f"above {shown_as.format(high)}" if value > high else ""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One series: its names, its source, and how it is processed.

    Attributes
    ----------
    name : in file names, in models.channels, and as the cohort sheet's column; lower-case letters and digits.
    label, title : for sentences and axes; in full.
    place : "reference": registered to the atlas; the other series are registered to it (the T2w);
        "shared": on the T2w's grid, because one echo-planar scan gives both; it takes the T2w's matrix;
        "own": it has its own geometry and is registered rigidly to the T2w.
    bias_field : the field by which it is divided. "own": its own; "shared": the T2w's where
        preprocessing.n4.shared_dwi is true, else its own; None: it is not corrected.
    required : every patient needs it, whatever the channels are; else only where models.channels names it.
    instead : the series from which it is derived for a patient who lacks it; "": it is not derived.
    derived : computed from the others for every patient; its file is used only as `instead` of another.
    full : for a map with a unit, the value that becomes 1 in a network's channel. None: a magnitude image in
        arbitrary units, never negative; it is normalised and matched to the histogram reference.
    min_coverage, min_fit : the least share of the brain that it shows, and of its variance inside the brain
        that T2w and DWI explain; below it the verdict is review. The configuration's section quality
        overrides both (min_<name>_coverage, min_<name>_fit). None: not checked.
    fail_coverage, fail_fit : the same, below which it is fail.
    fluid : limits of the brightness of fluid over that of the brain. None: not checked.
    tissue : limits of the correlation with the T2w in tissue without fluid. None: not checked.
    phantom : a phantom has it.

    Raises
    ------
    ConfigurationError
        A field has a value that it cannot have.
    """

    name: str
    label: str
    title: str
    place: Literal["reference", "shared", "own"]
    bias_field: Literal["own", "shared"] | None
    required: bool = False
    instead: str = ""
    derived: bool = False
    full: float | None = None
    min_coverage: float | None = None
    min_fit: float | None = None
    fail_coverage: float = 0.0
    fail_fit: float = 0.0
    fluid: Limits | None = None
    tissue: Limits | None = None
    phantom: bool = False

    def __post_init__(self) -> None:
        if fault := next(self._list_faults(), ""):
            raise ConfigurationError(f"src/strokeclock/series.py: the series {self.name!r} {fault}.")

    def _list_faults(self) -> Iterator[str]:
        """Yield what is wrong, with the remedy, as "has …"."""
        if not isinstance(self.name, str) or not re.fullmatch("[a-z][a-z0-9]*", self.name):
            yield "has a name that is not allowed: use lower-case letters and digits, a letter first"
        if self.name in _TAKEN:
            yield f"has a name that is taken: use none of {', '.join(_TAKEN)}"
        for field in ("label", "title"):
            if not isinstance(getattr(self, field), str) or not getattr(self, field):
                yield f"has {field} {getattr(self, field)!r}: write a text"
        for field, allowed in (("place", _PLACES), ("bias_field", _BIAS_FIELDS)):
            if getattr(self, field) not in allowed:
                yield f"has {field} {getattr(self, field)!r}: use {_list_choices(allowed)}"
        for field in ("required", "derived", "phantom"):
            if not isinstance(getattr(self, field), bool):
                yield f"has {field} {getattr(self, field)!r}: use True or False"
        for field, names in _MADE.items():
            if getattr(self, field) and self.name not in names:
                yield (
                    f"has {field} {getattr(self, field)!r}, which only {list_words(names)} may have: leave "
                    "it out, or add what makes it and its name (docs/how-to/new-series.md)"
                )
        yield from self._list_faults_of_limits()

    def _list_faults_of_limits(self) -> Iterator[str]:
        if self.full is not None and not (_is_number(self.full) and 0 < self.full < inf):
            yield f"has full {self.full!r}: use a number above 0 in the unit of its files, or None"
        for least, fail in (("min_coverage", "fail_coverage"), ("min_fit", "fail_fit")):
            for field in (least, fail):
                value = getattr(self, field)
                if not (_is_number(value) and 0 <= value <= 1) and not (field == least and value is None):
                    yield f"has {field} {value!r}: use a share from 0 to 1"
            if getattr(self, fail) > (getattr(self, least) or 0):
                yield f"has {fail} {getattr(self, fail)!r}, above its {least}: lower it"
        for field in ("fluid", "tissue"):
            value = getattr(self, field)
            if value is not None and not (
                isinstance(value, Limits) and all(map(_is_number, value)) and list(value) == sorted(value)
            ):
                yield (
                    f"has {field} {value!r}: use Limits(fail_below, review_below, review_above, fail_above), "
                    "four rising numbers, or None"
                )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not isnan(value)


def _list_choices(allowed: Iterable[str | None]) -> str:
    return ", ".join("None, without quotes" if one is None else repr(one) for one in allowed)


_ALL = (
    Series(
        name="t2w",
        label="T2w",
        title="T2w (b0)",
        place="reference",
        bias_field="own",
        required=True,
        instead="adc",
        min_coverage=0.85,
        fail_coverage=0.6,
        fluid=Limits(1.3, 1.4, 9, 20),
        phantom=True,
    ),
    Series(
        name="dwi",
        label="DWI",
        title="DWI",
        place="shared",
        bias_field="shared",
        required=True,
        min_coverage=0.95,
        fail_coverage=0.8,
        fluid=Limits(-inf, -inf, 0.75, 0.9),
        phantom=True,
    ),
    Series(
        name="flair",
        label="FLAIR",
        title="FLAIR",
        place="own",
        bias_field="own",
        min_coverage=0.95,
        fail_coverage=0.6,
        min_fit=0.55,
        fail_fit=0.3,
        fluid=Limits(-inf, -inf, 0.77, 0.95),
        tissue=Limits(-0.4, -0.2, inf, inf),
        phantom=True,
    ),
    Series(
        name="adc",
        label="ADC",
        title="ADC",
        place="shared",
        bias_field=None,
        derived=True,
        full=3e-3,  # mm2/s, free water at body temperature
        phantom=True,
    ),
)


def index(all_series: Collection[Series]) -> Mapping[str, Series]:
    """Return name -> series, in their order.

    Raises
    ------
    ConfigurationError
        Two series have one name, or not exactly one is the reference of the registration, or it is not first.
    """
    name, count = Counter(series.name for series in all_series).most_common(1)[0]
    if count > 1:
        raise ConfigurationError(f"src/strokeclock/series.py: two series are called {name!r}: rename one.")
    references = [series.name for series in all_series if series.place == "reference"]
    if len(references) != 1:
        raise ConfigurationError(
            f"src/strokeclock/series.py: place is 'reference' in {len(references)} series "
            f"({', '.join(references)}): give the T2w alone this place."
        )
    if (first := next(iter(all_series)).name) not in references:
        raise ConfigurationError(
            f"src/strokeclock/series.py: the series {first!r} stands before {references[0]!r}: put it behind "
            "the others."
        )
    return MappingProxyType({series.name: series for series in all_series})


SERIES = index(_ALL)  # in the order of the cohort sheet's columns

CHANNELS = ("dwi", "t2w", "flair")  # of a hemisphere, the paper's

# What is normalised and matched to the histogram reference: the paper's channels in their order, then others.
MATCHED = (*CHANNELS, *(name for name in SERIES if SERIES[name].full is None and name not in CHANNELS))

# Whatever the channels are: the T2w is registered to the atlas, and the lesion is found on DWI.
REQUIRED = tuple(name for name in SERIES if SERIES[name].required)


def list_needed(channels: Collection[str]) -> tuple[str, ...]:
    """Name the series that every patient needs where the networks have these channels."""
    return tuple(
        name
        for name, series in SERIES.items()
        if series.required or (name in channels and not series.derived)
    )


def list_used(channels: Collection[str]) -> tuple[str, ...]:
    """Name the series that are brought to the atlas grid where the networks have these channels.

    Series that every patient has, or that are computed for everyone, are among them:

    >>> list_used(["flair"]), list_used(["adc"])
    (('t2w', 'dwi', 'flair', 'adc'), ('t2w', 'dwi', 'adc'))
    """
    return tuple(
        name for name, series in SERIES.items() if series.required or series.derived or name in channels
    )


def list_registered(names: Collection[str], *, shared: bool) -> tuple[str, ...]:
    """Name those of the series that are registered to the T2w; the others take its matrix.

    ``shared``: series that were scanned together with the T2w are registered too
    (preprocessing.dwi_transform: register).
    """
    return tuple(
        name
        for name in names
        if SERIES[name].place == "own"
        or (shared and SERIES[name].place == "shared" and not SERIES[name].derived)
    )


def find_bias_field(name: str, *, shared: bool) -> str | None:
    """Name the series whose bias field a series is divided by; None: it is not corrected.

    ``shared``: series that were scanned together with the T2w take its field (preprocessing.n4.shared_dwi).

    >>> [find_bias_field(name, shared=True) for name in ("t2w", "dwi", "flair", "adc")]
    ['t2w', 't2w', 'flair', None]
    """
    kind = SERIES[name].bias_field
    if kind == "shared" and shared:
        return next(other for other in SERIES if SERIES[other].place == "reference")
    return name if kind else None


def list_sides(lesion_side: str) -> tuple[str, ...]:
    """Name the hemispheres with a lesion of this side: left, right or both."""
    return tuple(side for side in SIDES if lesion_side in (side, BOTH))

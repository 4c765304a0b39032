"""The series of a patient with their properties, and the sides of the brain.

All properties of a series stand here and nowhere else: whether every patient needs it, its geometry, how N4
corrects it, how its intensities are scaled, what is checked.
docs/how-to/new-series.md shows how to add a series.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Literal, NamedTuple

# The order of a hemisphere file's first axis: left, then right mirrored onto the left.
SIDES = ("left", "right")
BOTH = "both"  # of a lesion's side
NO_LESION = "none"  # in place of a side: the patient has no acute lesion


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

# name -> series, in the order of the cohort sheet's columns
SERIES: Mapping[str, Series] = MappingProxyType({series.name: series for series in _ALL})

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

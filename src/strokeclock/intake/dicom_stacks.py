"""From the files of a series to its volumes: parts that differ, parallel slices, and what is missing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from strokeclock.intake.dicom_header import Frame, Header
from strokeclock.intake.dicom_kinds import derive, is_trace

_SAME_DIRECTION = 2e-3  # of direction cosines, which some scanners write with three decimals
_SAME_GAP, _LEAST_GAP_MM = 0.05, 0.05
_SAME_PLACE_MM = 0.02
_SAME_VECTOR = 0.02
_MOST_LOST, _SHARE_LOST = 3, 0.15  # images; above, numbers are not those of images
_FEWEST_SLICES, _LEAST_HEIGHT_MM = 8, 50.0
_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice and the file that holds it."""

    header: Header
    frame: Frame


@dataclass(frozen=True)
class Stack:
    """One volume: parallel slices, ordered along their normal.

    Attributes
    ----------
    slices : from the lowest position along the normal to the highest.
    b_value : s/mm2; None where it is not known.
    isotropic : as of `Weighting`, also where ImageType alone says so.
    """

    slices: tuple[Slice, ...]
    b_value: float | None
    isotropic: bool | None

    @property
    def shape(self) -> tuple[int, int, int]:
        """Columns, rows, slices."""
        frame = self.slices[0].frame
        return frame.columns, frame.rows, len(self.slices)

    @property
    def affine(self) -> NDArray:
        """Index (column, row, slice) to world RAS+ mm, from the headers alone."""
        first, last = self.slices[0].frame, self.slices[-1].frame
        affine = np.eye(4)
        affine[:3, 0] = np.array(first.orientation[:3]) * first.spacing[1]
        affine[:3, 1] = np.array(first.orientation[3:]) * first.spacing[0]
        steps = max(len(self.slices) - 1, 1)
        affine[:3, 2] = (np.array(last.position) - np.array(first.position)) / steps
        affine[:3, 3] = first.position
        return _TO_RAS @ affine

    @property
    def spacing_mm(self) -> float:
        """Between slices; 0 of one slice."""
        first, last = self.slices[0].frame, self.slices[-1].frame
        return (last.depth - first.depth) / max(len(self.slices) - 1, 1)

    @property
    def direction(self) -> tuple[float, ...] | None:
        """Of the diffusion gradient, where the header says it."""
        return self.slices[0].frame.weighting.direction


@dataclass(frozen=True)
class Part:
    """Images of a series that differ at most in their place and their diffusion weighting.

    Attributes
    ----------
    headers : of the files that hold them, each once.
    stacks : the volumes, by b-value; empty where faults are given.
    planes : number of orientations of the series' images of this kind: above 1 it is a localizer.
    faults : why they make no whole volumes; sentences without subject.
    """

    headers: tuple[Header, ...]
    slices: tuple[Slice, ...]
    stacks: tuple[Stack, ...]
    planes: int
    faults: tuple[str, ...]

    @property
    def first(self) -> Header:
        """The header of the first file."""
        return self.headers[0]

    @property
    def derived(self) -> str:
        """As `dicom_kinds.derive`."""
        return derive(self.slices[0].frame.image_type) if self.slices else ""


def split_series(headers: Sequence[Header]) -> Iterator[Part]:
    """Split the files of a series into parts: by how an image was made, by echo, by matrix and orientation.

    A localizer, slices of several orientations, stays one part.
    """
    without = [header for header in headers if not header.frames]
    groups: dict[tuple, list[Slice]] = defaultdict(list)
    for header in headers:
        for frame in header.frames:
            key = (
                derive(frame.image_type),
                header.is_colour,
                round(frame.echo_ms or 0, 1),
                *(frame.rows, frame.columns, *(round(side, 3) for side in frame.spacing)),
            )
            groups[key].append(Slice(header, frame))
    lost = _count_lost(headers)
    for key in sorted(groups, key=str):
        part = _build_part(groups[key], without)
        if lost:
            fault = f"lacks {lost} of the images that are numbered in it: send it again from the archive"
            part = replace(part, stacks=(), faults=(*part.faults, fault))
        yield part
    if without and not groups:
        yield Part(tuple(without), (), (), 0, tuple(dict.fromkeys(f for h in without for f in h.faults)))


def _count_lost(headers: Sequence[Header]) -> int:
    """Return how many images a series lacks by their numbers: a missing first or last slice leaves no gap.

    Where more are lacking, its numbers do not count images.
    """
    numbers = {header.instance for header in headers if header.instance is not None}
    if (
        len(numbers) < len(headers)
        or not numbers
        or min(numbers) < 1
        or any(len(one.frames) > 1 for one in headers)
    ):
        return 0
    lost = max(numbers) - len(numbers)
    return lost if lost <= min(_MOST_LOST, _SHARE_LOST * len(numbers)) else 0


def _build_part(slices: list[Slice], without: list[Header]) -> Part:
    """`without`: files of the series of which no slice could be read."""
    headers = tuple(dict.fromkeys(one.header for one in slices))
    planes = _count_planes(slices)
    faults = list(dict.fromkeys(fault for header in (*headers, *without) for fault in header.faults))
    stacks: tuple[Stack, ...] = ()
    if planes == 1 and not faults:
        stacks, faults = _stack(slices)
    return Part(headers, tuple(slices), stacks, planes, tuple(faults))


def _count_planes(slices: Iterable[Slice]) -> int:
    planes: list[NDArray] = []
    for one in slices:
        orientation = np.array(one.frame.orientation)
        if not any(np.abs(orientation - plane).max() < _SAME_DIRECTION for plane in planes):
            planes.append(orientation)
    return len(planes)


def _stack(slices: list[Slice]) -> tuple[tuple[Stack, ...], list[str]]:
    """Build the volumes of parallel slices; or say why they are not whole."""
    by_weight: dict[tuple, list[Slice]] = defaultdict(list)
    at_none = 0.0 if _leaves_out_b0(slices) else None
    for one in slices:
        b_value = one.frame.weighting.b_value
        by_weight[at_none if b_value is None else b_value, _find_isotropic(one.frame)].append(one)
    stacks: list[Stack] = []
    faults: list[str] = []
    if len({b_value is None for b_value, _ in by_weight}) > 1:
        faults.append("gives b-values of some of its images only: send it again from the archive")
    depths = _cluster([one.frame.depth for one in slices])
    for (b_value, isotropic), some in sorted(by_weight.items(), key=lambda item: str(item[0])):
        places: list[list[Slice]] = [[] for _ in depths]
        for one in some:
            places[int(np.abs(depths - one.frame.depth).argmin())].append(one)
        counts = sorted({len(place) for place in places})
        if len(counts) > 1:
            few = sum(len(place) < counts[-1] for place in places)
            faults.append(
                f"lacks images: {few} of its {len(depths)} slice positions {'has' if few == 1 else 'have'} "
                "fewer than the others; send it again from the archive"
            )
            continue
        for together in zip(*(sorted(place, key=_order) for place in places), strict=True):
            stacks.append(Stack(together, b_value, isotropic))
    faults += _find_gaps(depths) + _find_shear(slices)
    faults += [] if faults else _find_mixed(stacks)
    stacks.sort(key=lambda stack: (stack.b_value is None, stack.b_value or 0))
    return (() if faults else tuple(stacks)), faults


def _leaves_out_b0(slices: Sequence[Slice]) -> bool:
    """Canon writes no b-value where it is 0."""
    return any(one.header.vendor == "Canon" and one.frame.weighting.b_value for one in slices)


def _find_isotropic(frame: Frame) -> bool | None:
    return True if is_trace(frame.image_type) else frame.weighting.isotropic


def _order(one: Slice) -> tuple:
    vector = one.frame.weighting.direction or ()
    return tuple(round(part, 2) + 0.0 for part in vector), one.frame.order


def _cluster(depths: Iterable[float]) -> NDArray:
    """Return the slice positions along the normal, mm, ascending; what is nearer than a hair is one."""
    ordered = sorted(depths)
    starts = [ordered[0]] + [b for a, b in pairwise(ordered) if b - a > _SAME_PLACE_MM]
    return np.array(starts)


def _find_gaps(depths: NDArray) -> list[str]:
    gaps = np.diff(depths)
    if len(gaps) == 0:
        return []
    usual = float(np.median(gaps))
    off = np.abs(gaps - usual) > max(_SAME_GAP * usual, _LEAST_GAP_MM)
    if not off.any():
        return []
    lacking = int(np.rint(gaps[off] / usual - 1).clip(0).sum())
    what = f"lacks {lacking} slice{'s' * (lacking != 1)}" if lacking else "has slices at unequal distances"
    return [
        f"{what}: its {len(depths)} slices lie {usual:.2f} mm apart, but not everywhere; "
        "send it again from the archive"
    ]


def _find_shear(slices: Sequence[Slice]) -> list[str]:
    """Slices that shift sideways from one to the next are a sheared volume."""
    ordered = sorted((one.frame for one in slices), key=lambda frame: frame.depth)
    normal = ordered[0].normal
    across = np.array([np.array(frame.position) - frame.depth * normal for frame in ordered])
    if np.abs(across - across[0]).max() > 0.5 * max(ordered[0].spacing):
        return ["has slices that are shifted against each other: give the series as it was scanned"]
    return []


def _find_mixed(stacks: Iterable[Stack]) -> list[str]:
    """Slices of one volume must have one gradient direction, where the header says it."""
    for stack in stacks:
        vectors = [one.frame.weighting.direction for one in stack.slices]
        known = np.array([vector for vector in vectors if vector is not None])
        if stack.b_value and len(known) and np.abs(known - known[0]).max() > _SAME_VECTOR:
            return ["has gradient directions that do not fit together: send it again from the archive"]
    return []


def find_incomplete(stack: Stack) -> str | None:
    """Return why a volume is no whole head, a sentence without its subject."""
    count, height = len(stack.slices), len(stack.slices) * stack.spacing_mm
    if count < _FEWEST_SLICES or height < _LEAST_HEIGHT_MM:
        return (
            f"is incomplete: {count} slices, {height:.0f} mm; a head needs at least {_FEWEST_SLICES} slices "
            f"and {_LEAST_HEIGHT_MM:.0f} mm"
        )
    return None

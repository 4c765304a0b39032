"""Find the series of a DICOM export: which may be b0, DWI, FLAIR and ADC of whom, and why.

Nothing that a person wrote into a header reaches what is returned, but for `Found.person`, `Found.study` and
`Found.files`, for sources.tsv and for comparisons alone. A series is named by its number and a word.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np

from strokeclock.intake.dicom_files import Notice, open_files
from strokeclock.intake.dicom_header import Header, quiet, read_header
from strokeclock.intake.dicom_people import drop_copies, name_people, order_sessions
from strokeclock.intake.dicom_series import Candidate, make_bring, recognise_part, share_scale
from strokeclock.intake.dicom_stacks import Stack, split_series
from strokeclock.intake.found import Found

log = logging.getLogger(__name__)

_SAME = 0.05  # by which times and voxels of repeats may differ; scanners adapt TE and TR a little
_FEWER = 0.9  # share of the slices of its longest repeat that a whole series has
_LEAST_HEIGHT = 0.7  # share of the DWI's height that a FLAIR covers
_BETTER = 1000  # rank of a better kind of series, above any number of repeats


@dataclass
class _Judged:
    """A part of a series, and what follows from the other series of its study."""

    candidate: Candidate
    rank: int = 0
    faults: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        return bool(self.candidate.use.stacks) and not self.faults and not self.candidate.faults


def find_dicom(source: Path, *, notice: Notice = log.warning) -> Iterator[Found]:
    """Find all series of MR images in a folder, file or zip archive, and what each may be used for.

    The sessions of a person are the studies, 1, 2, … by time. Of repeated series the last whole one has the
    lowest rank; series that differ in what they are have the same rank, so a person chooses.

    Parameters
    ----------
    source : folder of any depth, with or without DICOMDIR, zip archives in it; or one file or archive.
    notice : is told, in sentences, of files that are left out: damaged ones, archives that are not read.

    Returns
    -------
    Found of each series, or of each part of one that holds images of several kinds, person by person. The
    patient named in a PatientError of `bring` is "".
    """
    with quiet():
        headers = drop_copies(list(_read_headers(source, notice)))
    people, faults = name_people(headers)
    label = order_sessions(headers, people)
    by_study: dict[tuple[str, str, str], list[Header]] = defaultdict(list)
    for header in headers:
        by_study[people[header], label(header), header.study].append(header)
    for person, session, study in sorted(by_study, key=lambda key: (key[0], int(key[1]), key[2])):
        judged = _judge_study(by_study[person, session, study])
        own = (faults[person],) if person in faults else ()
        for one, name in zip(judged, _name(judged), strict=True):
            yield _describe(one, name=name, person=person, session=session, faults=own)


def _read_headers(source: Path, notice: Notice) -> Iterator[Header]:
    for opened in open_files(source, notice):
        try:
            header = read_header(opened)
        except ValueError as error:
            notice(f"file {opened.place.written.name} {error}")
            continue
        if header is not None:
            yield header


def _judge_study(headers: Iterable[Header]) -> list[_Judged]:
    by_series: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        by_series[header.series].append(header)
    parts = [part for series in by_series.values() for part in split_series(series)]
    parts.sort(key=lambda part: (part.first.acquired, part.first.number or 0, part.first.series))
    judged = [_Judged(recognise_part(part)) for part in parts]
    _find_aborted(judged)
    _find_low(judged)
    _find_strange_scale(judged)
    _rank(judged)
    return judged


def _list_repeats(judged: Sequence[_Judged]) -> list[list[_Judged]]:
    """Group series that give the same and were scanned alike, in the order of the scan."""
    groups: list[list[_Judged]] = []
    for one in judged:
        if not one.candidate.use.stacks:
            continue
        group = next((group for group in groups if _is_repeat(group[0].candidate, one.candidate)), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    return groups


def _is_repeat(one: Candidate, other: Candidate) -> bool:
    """Whether two series were scanned alike; they may differ in their number of slices."""
    if (one.use.gives, one.quality, len(one.use.stacks)) != (
        other.use.gives,
        other.quality,
        len(other.use.stacks),
    ):
        return False
    first, second = one.use.stacks[0], other.use.stacks[0]
    axes = [np.abs(stack.slices[0].frame.normal).argmax() for stack in (first, second)]
    is_same = np.allclose(_list_numbers(one), _list_numbers(other), rtol=_SAME, atol=1e-6)
    return bool(axes[0] == axes[1] and is_same)


def _list_numbers(candidate: Candidate) -> list[float]:
    stack, facts = candidate.use.stacks[0], candidate.part.first.facts
    times = [float(facts.get(name) or 0) for name in ("RepetitionTime", "EchoTime", "InversionTime")]
    frame = stack.slices[0].frame
    b_values = [candidate.b_value or 0.0]
    return [*times, *b_values, stack.spacing_mm, *frame.spacing, *stack.shape[:2]]


def _find_aborted(judged: Sequence[_Judged]) -> None:
    """A series with fewer slices than its repeat was broken off."""
    for group in _list_repeats(judged):
        counts = [len(one.candidate.use.stacks[0].slices) for one in group]
        for one, slices in zip(group, counts, strict=True):
            if slices < _FEWER * max(counts):
                one.faults += (f"it is incomplete: {slices} slices, and its repeat has {max(counts)}",)


def _find_low(judged: Sequence[_Judged]) -> None:
    """A FLAIR that covers much less of the head than the DWI, from below upwards, was broken off."""
    diffusion = [_find_height(one.candidate.use.stacks[0]) for one in judged if _gives(one, "dwi")]
    if not diffusion:
        return
    low, high = max(diffusion, key=lambda ends: ends[1] - ends[0])
    for one in judged:
        if _gives(one, "flair"):
            start, end = _find_height(one.candidate.use.stacks[0])
            covered = max(min(end, high) - max(start, low), 0)
            if covered < _LEAST_HEIGHT * (high - low):
                one.faults += (
                    f"it is incomplete: {covered:.0f} mm high, and the DWI is {high - low:.0f} mm",
                )


def _gives(one: _Judged, column: str) -> bool:
    return column in one.candidate.use.gives and one.is_whole


def _find_height(stack: Stack) -> tuple[float, float]:
    """Return the lowest and highest corner, mm above the scanner's origin."""
    corners = np.array(np.meshgrid(*[(-0.5, side - 0.5) for side in stack.shape], [1.0])).reshape(4, -1)
    heights = (stack.affine @ corners)[2]
    return float(heights.min()), float(heights.max())


def _find_strange_scale(judged: Sequence[_Judged]) -> None:
    """A b0 of its own series must have the scale of the DWI."""
    alone = [one for one in judged if one.is_whole and one.candidate.use.gives in (("t2w",), ("dwi",))]
    stacks = [stack for one in alone for stack in one.candidate.use.stacks]
    if not share_scale(stacks):
        for one in alone:
            one.faults += (
                "its scale cannot be compared with the other DWI series: export both with all of the header",
            )


def _rank(judged: Sequence[_Judged]) -> None:
    """The last whole one of repeats is first, then the others, the latest before the earlier."""
    for group in _list_repeats([one for one in judged if one.is_whole]):
        for behind, one in enumerate(reversed(group)):
            one.rank = _BETTER * one.candidate.quality + behind


def _name(judged: Sequence[_Judged]) -> list[str]:
    """Name each series within its session: its number, what it is, and a count where that stands twice."""
    names = [f"series {one.candidate.number} {one.candidate.kind.name}" for one in judged]
    often = {name for name, times in Counter(names).items() if times > 1}
    numbers: dict[str, count] = defaultdict(lambda: count(1))
    return [f"{name} ({next(numbers[name])})" if name in often else name for name in names]


def _describe(one: _Judged, *, name: str, person: str, session: str, faults: tuple[str, ...]) -> Found:
    candidate, part = one.candidate, one.candidate.part
    use = candidate.use
    times = [header.acquired for header in part.headers if header.acquired]
    return Found(
        person=person,
        session=session,
        acquired=min(times, default=""),
        name=name,
        gives=use.gives,
        why=_explain(candidate),
        rank=one.rank,
        study=part.first.study,
        b_value=candidate.b_value,
        facts=candidate.facts,
        faults=(*faults, *candidate.faults, *one.faults) if use.gives else (),
        files=tuple(header.place.written for header in part.headers),
        bring=make_bring(candidate),
    )


def _explain(candidate: Candidate) -> str:
    kind, use = candidate.kind, candidate.use
    words = f"{kind.name} {kind.why}"
    if use.stacks and candidate.kind.name == "DWI":
        b_values = sorted({stack.b_value for stack in use.stacks if stack.b_value is not None})
        listed = " and ".join(f"{b_value:g}" for b_value in b_values)
        words += f" (b {listed} s/mm²)" if listed else " (b-value not given)"
    if kind.is_reformat:
        words += ", reformatted"
    if use.stacks:
        columns, rows, slices = use.stacks[0].shape
        words += f", {len(use.stacks)} volume{'s' * (len(use.stacks) > 1)} of {columns}×{rows}×{slices}"
    return words

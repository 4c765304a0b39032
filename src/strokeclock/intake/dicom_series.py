"""What a part of a series gives: its kind, the volumes that are used, what speaks against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from strokeclock.errors import PatientError
from strokeclock.intake.acquisition import LARGEST_B0
from strokeclock.intake.dicom_convert import convert_stacks, find_scale
from strokeclock.intake.dicom_kinds import Kind, Signs, clean_words, read_b_value, recognise
from strokeclock.intake.dicom_stacks import Part, Stack, find_incomplete
from strokeclock.intake.diffusion import LARGEST_SHELL, LEAST_SHELL, Plan, combine, plan_diffusion
from strokeclock.intake.formats import Image, write_image
from strokeclock.intake.privacy import keep, write_sidecar

_GIVES = {"FLAIR": ("flair",), "ADC": ("adc",)}
_NOT_COMPARED = "its pixels are compressed in a way that only dcm2niix reads: they could not be compared"
_DIRECTIONS_RANK, _REFORMAT_RANK = 10, 100


@dataclass(frozen=True)
class Use:
    """How columns are filled from volumes.

    Attributes
    ----------
    gives : columns.
    stacks : the volumes that are read.
    plan : of the diffusion series, numbers of `stacks`; None where the one volume is what is wanted.
    faults : sentences without their subject.
    """

    gives: tuple[str, ...] = ()
    stacks: tuple[Stack, ...] = ()
    plan: Plan | None = None
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class Candidate:
    """A part of a series, recognised."""

    part: Part
    kind: Kind

    @cached_property
    def use(self) -> Use:
        """What it gives, and how."""
        return _plan_use(self.part, self.kind)

    @property
    def faults(self) -> tuple[str, ...]:
        """Sentences on why it cannot be used, with "it" for a subject."""
        if not self.use.gives:
            return ()
        faults = [*self.part.faults, *self.use.faults]
        faults += [self.kind.fault] if self.kind.fault else []
        if self.part.first.is_annotated:
            faults.append("has text burnt into its images: give the series without")
        if self.use.stacks and (short := find_incomplete(self.use.stacks[0])):
            faults.append(short)
        return tuple(f"it {fault}" for fault in dict.fromkeys(faults))

    @property
    def b_value(self) -> float | None:
        """Of the DWI that it gives."""
        return self.use.plan.b_value if self.use.plan and "dwi" in self.use.gives else None

    @property
    def quality(self) -> int:
        """0 for the best; traces come before images of single directions, originals before reformats."""
        rank = _REFORMAT_RANK if self.kind.is_reformat else 0
        if self.kind.name == "DWI":
            rank += len(self.use.gives) == 1
            shell = [self.use.stacks[one] for one in self.use.plan.trace] if self.use.plan else []
            has_dwi = "dwi" in self.use.gives
            rank += _DIRECTIONS_RANK if has_dwi and any(one.isotropic is False for one in shell) else 0
        return rank

    @property
    def facts(self) -> dict[str, Any]:
        """Fields of the sidecar that hold for all columns."""
        return keep(self.part.first.facts)

    def bring(self, columns: Mapping[str, Path]) -> list[str]:
        """Write the columns that are asked for; see `found.Found`.

        The patient in its PatientError is "": only the caller knows a name that may be written.
        """
        wanted = {column: path for column, path in columns.items() if column in self.use.gives}
        try:
            return _bring(self.use, wanted, self.facts)
        except ValueError as error:
            raise PatientError("", f"it {error}") from error

    @property
    def number(self) -> str:
        """SeriesNumber, or ? where there is none."""
        number = self.part.first.number
        return "?" if number is None else str(number)


def recognise_part(part: Part) -> Candidate:
    """Tell what a part of a series is."""
    first = part.first
    frames = [one.frame for one in part.slices]
    positions = {frame.position for frame in frames}
    signs = Signs(
        modality=first.modality,
        derived=part.derived,
        image_type=frames[0].image_type if frames else (),
        words=clean_words(first.description),
        sequence=first.sequence,
        repetition_s=first.facts.get("RepetitionTime"),
        echo_s=first.facts.get("EchoTime"),
        inversion_s=first.facts.get("InversionTime"),
        is_colour=first.is_colour,
        has_contrast=first.has_contrast,
        planes=part.planes,
        told_diffusion=any(frame.weighting.told for frame in frames),
        has_b_value=any(frame.weighting.b_value is not None for frame in frames),
        volumes=len(frames) // max(len(positions), 1),
    )
    return Candidate(part, recognise(signs))


def _plan_use(part: Part, kind: Kind) -> Use:
    if kind.name == "DWI":
        return _plan_diffusion_use(part)
    gives = _GIVES.get(kind.name, ())
    if gives and len(part.stacks) > 1:
        fault = f"holds {len(part.stacks)} images at each place: give the series with one"
        return Use(gives, (), None, (fault,))
    return Use(gives, part.stacks)


def _plan_diffusion_use(part: Part) -> Use:
    stacks = list(part.stacks)
    if not stacks:
        b_values = {one.frame.weighting.b_value for one in part.slices}
        low = any(b is not None and b <= LARGEST_B0 for b in b_values)
        high = any(b is None or b > LARGEST_B0 for b in b_values)
        return Use((*(("t2w",) if low else ()), *(("dwi",) if high else ())) or ("dwi",))
    if any(stack.b_value is None for stack in stacks):
        return _plan_by_words(part, stacks)
    return _plan_by_b_values(stacks)


def _plan_by_words(part: Part, stacks: Sequence[Stack]) -> Use:
    """Of a series without b-values: that of its description, or unknown if it is a trace."""
    b_value = read_b_value(clean_words(part.first.description))
    if len(stacks) > 1:
        fault = f"holds {len(stacks)} volumes and gives no b-values: export it with all of its header"
        return Use(("t2w", "dwi"), (), None, (fault,))
    if b_value is not None:
        return _plan_by_b_values([Stack(stacks[0].slices, b_value, stacks[0].isotropic)])
    if stacks[0].isotropic:
        return Use(("dwi",), tuple(stacks))
    fault = "does not say its b-value: choose by hand whether it is b0 (t2w) or dwi"
    return Use(("t2w", "dwi"), tuple(stacks), None, (fault,))


def _plan_by_b_values(stacks: Sequence[Stack]) -> Use:
    """Choose among volumes; isotropic ones are used alone where there are any."""
    usual = [one for one in stacks if one.isotropic or (one.b_value or 0) <= LARGEST_B0]
    if any((one.b_value or 0) > LARGEST_B0 for one in usual):
        stacks = usual
    b_values = [one.b_value or 0.0 for one in stacks]
    has_low = min(b_values) <= LARGEST_B0
    has_high = any(LEAST_SHELL <= b_value <= LARGEST_SHELL for b_value in b_values)
    if not has_low and not has_high:
        listed = ", ".join(f"{b_value:g}" for b_value in sorted(set(b_values))[:8])
        return Use(("dwi",), (), None, (f"has b {listed} s/mm² alone: give a series near b 1000",))
    gives = (*(("t2w",) if has_low else ()), *(("dwi",) if has_high else ()))
    # What the other column would need is put beside, so that one rule chooses in all cases.
    added = [*([] if has_low else [0.0]), *([] if has_high else [1000.0])]
    directions = _list_directions(stacks)
    vectors = None if directions is None else np.array([*directions, *([(0.0, 0.0, 0.0)] * len(added))])
    try:
        plan = plan_diffusion([*b_values, *added], vectors)
    except ValueError as error:
        return Use(gives, (), None, (str(error),))
    if plan.low_b and not has_high:
        return Use(gives, (), None, (f"has b {plan.low_b:g} s/mm², and no b0 can be computed from it alone",))
    used = sorted({one for one in (*plan.b0, *plan.trace) if one < len(stacks)})
    places = {one: place for place, one in enumerate(used)}
    plan = Plan(
        b0=tuple(places[one] for one in plan.b0 if one in places) if has_low else (),
        trace=tuple(places[one] for one in plan.trace if one in places) if has_high else (),
        b_value=plan.b_value,
        low_b=plan.low_b,
        notes=plan.notes if len(used) > 2 or plan.low_b else (),
    )
    chosen = tuple(stacks[one] for one in used)
    faults = () if share_scale(chosen) else ("has b0 and DWI on scales that are not known to each other",)
    return Use(gives, chosen, plan, tuple(f"{one}: export it with all of its header" for one in faults))


def _list_directions(stacks: Sequence[Stack]) -> list[tuple[float, ...]] | None:
    """Directions of unit length, 0 for isotropic volumes; None where that of one is not known."""
    directions: list[tuple[float, ...]] = []
    for stack in stacks:
        vector = np.array(stack.direction or (0.0, 0.0, 0.0))
        length = float(np.linalg.norm(vector))
        if stack.isotropic or (stack.b_value or 0) <= LARGEST_B0:
            directions.append((0.0, 0.0, 0.0))
        elif length > 0:
            directions.append(tuple(vector / length))
        else:
            return None
    return directions


def share_scale(stacks: Sequence[Stack]) -> bool:
    """Whether values of volumes can be compared: all have Philips' scale slope, or all are scaled alike."""
    frames = [one.frame for stack in stacks for one in stack.slices]
    if all(frame.philips_slope for frame in frames):
        return True
    return len({find_scale(frame, as_adc=False) for frame in frames}) <= 1


def _bring(use: Use, columns: Mapping[str, Path], facts: Mapping[str, Any]) -> list[str]:
    converted = convert_stacks(use.stacks, as_adc=use.gives == ("adc",))
    affine = converted[0].affine
    for column, path in columns.items():
        data = _fill(column, [one.data for one in converted], use.plan)
        write_image(path, Image(np.ascontiguousarray(data), affine))
        write_sidecar(path, {**facts, **_describe_weighting(column, use.plan)})
    notes = [] if all(one.is_compared for one in converted) else [_NOT_COMPARED]
    return [*notes, *(use.plan.notes if use.plan else ())]


def _fill(column: str, data: Sequence[np.ndarray], plan: Plan | None) -> np.ndarray:
    """Return the image of a column; one that is a volume as it is keeps its own type."""
    if plan is None:
        return data[0]
    volumes = plan.b0 if column == "t2w" else plan.trace
    if len(volumes) == 1 and not (column == "t2w" and plan.low_b):
        return data[volumes[0]]
    every = np.stack(data, axis=-1)
    whole = Plan(b0=plan.b0 or volumes, trace=plan.trace or volumes, b_value=plan.b_value, low_b=plan.low_b)
    b0, trace, _ = combine(every, whole)
    return b0 if column == "t2w" else trace


def _describe_weighting(column: str, plan: Plan | None) -> dict[str, float]:
    if plan is None:
        return {}
    return {"DiffusionBValue": 0.0 if column == "t2w" else plan.b_value}


def bring_nothing(sentence: str, columns: Mapping[str, Path]) -> list[str]:
    """The `found.Bring` of a series that is of no use."""
    raise PatientError("", sentence)


def make_bring(candidate: Candidate) -> Any:
    """Return the `found.Bring` of a candidate."""
    if candidate.use.gives and candidate.use.stacks:
        return candidate.bring
    return partial(bring_nothing, "it cannot be used")

"""Find series in challenge folders and plain files: by the words in the names of files and folders.

Names of files and folders may be names of people: what is yielded holds known words alone.
"""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from strokeclock.cohort.nifti_header import NiftiHeader
from strokeclock.cohort.sheet import LESION_MASK
from strokeclock.errors import PatientError
from strokeclock.intake import words
from strokeclock.intake.acquisition import (
    LARGEST_B0,
    describe,
    doubt_adc,
    doubt_flair,
    find_b_value,
    is_reformatted,
    read_b_values_beside,
    read_json,
)
from strokeclock.intake.bids_series import Meaning, weigh
from strokeclock.intake.diffusion_series import make_diffusion
from strokeclock.intake.first_look import look_at, split_suffix
from strokeclock.intake.formats import read_image
from strokeclock.intake.found import Found
from strokeclock.intake.image_series import make_image
from strokeclock.intake.privacy import keep

_GROUPS = re.compile(
    r"(train|test|val|dev)(ing|idation)?(set|ing)?|positive|negative|pos|neg|cases?|patients?|subjects?|"
    r"controls?|images?(tr|ts)?|labels?(tr|ts)?|data|nifti|nii|anat|raw|part[0-9]*|batch[0-9]*",
    re.I,
)
_VISIT = re.compile(
    r"(ses|sess|session|visit|scan|tp|timepoint|time|day|d|v|mr|mri|study|exam)[ _-]*[0-9]{1,3}|[0-9]{1,2}|"
    r"(19|20)[0-9]{2}[-_.]?[0-9]{2}[-_.]?[0-9]{2}.*|"
    r"(acute|sub.?acute|chronic|baseline|admission|initial|follow.?up|fu|control)[ _-]*[0-9]*",
    re.I,
)
_DATE = re.compile("((?:19|20)[0-9]{2})[-_.]?([0-9]{2})[-_.]?([0-9]{2})")
_BRAIN_ML = 450.0  # no infarct is so large, and no brain so small
_RANK = 1000


@dataclass(frozen=True)
class _File:
    """An image file: its folders below the source, its name without suffix, and its path."""

    folders: tuple[str, ...]
    stem: str
    path: str

    @property
    def beside(self) -> str:
        """The path of the files beside it, without their endings."""
        return os.path.join(os.path.dirname(self.path), self.stem)

    @cached_property
    def words(self) -> list[words.Word]:
        """The words of its name, or where these say nothing those of the nearest folder that do."""
        for name in (self.stem, *reversed(self.folders)):
            read = words.read_words(name)
            if {word.kind for word in read} & words.SERIES:
                return read
        return words.read_words(self.stem)

    @cached_property
    def kinds(self) -> set[str]:
        return {word.kind for word in self.words}

    @cached_property
    def rest(self) -> str:
        """What may be an identifier in its name."""
        return words.find_rest(self.stem)

    @cached_property
    def label(self) -> str:
        """The known words of its name, or "image"."""
        return "_".join(word.text for word in self.words if word.text) or "image"

    @cached_property
    def groups(self) -> tuple[str, ...]:
        """The folders above that divide people into groups."""
        return tuple(name for name in self.folders if _GROUPS.fullmatch(name))

    @property
    def places(self) -> tuple[str, ...]:
        """The folders that may be a person's or a visit's, without those of series and groups."""
        return tuple(
            name
            for name in self.folders
            if _VISIT.fullmatch(name) or (words.find_rest(name) and not _GROUPS.fullmatch(name))
        )


def list_images(source: Path) -> Iterator[tuple[str, ...]]:
    """Yield the folders and the name of each image file below the source, in order."""
    pending: list[tuple[str, ...]] = [()]
    seen = {os.path.realpath(source)}
    while pending:
        folders = pending.pop()
        try:
            with os.scandir(os.path.join(source, *folders)) as entries:
                listed = sorted(
                    (one.name, one.is_dir(), one.is_symlink())
                    for one in entries
                    if not one.name.startswith((".", "__MACOSX"))
                )
        except OSError:
            continue
        inside = []
        for name, is_folder, is_link in listed:
            if not is_folder:
                if split_suffix(name)[1]:
                    yield *folders, name
                continue
            if is_link:
                if (real := os.path.realpath(os.path.join(source, *folders, name))) in seen:
                    continue
                seen.add(real)
            inside.append((*folders, name))
        pending += reversed(inside)


def find_plain(source: Path) -> Iterator[Found]:
    """Yield every image below a folder, person by person.

    A person is a folder, or what the names of files have beside known words where one folder holds the DWI of
    several. A folder in a person's folder is a visit where all of them are named like visits, else a person.
    """
    files = [
        _File(parts[:-1], split_suffix(parts[-1])[0], os.path.join(source, *parts))
        for parts in list_images(source)
    ]
    persons: dict[str, dict[str, list[_File]]] = defaultdict(lambda: defaultdict(list))
    for (person, visit), mine in _divide(files, name=source.name).items():
        persons[person][visit] += mine
    for person, visits in sorted(persons.items()):
        labels = _name_visits([*visits])
        for visit, mine in visits.items():
            yield from _find_visit(person, labels[visit], _read_date(visit), mine)


def _divide(files: Sequence[_File], *, name: str) -> dict[tuple[str, str], list[_File]]:
    """Return (person, visit) -> files."""
    by_folder: dict[tuple[str, ...], list[_File]] = defaultdict(list)
    for file in files:
        by_folder[file.places].append(file)
    flat = {places for places, inside in by_folder.items() if not places or _is_flat(inside)}
    counts = Counter(rest for places in flat for rest in {file.rest for file in by_folder[places]})
    first_visits: dict[str, set[str]] = defaultdict(set)
    for places in by_folder:
        if len(places) > 1:
            first_visits[places[0]].add(places[1])
    divided: dict[tuple[str, str], list[_File]] = defaultdict(list)
    for places, inside in by_folder.items():
        for file in inside:
            if places in flat:
                rest = file.rest or name
                key = "/".join((*places, rest)) if counts[file.rest] > 1 else rest, ""
            elif len(places) > 1 and all(map(_VISIT.fullmatch, first_visits[places[0]])):
                key = places[0], "/".join(places[1:])
            else:
                key = "/".join(places), ""
            divided[key].append(file)
    return {key: mine for one, together in divided.items() for key, mine in _part_groups(one, together)}


def _part_groups(
    key: tuple[str, str], files: Sequence[_File]
) -> Iterator[tuple[tuple[str, str], list[_File]]]:
    """Part people of one name in folders such as train and test, where both folders hold the same series."""
    by_group: dict[tuple[str, ...], list[_File]] = defaultdict(list)
    for file in files:
        by_group[file.groups].append(file)
    labels = [{file.label for file in inside} for inside in by_group.values()]
    if sum(map(len, labels)) == len(set().union(*labels)):
        yield key, [*files]
        return
    for group, inside in by_group.items():
        yield ("/".join((*group, key[0])), key[1]), inside


def _is_flat(files: Iterable[_File]) -> bool:
    """Whether one folder holds the DWI of several persons, who differ in the rest of the names."""
    return len({file.rest for file in files if words.DWI in file.kinds and file.rest}) > 1


def _name_visits(visits: Sequence[str]) -> dict[str, str]:
    """Return folder -> visit-1 … in their order, or visit-a … where their names do not tell it."""
    if len(visits) == 1:
        return {visits[0]: ""}
    dates = {visit: _read_date(visit) for visit in visits}
    if len({*dates.values()} - {""}) == len(visits):
        ordered = sorted(visits, key=dates.__getitem__)
    else:
        numbers = {visit: re.findall("[0-9]+", visit) for visit in visits}
        stems = {re.sub("[0-9]+", "", visit).lower() for visit in visits}
        if len(stems) > 1 or not all(numbers.values()):
            return {
                visit: f"visit-{chr(97 + number)}" for number, visit in enumerate(sorted(visits)[:26])
            } | {visit: f"visit-z{number}" for number, visit in enumerate(sorted(visits)[26:])}
        ordered = sorted(visits, key=lambda visit: [*map(int, numbers[visit])])
    return {visit: f"visit-{number}" for number, visit in enumerate(ordered, start=1)}


def _read_date(visit: str) -> str:
    match = _DATE.search(visit)
    return "-".join(match.groups()) if match else ""


def _find_visit(person: str, session: str, acquired: str, files: Sequence[_File]) -> Iterator[Found]:
    looks = {file: look_at(file.path) for file in files}
    grids = {
        kind: {looks[file].header for file in files if kind in file.kinds and not {words.MASK} & file.kinds}
        for kind in (words.DWI, words.FLAIR)
    }
    seen: Counter[str] = Counter()
    for file in files:
        label = file.label
        seen[label] += 1
        known = {
            "person": person,
            "session": session,
            "acquired": acquired,
            "name": label if seen[label] == 1 else f"{label} ({seen[label]})",
            "files": (Path(file.path),),
        }
        content, _ = read_json(f"{file.beside}.json")
        look = looks[file]
        meaning = _read_meaning(file, content, look.header, look.volumes, grids)
        if look.fault and meaning.gives:
            meaning = replace(meaning, faults=(look.fault,))
        if meaning.by_volumes:
            b_file, directions = (
                path if os.path.exists(path) else None
                for path in (f"{file.beside}.bval", f"{file.beside}.bvec")
            )
            yield make_diffusion(
                meaning, file.path, known, keep(content), b_file, directions, volumes=look.volumes
            )
        else:
            facts = {key: value for key, value in keep(content).items() if key != "DiffusionBValue"}
            yield make_image(meaning, file.path, known, facts)


def _read_meaning(
    file: _File,
    content: Mapping[str, Any],
    header: NiftiHeader | None,
    volumes: int,
    grids: Mapping[str, set[NiftiHeader | None]],
) -> Meaning:
    """Say what an image is taken for, by its words and its sidecar."""
    kinds, facts = file.kinds, keep(content)
    rank = _RANK * (words.PROCESSED in kinds or words.BRAIN in kinds or is_reformatted(content))
    by = f"name {file.label}"
    if {words.MASK, words.LESION} & kinds:
        return _read_mask(file, by)
    if words.EXPONENTIAL in kinds:
        return Meaning(gives=(), why="exponential ADC, by its name")
    if words.ADC in kinds:
        return Meaning(gives=("adc",), why=by, rank=rank, faults=tuple(doubt_adc(content, describe(content))))
    if words.FLAIR in kinds:
        faults = doubt_flair(content, facts, describe(content))
        if words.OTHER in kinds:
            faults.insert(0, "its name says T1: take the T2-weighted FLAIR")
        elif words.CONTRAST in kinds:
            faults.insert(0, "its name says a contrast agent: take the one before")
        return Meaning(gives=("flair",), why=by, rank=rank, faults=tuple(faults[:1]))
    if words.OTHER in kinds:
        return Meaning(gives=(), why=f"{by}: no diffusion series and no FLAIR")
    if volumes > 1 and {words.DWI, words.B0} & kinds:
        return Meaning(gives=("t2w", "dwi"), why=f"{by}, {volumes} volumes by .bval", by_volumes=True)
    if words.B0 in kinds:
        return Meaning(gives=("t2w",), why=by, rank=rank)
    if words.DWI in kinds:
        return _read_dwi(file, by, content, rank=rank)
    if words.T2 in kinds:
        return _read_t2(by, header, grids, rank=rank)
    if words.BRAIN in kinds:
        return Meaning(gives=(), why=f"{by}: a brain mask or brain without a series")
    return Meaning(gives=(), why="not recognised by its name: write its column, and yes, if it is wanted")


def _read_dwi(file: _File, by: str, content: Mapping[str, Any], *, rank: int) -> Meaning:
    """Read one volume of diffusion: the b0 where its .bval file says so, else the DWI."""
    b_values, faults = read_b_values_beside(file.beside)
    texts = *(word.text for word in file.words), describe(content)
    b_value, source = find_b_value(keep(content), b_values, *texts)
    if b_values and b_value is not None and b_value <= LARGEST_B0:
        return Meaning(gives=("t2w",), why=f"{by}, b {b_value:g} by {source}", rank=rank)
    meaning = Meaning(gives=("dwi",), why=by, rank=rank, faults=faults)
    return meaning if faults else weigh(meaning, b_value=b_value, source=source)


def _read_t2(
    by: str, header: NiftiHeader | None, grids: Mapping[str, set[NiftiHeader | None]], *, rank: int
) -> Meaning:
    """A T2w may be the b0 or a turbo spin echo: a b0 has the DWI's grid, and no other series has it."""
    on_dwi = header is not None and header in grids[words.DWI]
    if on_dwi and header not in grids[words.FLAIR]:
        return Meaning(gives=("t2w",), why=f"{by}, on the grid of the DWI alone", rank=rank + _RANK)
    fault = (
        "it may be a T2w of its own resampled like all series: look at it, and write yes if it is the b0"
        if on_dwi
        else "it is not on the grid of a DWI, so it is a T2w of its own and not the b0"
    )
    return Meaning(gives=("t2w",), why=by, rank=rank + _RANK, faults=(fault,))


def _read_mask(file: _File, by: str) -> Meaning:
    kinds = file.kinds
    if words.CHRONIC in kinds:
        return Meaning(gives=(), why=f"{by}: mask of a chronic lesion")
    if words.BRAIN in kinds and words.LESION not in kinds:
        return Meaning(gives=(), why=f"{by}: brain mask")
    if words.LESION in kinds:
        return Meaning(gives=(LESION_MASK,), why=by)
    volume = _measure(file.path)  # "mask" alone may be that of the brain
    if volume is not None and volume > _BRAIN_ML:
        return Meaning(gives=(), why=f"{by}: {volume:.0f} mL are a brain, not a lesion")
    return Meaning(gives=(LESION_MASK,), why=by)


def _measure(path: str) -> float | None:
    """Return the volume above 0 in mL; None where the image cannot be read: bringing says why."""
    try:
        image = read_image(path, patient="", series="mask")
    except PatientError:
        return None
    return float((image.data > 0).sum() * abs(np.linalg.det(image.affine[:3, :3])) / 1000)

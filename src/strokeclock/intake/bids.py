"""Find the series of a BIDS set: an own scanner, because the public sets of stroke break every validator.

bids-specification.readthedocs.io; sidecars and .bval files are inherited from the folders above.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from strokeclock.cohort.sheet import LESION_MASK
from strokeclock.errors import ConfigurationError
from strokeclock.intake.acquisition import read_json
from strokeclock.intake.bids_name import BidsName, parse_name
from strokeclock.intake.bids_series import Meaning, may_be_used, read_mask_meaning, read_meaning
from strokeclock.intake.diffusion import read_b_values
from strokeclock.intake.diffusion_series import make_diffusion
from strokeclock.intake.first_look import look_at, split_suffix
from strokeclock.intake.found import Found
from strokeclock.intake.image_series import make_image
from strokeclock.intake.privacy import keep
from strokeclock.intake.table import read_table

_SUBJECT = "sub-"
_RAW = ("rawdata", "raw_data", "raw")
_METADATA = (".json", ".bval", ".bvec")


@dataclass(frozen=True)
class BidsSet:
    """The folders of a set.

    Attributes
    ----------
    root : holds the folders sub-….
    derivatives : folders that hold folders sub-… with masks.
    participants : participants.tsv, or None.
    described : whether there is a dataset_description.json.
    """

    root: Path
    derivatives: tuple[Path, ...]
    participants: Path | None
    described: bool


@dataclass(frozen=True)
class _Metadata:
    """A .json, .bval or .bvec file, which may be inherited by all subjects: it is read once."""

    name: BidsName
    path: str

    @cached_property
    def b_values(self) -> tuple[float, ...]:
        """The numbers of a .bval file; none where it cannot be read."""
        try:
            return read_b_values(self.path)
        except (ValueError, OSError):
            return ()


@dataclass
class _Folder:
    """The files of one folder of a subject; the metadata that it inherits and holds, from the root down."""

    path: str
    images: list[str] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    metadata: Mapping[str, tuple[_Metadata, ...]] = field(default_factory=dict)


def find_set(source: Path) -> BidsSet | None:
    """Find a BIDS set in a folder, or in its rawdata or its one subfolder; None where there is none.

    Raises
    ------
    ConfigurationError
        Several subfolders are BIDS sets.
    """
    if found := _find_here(source):
        return found
    inside = [one for folder in _list_folders(source) if (one := _find_here(source / folder))]
    if len(inside) > 1:
        raise ConfigurationError(
            f"The source holds {len(inside)} BIDS sets: import each into a folder of its own."
        )
    return inside[0] if inside else None


def _find_here(folder: Path) -> BidsSet | None:
    root = next((root for root in (folder, *(folder / name for name in _RAW)) if _has_subjects(root)), None)
    if root is None:
        return None
    tops = dict.fromkeys((root, folder))
    derivatives = [
        top / name for top in tops for name in ("derivatives", "derivative") if (top / name).is_dir()
    ]
    masks = [one for top in derivatives for one in (top, *(top / name for name in _list_folders(top)))]
    tables = (top / "participants.tsv" for top in tops)
    return BidsSet(
        root=root,
        derivatives=tuple(one for one in masks if _has_subjects(one)),
        participants=next((table for table in tables if table.is_file()), None),
        described=any((top / "dataset_description.json").is_file() for top in tops),
    )


def _list_folders(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(one.name for one in entries if one.is_dir() and not one.name.startswith("."))
    except OSError:
        return []


def _has_subjects(folder: Path) -> bool:
    return any(name.startswith(_SUBJECT) for name in _list_folders(folder))


def find_bids(found: BidsSet, *, only: str = "") -> Iterator[Found]:
    """Yield every series and mask of a set, subject by subject in alphabetical order.

    ``only``: the folder of one subject, sub-…; by default all.
    """
    root = _read_folder(str(found.root), above={})
    subjects = {name for name in root.folders if name.startswith(_SUBJECT)}
    with_masks = {one: {name for name in _list_folders(one)} for one in found.derivatives}
    masked = {name for names in with_masks.values() for name in names if name.startswith(_SUBJECT)}
    for subject in [only] if only else sorted(subjects | masked):
        series: list[Found] = []
        if subject in subjects:
            series += _find_raw(subject, os.path.join(root.path, subject), root)
        for top, names in with_masks.items():
            if subject in names:
                series += _find_masks(subject, str(top / subject), folder=top.name)
        yield from _name_apart(_doubt_chronic(series))


def _read_folder(path: str, *, above: Mapping[str, tuple[_Metadata, ...]]) -> _Folder:
    """List a folder; what cannot be listed is empty."""
    folder = _Folder(path)
    own: dict[str, list[_Metadata]] = {suffix: [] for suffix in _METADATA}
    try:
        with os.scandir(path) as entries:
            listed = sorted((one.name, one.is_dir()) for one in entries if not one.name.startswith("."))
    except OSError:
        listed = []
    for name, is_folder in listed:
        if is_folder:
            folder.folders.append(name)
            continue
        stem, suffix = os.path.splitext(name)
        if suffix in own:
            own[suffix].append(_Metadata(parse_name(stem), os.path.join(path, name)))
        elif suffix == ".tsv":
            folder.tables.append(name)
        elif split_suffix(name)[1]:
            folder.images.append(name)
    folder.metadata = {suffix: (*above.get(suffix, ()), *own[suffix]) for suffix in _METADATA}
    return folder


def _walk(path: str, *, above: Mapping[str, tuple[_Metadata, ...]]) -> Iterator[_Folder]:
    """Yield a folder and those in it, the upper ones first. A linked folder is not entered twice."""
    pending, seen = [(path, above)], set()
    while pending:
        path, above = pending.pop()
        if os.path.islink(path):
            if (real := os.path.realpath(path)) in seen:
                continue
            seen.add(real)
        folder = _read_folder(path, above=above)
        yield folder
        pending += [(os.path.join(path, name), folder.metadata) for name in reversed(folder.folders)]


def _find_raw(subject: str, path: str, root: _Folder) -> Iterator[Found]:
    times: dict[str, str] = {}
    for folder in _walk(path, above=root.metadata):
        for table in folder.tables:
            times |= _read_times(os.path.join(folder.path, table))
        session_by_folder = _find_session(folder.path.removeprefix(path))
        for file in folder.images:
            stem, _ = split_suffix(file)
            name = parse_name(stem)
            session = name.entities.get("ses", session_by_folder)
            known = {
                "person": subject,
                "session": session,
                "acquired": times.get(f"ses-{session}", times.get(file, "")),
                "name": name.label,
                "files": (Path(folder.path, file),),
            }
            found = _find_one(name, os.path.join(folder.path, file), folder, known)
            if name.entities.get("sub", subject[4:]) != subject[4:] or session_by_folder not in ("", session):
                why = "its name tells another subject or session than its folder"
                found = replace(found, gives=(), why=why)
            yield found


def _find_session(path: str) -> str:
    """Return the label of the session whose folder a path leads through, or ""."""
    parts = path.split(os.sep)
    return next((part[4:] for part in reversed(parts) if part.startswith("ses-")), "")


def _read_times(path: str) -> dict[str, str]:
    """Return ses-… or the file's name -> acq_time, of a sessions.tsv or scans.tsv."""
    key = {"sessions": "session_id", "scans": "filename"}.get(path.removesuffix(".tsv").rpartition("_")[2])
    if key is None:
        return {}
    try:
        header, rows = read_table(path)
    except ConfigurationError:
        return {}
    if not {key, "acq_time"} <= {*header}:
        return {}
    at, when = header.index(key), header.index("acq_time")
    cells = ((cells[at].rpartition("/")[2], cells[when]) for _, cells in rows)
    return {name: time for name, time in cells if re.match("[0-9]{4}-", time)}


def _find_one(name: BidsName, path: str, folder: _Folder, known: Mapping[str, Any]) -> Found:
    if (mask := read_mask_meaning(name, folder="")) and mask.gives:
        return _make_mask(mask, path, known)
    if not may_be_used(name.suffix):
        why = "no diffusion series and no FLAIR" + (
            ": a T2w is no image at b 0" if name.suffix.lower() == "t2w" else ""
        )
        return make_image(Meaning(gives=(), why=why), path, known, {})
    content, trouble = _read_inherited_json(name, folder)
    facts = keep(content)
    look = look_at(path)
    b_file = _find_inherited(name, folder, ".bval")
    b_values = b_file.b_values if b_file else ()
    meaning = read_meaning(name, content=content, facts=facts, b_values=b_values, volumes=look.volumes)
    if trouble and meaning.gives:
        meaning = replace(meaning, why=f"{meaning.why}; {trouble}")
    if look.fault and meaning.gives:
        meaning = replace(meaning, faults=(look.fault,))
    if meaning.by_volumes:
        directions = _find_inherited(name, folder, ".bvec")
        paths = (one.path if one else None for one in (b_file, directions))
        return make_diffusion(meaning, path, known, facts, *paths, volumes=look.volumes)
    if facts.get("DiffusionBValue") == 0:  # a placeholder in maps, and in traces whose b-value is not known
        facts = {key: value for key, value in facts.items() if key != "DiffusionBValue"}
    return make_image(meaning, path, known, facts)


def _find_inherited(name: BidsName, folder: _Folder, suffix: str) -> _Metadata | None:
    """Return the nearest file of this suffix that applies to an image, or None."""
    applying = _list_applying(name, folder.metadata[suffix])
    return applying[-1] if applying else None


def _list_applying(name: BidsName, metadata: Iterable[_Metadata]) -> list[_Metadata]:
    """List the metadata files that apply to an image, the nearest last."""
    entities, suffix = name.entities.items(), name.suffix
    return [one for one in metadata if one.name.suffix == suffix and entities >= one.name.entities.items()]


def _read_inherited_json(name: BidsName, folder: _Folder) -> tuple[dict[str, Any], str]:
    content: dict[str, Any] = {}
    trouble = ""
    for one in _list_applying(name, folder.metadata[".json"]):
        fields, fault = read_json(one.path)
        content |= fields
        trouble = fault or trouble
    return content, trouble


def _find_masks(subject: str, path: str, *, folder: str) -> Iterator[Found]:
    for inside in _walk(path, above={}):
        session_by_folder = _find_session(inside.path.removeprefix(path))
        for file in inside.images:
            name = parse_name(split_suffix(file)[0])
            if meaning := read_mask_meaning(name, folder=folder):
                session = name.entities.get("ses", session_by_folder)
                known = {"person": subject, "session": session, "name": name.label}
                image = os.path.join(inside.path, file)
                yield _make_mask(meaning, image, known | {"files": (Path(image),)})


def _make_mask(meaning: Meaning, path: str, known: Mapping[str, Any]) -> Found:
    if meaning.gives and (fault := look_at(path).fault):
        meaning = replace(meaning, faults=(fault,))
    return make_image(meaning, path, known, {})


def _doubt_chronic(series: list[Found]) -> list[Found]:
    """Doubt a mask of "the lesion" of a person who has one of a chronic lesion and none of an acute one."""
    masks = [one for one in series if "mask" in one.why]
    acute = any(one.gives == (LESION_MASK,) and one.rank == 0 for one in masks)
    if acute or not any("chronic" in one.why for one in masks):
        return series
    fault = (
        "it may show the chronic lesion, since no mask says acute: look at it, and write yes if it is acute"
    )
    return [
        replace(one, faults=(*one.faults, fault)) if one in masks and one.gives == (LESION_MASK,) else one
        for one in series
    ]


def _name_apart(series: Iterable[Found]) -> Iterator[Found]:
    """Number the names that stand twice in a session, as those of a .nii beside a .nii.gz."""
    seen: dict[tuple[str, str], int] = {}
    for one in series:
        key = one.session, one.name
        seen[key] = seen.get(key, 0) + 1
        yield one if seen[key] == 1 else replace(one, name=f"{one.name} ({seen[key]})")

"""Whose an image is, and which files are copies of each other. Identities stay in memory."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from strokeclock.intake.dicom_files import open_place
from strokeclock.intake.dicom_header import Header, digest_pixels

# What anonymisers write into PatientID and PatientName of everybody: letters and digits alone.
_PLACEHOLDER = re.compile(
    "|0+|x+|anon|anonym[a-z]*|deid[a-z]*|unknown|unbekannt|none|null|na|noname|nn|patient|patientid|id"
)
_TWO_IMAGES = "holds two different images under one SOPInstanceUID: send it again from the archive"
_TWO_PEOPLE = "holds an image that is filed under another patient too: find out whose it is"
_SHARED = (
    "its PatientID is shared by people of different {what}: correct the identifiers, or import each patient "
    "from a folder of its own"
)


def drop_copies(headers: Sequence[Header]) -> list[Header]:
    """Keep one of the files that hold the same image; of two images under one identifier both get a fault."""
    by_uid: dict[str, list[Header]] = defaultdict(list)
    for header in headers:
        by_uid[header.uid or str(id(header))].append(header)
    kept: list[Header] = []
    for same in by_uid.values():
        if len(same) == 1:
            kept += same
            continue
        first, *others = same
        differing = [one for one in others if not _is_copy(first, one)]
        if not differing:
            kept.append(first)
            continue
        people = {(one.patient, one.name, one.birth) for one in same}
        fault = _TWO_PEOPLE if len(people) > 1 else _TWO_IMAGES
        kept += [replace(one, faults=(*one.faults, fault)) for one in (first, *differing)]
    return kept


def _is_copy(one: Header, other: Header) -> bool:
    identity = ("patient", "name", "birth", "study", "series", "frames", "faults")
    if any(getattr(one, name) != getattr(other, name) for name in identity):
        return False
    try:
        with open_place(one.place) as first, open_place(other.place) as second:
            return digest_pixels(first) == digest_pixels(second)
    except Exception:  # of a damaged file: many kinds
        return False


def name_people(headers: Sequence[Header]) -> tuple[dict[Header, str], dict[str, str]]:
    """Tell people apart.

    Returns
    -------
    person of each header : its PatientID; where that is empty or what anonymisers write, name and date of
        birth; where these are too, the study.
    faults : person -> sentence, of people that cannot be told apart.
    """
    people = {header: _name(header) for header in headers}
    of: dict[str, list[Header]] = defaultdict(list)
    for header, person in people.items():
        of[person].append(header)
    return people, {person: fault for person, theirs in of.items() if (fault := _find_fault(theirs))}


def _name(header: Header) -> str:
    if not _is_placeholder(header.patient):
        return header.patient
    if not _is_placeholder(header.name):
        return f"{header.name} {header.birth}".strip()
    return header.study or header.series


def _is_placeholder(text: str) -> bool:
    return _PLACEHOLDER.fullmatch("".join(_list_words(text))) is not None


def _list_words(name: str) -> list[str]:
    """Words of a name without case and accents."""
    plain = unicodedata.normalize("NFKD", name.casefold()).replace("ß", "ss")
    return re.findall(r"[^\W_]+", "".join(one for one in plain if not unicodedata.combining(one)))


def _find_fault(headers: Sequence[Header]) -> str | None:
    """People of one PatientID differ in their date of birth or, where none is known, in all of the name."""
    births = {header.birth for header in headers if header.birth.strip("0")}
    if len(births) > 1:
        return _SHARED.format(what="dates of birth")
    written = sorted({header.name for header in headers if not _is_placeholder(header.name)})
    names = [set(_list_words(name)) for name in written]
    if not births and any(not (names[0] & other) for other in names[1:]):
        return _SHARED.format(what="names")
    return None


def order_sessions(headers: Sequence[Header], people: Mapping[Header, str]) -> Callable[[Header], str]:
    """Return a function from a header to the label of its session: 1, 2, … of a person's studies by time."""
    began: dict[tuple[str, str], str] = {}
    for header in headers:
        key = people[header], header.study
        began[key] = min(began.get(key, header.acquired), header.acquired)
    studies: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for (person, study), time in began.items():
        studies[person].append((time, study))
    labels = {
        (person, study): str(number)
        for person, theirs in studies.items()
        for number, (_, study) in enumerate(sorted(theirs), start=1)
    }
    return lambda header: labels[people[header], header.study]

"""The files of a DICOM export: told by their content, in folders and in zip archives, also nested ones."""

import os
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from tempfile import SpooledTemporaryFile
from typing import BinaryIO

PREAMBLE, MAGIC = 128, b"DICM"
_HEAD = PREAMBLE + len(MAGIC)
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
_OTHER_ARCHIVES = (".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar", ".iso")
_VRS = {b"UI", b"UL", b"CS", b"OB", b"LO", b"DA", b"TM", b"SH"}  # of the first element of a data set
_GIB = 1 << 30
_MOST_BYTES = 4 * _GIB  # of one file; the standard's 32-bit lengths end there
_MOST_RATIO, _RATIO_FROM = 200, _GIB  # MR images shrink to a tenth; archives below 1 GiB unpacked do no harm
_MOST_NESTED = 3
_IN_MEMORY = 64 << 20
_UNREADABLE = (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, ValueError)

Notice = Callable[[str], None]  # takes a sentence on what is left out, for a person; it names no folder


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file lies: on the disk, or in a zip archive there.

    Attributes
    ----------
    path : the file, or the archive.
    members : name in the archive; of nested archives the name of each, from the outside.
    """

    path: Path
    members: tuple[str, ...] = ()

    @property
    def written(self) -> Path:
        """The path as it is told to people: members follow their archive as if it were a folder."""
        return self.path.joinpath(*(member.lstrip("/") for member in self.members))


@dataclass(frozen=True)
class Opened:
    """A file that is likely to be DICOM, open for reading at its start; closed when the next one comes."""

    place: Place
    file: BinaryIO
    size: int


def open_files(source: Path, notice: Notice) -> Iterator[Opened]:
    """Open all files that begin as DICOM does, in an order that is always the same.

    Names and endings do not matter. Links to folders, devices and pipes are left out. Files without the
    preamble and `DICM` count if they begin with an element of group 2 or 8, as a data set does.

    Parameters
    ----------
    source : folder, file or zip archive.
    notice : is told of archives that are not read, and why.
    """
    for path in _list_files(source):
        try:
            with path.open("rb") as file:
                yield from _open(Place(path), file, path.stat().st_size, notice)
        except OSError as error:
            notice(f"file {path.name} cannot be read ({error.strerror}): check its permissions")


def has_dicom(source: Path) -> bool:
    """Whether there is at least one file that begins as DICOM does."""
    return next(open_files(source, lambda sentence: None), None) is not None


def _list_files(source: Path) -> Iterator[Path]:
    if not source.is_dir():
        yield source
        return
    for folder, folders, names in os.walk(source):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            try:
                if stat.S_ISREG(path.stat().st_mode):
                    yield path
            except OSError:  # a link whose file is not there
                continue


def _open(place: Place, file: BinaryIO, size: int, notice: Notice) -> Iterator[Opened]:
    head = file.read(_HEAD)
    file.seek(0)
    name = (place.members or (place.path.name,))[-1]
    suffix = PurePosixPath(name).suffix.lower()
    if not head.strip(b"\0") and len(head) < _HEAD and not name.startswith("."):
        notice(f"file {PurePosixPath(name).name} is empty: copy it again if it is one of the images")
    elif begins_as_dicom(head):
        yield Opened(place, file, size)
    elif head[:4] in _ZIP and suffix in ("", ".zip"):
        yield from _open_members(place, file, size, notice)
    elif suffix in _OTHER_ARCHIVES and not name.lower().endswith((".nii.gz", ".mgz")):
        notice(f"file {PurePosixPath(name).name} is an archive that is not read: unpack it first")


def begins_as_dicom(head: bytes) -> bool:
    """Whether the first 132 bytes of a file are those of DICOM, with or without its preamble."""
    if head[PREAMBLE:_HEAD] == MAGIC:
        return True
    if len(head) < _HEAD or head[:2] not in (b"\x02\x00", b"\x08\x00") or head[3] != 0:
        return False
    length = int.from_bytes(head[4:8], "little")
    return head[4:6] in _VRS or (0 < length <= 64 and length % 2 == 0)


def _open_members(place: Place, file: BinaryIO, size: int, notice: Notice) -> Iterator[Opened]:
    """Open the members of an archive that begin as DICOM; they are read into memory one by one."""
    name = PurePosixPath((place.members or (place.path.name,))[-1]).name
    try:
        with zipfile.ZipFile(file) as archive:
            entries = sorted(
                (one for one in archive.infolist() if not one.is_dir()), key=lambda one: one.filename
            )
            if wrong := _find_fault(entries, size, depth=len(place.members)):
                notice(f"archive {name} {wrong}")
                return
            for entry in entries:
                inside = Place(place.path, (*place.members, entry.filename))
                yield from _open_member(archive, entry, inside, notice)
    except _UNREADABLE:
        notice(f"archive {name} is damaged: copy it again, or unpack it first")


def _open_member(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, inside: Place, notice: Notice
) -> Iterator[Opened]:
    with archive.open(entry) as member:
        head = member.read(_HEAD)
    if not (begins_as_dicom(head) or head[:4] in _ZIP):
        return
    with SpooledTemporaryFile(_IN_MEMORY) as copy:
        with archive.open(entry) as member:
            shutil.copyfileobj(member, copy)
        copy.seek(0)
        yield from _open(inside, copy, entry.file_size, notice)  # type: ignore[arg-type]


def _find_fault(entries: list[zipfile.ZipInfo], size: int, *, depth: int) -> str | None:
    """Return why an archive must not be unpacked, a sentence without its subject."""
    total = sum(entry.file_size for entry in entries)
    if depth >= _MOST_NESTED:
        return f"lies in {depth} archives, one in the other: unpack them first"
    if any(entry.flag_bits & 1 for entry in entries):
        return "is encrypted: unpack it first"
    if any(
        ".." in PurePosixPath(entry.filename.replace("\\", "/")).parts or entry.filename.startswith("/")
        for entry in entries
    ):
        return "holds paths that lead out of it: do not trust it, or unpack it by hand"
    if total > _RATIO_FROM and total > _MOST_RATIO * size:
        return f"would unpack to {total / _GIB:.0f} GiB, {total / size:.0f} times its size: do not trust it"
    if any(entry.file_size > _MOST_BYTES for entry in entries):
        return f"holds a file of more than {_MOST_BYTES // _GIB} GiB: unpack it by hand"
    return None


def copy_files(places: Iterable[Place], folder: Path) -> list[Path]:
    """Copy files into a folder under numbers, so that no name of theirs travels; in the order given.

    Raises
    ------
    OSError
        A file is gone or cannot be read, or its archive is damaged.
    """
    copies = []
    with _Archives() as archives:
        for number, place in enumerate(places):
            copies.append(folder / f"{number:06d}.dcm")
            if not place.members:
                shutil.copyfile(place.path, copies[-1])
                continue
            try:
                archive = archives.open(place.path, place.members[:-1])
                with archive.open(place.members[-1]) as member, copies[-1].open("wb") as copy:
                    shutil.copyfileobj(member, copy)
            except (*_UNREADABLE, KeyError) as error:
                raise OSError("its archive is damaged or was changed") from error
    return copies


@contextmanager
def open_place(place: Place) -> Iterator[BinaryIO]:
    """Open one file, also of an archive. Raises OSError as `copy_files`."""
    if not place.members:
        with place.path.open("rb") as file:
            yield file
        return
    with _Archives() as archives:
        try:
            content = archives.open(place.path, place.members[:-1]).read(place.members[-1])
        except (*_UNREADABLE, KeyError) as error:
            raise OSError("its archive is damaged or was changed") from error
        yield BytesIO(content)


class _Archives(ExitStack):
    """Archives, nested ones too, each opened once."""

    def __init__(self) -> None:
        super().__init__()
        self._archives: dict[tuple[Path, tuple[str, ...]], zipfile.ZipFile] = {}

    def open(self, path: Path, members: tuple[str, ...]) -> zipfile.ZipFile:
        """Return the archive at this path, or the one that is nested in it under these names."""
        if (path, members) not in self._archives:
            if members:
                copy = self.enter_context(SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115
                with self.open(path, members[:-1]).open(members[-1]) as member:
                    shutil.copyfileobj(member, copy)
                archive = zipfile.ZipFile(copy)
            else:
                archive = zipfile.ZipFile(path)
            self._archives[path, members] = self.enter_context(archive)
        return self._archives[path, members]

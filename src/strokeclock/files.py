"""Files and folders that are there whole or not at all, whoever else writes them at the same moment."""

import errno
import glob
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

_NUMBERS = count()


def _name_place() -> str:
    """Name where process numbers mean something: this computer, and on Linux the container in it."""
    host = socket.gethostname().partition(".")[0]
    with suppress(OSError):
        return f"{host}-{os.stat('/proc/self/ns/pid').st_ino}"
    return host


_PLACE = _name_place()


def write_whole(path: str | Path, content: str | bytes, *, before: str | Path | None = None) -> None:
    """Write a file that is there whole or not at all, also after a power cut.

    Parameters
    ----------
    content : text, which is written as UTF-8, or bytes.
    before : where the file that is replaced goes, if there is one; None: it is lost.
    """
    with replacing(path, before=before) as beside:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: str | Path, *, before: str | Path | None = None) -> Iterator[Path]:
    """Give a path beside ``path``, of the same suffixes, whose file takes the place of ``path`` at the end.

    Where an error ends the block, ``path`` stays as it was. Each writer has a file of its own, so that of
    two writers the last one's file stays, whole. Folders are made; what killed writers of this computer left
    beside ``path`` is removed.
    """
    path = Path(path)
    beside = _find_room_beside(path)
    try:
        yield beside
        with open(beside, "rb+") as file:
            os.fsync(file.fileno())  # on the disk before it gets its name: a power cut cannot leave it empty
        if before is not None and path.exists():
            os.replace(path, before)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def replacing_folder(folder: str | Path) -> Iterator[Path]:
    """Give an empty folder beside ``folder`` that takes its place at the end; else as `replacing`."""
    folder = Path(folder)
    beside, before = _find_room_beside(folder), _find_room_beside(folder)
    beside.mkdir()
    try:
        yield beside
        while True:
            with suppress(FileNotFoundError):
                os.replace(folder, before)  # a folder with content cannot be replaced at once
            try:
                os.replace(beside, folder)
                break
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                shutil.rmtree(before, ignore_errors=True)  # another writer came between
    finally:
        for left in (beside, before):
            shutil.rmtree(left, ignore_errors=True)


def _find_room_beside(path: Path) -> Path:
    """A name beside ``path`` that no other writer has, once folders are made and left-overs are gone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_left_overs(path)
    return path.with_name(f".{_PLACE}-{os.getpid()}-{next(_NUMBERS)}.{path.name}")


def _remove_left_overs(path: Path) -> None:
    for left in path.parent.glob(f".{glob.escape(_PLACE)}-*-*.{glob.escape(path.name)}"):
        writer = left.name.removeprefix(f".{_PLACE}-").partition("-")[0]
        if writer.isdigit() and not _is_running(int(writer)):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

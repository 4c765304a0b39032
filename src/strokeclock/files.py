"""Write files and folders completely or not at all, also where several processes write the same one."""

import errno
import fcntl
import glob
import logging
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

log = logging.getLogger(__name__)

_NUMBERS = count()


def _name_place() -> str:
    """Name this computer and, on Linux, its container: process numbers are unique only within them."""
    host = socket.gethostname().partition(".")[0]
    with suppress(OSError):
        return f"{host}-{os.stat('/proc/self/ns/pid').st_ino}"
    return host


_PLACE = _name_place()


def write_whole(path: str | Path, content: str | bytes, *, before: str | Path | None = None) -> None:
    """Write a file completely or not at all, also after a power cut.

    Parameters
    ----------
    content : text, which is written as UTF-8, or bytes.
    before : path to which an existing file is moved first; None: it is overwritten.
    """
    with replacing(path, before=before) as beside:
        beside.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def replacing(path: str | Path, *, before: str | Path | None = None) -> Iterator[Path]:
    """Yield a path beside ``path``, with the same suffixes, whose file replaces ``path`` at the end.

    If an error ends the block, ``path`` stays as it was. Each writer has its own file, so of two writers the
    last one's file stays, complete. Missing folders are made. Files that killed processes of this computer
    left beside ``path`` are removed.
    """
    path = Path(path)
    beside = _make_path_beside(path)
    try:
        yield beside
        with open(beside, "rb+") as file:
            os.fsync(file.fileno())  # to the disk before the renaming: a power cut cannot leave an empty file
        if before is not None and path.exists():
            os.replace(path, before)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def ignore_in_git(folder: str | Path) -> None:
    """Let git ignore a folder and all that it will hold, for data of patients do not belong there."""
    write_whole(Path(folder) / ".gitignore", "# Written by strokeclock: no data of patients in git.\n*\n")


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Let one process at a time read ``path``, change it and write it anew, also on several computers.

    The lock is one of POSIX on a file .<name>.lock beside it, which NFS passes on and which ends with its
    process. Where the file system has no locks, the log says so, and the block runs without one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(f".{path.name}.lock"), "a") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            log.warning("%s: this file system has no locks: let only one process write it at a time", path)
        yield


@contextmanager
def replacing_folder(folder: str | Path) -> Iterator[Path]:
    """Yield an empty folder beside ``folder`` that replaces it at the end; otherwise as `replacing`."""
    folder = Path(folder)
    beside, before = _make_path_beside(folder), _make_path_beside(folder)
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
                shutil.rmtree(before, ignore_errors=True)  # another process wrote the folder in between
    finally:
        for left in (beside, before):
            shutil.rmtree(left, ignore_errors=True)


def _make_path_beside(path: Path) -> Path:
    """Return an unused path beside ``path``; first make its folders and remove left-overs."""
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

"""The file of a bundle: a zip archive whose manifest holds the digest of every other file.

Nothing in it is ever run: weights are safetensors, numbers are JSON, images are NIfTI, the rest is text. No
file is used before its digest was compared. The same content gives the same bytes.
"""

import hashlib
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from strokeclock.errors import StrokeclockError
from strokeclock.files import replacing

FORMAT = 1  # of the archive; another one is refused
KIND = "strokeclock bundle"
MANIFEST = "manifest.json"
_TIME = (1980, 1, 1, 0, 0, 0)  # of each file: the earliest that zip can write
_LARGEST = 8_000_000_000  # bytes, of all files; five seeds at full width need a quarter
_LARGEST_MANIFEST = 10_000_000
DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError, RuntimeError)


class BundleError(StrokeclockError):
    """A bundle is damaged, of another format, holds what no bundle holds, or does not repeat its numbers."""


class Archive:
    """An opened bundle: its manifest, and its files as bytes.

    Attributes
    ----------
    path : of the zip file.
    manifest : mapping
        What `write_archive` was given, with the digests under ``files``.
    sha256 : of the zip file.
    """

    def __init__(self, path: str | Path):
        """Open a bundle and compare every file with its digest.

        Raises
        ------
        BundleError
            The file is no bundle, is of another format or damaged, lacks a file, or holds one that the
            manifest does not name. One sentence that names the file.
        """
        self.path = Path(path)
        try:
            self._zip = zipfile.ZipFile(path)
            self.manifest = self._read_manifest()
        except OSError as error:
            raise self._unreadable(error) from None
        except DAMAGE:
            raise self._refuse("is no bundle, or is damaged: copy it again") from None
        self._check_names()
        with ThreadPoolExecutor() as pool:  # hashing a gigabyte takes a second
            whole = pool.submit(self._digest)
            digests = pool.map(self._digest_of, self.manifest["files"])
            for (name, digest), found in zip(self.manifest["files"].items(), digests, strict=True):
                if found != digest:
                    raise self._refuse(f"holds a {name} that is not the one of its manifest: copy it again")
            self.sha256 = whole.result()

    def __contains__(self, name: str) -> bool:
        return name in self.manifest["files"]

    def names(self, folder: str = "") -> list[str]:
        """The files in a folder, such as ``networks/``, in alphabetical order."""
        return sorted(name for name in self.manifest["files"] if name.startswith(folder))

    def read(self, name: str) -> bytes:
        """Return a file's bytes; BundleError where it is missing or damaged."""
        if name not in self.manifest["files"]:
            raise self._refuse(f"lacks {name}: export it again")
        try:
            return self._zip.read(name)  # which compares it with the archive's own checksum, too
        except (OSError, KeyError, *DAMAGE):
            raise self._refuse(f"holds a damaged {name}: copy it again") from None

    def read_json(self, name: str) -> Any:
        """Return what a JSON file holds; BundleError where it is none."""
        return self.parse(name, lambda content: json.loads(content))

    def parse(self, name: str, make: Callable[[bytes], Any]) -> Any:
        """Return what ``make`` makes of a file's bytes; BundleError where it cannot."""
        content = self.read(name)
        try:
            return make(content)
        except Exception as error:  # readers of formats raise many kinds for content that is not theirs
            raise self._refuse(f"holds a {name} that cannot be used: export it again") from error

    def extract(self, name: str, path: str | Path) -> None:
        """Write one file to a path; the archive's own names never become paths."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_bytes(self.read(name))

    def _digest(self) -> str:
        try:
            with open(self.path, "rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise self._unreadable(error) from None

    def _digest_of(self, name: str) -> str:
        return hashlib.sha256(self.read(name)).hexdigest()

    def _read_manifest(self) -> dict[str, Any]:
        entries = [entry for entry in self._zip.infolist() if entry.filename == MANIFEST]
        if len(entries) != 1 or entries[0].file_size > _LARGEST_MANIFEST:
            raise self._refuse(f"is no bundle of strokeclock (it has no {MANIFEST}): name a model.zip")
        try:
            manifest = json.loads(self._zip.read(MANIFEST))
            kind, found, files = manifest["kind"], manifest["format"], manifest["files"]
            is_whole = kind == KIND and all(isinstance(digest, str) for digest in files.values())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            is_whole = False
        if not is_whole:
            raise self._refuse(f"has a damaged {MANIFEST}: copy it again")
        if found != FORMAT:
            raise self._refuse(
                f"has format {str(found)[:20]} in {MANIFEST}, and this version of strokeclock reads "
                f"{FORMAT}: export it with this version, or install the version that made it"
            )
        return manifest

    def _unreadable(self, error: OSError) -> BundleError:
        return self._refuse(f"cannot be read ({error.strerror}): correct its path")

    def _check_names(self) -> None:
        entries = [entry for entry in self._zip.infolist() if entry.filename != MANIFEST]
        names = [entry.filename for entry in entries]
        if strange := sorted({*names} - {*self.manifest["files"]}):
            raise self._refuse(f"holds {strange[0]}, which its manifest does not name: copy it again")
        if missing := sorted({*self.manifest["files"]} - {*names}):
            raise self._refuse(f"lacks {missing[0]}: copy it again")
        if len(names) != len({*names}):
            twice = next(name for name in names if names.count(name) > 1)
            raise self._refuse(f"holds {twice} twice: copy it again")
        if sum(entry.file_size for entry in entries) > _LARGEST:
            raise self._refuse("is larger than any bundle: copy it again")

    def _refuse(self, what: str) -> BundleError:
        return BundleError(f"Bundle {self.path.name} {what}.")


def write_archive(path: str | Path, files: Mapping[str, bytes], *, facts: Mapping[str, Any]) -> str:
    """Write a bundle, whole or not at all; return its sha256.

    Parameters
    ----------
    files : name in the archive -> content.
    facts : further keys of the manifest.
    """
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    manifest = {"kind": KIND, "format": FORMAT, **facts, "files": digests}
    with replacing(path) as beside:
        with zipfile.ZipFile(beside, "w") as archive:
            for name, content in ((MANIFEST, dump_json(manifest)), *sorted(files.items())):
                entry = zipfile.ZipInfo(name, _TIME)
                # weights and packed images do not shrink; the rest does, and zlib's bytes differ by version
                entry.compress_type = zipfile.ZIP_STORED
                entry.external_attr = 0o644 << 16
                archive.writestr(entry, content)
        with open(beside, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def dump_json(content: Any) -> bytes:
    """Return JSON as it stands in a bundle: floats exact, none infinite; ValueError for one that is."""
    return (json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()

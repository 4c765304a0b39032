"""What a source is: a BIDS set, DICOM files, or images with plain names."""

import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from strokeclock.errors import ConfigurationError
from strokeclock.intake.bids import find_bids, find_set
from strokeclock.intake.found import Found
from strokeclock.intake.plain import find_plain, list_images

_DICOM_INDEX = "DICOMDIR"


@dataclass(frozen=True, kw_only=True)
class Source:
    """What an import reads.

    Attributes
    ----------
    kind : what it is, with an article, for a sentence.
    series : all that was found.
    keeps_names : the persons' identifiers are no names, and stay.
    participants : a table of persons that belongs to it, or None.
    notes : sentences on files that are left out; complete when the series have been read.
    """

    kind: str
    series: Iterable[Found]
    keeps_names: bool = False
    participants: Path | None = None
    notes: list[str] = field(default_factory=list)


def check_places(source: Path, out: Path) -> None:
    """Raise ConfigurationError where the source is not there, or one of both lies in the other."""
    if not source.exists():
        raise ConfigurationError("The source is not there: correct its path.")
    if out.exists() and not out.is_dir():
        raise ConfigurationError("The output is a file: name a folder.")
    real, target = source.resolve(), out.resolve()
    if real == target or real in target.parents:
        raise ConfigurationError("The output lies in the source: name a folder elsewhere.")
    if target in real.parents:
        raise ConfigurationError("The source lies in the output: name an output folder elsewhere.")


def open_source(source: Path) -> Source:
    """Find out what a source is.

    Raises
    ------
    ConfigurationError
        It is a single file, holds no image, or both DICOM and other images.
    """
    if source.is_file():
        if source.name.upper() == _DICOM_INDEX:
            source = source.parent
        elif not zipfile.is_zipfile(source):
            raise ConfigurationError(
                "The source is a file: name the folder, or a zip archive of DICOM files."
            )
        return _open_dicom(source)
    if found := find_set(source):
        kind = "a BIDS set" if found.described else "a folder like a BIDS set (no dataset_description.json)"
        return Source(kind=kind, series=find_bids(found), keeps_names=True, participants=found.participants)
    has_images = next(iter(list_images(source)), None) is not None
    if _has_dicom(source):
        if has_images:
            raise ConfigurationError(
                "The source holds DICOM files and other images: name a folder that holds one of both."
            )
        return _open_dicom(source)
    if not has_images:
        raise ConfigurationError(
            "The source holds no image: name the folder of the BIDS set, DICOM or images."
        )
    return Source(kind="a folder of images with plain names", series=find_plain(source))


def _has_dicom(source: Path) -> bool:
    from strokeclock.intake.dicom_files import has_dicom

    return has_dicom(source)


def _open_dicom(source: Path) -> Source:
    from strokeclock.intake.dicom import find_dicom

    notes: list[str] = []
    return Source(kind="DICOM", series=find_dicom(source, notice=notes.append), notes=notes)

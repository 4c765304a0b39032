"""What the first bytes of an image file tell: its grid, or why it cannot be used."""

import os
from typing import NamedTuple

from strokeclock.cohort.nifti_header import START, NiftiHeader, parse_header
from strokeclock.imaging.file_format import FileFormat, recognise

SUFFIXES = (".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr", ".mgz", ".mgh", ".hdr")
_READ = (FileFormat.NIFTI, FileFormat.METAIMAGE, FileFormat.NRRD, FileFormat.FREESURFER)
_ELSEWHERE = (FileFormat.DICOM, FileFormat.UNKNOWN)  # whose remedy is the import itself


class FirstLook(NamedTuple):
    """What was seen: the header of a NIfTI file, and a sentence on why the file cannot be used, or ""."""

    header: NiftiHeader | None
    fault: str

    @property
    def volumes(self) -> int:
        """Number of volumes; 1 where it is not known."""
        shape = self.header.shape if self.header else ()
        return shape[3] if len(shape) > 3 else 1


def look_at(path: str) -> FirstLook:
    """Read the first bytes of an image file."""
    try:
        with open(path, "rb", buffering=0) as file:
            start = file.read(START)
    except FileNotFoundError:
        return FirstLook(None, _explain_link(path))
    except OSError as error:
        return FirstLook(None, f"the file cannot be read ({error.strerror}): check its permissions")
    if header := parse_header(start):
        return FirstLook(header, "")
    kind = recognise(start)
    if kind in _READ:
        return FirstLook(None, "")
    what, remedy = kind.value
    remedy = "export it as NIfTI" if kind in _ELSEWHERE else remedy
    return FirstLook(None, f"the file is {what}: {remedy}")


def _explain_link(path: str) -> str:
    target = os.readlink(path) if os.path.islink(path) else ""
    if "annex" in target:
        return "the file is not downloaded: get it with `datalad get` or `git annex get`"
    return "the file is a link that leads nowhere: copy the file itself"


def split_suffix(name: str) -> tuple[str, str]:
    """Return the name of an image file without its suffix, and the suffix in small letters; else "".

    >>> split_suffix("sub-1_FLAIR.nii.gz"), split_suffix("notes.txt")
    (('sub-1_FLAIR', '.nii.gz'), ('notes.txt', ''))
    """
    lower = name.lower()
    for suffix in SUFFIXES:
        if lower.endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)], suffix
    return name, ""

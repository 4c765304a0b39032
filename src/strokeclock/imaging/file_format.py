"""What kind of file a file is, told by its first bytes; names lie.

NIfTI: nifti.nimh.nih.gov/nifti-1; MetaImage: itk.org/Wiki/ITK/MetaIO; NRRD: teem.sourceforge.net/nrrd;
FreeSurfer: surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat.
"""

import re
import struct
import zlib
from enum import Enum

START = 4096  # bytes of a file that are enough to recognise it
_UNPACKED = 1024  # of them, after decompression

NIFTI1_MAGIC = (b"n+1\0", b"ni1\0")  # header and data in one file; in a pair of files
NIFTI2_MAGIC = (b"n+2\0\r\n\x1a\n", b"ni2\0\r\n\x1a\n")
_META_KEY = re.compile(rb"^\s*(ObjectType|ObjectSubType|NDims)\s*=", re.MULTILINE)
_MGH_TYPES = (0, 1, 3, 4, 10)  # uint8, int32, float32, int16, uint16


class FileFormat(Enum):
    """A kind of file; its value, with an article, for sentences."""

    NIFTI = "a NIfTI file"
    NIFTI_PAIR = "the header of a NIfTI pair"
    ANALYZE = "an Analyze file"
    METAIMAGE = "a MetaImage file"
    NRRD = "an NRRD file"
    FREESURFER = "a FreeSurfer volume"
    DICOM = "a DICOM file"
    MINC = "a MINC or HDF5 file"
    ZIP = "a zip archive"
    PACKED = "packed by bzip2, xz, zstd, 7-Zip or compress"
    TAR = "a tar archive"
    MATLAB = "a MATLAB file"
    NUMPY = "a NumPy file"
    PICTURE = "a picture"
    PDF = "a PDF file"
    POINTER = "a pointer of Git or DataLad, not the data"
    WEB_PAGE = "a web page"
    TEXT = "a text file"
    EMPTY = "empty"
    DAMAGED = "truncated or damaged"
    UNKNOWN = "of a kind that is not known"


_STARTS = {
    b"NRRD": FileFormat.NRRD,
    b"PK\x03\x04": FileFormat.ZIP,
    b"PK\x05\x06": FileFormat.ZIP,
    b"BZh": FileFormat.PACKED,
    b"\xfd7zXZ\0": FileFormat.PACKED,
    b"\x28\xb5\x2f\xfd": FileFormat.PACKED,
    b"7z\xbc\xaf\x27\x1c": FileFormat.PACKED,
    b"\x1f\x9d": FileFormat.PACKED,
    b"MATLAB": FileFormat.MATLAB,
    b"\x89HDF\r\n": FileFormat.MINC,
    b"CDF\x01": FileFormat.MINC,
    b"CDF\x02": FileFormat.MINC,
    b"\x93NUMPY": FileFormat.NUMPY,
    b"\xff\xd8\xff": FileFormat.PICTURE,
    b"\x89PNG": FileFormat.PICTURE,
    b"GIF8": FileFormat.PICTURE,
    b"BM": FileFormat.PICTURE,
    b"II*\0": FileFormat.PICTURE,
    b"MM\0*": FileFormat.PICTURE,
    b"%PDF": FileFormat.PDF,
    b"/annex/objects/": FileFormat.POINTER,
    b"version https://git-lfs": FileFormat.POINTER,
}
_IMPORTED = (
    FileFormat.NIFTI_PAIR,
    FileFormat.METAIMAGE,
    FileFormat.NRRD,
    FileFormat.FREESURFER,
    FileFormat.DICOM,
)


def recognise(start: bytes) -> FileFormat:
    """Tell a file's kind from its first bytes, `START` of them or the whole of a smaller file.

    What gzip packed is told by what is in it.
    """
    if start[:2] == b"\x1f\x8b":
        try:
            start = zlib.decompressobj(31).decompress(start, _UNPACKED)
        except zlib.error:
            return FileFormat.DAMAGED
    if not start:
        return FileFormat.EMPTY
    if found := _recognise_nifti(start):
        return found
    if start[128:132] == b"DICM" or start[:4] in (b"\x08\0\0\0", b"\x08\0\x05\0", b"\x08\0\x08\0"):
        return FileFormat.DICOM
    for magic, kind in _STARTS.items():
        if start.startswith(magic):
            return kind
    if start[257:262] == b"ustar":
        return FileFormat.TAR
    if start.lstrip()[:1] == b"<":
        return FileFormat.WEB_PAGE
    if _META_KEY.search(start[:_UNPACKED]):
        return FileFormat.METAIMAGE
    if _is_mgh(start):
        return FileFormat.FREESURFER
    if _is_text(start[:_UNPACKED]):
        return FileFormat.TEXT
    return FileFormat.UNKNOWN


def _recognise_nifti(start: bytes) -> FileFormat | None:
    size = start[:4]
    if size in (b"\x1c\x02\0\0", b"\0\0\x02\x1c") and start[4:12] in NIFTI2_MAGIC:
        return (FileFormat.NIFTI, FileFormat.NIFTI_PAIR)[NIFTI2_MAGIC.index(start[4:12])]
    if size not in (b"\x5c\x01\0\0", b"\0\0\x01\x5c") or len(start) < 348:
        return None
    if start[344:348] in NIFTI1_MAGIC:
        return (FileFormat.NIFTI, FileFormat.NIFTI_PAIR)[NIFTI1_MAGIC.index(start[344:348])]
    return FileFormat.ANALYZE


def _is_mgh(start: bytes) -> bool:
    if len(start) < 28:
        return False
    version, *shape, kind, _ = struct.unpack(">7i", start[:28])
    return version == 1 and min(shape) > 0 and kind in _MGH_TYPES


def _is_text(start: bytes) -> bool:
    return not any(byte < 32 and byte not in b"\t\n\r\f" for byte in start)


def explain_not_nifti(start: bytes) -> str:
    """Return why a file that begins so is no NIfTI file, with the remedy, as a sentence without its subject.

    >>> explain_not_nifti(b"NRRD0004")
    'is an NRRD file, and the cohort sheet takes NIfTI alone; convert it by strokeclock import'
    """
    kind = recognise(start)
    if kind in _IMPORTED:
        return f"is {kind.value}, and the cohort sheet takes NIfTI alone; convert it by strokeclock import"
    remedy = {
        FileFormat.NIFTI: "is truncated or damaged; copy it again",
        FileFormat.DAMAGED: "is truncated or damaged; copy it again",
        FileFormat.EMPTY: "is empty; copy it again",
        FileFormat.ANALYZE: "is an Analyze file, in which left and right are unknown; export it as NIfTI",
        FileFormat.ZIP: "is a zip archive, not a NIfTI file; unpack it",
        FileFormat.TAR: "is a tar archive, not a NIfTI file; unpack it",
        FileFormat.PACKED: f"is {FileFormat.PACKED.value}, not by gzip; unpack it",
        FileFormat.WEB_PAGE: "is a web page, not a NIfTI file; download it again, a login may be needed",
        FileFormat.POINTER: f"is {FileFormat.POINTER.value}; get its content (git annex get, git lfs pull)",
    }
    return remedy.get(kind, f"is {kind.value}, not a NIfTI file; give the series as .nii.gz")

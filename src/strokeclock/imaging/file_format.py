"""What kind of file a file is, told by its first bytes: names lie.

Sources of the marks: nifti.nimh.nih.gov/nifti-1, itk.org/Wiki/ITK/MetaIO, teem.sourceforge.net/nrrd,
surfer.nmr.mgh.harvard.edu/fswiki/FsTutorial/MghFormat; of the others their magic numbers.
"""

import re
import zlib
from enum import Enum

START = 4096  # bytes of a file that are enough to recognise it
GZIP_MAGIC = b"\x1f\x8b"

_IMPORT = "convert it with `strokeclock import`"
_CONVERT = "convert it to .nii.gz"
_EXPORT = "export the series as NIfTI"
_UNPACK = "unpack it"
_COPY = "copy it again"


class FileFormat(Enum):
    """A kind of file: what it is called in a sentence, and the remedy where a NIfTI file is wanted."""

    NIFTI = "a NIfTI file", _COPY
    NIFTI_PAIR = "the header of a pair of files (.hdr and .img)", _IMPORT
    ANALYZE = (
        "an Analyze header without orientation, so left and right are unknown",
        "export it as NIfTI",
    )
    METAIMAGE = "a MetaImage (.mha)", _IMPORT
    NRRD = "an NRRD file", _IMPORT
    FREESURFER = "an MGH file (.mgz)", _IMPORT
    DICOM = "a DICOM file", _IMPORT
    HDF5 = "an HDF5 or MINC file", _CONVERT
    MINC = "a MINC file", _CONVERT
    MATLAB = "a MATLAB file", _CONVERT
    NUMPY = "a numpy array without orientation", _EXPORT
    ZIP = "a zip archive", _UNPACK
    TAR = "a tar archive", _UNPACK
    SEVEN_ZIP = "a 7z archive", _UNPACK
    BZIP2 = "a bzip2 file", _UNPACK
    XZ = "an xz file", _UNPACK
    ZSTD = "a zstd file", _UNPACK
    COMPRESS = "packed by compress (.Z)", _UNPACK
    JPEG = "a JPEG picture", _EXPORT
    PNG = "a PNG picture", _EXPORT
    GIF = "a GIF picture", _EXPORT
    BMP = "a BMP picture", _EXPORT
    TIFF = "a TIFF picture", _EXPORT
    PDF = "a PDF file", _EXPORT
    GIT_LFS = "the pointer of Git LFS to a file", "get the file with `git lfs pull`"
    GIT_ANNEX = "the pointer of git-annex to a file", "get the file with `datalad get`"
    WEB_PAGE = "a web page", "download the file again; a login may be needed"
    SHORT = "too short for an image (truncated or damaged)", _COPY
    EMPTY = "empty", _COPY
    DAMAGED = "truncated or damaged", _COPY
    UNKNOWN = "not a NIfTI file", f"{_IMPORT}, or export it as .nii.gz"

    @property
    def what(self) -> str:
        """What a file of this kind is, with its article."""
        return self.value[0]


_STARTS = (
    (b"NRRD", FileFormat.NRRD),
    (b"\0\0\0\x01", FileFormat.FREESURFER),
    (b"\x89HDF", FileFormat.HDF5),
    (b"CDF", FileFormat.MINC),
    (b"MATLAB", FileFormat.MATLAB),
    (b"\x93NUMPY", FileFormat.NUMPY),
    (b"PK", FileFormat.ZIP),
    (b"7z\xbc\xaf", FileFormat.SEVEN_ZIP),
    (b"BZh", FileFormat.BZIP2),
    (b"\xfd7zXZ", FileFormat.XZ),
    (b"\x28\xb5\x2f\xfd", FileFormat.ZSTD),
    (b"\x1f\x9d", FileFormat.COMPRESS),
    (b"\xff\xd8\xff", FileFormat.JPEG),
    (b"\x89PNG", FileFormat.PNG),
    (b"GIF8", FileFormat.GIF),
    (b"BM", FileFormat.BMP),
    (b"II*\0", FileFormat.TIFF),
    (b"MM\0*", FileFormat.TIFF),
    (b"%PDF", FileFormat.PDF),
    (b"version https://git-lfs", FileFormat.GIT_LFS),
    (b"/annex/objects", FileFormat.GIT_ANNEX),
)
_UNPACKED = 1024  # bytes of what gzip packed
_NIFTI1, _ANALYZE = 348, (b"\x5c\x01\0\0", b"\0\0\x01\x5c")  # bytes of a header, and the same as it says them
_NIFTI2 = (b"\x1c\x02\0\0", b"\0\0\x02\x1c")  # 540 bytes
_NIFTI_MARKS = {
    b"n+1": FileFormat.NIFTI,
    b"n+2": FileFormat.NIFTI,
    b"ni1": FileFormat.NIFTI_PAIR,
    b"ni2": FileFormat.NIFTI_PAIR,
}
_META_KEY = re.compile(rb"^\s*(ObjectType|ObjectSubType|NDims)\s*=", re.MULTILINE)
_DICOM_STARTS = (b"\x08\0\0\0", b"\x08\0\x05\0", b"\x08\0\x08\0")  # without preamble: its first tag


def recognise(start: bytes) -> FileFormat:
    """Tell a file's kind from its first bytes, `START` of them or the whole of a smaller file.

    What gzip packed is told by what is in it.
    """
    if start[:2] == GZIP_MAGIC:
        try:
            start = zlib.decompressobj(31).decompress(start, _UNPACKED)
        except zlib.error:
            return FileFormat.DAMAGED
        if not start:
            return FileFormat.DAMAGED
    if not start:
        return FileFormat.EMPTY
    mark = start[4:7] if start[:4] in _NIFTI2 else start[344:347]
    if mark in _NIFTI_MARKS:
        return _NIFTI_MARKS[mark]
    if start[128:132] == b"DICM" or start[:4] in _DICOM_STARTS:
        return FileFormat.DICOM
    for magic, kind in _STARTS:
        if start.startswith(magic):
            return kind
    if start[257:262] == b"ustar":
        return FileFormat.TAR
    if start.lstrip()[:1] == b"<":
        return FileFormat.WEB_PAGE
    if _META_KEY.search(start[:_UNPACKED]):
        return FileFormat.METAIMAGE
    if len(start) < _NIFTI1:
        return FileFormat.SHORT
    return FileFormat.ANALYZE if start[:4] in _ANALYZE else FileFormat.UNKNOWN


def explain_not_nifti(start: bytes) -> str:
    """Return why a file that begins so is no NIfTI file, with the remedy: a sentence without its subject.

    >>> explain_not_nifti(b"NRRD0004")
    'is an NRRD file; convert it with `strokeclock import`'
    """
    what, remedy = recognise(start).value
    return f"is {what}; {remedy}"

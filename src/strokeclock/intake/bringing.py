"""Bring images of the source to the cohort's folder: as they are where nothing must change, else converted.

With `functools.partial` up to ``columns``, each function is a `found.Bring`.
"""

import gzip
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from strokeclock.errors import PatientError
from strokeclock.files import replacing, write_whole
from strokeclock.imaging.file_format import FileFormat, recognise
from strokeclock.imaging.volume import check_world, read_world
from strokeclock.intake.diffusion import combine, plan_diffusion, read_b_values, read_directions
from strokeclock.intake.formats import (
    Image,
    find_header,
    locate_nifti,
    read_image,
    read_nifti_header,
    write_image,
)
from strokeclock.intake.payload import Payload, Refuse, read_ends, read_payload
from strokeclock.intake.privacy import blank_header, is_blank, is_plain_gzip, write_sidecar


def bring_image(
    source: str | Path, columns: Mapping[str, Path], *, person: str, facts: Mapping[str, Any]
) -> list[str]:
    """Bring one three-dimensional image, for each column that is asked for, with its sidecar.

    A .nii.gz file that holds nothing but its voxels and their place is linked (or copied, where the file
    system cannot); other NIfTI files keep their voxels, scale and orientation; other formats are converted.
    Returns sentences on what was noticed.

    Parameters
    ----------
    source : file of any format that `read_image` reads.
    columns : column of the cohort sheet -> .nii.gz file to write.
    person : named in errors.
    facts : the sidecar's fields; only those of `privacy.KEPT` are written.

    Raises
    ------
    PatientError
        As `read_image`; of a file that is linked, only its header is read.
    """
    notes = []
    for column, target in columns.items():
        notes += _bring_one(Path(source), target, person=person, series=column)
        write_sidecar(target, facts)
    return list(dict.fromkeys(notes))


def _bring_one(source: Path, target: Path, *, person: str, series: str) -> list[str]:
    def refuse(what: str) -> PatientError:
        return PatientError(person, f"{series} file {source.name} {what}")

    header_file = find_header(source)
    start, end = read_ends(header_file, refuse)
    kind = recognise(start)
    if kind not in (FileFormat.NIFTI, FileFormat.NIFTI_PAIR):
        write_image(target, read_image(source, patient=person, series=series))
        return [f"converted to NIfTI: it was {kind.what}"]
    header, is_packed = read_nifti_header(start, refuse)
    payload = locate_nifti(header_file, header, is_packed=is_packed, several=False, refuse=refuse)
    check_world(read_world(header, refuse), payload.shape, refuse, f"{person} {series}")
    if is_plain_gzip(start) and payload.path == source and _is_bare(header, payload, end=end):
        _link(source, target)
    else:
        _write_bare(target, header, payload, refuse)
    return []


def _is_bare(header: nib.Nifti1Header, payload: Payload, *, end: bytes) -> bool:
    """Whether a file that gzip packed, with its header in itself, holds voxels and their place alone.

    ``end`` is the file's end: it says the unpacked size of gzip's last member, so there is one alone.
    """
    return is_blank(header) and int.from_bytes(end[-4:], "little") == header.sizeof_hdr + 4 + payload.size


def _link(source: Path, target: Path) -> None:
    """Give a file another name: a symbolic link would tell its folder to whoever copies the cohort."""
    if not os.path.isdir(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve() if source.is_symlink() else source, target)
    except FileExistsError:
        if not os.path.samefile(source, target):
            target.unlink()
            _link(source, target)
    except OSError:  # another file system, or another's file
        with replacing(target) as beside:
            shutil.copyfile(source, beside)


def _write_bare(target: Path, header: nib.Nifti1Header, payload: Payload, refuse: Refuse) -> None:
    voxels = read_payload(payload, refuse)
    content = blank_header(header).binaryblock + b"\0\0\0\0"
    content += voxels.astype(voxels.dtype.newbyteorder("<"), copy=False).tobytes(order="F")
    write_whole(target, gzip.compress(content, compresslevel=1, mtime=0))


def bring_diffusion(
    source: str | Path,
    columns: Mapping[str, Path],
    *,
    person: str,
    facts: Mapping[str, Any],
    b_values: str | Path | Sequence[float],
    directions: str | Path | np.ndarray | None = None,
    to_b1000: bool = False,
) -> list[str]:
    """Bring b0 (column t2w) and the trace-weighted image (column dwi) of a 4-D series, with sidecars.

    Returns sentences on what was noticed. See `plan_diffusion` for what is combined.

    Parameters
    ----------
    columns : "t2w", "dwi" or both -> .nii.gz file to write.
    b_values, directions : .bval and .bvec file, or their values: (N,), s/mm2, and (N, 3).
    to_b1000 : see `combine`.

    Raises
    ------
    PatientError
        As `read_image` and `plan_diffusion`; or there are more or fewer b-values than volumes.
    """
    source = Path(source)

    def refuse(what: str, file: Any = source) -> PatientError:
        return PatientError(person, f"dwi file {Path(file if _is_path(file) else source).name} {what}")

    table = _read_table(b_values, read_b_values, refuse)
    vectors = None if directions is None else _read_table(directions, read_directions, refuse)
    try:
        plan = plan_diffusion(table, vectors)
    except ValueError as error:
        raise refuse(str(error), b_values) from error
    image = read_image(source, patient=person, series="dwi", several=True)
    data = image.data if image.data.ndim == 4 else image.data[..., None]
    if data.shape[-1] != len(table):
        raise refuse(
            f"has {data.shape[-1]} volumes, and {len(table)} b-values are given; correct the b-values"
        )
    b0, trace, b_value = combine(data, plan, to_b1000=to_b1000)
    for column, values, of in (("t2w", b0, 0.0), ("dwi", trace, b_value)):
        if column in columns:
            write_image(columns[column], Image(values, image.affine))
            write_sidecar(columns[column], {**facts, "DiffusionBValue": of})
    return list(plan.notes)


def _is_path(given: object) -> bool:
    return isinstance(given, str | Path)


def _read_table(
    given: Any, read: Callable[[Path], Any], refuse: Callable[[str, object], PatientError]
) -> Any:
    """Return what a file holds, or what is given in its place."""
    if not _is_path(given):
        return given
    try:
        return read(Path(given))
    except ValueError as error:
        raise refuse(str(error), given) from error

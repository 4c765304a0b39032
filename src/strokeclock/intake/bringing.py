"""Bring images of the source to the cohort's folder: as they are where nothing must change, else converted.

With `functools.partial` up to `columns`, each function is a `found.Bring`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def bring_image(
    source: str | Path, columns: Mapping[str, Path], *, person: str, facts: Mapping[str, Any]
) -> list[str]:
    """Bring one three-dimensional image, for each column that is asked for, with its sidecar.

    A NIfTI file without text is linked; anything else is written anew. Returns sentences on what was noticed.

    Parameters
    ----------
    source : file of any format that `formats.read_image` reads.
    columns : column of the cohort sheet -> .nii.gz file to write.
    person : named in errors.
    facts : the sidecar's fields; only those of `privacy.KEPT` are written.

    Raises
    ------
    PatientError
        As `formats.read_image`; or the image holds several volumes.
    """
    raise NotImplementedError


def bring_diffusion(
    source: str | Path,
    columns: Mapping[str, Path],
    *,
    person: str,
    facts: Mapping[str, Any],
    b_values: str | Path,
    directions: str | Path | None = None,
) -> list[str]:
    """Bring b0 (column t2w) and the trace-weighted image (column dwi) of a 4-D series, with sidecars.

    Parameters
    ----------
    b_values, directions : .bval and .bvec file.
    """
    raise NotImplementedError

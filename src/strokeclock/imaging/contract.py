"""What a toolchain leaves of a patient, compared with its contract (docs/how-to/new-toolchain.md).

A fault here is the toolchain's, whoever the patient is. So it stops the job, before later steps blame the
patient for it or work with it.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from strokeclock.errors import StrokeclockError
from strokeclock.imaging.findings import NAME, Findings, read_findings
from strokeclock.imaging.nifti_file import Refuse, read_header, read_nifti
from strokeclock.imaging.volume import Volume, read_world
from strokeclock.series import SERIES

MASK = "brain_mask"
LEAST_VOLUME = 1e-6  # mm3 that a transform makes of 1 mm3: a head becomes no plane


class ToolchainError(StrokeclockError):
    """A toolchain leaves other files than its contract says: its code is the cause, not the patient."""


def check_outputs(
    outputs: Mapping[str, str | Path], returned: object, *, toolchain: str, patient: str, grid: Volume
) -> None:
    """Check what a toolchain's function returned, and the files that it left of a patient, without voxels.

    Parameters
    ----------
    outputs
        Name -> file: those of `toolchain.name_outputs`.
    returned
        By the toolchain's function.
    toolchain, patient
        Named in errors.
    grid : Volume
        On the atlas grid.

    Raises
    ------
    ToolchainError
        A file is absent or cannot be read; a volume is not on the atlas grid; a matrix can be no transform;
        or the findings are not those that were returned.
    """
    refuse = partial(_fault, toolchain, patient)
    if not isinstance(returned, Findings):
        raise refuse(f"returned {type(returned).__name__}, not its Findings")
    for name, path in ((name, Path(path)) for name, path in outputs.items()):
        if not path.is_file():
            raise refuse(f"left no file {path.name}")
        if name in SERIES or name == MASK:
            _check_grid(path, grid, refuse)
        elif name != NAME:
            _check_transform(path, refuse)
        elif not _holds(path, returned):
            raise refuse(f"left {path.name} without the findings that it returned")


def check_voxels(outputs: Mapping[str, str | Path], *, toolchain: str, patient: str) -> None:
    """Check the voxels of the volumes that a toolchain left of a patient.

    Reading them takes 2 % of the time of the open toolchain, so a batch reads those of one patient: a fault
    of the toolchain is commonly in all.

    Parameters
    ----------
    outputs, toolchain, patient
        As of `check_outputs`, which comes first.

    Raises
    ------
    ToolchainError
        The brain mask holds more than 0 and 1; or a series has values that are not finite, or is not 0
        outside the mask.
    """
    refuse = partial(_fault, toolchain, patient)
    mask_file = Path(outputs[MASK])
    mask = _read(mask_file, refuse)
    outside = mask != 1
    if np.logical_and(mask, outside).any():
        raise refuse(f"left {mask_file.name} with other values than 0 and 1")
    for path in (Path(outputs[name]) for name in SERIES if name in outputs):
        data = _read(path, refuse)
        if not np.isfinite(data).all():
            raise refuse(f"left {path.name} with values that are not finite")
        if np.logical_and(data, outside).any():
            raise refuse(f"left {path.name} with values other than 0 outside {mask_file.name}")


def _fault(toolchain: str, patient: str, what: str) -> ToolchainError:
    return ToolchainError(
        f"The toolchain {toolchain} {what} (patient {patient}): correct its function; "
        "docs/how-to/new-toolchain.md says what it leaves."
    )


def _about(path: Path, refuse: Refuse) -> Refuse:
    """For faults that the readers of files find; their remedies are for raw series, and are left out."""
    return lambda what: refuse(f"left {path.name}, which {what.partition(';')[0]}")


def _check_grid(path: Path, grid: Volume, refuse: Refuse) -> None:
    header = read_header(path, _about(path, refuse))
    shape, affine = header.get_data_shape(), read_world(header, _about(path, refuse))
    if shape != grid.shape:
        found, wanted = ("×".join(map(str, one)) for one in (shape, grid.shape))
        raise refuse(f"left {path.name} with {found} voxels, where the atlas grid has {wanted}")
    if not Volume(grid.data, affine).same_grid(grid):
        raise refuse(f"left {path.name} with another affine than the atlas grid's")


def _check_transform(path: Path, refuse: Refuse) -> None:
    try:
        matrix = np.loadtxt(path)
    except ValueError:
        raise refuse(f"left {path.name}, which is no table of numbers") from None
    if matrix.shape != (4, 4) or not np.allclose(matrix[3], (0, 0, 0, 1)):
        raise refuse(f"left {path.name}, which is no 4 × 4 matrix with the last row 0 0 0 1")
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < LEAST_VOLUME:
        raise refuse(f"left {path.name}, a matrix that cannot be inverted")


def _holds(path: Path, findings: Findings) -> bool:
    try:
        return read_findings(path) == findings
    except (ValueError, TypeError):  # no JSON, or other keys
        return False


def _read(path: Path, refuse: Refuse) -> np.ndarray:
    """Voxels (X, Y, Z) in the order and type of the file."""
    return np.asanyarray(read_nifti(path, _about(path, refuse)).dataobj)

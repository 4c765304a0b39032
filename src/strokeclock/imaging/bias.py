"""N4 bias-field correction (Tustison 2010): niimath's for the open toolchain, ANTsPy's for the paper's.

Both estimate inside a mask and return the field, so that one field can correct b0 and b1000.
"""

import os
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from strokeclock.errors import KILLED, KilledError, MissingSoftwareError, PatientError
from strokeclock.imaging.separable import combine
from strokeclock.imaging.volume import Volume, read_volume, write_volume

NEGLIGIBLE = 1e-7  # weight of a point that is far away


def estimate_field_niimath(
    volume: Volume, mask: Volume, *, shrink: int, iterations: list[int], patient: str
) -> Volume:
    """Estimate the multiplicative bias field by niimath's N4.

    niimath gets the voxels that it would take itself: with the whole volume it needs twice the time.

    Parameters
    ----------
    volume, mask : Volume
        On one grid; only voxels of the mask take part.
    shrink : int
        Factor by which the volume is subsampled for the estimate.
    iterations : list of int
        Iterations per level, coarse to fine.

    Returns
    -------
    Volume
        The field, smooth over the whole grid, its geometric mean over the mask 1; see `correct`.
    """
    taken = [_take(n, shrink) for n in volume.shape]
    with tempfile.TemporaryDirectory(prefix="strokeclock-") as folder:
        paths = {name: Path(folder) / f"{name}.nii" for name in ("volume", "mask", "corrected", "field")}
        for name, whole, dtype in (("volume", volume, np.float32), ("mask", mask, np.uint8)):
            # the mesh does not depend on the voxels' size
            write_volume(paths[name], Volume(whole.data[np.ix_(*taken)], np.eye(4)), dtype=dtype)
        command = [
            _niimath(), paths["volume"], "-n4",
            "-shrink", 1, "-iter", "x".join(map(str, iterations)),
            "-mask", paths["mask"], "-field", paths["field"], paths["corrected"],
        ]  # fmt: skip
        done = subprocess.run(
            list(map(str, command)),
            env={**os.environ, "OMP_NUM_THREADS": "1", "FSLOUTPUTTYPE": "NIFTI"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode in KILLED:
            raise KilledError(
                f"niimath N4 was ended by signal {-done.returncode}, perhaps for lack of memory: give the "
                "job more (mem_mb) and run again"
            )
        if done.returncode or not paths["field"].exists():
            message = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no message"]
            raise PatientError(
                patient, f"bias correction failed (niimath N4: {message[0]}); look at the series"
            )
        field = read_volume(paths["field"], patient=patient, series="bias field")
    log_field = np.log(field.data)
    for axis in (1, 0, 2):  # the fastest order
        weights = _interpolate(log_field.shape[axis], volume.shape[axis])
        log_field = combine(log_field, weights, axis)
    return _normalised(log_field, mask)


def _take(n: int, shrink: int) -> np.ndarray:
    """The voxels of an axis of n that ITK's shrinking takes: every ``shrink``-th, about the middle."""
    count, step = max(n // shrink, min(n, 2)), min(shrink, n - 1)
    return -(((count - 1) * step - (n - 1)) // 2) + step * np.arange(count)


def _interpolate(count: int, n: int) -> np.ndarray:
    """Weights (n, count) of a cubic spline from count points to n; the outer points of both coincide.

    So N4's programs lay the mesh that they fitted to the shrunk volume over the whole one.
    """
    from scipy.interpolate import CubicSpline  # a tenth of a second: only where it is used

    if count == 1:
        return np.ones((n, 1))
    weights = CubicSpline(np.arange(count), np.eye(count))(np.linspace(0, count - 1, n))
    return np.where(np.abs(weights) < NEGLIGIBLE, 0, weights)


def estimate_field_ants(volume: Volume, mask: Volume, *, shrink: int, iterations: list[int]) -> Volume:
    """Estimate the field by ANTsPy's N4; as `estimate_field_niimath`, at ten times the cost."""
    # ITK reads them when it first runs in a process, and its sums depend on them
    os.environ |= {"ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS": "1", "ANTS_RANDOM_SEED": "1"}
    import ants  # takes two seconds: only where it is used

    spacing = [float(s) for s in volume.spacing]
    image, inside = (ants.from_numpy(v.data.astype(np.float32), spacing=spacing) for v in (volume, mask))
    field = ants.n4_bias_field_correction(
        image,
        mask=inside,
        shrink_factor=shrink,
        convergence={"iters": list(iterations), "tol": 0.0},
        return_bias_field=True,
    )
    return _normalised(np.log(field.numpy()), mask)


def correct(volume: Volume, field: Volume) -> Volume:
    """Divide a volume by a field on its grid."""
    return Volume(volume.data / field.data, volume.affine)


def _normalised(log_field: np.ndarray, mask: Volume) -> Volume:
    """The field of geometric mean 1 over the mask, so that the overall brightness stays as it is."""
    log_field -= log_field[mask.data > 0].mean()
    return Volume(np.exp(log_field, out=log_field), mask.affine)


def _niimath() -> str:
    """The program inside the niimath package of the running interpreter."""
    if find_spec("niimath") is not None:
        import niimath

        if Path(niimath.bin).exists():
            return niimath.bin
    raise MissingSoftwareError(
        "niimath is not installed: run `pip install niimath`, or set preprocessing.toolchain to fsl"
    )

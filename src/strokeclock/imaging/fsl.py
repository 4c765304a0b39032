"""The paper's toolchain, one function for each box of its Fig. 2: N4 by ANTsPy, then FSL through nipype.

A function that returns an interface only builds the command; its ``.cmdline`` is exact also without FSL. FSL
is free for non-commercial use only.

FLIRT's matrices map FLIRT coordinates: voxel index times voxel size in mm, with x counted from the other side
where the file stores x from left to right (determinant of the affine above 0).
"""

import logging
import os
import re
import shutil
import tempfile
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Protocol

import nibabel as nib
import numpy as np
from scipy import ndimage

from strokeclock.errors import KILLED, ConfigurationError, KilledError, MissingSoftwareError, PatientError
from strokeclock.files import replacing, write_whole
from strokeclock.imaging.affine import register_affine
from strokeclock.imaging.bias import correct, estimate_field_ants
from strokeclock.imaging.findings import (
    AUTO,
    Findings,
    digest_scans,
    find_converters,
    find_stripped,
    read_findings,
    write_findings,
)
from strokeclock.imaging.mask import strip_by_zeros
from strokeclock.imaging.resample import resample_mask
from strokeclock.imaging.volume import Volume, read_series, read_volume, write_volume
from strokeclock.series import SERIES, find_bias_field

if TYPE_CHECKING:
    from nipype.interfaces import fsl

log = logging.getLogger(__name__)

PROGRAMS = ("fslreorient2std", "bet", "flirt", "convert_xfm")
# mm outside the atlas's brain, after registration: scalp that BET left (docs/methods/preprocessing.md)
BEYOND = 5.0


class Geometry(Protocol):
    """An object with a grid in the world: a `Volume`, or a nibabel image as it is stored."""

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def affine(self) -> np.ndarray: ...


def require_fsl(environ: MutableMapping[str, str]) -> None:
    """Raise an error unless FSL can run in ``environ``; set FSLDIR where it is not set.

    FSL's scripts call each other through FSLDIR. A conda environment does not set it.

    Raises
    ------
    MissingSoftwareError
        Its programs are not found.
    ConfigurationError
        Temporary files would have a space in their paths, which FSL's programs do not read.
    """
    found = {program: shutil.which(program, path=environ.get("PATH", "")) for program in PROGRAMS}
    if missing := [program for program, path in found.items() if not path]:
        raise MissingSoftwareError(
            f"preprocessing.toolchain is fsl, but FSL is absent ({', '.join(missing)} not found): run with "
            "--use-conda, load its module, or install it with its official installer "
            "(fsl.fmrib.ox.ac.uk/fsl/docs; for non-commercial use only) and set FSLDIR and PATH; or set "
            "preprocessing.toolchain: open, which needs only Python packages"
        )
    if not environ.get("FSLDIR"):
        environ["FSLDIR"] = str(Path(str(found["flirt"])).parents[1])
    if re.search(r"\s", environ.get("TMPDIR", "")):
        raise ConfigurationError(
            "The environment variable TMPDIR names a folder with a space in its path, which FSL cannot read: "
            "set it to one without spaces"
        )


def find_fsl(found: str | Path) -> None:
    """Write the version of this process's FSL to ``found``; raise as `require_fsl` if there is none."""
    require_fsl(os.environ)
    write_whole(found, f"{find_version(os.environ)}\n")


def find_version(environ: Mapping[str, str]) -> str:
    """Return the version of the FSL in FSLDIR, those of its conda packages, or "unknown"."""
    home = Path(environ["FSLDIR"])
    if (file := home / "etc/fslversion").is_file():
        return file.read_text().strip()
    packages = (path.stem.rpartition("-")[0] for path in sorted(home.glob("conda-meta/fsl-*.json")))
    return ", ".join(packages) or "unknown"


# -- commands


def _nipype() -> ModuleType:
    os.environ["NIPYPE_NO_ET"] = "1"  # otherwise nipype contacts a server about its newest version
    os.environ["FSLOUTPUTTYPE"] = "NIFTI"  # intermediates are uncompressed
    from nipype.interfaces import fsl  # slow: only where a command is built

    return fsl


def reorientation(image: str | Path, *, out: str | Path) -> "fsl.Reorient2Std":
    """Turn the axes to those of MNI-152 by swaps and flips. Left-right storage order stays FSL's choice."""
    return _nipype().Reorient2Std(in_file=str(image), out_file=str(out))


def skull_stripping(image: str | Path, *, out: str | Path, fraction: float, robust: bool) -> "fsl.BET":
    """BET of a whole head to its brain."""
    bet = _nipype().BET(in_file=str(image), out_file=str(out), frac=fraction)
    if robust:
        bet.inputs.robust = True
    return bet


def brain_masking(image: str | Path, *, out: str | Path, fraction: float) -> "fsl.BET":
    """BET that writes a mask alone, to ``out`` with _mask before its suffix."""
    return _nipype().BET(in_file=str(image), out_file=str(out), frac=fraction, mask=True, no_output=True)


def registration(
    moving: str | Path, *, fixed: str | Path, out: str | Path, matrix: str | Path, dof: int, cost: str
) -> "fsl.FLIRT":
    """FLIRT by ``cost`` in the search as in the fit; writes the moved image and its matrix."""
    return _nipype().FLIRT(
        in_file=str(moving),
        reference=str(fixed),
        out_file=str(out),
        out_matrix_file=str(matrix),
        dof=dof,
        cost=cost,
        cost_func=cost,
    )


def refinement(
    moving: str | Path,
    *,
    fixed: str | Path,
    weights: str | Path,
    start: str | Path,
    out: str | Path,
    matrix: str | Path,
    dof: int,
    cost: str,
) -> "fsl.FLIRT":
    """FLIRT from the matrix ``start`` without a search of angles; ``weights`` on the grid of ``fixed``."""
    flirt = registration(moving, fixed=fixed, out=out, matrix=matrix, dof=dof, cost=cost)
    flirt.inputs.trait_set(in_matrix_file=str(start), no_search=True, ref_weight=str(weights))
    return flirt


def concatenation(first: str | Path, *, then: str | Path, out: str | Path) -> "fsl.ConvertXFM":
    """The matrix that moves by ``first`` and then by ``then``."""
    return _nipype().ConvertXFM(in_file=str(first), in_file2=str(then), concat_xfm=True, out_file=str(out))


def application(
    moving: str | Path, *, fixed: str | Path, matrix: str | Path, out: str | Path
) -> "fsl.ApplyXFM":
    """Carry an image onto the grid of ``fixed`` by a FLIRT matrix, linear interpolation."""
    return _nipype().ApplyXFM(
        in_file=str(moving),
        reference=str(fixed),
        in_matrix_file=str(matrix),
        out_file=str(out),
        out_matrix_file=f"{out}.mat",
        apply_xfm=True,
        interp="trilinear",
    )


def _run(interface: "fsl.base.FSLCommand", patient: str) -> None:
    """Run a command. If it fails, as FSL's programs do on images without a head, the patient is excluded.

    OSError where it says that it succeeded and its files are not there: that is no patient's fault.
    """
    log.info(interface.cmdline)
    runtime = interface.run(ignore_exception=True).runtime  # nipype itself raises nothing for a return code
    code = runtime.returncode
    if code is None:
        raise MissingSoftwareError(f"{interface.cmd} of FSL was there and is gone: install FSL again")
    if code in KILLED or 128 - code in KILLED:  # 137: -9 through a shell
        raise KilledError(
            f"{interface.cmd} was ended from outside (return code {code}), perhaps for lack of memory: give "
            "the job more (mem_mb) and run again"
        )
    message = runtime.stderr.strip().splitlines()[-1:]
    if code or (interface.cmd == "bet" and message):  # bet returns 0 whatever happens
        raise PatientError(
            patient, f"{interface.cmd} failed ({''.join(message) or 'no message'}); look at the series"
        )
    interface.aggregate_outputs()


# -- matrices


def flirt_to_world(matrix: np.ndarray, *, moving: Geometry, fixed: Geometry) -> np.ndarray:
    """Return the (4, 4) transform from moving world to fixed world (RAS+ mm) of a FLIRT matrix.

    ``moving`` and ``fixed`` are the images as FLIRT read them, axis order included.
    """
    return (
        fixed.affine
        @ np.linalg.inv(_voxel_to_flirt(fixed))
        @ matrix
        @ _voxel_to_flirt(moving)
        @ np.linalg.inv(moving.affine)
    )


def _voxel_to_flirt(image: Geometry) -> np.ndarray:
    linear = image.affine[:3, :3]
    matrix = np.diag([*np.linalg.norm(linear, axis=0), 1.0])
    if np.linalg.det(linear) > 0:
        matrix[0, 3] = (image.shape[0] - 1) * matrix[0, 0]
        matrix[0, 0] *= -1
    return matrix


# -- boxes


def correct_bias(
    raw: Mapping[str, str | Path | None],
    *,
    outputs: Mapping[str, str | Path],
    shrink: int,
    iterations: list[int],
    shared_dwi: bool,
    b_value: float,
    patient: str,
    head: str,
    atlas_t2w: str | Path,
    atlas_brain_mask: str | Path,
    findings: str | Path,
) -> None:
    """N4 of every series, estimated over the head: this box of the paper's figure precedes skull stripping.

    Parameters
    ----------
    raw : series -> file
        Every series that is used; an absent one is empty. Read, derived and refused as by `read_series`.
    outputs : series -> file
        The series corrected; adc (mm2/s) from the raw series.
    shared_dwi : bool
        Divide b0 and b1000 by one field, b0's.
    head : auto | whole | stripped
        Whether the series show the whole head or the brain alone; auto: found out.
    atlas_t2w, atlas_brain_mask : files
        What `build_atlas` wrote.
    findings : file
        Written (`Findings`).
    """
    volumes = read_series(raw, b_value=b_value, patient=patient)
    atlas = {
        name: read_volume(path, patient="atlas", series=name)
        for name, path in (("t2w", atlas_t2w), ("mask", atlas_brain_mask))
    }
    write_findings(findings, _find(raw, volumes, patient=patient, head=head, atlas=atlas))
    sources = {series: find_bias_field(series, shared=shared_dwi) for series in volumes}
    fields = {
        series: estimate_field_ants(volume, _head(volume), shrink=shrink, iterations=iterations)
        for series, volume in volumes.items()
        if series in sources.values()
    }
    for series, volume in volumes.items():
        source = sources[series]
        write_volume(outputs[series], correct(volume, fields[source]) if source else volume)


def _find(
    raw: Mapping[str, str | Path | None],
    volumes: Mapping[str, Volume],
    *,
    patient: str,
    head: str,
    atlas: Mapping[str, Volume],
) -> Findings:
    """What the raw series show. Each scan is registered to the atlas, because FLIRT comes after BET."""
    to_atlas = {"t2w": register_affine(volumes["t2w"], atlas["t2w"], atlas["mask"])}
    for name in volumes:
        if raw.get(name) and not SERIES[name].derived and name not in to_atlas:
            own = SERIES[name].place == "own"
            to_atlas[name] = (
                register_affine(volumes[name], atlas["t2w"], atlas["mask"]) if own else to_atlas["t2w"]
            )
    return Findings(
        derived=not raw.get("t2w"),
        stripped=find_stripped(volumes, atlas["mask"], to_atlas, head=head),
        told="" if head == AUTO else head,
        converted=find_converters(raw),
        scans=digest_scans(volumes, raw, patient=patient),
    )


def _head(volume: Volume) -> Volume:
    """What is brighter than the volume's mean, filled, so that dark voxels of the brain are corrected too."""
    bright = volume.data > volume.data.mean()
    return strip_by_zeros(Volume(np.where(bright, volume.data, 0), volume.affine))


def reorient(inputs: Mapping[str, str | Path], *, outputs: Mapping[str, str | Path], patient: str) -> None:
    """Reorient every series of ``inputs`` into the file of the same name in ``outputs``."""
    for series, path in outputs.items():
        _run(reorientation(inputs[series], out=path), patient)


def strip_skull(
    inputs: Mapping[str, str | Path],
    *,
    outputs: Mapping[str, str | Path],
    findings: str | Path,
    fraction: float,
    robust: bool,
    patient: str,
) -> None:
    """Strip every series named in ``outputs`` by BET; one that is stripped by its `Findings` is copied."""
    stripped = read_findings(findings).stripped
    for series, path in outputs.items():
        if stripped[series]:
            log.info("%s %s: skull already stripped, BET not run", patient, series)
            shutil.copyfile(inputs[series], path)
        else:
            _run(skull_stripping(inputs[series], out=path, fraction=fraction, robust=robust), patient)


def register_to_atlas(
    t2w: str | Path,
    *,
    grid: str | Path,
    brain_mask_grid: str | Path,
    registered: str | Path,
    matrix: str | Path,
    dof: int,
    cost: str,
    patient: str,
) -> None:
    """FLIRT of the stripped T2w to the atlas' brain on the final grid."""
    atlas, brain = (read_volume(path, patient="atlas", series="atlas") for path in (grid, brain_mask_grid))
    with tempfile.TemporaryDirectory() as folder:
        fixed = Path(folder, "atlas_brain.nii")
        write_volume(fixed, Volume(atlas.data * brain.data, atlas.affine))
        _run(registration(t2w, fixed=fixed, out=registered, matrix=matrix, dof=dof, cost=cost), patient)


def strip_again(
    t2w: str | Path, *, brain_mask_grid: str | Path, brain_mask: str | Path, fraction: float, patient: str
) -> None:
    """BET of the registered T2w, to remove what the first BET left; write the brain mask on the final grid.

    BET's mask is the inside of a smooth surface. Voxels that the first BET removed, that lie outside the
    field of view, or farther than `BEYOND` from the atlas's brain, where scalp is, are removed from it.

    Raises
    ------
    PatientError
        Nothing is left.
    """
    with tempfile.TemporaryDirectory() as folder:
        _run(brain_masking(t2w, out=Path(folder, "brain.nii"), fraction=fraction), patient)
        found = nib.Nifti1Image.from_filename(Path(folder, "brain_mask.nii"))
        shown, atlas = (
            np.asanyarray(nib.Nifti1Image.from_filename(path).dataobj) > 0 for path in (t2w, brain_mask_grid)
        )
        spacing = nib.affines.voxel_sizes(found.affine)
        near = ndimage.distance_transform_edt(~atlas, sampling=spacing) <= BEYOND
        brain = (np.asanyarray(found.dataobj) > 0) & shown & near
    if not brain.any():
        raise PatientError(
            patient, "BET found no brain in the registered T2w; look at the series and at preprocessing.fsl"
        )
    write_volume(brain_mask, Volume(brain.astype(np.float32), found.affine), dtype=np.uint8)


def co_register(
    inputs: Mapping[str, str | Path],
    *,
    t2w_to_atlas: str | Path,
    grid: str | Path,
    brain_mask_grid: str | Path,
    brain_mask: str | Path,
    outputs: Mapping[str, str | Path],
    dof: int,
    cost: str,
    patient: str,
) -> None:
    """Register the series with their own geometry to the T2w and carry every series to the atlas grid.

    The registration is to the T2w in its own space: a rigid fit to the affinely scaled T2w of the atlas space
    would leave a FLAIR at its native size. It begins between the brains that BET left; then whole heads are
    fitted inside the atlas's brain alone, because BET leaves another rim on each series. The matrices are
    composed, each series is interpolated once from its bias-corrected whole head, and the same brain mask is
    applied to all.

    Parameters
    ----------
    inputs : name -> file
        Every series, reoriented, whole head; and stripped_<series>: t2w, and each series that is registered
        to it (flair; dwi where b1000 is registered separately). The others take the T2w's matrix.
    t2w_to_atlas : file
        FLIRT's matrix to ``grid``.
    brain_mask_grid, brain_mask : files
        The atlas's and the patient's, on ``grid``.
    outputs : name -> file
        Every series and brain_mask: RAS, on ``grid``, 0 outside the brain. t2w_to_atlas and <series>_to_t2w:
        (4, 4) text, moving world to fixed world, RAS+ mm.

    Raises
    ------
    PatientError
        A series has nothing inside the atlas' field of view.
    """
    images = {name: path for name, path in inputs.items() if name in SERIES}
    stripped = {name: inputs[f"stripped_{name}"] for name in SERIES if f"stripped_{name}" in inputs}
    atlas = read_volume(grid, patient="atlas", series="grid")
    brain = read_volume(brain_mask, patient=patient, series="brain_mask")
    fixed = nib.Nifti1Image.from_filename(stripped["t2w"])
    worlds = {
        "t2w_to_atlas": flirt_to_world(
            np.loadtxt(t2w_to_atlas), moving=fixed, fixed=nib.Nifti1Image.from_filename(grid)
        )
    }
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        matrices = dict.fromkeys(images, t2w_to_atlas)
        weights = folder / "weights.nii"
        x, y, z = fixed.shape
        inside = resample_mask(
            read_volume(brain_mask_grid, patient="atlas", series="brain_mask"),
            shape=(x, y, z),
            affine=fixed.affine,
            transform=np.linalg.inv(worlds["t2w_to_atlas"]),
        )
        write_volume(weights, inside)
        for series in sorted(stripped.keys() - {"t2w"}):
            start, matrix, matrices[series] = (
                folder / f"{series}_{name}.mat" for name in ("start", "to_t2w", "to_atlas")
            )
            moved = folder / f"{series}_on_t2w.nii"
            _run(
                registration(
                    stripped[series], fixed=stripped["t2w"], out=moved, matrix=start, dof=dof, cost=cost
                ),
                patient,
            )
            _run(
                refinement(
                    images[series],
                    fixed=images["t2w"],
                    weights=weights,
                    start=start,
                    out=moved,
                    matrix=matrix,
                    dof=dof,
                    cost=cost,
                ),
                patient,
            )
            _run(concatenation(matrix, then=t2w_to_atlas, out=matrices[series]), patient)
            moving = nib.Nifti1Image.from_filename(images[series])
            worlds[f"{series}_to_t2w"] = flirt_to_world(np.loadtxt(matrix), moving=moving, fixed=fixed)
        for series in images:
            carried = folder / f"{series}.nii"
            _run(application(images[series], fixed=grid, matrix=matrices[series], out=carried), patient)
            volume = read_volume(carried, patient=patient, series=series)
            write_volume(outputs[series], Volume(volume.data * brain.data, atlas.affine))
    write_volume(outputs["brain_mask"], Volume(brain.data, atlas.affine), dtype=np.uint8)
    for name, world in worlds.items():
        with replacing(outputs[name]) as beside:
            np.savetxt(beside, world, fmt="%.9f")

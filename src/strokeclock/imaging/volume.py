"""One volume in world coordinates: reading with checks, writing whole or not at all, and DWI arithmetic.

World coordinates are RAS+ in mm throughout: left is x < 0, whatever the order of the stored array.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from pathlib import Path

import nibabel as nib
import numpy as np
from isal import isal_zlib
from scipy import ndimage

from strokeclock.errors import PatientError
from strokeclock.files import write_whole
from strokeclock.imaging.nifti_file import Refuse, read_nifti, read_values
from strokeclock.imaging.raw_series import are_copies, find_fault, measure_raw, thin
from strokeclock.series import MATCHED, REQUIRED, SERIES

log = logging.getLogger(__name__)

ADC_MAX = 4e-3  # mm2/s; free water at body temperature is 3.0e-3
FEW = 1e-3  # share of voxels that may be non-finite and are set to 0
FAR = 1e4  # mm; no scanner's origin lies ten metres from its isocentre
BELOW = 0.05  # share of the bright voxels' value; resampling rings less far below 0
LEAST_SLICES = 8  # of a series; a localizer has fewer
SPIKE = 1000.0  # times the 99.9th percentile: no tissue and no vessel is as bright
LEAST_COLUMNS = 24  # of a series, in its slices: a head in voxels of 10 mm


@dataclass(frozen=True, eq=False)
class Volume:
    """A scalar volume.

    Attributes
    ----------
    data : float32 (X, Y, Z)
    affine : float64 (4, 4)
        Voxel index to world RAS+ mm.
    """

    data: np.ndarray
    affine: np.ndarray

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along the three array axes."""
        return self.data.shape

    @property
    def spacing(self) -> np.ndarray:
        """Voxel size in mm along the three array axes."""
        return np.linalg.norm(self.affine[:3, :3], axis=0)

    @property
    def centre(self) -> np.ndarray:
        """World coordinate in mm of the middle of the field of view."""
        return self.affine[:3, :3] @ ((np.array(self.shape) - 1) / 2) + self.affine[:3, 3]

    def same_grid(self, other: "Volume") -> bool:
        """Whether both have the same voxels, to a tenth of a millimetre at the corners."""
        if self.shape != other.shape:
            return False
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape], [1.0])).reshape(4, -1)
        return bool(np.abs((self.affine - other.affine) @ corners).max() < 0.1)


def read_volume(path: str | Path, *, patient: str, series: str) -> Volume:
    """Read a NIfTI file completely, check it, and bring its axes to the closest RAS+ order.

    Parameters
    ----------
    path : file
        `.nii` or `.nii.gz`, 3-D (or 4-D with one volume).
    patient, series : str
        Named in errors and logs. The series of `SERIES` have negative values set to 0.

    Raises
    ------
    PatientError
        As `read_nifti` and `read_values`; the file holds several volumes; is constant; has values inside the
        head that are not numbers, or a magnitude series values far below 0; or its orientation is absent,
        contradictory, sheared or of impossible size.
    """
    path = Path(path)

    def refuse(what: str) -> PatientError:
        return PatientError(patient, f"{series} file {path.name} {what}")

    image = read_nifti(path, refuse)
    data = read_values(image, refuse)
    while data.ndim > 3 and data.shape[-1] == 1:
        data = data[..., 0]
    if data.ndim != 3:
        raise refuse(f"has shape {data.shape}; give one three-dimensional volume")

    wrong = ~np.isfinite(data)
    if wrong.any():
        data[wrong] = 0
        inside = (wrong & _enclosed(data > 0)).mean()
        if inside > FEW:
            raise refuse(f"has {inside:.1%} voxels inside the head that are not numbers; export it again")
        log.warning("%s %s: %d voxels that are not numbers set to 0", patient, series, wrong.sum())
    if data.min() == data.max():
        remedy = "export it again" if series in SERIES else "draw it anew, or leave its column empty"
        raise refuse(f"shows nothing: every voxel has the value {data.flat[0]:g}; {remedy}")
    if series in SERIES:
        _lift_negative(data, refuse, is_magnitude=series in MATCHED, name=f"{patient} {series}")

    affine = read_world(image.header, refuse)
    affine = check_world(affine, data.shape, refuse, f"{patient} {series}")
    orientation = nib.io_orientation(affine)
    affine = affine @ nib.orientations.inv_ornt_aff(orientation, data.shape)
    data = np.ascontiguousarray(nib.apply_orientation(data, orientation))
    return Volume(data, affine)


def _enclosed(head: np.ndarray) -> np.ndarray:
    """A mask (X, Y, Z) with its holes filled in the planes across each axis: what is added is inside it.

    Air beside the neck or in front of the nose is in no hole.
    """
    filled = head.copy()
    for axis in range(3):
        for plane, into in zip(np.moveaxis(head, axis, 0), np.moveaxis(filled, axis, 0), strict=True):
            into |= ndimage.binary_fill_holes(plane)
    return filled


def _lift_negative(data: np.ndarray, refuse: Refuse, *, is_magnitude: bool, name: str) -> None:
    """Set negative values to 0, in place; refuse a magnitude series that goes far below 0.

    Magnitudes are positive. Far below 0 lie those that were normalised or that overflowed 16 bits.
    """
    negative = data < 0
    if not negative.any():
        return
    if is_magnitude:
        bright = np.percentile(np.abs(thin(data.ravel())), 99)
        share = (data < -BELOW * bright).mean()
        if share > FEW:
            raise refuse(
                f"has {share:.1%} voxels far below 0; give the raw series: this one was normalised, or its "
                "values overflowed"
            )
    log.warning("%s: %d negative voxels set to 0", name, negative.sum())
    data[negative] = 0


def read_world(header: nib.Nifti1Header, refuse: Refuse) -> np.ndarray:
    """Return the voxel-to-world matrix: sform if its code is set, else qform; contradictions are refused."""
    try:
        sform, qform = header.get_sform(coded=True)[0], header.get_qform(coded=True)[0]
    except (ValueError, np.linalg.LinAlgError, nib.spatialimages.HeaderDataError) as error:
        raise refuse("has a damaged orientation in its header; export it again") from error
    if sform is None and qform is None:
        raise refuse(
            "has no orientation (qform_code and sform_code are 0), so left and right are unknown; "
            "export it again"
        )
    affine = np.array(qform if sform is None else sform, dtype=np.float64)
    if sform is not None and qform is not None and np.isfinite([*affine[:3, :3], *qform[:3, :3]]).all():
        mirrored = np.linalg.det(affine[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0
        if mirrored or affine[0, :3] @ qform[0, :3] < 0:
            raise refuse("has a qform and an sform that disagree about left and right; correct its header")
    return affine


def check_world(affine: np.ndarray, shape: tuple[int, ...], refuse: Refuse, name: str) -> np.ndarray:
    """Return the voxel-to-world matrix with an offset that can be; refuse impossible voxels and shear.

    Parameters
    ----------
    affine : float64 (4, 4)
    shape : of the array, its first three axes in space.
    name : of patient and series, for the log.
    """
    linear = affine[:3, :3]
    with np.errstate(over="ignore", invalid="ignore"):
        gram = (linear.T @ linear).tolist()
    spacing = [sqrt(gram[axis][axis]) for axis in range(3)]
    if not all(0.1 <= side <= 20 for side in spacing):  # nor is NaN
        sides = np.array2string(np.linalg.norm(linear, axis=0), precision=2)
        raise refuse(f"has voxels of {sides} mm; correct its header")
    if any(abs(gram[i][j]) > 0.05 * spacing[i] * spacing[j] for i, j in ((0, 1), (0, 2), (1, 2))):
        raise refuse("has a sheared affine; give the raw series, not a registered one")
    if not all(abs(place) <= FAR for place in affine[:3, 3].tolist()):  # nor is NaN
        log.warning("%s: impossible offset %s replaced: field of view centred", name, affine[:3, 3])
        affine = affine.copy()
        affine[:3, 3] = -linear @ ((np.array(shape[:3]) - 1) / 2)
    return affine


def write_volume(path: str | Path, volume: Volume, dtype: type = np.float32) -> None:
    """Write a NIfTI file, whole or not at all; the same volume always gives the same bytes."""
    path = Path(path)
    data = volume.data
    if np.issubdtype(dtype, np.integer) and np.issubdtype(data.dtype, np.floating):
        data = np.rint(data)
    data = data.astype(dtype, copy=False)
    header = nib.Nifti1Image(data, volume.affine).header
    header.set_sform(volume.affine, code=1)
    header.set_qform(volume.affine, code=1)
    header.set_xyzt_units("mm", "sec")
    header.set_slope_inter(1, 0)
    header.set_data_offset(header.single_vox_offset)
    # what nibabel's to_bytes gives, at a quarter of the time; 4 bytes say that no extension follows
    content = header.binaryblock + bytes(4) + data.ravel(order="F").tobytes()
    if path.suffix == ".gz":
        content = isal_zlib.compress(content, 1, wbits=31)  # gzip; ten times as fast as zlib
    write_whole(path, content)


def read_series(files: Mapping[str, str | Path | None], *, patient: str, b_value: float) -> dict[str, Volume]:
    """Read one patient's raw series; an absent T2w (b0) is derived from DWI and ADC.

    Parameters
    ----------
    files : mapping of series -> file
        Every series that is used; None, or left out, where the patient has none.
    b_value : float
        Of the DWI, s/mm2.

    Returns
    -------
    dict
        t2w; adc (mm2/s), dwi and other series of their scan, on the T2w's grid; the others on their own.

    Raises
    ------
    PatientError
        As read_volume; or a series that is used is absent, has too few slices for a head, shows single voxels
        alone, is no image of a head (`raw_series.find_fault`), or is a copy of another one; or T2w, DWI, ADC
        and other series of their scan are not on one grid.
    """
    given = {name: path for name, path in files.items() if path}
    used = [name for name in SERIES if (name in files or name in REQUIRED) and not SERIES[name].derived]
    for name in used:
        if name not in given and not SERIES[name].instead:
            raise PatientError(patient, f"has no {SERIES[name].label}; add it to the cohort sheet")
    volumes: dict[str, Volume] = {}

    def read(name: str) -> None:
        volume = read_volume(given[name], patient=patient, series=name)
        file = Path(given[name]).name
        _require_head(volume, series=name, file=file, patient=patient)
        volumes[name] = clear_background(volume)
        for other in [other for other in volumes if other in given and other != name]:
            if are_copies(volumes[name], volumes[other]):
                raise PatientError(
                    patient,
                    f"{other} file {Path(given[other]).name} and {name} file {file} hold one image, up to a "
                    "factor; correct the cohort sheet",
                )
        if SERIES[name].place != "own":
            _require_one_grid(volumes, name, patient)

    read("dwi")
    if "t2w" in given:
        read("t2w")
    elif adc := given.get("adc"):
        read("adc")
        try:
            volumes["t2w"] = derive_t2w(volumes["dwi"], volumes["adc"], b_value=b_value)
        except ValueError as error:
            raise PatientError(patient, f"adc file {Path(adc).name} {error}") from error
        log.info("%s: T2w (b0) derived from DWI and ADC", patient)
    else:
        raise PatientError(patient, "has neither T2w (b0) nor ADC; add one of them to the cohort sheet")
    volumes["adc"] = compute_adc(volumes["t2w"], volumes["dwi"], b_value=b_value)
    for name in used:
        if name not in volumes:
            read(name)
    return volumes


def clear_background(volume: Volume) -> Volume:
    """The volume with a background of 0, where the background is another constant, such as the brain's mean.

    The background is what the eight corners hold, if all hold the same value.
    """
    corners = volume.data[
        :: volume.shape[0] - 1 or 1, :: volume.shape[1] - 1 or 1, :: volume.shape[2] - 1 or 1
    ]
    filled = corners.flat[0]
    if filled == 0 or (corners != filled).any():
        return volume
    return Volume(np.where(volume.data == filled, np.float32(0), volume.data), volume.affine)


def _require_head(volume: Volume, *, series: str, file: str, patient: str) -> None:
    """Refuse a raw series that is too small for a head, or in which single voxels hide the head."""
    shape = "×".join(map(str, volume.shape))
    slices, columns, _ = sorted(volume.shape)
    if slices < LEAST_SLICES:
        raise PatientError(
            patient, f"{series} file {file} has too few slices: {slices} ({shape}); give the whole series"
        )
    if columns < LEAST_COLUMNS:
        raise PatientError(patient, f"{series} file {file} has {shape} voxels, too few for a head")
    if series in MATCHED:
        bright = float(np.percentile(thin(volume.data.ravel()), 99.9))
        highest = float(volume.data.max())
        if highest > SPIKE * bright:
            raise PatientError(
                patient,
                f"{series} file {file} has single voxels of {highest:.3g}, and all others are at most about "
                f"{bright:.3g}; export it again",
            )
        if fault := find_fault(measure_raw(volume)):
            raise PatientError(patient, f"{series} file {file} {fault}")


def _require_one_grid(volumes: dict[str, Volume], series: str, patient: str) -> None:
    if not volumes[series].same_grid(volumes["dwi"]):
        raise PatientError(
            patient,
            f"{series} ({'×'.join(map(str, volumes[series].shape))}) and dwi "
            f"({'×'.join(map(str, volumes['dwi'].shape))}) are not on one grid; give both from one scan",
        )


def derive_t2w(dwi: Volume, adc: Volume, *, b_value: float) -> Volume:
    """The b0 that an ADC map implies: DWI · exp(b · ADC), ADC in any of its usual units.

    b_value is in s/mm2. The inverse of compute_adc wherever the ADC lies in [0, 4e-3] mm2/s.
    Raises ValueError where the ADC's unit cannot be recognised.
    """
    value = np.clip(adc.data * adc_unit(dwi, adc), 0, ADC_MAX)
    return Volume(dwi.data * np.exp(np.float32(b_value) * value), dwi.affine)


def adc_unit(dwi: Volume, adc: Volume) -> float:
    """What one stored ADC unit is in mm2/s (1, 1e-3 or 1e-6), from the brain's median, about 0.8e-3 mm2/s."""
    signal = dwi.data[dwi.data > 0]
    brain = (dwi.data > signal.mean()) & (adc.data > 0)
    median = float(np.median(adc.data[brain])) if brain.any() else 0.0
    for unit in (1.0, 1e-3, 1e-6):
        if 0.2e-3 < median * unit < 3e-3:
            return unit
    raise ValueError(f"has a brain median of {median:g}, which is no ADC in mm2/s, 1e-3 mm2/s or 1e-6 mm2/s")


def compute_adc(t2w: Volume, dwi: Volume, *, b_value: float) -> Volume:
    """ADC = ln(S0 / Sb) / b in mm2/s from raw b0 and DWI, in [0, 4e-3]; 0 where either has no signal."""
    signal = (t2w.data > 0) & (dwi.data > 0)
    ratio = np.divide(t2w.data, dwi.data, out=np.ones_like(t2w.data), where=signal)
    return Volume(np.clip(np.log(ratio) / np.float32(b_value), 0, ADC_MAX), t2w.affine)

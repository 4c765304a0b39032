"""The open toolchain: one patient from raw series to the atlas grid in one call, in the order natural to it.

T2w to atlas, brain mask, FLAIR to T2w, bias fields, and one interpolation of each series (docs/paper.md
says where the paper's order differs and why the order does not matter to the result).
"""

import logging
import os
from pathlib import Path

import numpy as np

from strokeclock.errors import PatientError
from strokeclock.imaging.affine import register_affine
from strokeclock.imaging.atlas import Atlas
from strokeclock.imaging.bias import correct, estimate_field_niimath
from strokeclock.imaging.mask import is_stripped, refine_mask, strip_by_zeros
from strokeclock.imaging.resample import resample, resample_mask, write_transform
from strokeclock.imaging.rigid import register_rigid
from strokeclock.imaging.volume import Volume, read_series, write_volume

log = logging.getLogger(__name__)

SERIES = ("t2w", "dwi", "flair", "adc")


def preprocess_patient(
    *,
    patient: str,
    t2w: str | os.PathLike | None,
    dwi: str | os.PathLike,
    flair: str | os.PathLike,
    adc: str | os.PathLike | None,
    b_value: float,
    atlas: Atlas,
    shrink: int,
    iterations: list[int],
    shared_dwi: bool,
    outputs: dict[str, str | os.PathLike],
    t2w_dof: int = 12,
    register_dwi: bool = False,
) -> dict[str, bool]:
    """Bring one patient's series onto the atlas grid: brain only, bias-corrected, not yet normalised.

    Parameters
    ----------
    patient : str
        Named in errors and logs.
    t2w, dwi, flair, adc : paths
        Raw series; where T2w (b0) is absent it is derived from DWI and ADC. ADC is not used otherwise: the
        one that is written comes from raw T2w and DWI.
    b_value : float
        Of the DWI, s/mm2.
    atlas : Atlas
        What transforms are estimated against, and the final grid.
    shrink, iterations : N4's subsampling and iterations per level
    shared_dwi : bool
        One field, from the T2w, for T2w and DWI, instead of one each.
    outputs : dict
        Paths of t2w, dwi, flair, adc (mm2/s), brain_mask, t2w_to_atlas, flair_to_t2w; dwi_to_t2w where
        the DWI is registered.
    t2w_dof : 6 | 7 | 9 | 12
        Degrees of freedom of T2w to atlas.
    register_dwi : bool
        The DWI is registered to the T2w; otherwise it shares the T2w's place, as one echo-planar scan gives.

    Returns
    -------
    dict
        What was found: t2w_derived, stripped (the skull had been taken off before).

    Raises
    ------
    PatientError
        A series cannot be used, or no brain is found in it.
    """
    series = read_series(t2w=t2w, dwi=dwi, flair=flair, adc=adc, patient=patient, b_value=b_value)
    to_atlas = register_affine(series["t2w"], atlas.t2w, atlas.brain_mask, dof=t2w_dof)
    stripped = is_stripped(series["t2w"])
    if stripped:
        log.info("%s: the skull was taken off before; the brain mask is what is not 0", patient)
        mask = strip_by_zeros(series["t2w"])
    else:
        mask = refine_mask(series["t2w"], atlas.brain_mask, to_atlas, patient=patient)
    native = {"shape": series["t2w"].shape, "affine": series["t2w"].affine}
    to_t2w, dwi_in_place = {}, series["dwi"]
    if register_dwi:
        to_t2w["dwi"] = register_rigid(series["dwi"], series["t2w"], series["t2w"], mask)
        dwi_in_place = resample(series["dwi"], transform=to_t2w["dwi"], **native)
    to_t2w["flair"] = register_rigid(series["flair"], series["t2w"], dwi_in_place, mask)
    flair_mask = resample_mask(
        mask,
        shape=series["flair"].shape,
        affine=series["flair"].affine,
        transform=np.linalg.inv(to_t2w["flair"]),
    )
    if not flair_mask.data.any():
        raise PatientError(patient, f"flair file {Path(flair).name} shows no brain; give the whole series")

    def field(name: str, mask: Volume) -> Volume:
        return estimate_field_niimath(
            series[name], mask, shrink=shrink, iterations=iterations, patient=patient
        )

    fields = {"t2w": field("t2w", mask), "flair": field("flair", flair_mask)}
    fields["dwi"] = fields["t2w"] if shared_dwi else field("dwi", mask)
    ready = {"adc": series["adc"]} | {name: correct(series[name], fields[name]) for name in fields}

    target = {"shape": atlas.grid.shape, "affine": atlas.grid.affine}
    brain = resample_mask(mask, transform=to_atlas, **target)
    for name in SERIES:
        transform = to_atlas @ to_t2w.get(name, np.eye(4))
        write_volume(
            outputs[name], resample(ready[name], transform=transform, inside=brain.data > 0, **target)
        )
    write_volume(outputs["brain_mask"], brain, dtype=np.uint8)
    write_transform(outputs["t2w_to_atlas"], to_atlas)
    for name, transform in to_t2w.items():
        write_transform(outputs[f"{name}_to_t2w"], transform)
    return {"t2w_derived": not t2w, "stripped": stripped}

"""The open toolchain: one patient from raw series to the atlas grid in one call.

Its order: T2w to atlas, brain mask, registration of FLAIR and other series with their own geometry to T2w,
bias fields, and one interpolation of each series. docs/methods/paper.md explains where the paper's order
differs and why the result does not depend on it.
"""

import logging
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from strokeclock.errors import PatientError
from strokeclock.imaging.affine import register_affine
from strokeclock.imaging.atlas import Atlas
from strokeclock.imaging.bias import correct, estimate_field_niimath
from strokeclock.imaging.findings import (
    AUTO,
    NAME,
    Findings,
    digest_scans,
    find_converters,
    find_stripped,
    write_findings,
)
from strokeclock.imaging.mask import refine_mask, strip_by_zeros
from strokeclock.imaging.resample import resample, resample_mask, write_transform
from strokeclock.imaging.rigid import register_rigid
from strokeclock.imaging.volume import read_series, write_volume
from strokeclock.series import SERIES, find_bias_field, list_registered

log = logging.getLogger(__name__)


@threadpool_limits.wrap(limits=1, user_api="blas")  # its matrices are small, and its sums then have one order
def preprocess_patient(
    raw: Mapping[str, str | Path | None],
    *,
    patient: str,
    b_value: float,
    atlas: Atlas,
    shrink: int,
    iterations: list[int],
    shared_dwi: bool,
    outputs: Mapping[str, str | Path],
    t2w_dof: int = 12,
    register_dwi: bool = False,
    head: str = AUTO,
) -> Findings:
    """Bring one patient's series onto the atlas grid: brain only, bias-corrected, not yet normalised.

    Parameters
    ----------
    raw : mapping of series -> file
        Every series that is used; None where the patient has none. An absent T2w (b0) is derived from DWI
        and ADC. ADC is not used otherwise: the one that is written comes from raw T2w and DWI.
    patient : str
        Named in errors and logs.
    b_value : float
        Of the DWI, s/mm2.
    atlas : Atlas
        What transforms are estimated against, and the final grid.
    shrink, iterations
        Subsampling of N4, and its iterations on each level.
    shared_dwi : bool
        One field, from the T2w, for T2w and DWI, instead of one each.
    outputs : dict
        Paths of the series, adc (mm2/s) among them, of brain_mask, findings, t2w_to_atlas, and
        `<series>_to_t2w` of each that is registered: flair; dwi with `register_dwi`.
    t2w_dof : 6 | 7 | 9 | 12
        Degrees of freedom of T2w to atlas.
    register_dwi : bool
        The DWI is registered to the T2w; otherwise it takes the T2w's matrix, because one echo-planar scan
        gives both. The same holds for other series of that scan.
    head
        whole or stripped: the series show the whole head, or the brain alone; auto: this is found out.

    Returns
    -------
    Findings
        What is written to findings.

    Raises
    ------
    PatientError
        A series cannot be used, or no brain is found in it.
    """
    series = read_series(raw, patient=patient, b_value=b_value)
    to_atlas = register_affine(series["t2w"], atlas.t2w, atlas.brain_mask, dof=t2w_dof)
    see_stripped = partial(find_stripped, series, atlas.brain_mask, head=head)
    stripped = see_stripped({"t2w": to_atlas})
    if stripped["t2w"]:
        log.info("%s: skull already stripped; the brain mask is the voxels above 0", patient)
        mask = strip_by_zeros(series["t2w"])
    else:
        mask = refine_mask(series["t2w"], atlas.brain_mask, to_atlas, patient=patient)
    native = series["t2w"]
    to_t2w, masks, dwi_in_place = {}, dict.fromkeys(series, mask), series["dwi"]
    registered = list_registered(series, shared=register_dwi)
    for name in [name for name in registered if SERIES[name].place == "shared"]:
        to_t2w[name] = register_rigid(series[name], series["t2w"], series["t2w"], mask)
    if "dwi" in to_t2w:
        dwi_in_place = resample(
            series["dwi"], shape=native.shape, affine=native.affine, transform=to_t2w["dwi"]
        )
    for name in [name for name in registered if SERIES[name].place == "own"]:
        to_t2w[name] = register_rigid(series[name], series["t2w"], dwi_in_place, mask)
        masks[name] = resample_mask(
            mask,
            shape=series[name].shape,
            affine=series[name].affine,
            transform=np.linalg.inv(to_t2w[name]),
        )
        if not masks[name].data.any():
            raise PatientError(
                patient, f"{name} file {Path(str(raw[name])).name} shows no brain; give the whole series"
            )

    given = [name for name in series if raw.get(name) and not SERIES[name].derived]
    stripped |= see_stripped(
        {name: to_atlas @ to_t2w.get(name, np.eye(4)) for name in given if name != "t2w"}
    )
    sources = {name: find_bias_field(name, shared=shared_dwi) for name in series}
    fields = {
        name: estimate_field_niimath(
            series[name], masks[name], shrink=shrink, iterations=iterations, patient=patient
        )
        for name in series
        if name in sources.values()
    }
    ready = {
        name: correct(series[name], fields[source]) if source else series[name]
        for name, source in sources.items()
    }

    shape, affine = atlas.grid.shape, atlas.grid.affine
    brain = resample_mask(mask, shape=shape, affine=affine, transform=to_atlas)
    for name in ready:
        transform = to_atlas @ to_t2w.get(name, np.eye(4))
        carried = resample(
            ready[name], shape=shape, affine=affine, transform=transform, inside=brain.data > 0
        )
        write_volume(outputs[name], carried)
    write_volume(outputs["brain_mask"], brain, dtype=np.uint8)
    write_transform(outputs["t2w_to_atlas"], to_atlas)
    for name, transform in to_t2w.items():
        write_transform(outputs[f"{name}_to_t2w"], transform)
    findings = Findings(
        derived=not raw.get("t2w"),
        stripped=stripped,
        told="" if head == AUTO else head,
        converted=find_converters(raw),
        scans=digest_scans(series, raw, patient=patient),
    )
    write_findings(outputs[NAME], findings)
    return findings

"""The toolchain fsl: one patient from raw series to the atlas grid in one call, box by box as in Fig. 2.

The boxes are the functions of `imaging.fsl`.
"""

import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from strokeclock.imaging.findings import AUTO, NAME, Findings, read_findings
from strokeclock.imaging.fsl import (
    co_register,
    correct_bias,
    register_to_atlas,
    reorient,
    require_fsl,
    strip_again,
    strip_skull,
)
from strokeclock.series import list_registered, list_used


def preprocess_patient(
    raw: Mapping[str, str | Path | None],
    *,
    patient: str,
    b_value: float,
    atlas_files: Mapping[str, str | Path],
    settings: Mapping[str, Mapping[str, Any]],
    outputs: Mapping[str, str | Path],
    register_dwi: bool = False,
    head: str = AUTO,
) -> Findings:
    """Bring one patient's series onto the atlas grid: brain only, bias-corrected, not yet normalised.

    Intermediate files lie in a temporary folder, which is removed whether the call succeeds or not.

    Parameters
    ----------
    raw, patient, b_value, outputs, register_dwi, head
        As of `imaging.open_chain.preprocess_patient`.
    atlas_files
        Name -> file: t2w, brain_mask, grid and brain_mask_grid, as `build_atlas` wrote them.
    settings
        Step -> name -> value: the arguments of the functions of `imaging.fsl`.

    Returns
    -------
    Findings
        What is written to findings.

    Raises
    ------
    MissingSoftwareError
        FSL is absent; nothing was done.
    PatientError
        A series cannot be used, or no brain is found in it. Some of the outputs may be written.
    """
    require_fsl(os.environ)
    series = list_used(raw)
    registered = list_registered(series, shared=register_dwi)
    findings = outputs[NAME]
    with tempfile.TemporaryDirectory(prefix="strokeclock-") as scratch:
        corrected = _name_files(scratch, "bias_correction", series)
        correct_bias(
            raw,
            outputs=corrected,
            b_value=b_value,
            patient=patient,
            head=head,
            atlas_t2w=atlas_files["t2w"],
            atlas_brain_mask=atlas_files["brain_mask"],
            findings=findings,
            **settings["bias_correction"],
        )
        whole = _name_files(scratch, "reorientation", series)
        reorient(corrected, outputs=whole, patient=patient)
        stripped = _name_files(scratch, "skull_stripping", ("t2w", *registered))
        strip_skull(
            {name: whole[name] for name in stripped},
            outputs=stripped,
            findings=findings,
            patient=patient,
            **settings["skull_stripping"],
        )
        on_atlas = _name_files(scratch, "registration_to_atlas", ("t2w",))["t2w"]
        matrix = on_atlas.with_name("t2w_to_atlas.mat")
        register_to_atlas(
            stripped["t2w"],
            grid=atlas_files["grid"],
            brain_mask_grid=atlas_files["brain_mask_grid"],
            registered=on_atlas,
            matrix=matrix,
            patient=patient,
            **settings["registration_to_atlas"],
        )
        brain_mask = _name_files(scratch, "second_stripping", ("brain_mask",))["brain_mask"]
        strip_again(
            on_atlas,
            brain_mask_grid=atlas_files["brain_mask_grid"],
            brain_mask=brain_mask,
            patient=patient,
            **settings["second_stripping"],
        )
        co_register(
            {**whole, **{f"stripped_{name}": path for name, path in stripped.items()}},
            t2w_to_atlas=matrix,
            grid=atlas_files["grid"],
            brain_mask_grid=atlas_files["brain_mask_grid"],
            brain_mask=brain_mask,
            outputs={name: path for name, path in outputs.items() if name != NAME},
            patient=patient,
            **settings["co_registration"],
        )
    return read_findings(findings)


def _name_files(scratch: str, box: str, names: Iterable[str]) -> dict[str, Path]:
    """Name -> file of a box, in the box's folder, which is made: FSL's programs make none."""
    folder = Path(scratch, box)
    folder.mkdir()
    return {name: folder / f"{name}.nii" for name in names}

"""One patient from raw series to the atlas grid by either toolchain, as the workflow's rules do it.

`toolchain.name_outputs` names the files that are written.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strokeclock.errors import ConfigurationError
from strokeclock.imaging import fsl_chain, open_chain
from strokeclock.imaging.atlas import read_atlas
from strokeclock.imaging.findings import Findings
from strokeclock.series import SERIES
from strokeclock.toolchain import pick_fsl_settings, pick_open_settings, registers_dwi


def preprocess(
    raw: Mapping[str, str | Path | None],
    *,
    patient: str,
    b_value: float,
    head: str,
    atlas_files: Mapping[str, str | Path],
    preprocessing: Mapping[str, Any],
    outputs: Mapping[str, str | Path],
) -> Findings:
    """Bring one patient's series onto the atlas grid by the toolchain that the configuration chooses.

    Parameters
    ----------
    raw : series -> file
        None, or left out, where the patient has none. An absent T2w (b0) is derived from DWI and ADC. What is
        not among ``outputs`` is not read.
    patient : str
        Named in errors and logs.
    b_value : float
        Of the DWI, s/mm2.
    head : auto | whole | stripped
        Whether the series show the whole head or the brain alone; auto: found out.
    atlas_files : name -> file
        t2w, brain_mask, grid and brain_mask_grid, as `build_atlas` wrote them.
    preprocessing : the checked configuration's section preprocessing
    outputs : name -> file
        Those of `toolchain.name_outputs` for the same section; their folders are made.

    Returns
    -------
    Findings
        What is written to findings.

    Raises
    ------
    PatientError
        A series cannot be used, or no brain is found in it. Some of the outputs may be written.
    MissingSoftwareError
        A program of the toolchain is absent.
    ConfigurationError
        There is no such toolchain.
    """
    used = {name: raw.get(name) for name in SERIES if name in outputs}
    if preprocessing["toolchain"] == "open":
        return open_chain.preprocess_patient(
            used,
            patient=patient,
            b_value=b_value,
            head=head,
            atlas=read_atlas(**{name: atlas_files[name] for name in ("t2w", "brain_mask", "grid")}),
            outputs=outputs,
            **pick_open_settings(preprocessing),
        )
    if preprocessing["toolchain"] == "fsl":
        return fsl_chain.preprocess_patient(
            used,
            patient=patient,
            b_value=b_value,
            head=head,
            atlas_files=atlas_files,
            settings=pick_fsl_settings(preprocessing),
            register_dwi=registers_dwi(preprocessing),
            outputs=outputs,
        )
    raise ConfigurationError(
        f"Configuration key preprocessing.toolchain is {preprocessing['toolchain']}: set it to fsl or open."
    )

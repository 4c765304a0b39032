"""What both toolchains of preprocessing take from the configuration, and the files that they leave.

The workflow's rule and `imaging.chain` take both from here. Standard library alone, because the machine that
runs Snakemake imports it.
"""

from collections.abc import Collection, Mapping
from typing import Any

from strokeclock.errors import ConfigurationError
from strokeclock.series import list_registered, list_used

OPEN, FSL = "open", "fsl"  # toolchains


def registers_dwi(preprocessing: Mapping[str, Any]) -> bool:
    """Whether the DWI is registered to the T2w, by the configuration's section preprocessing."""
    return preprocessing["dwi_transform"] == "register"


def pick_settings(preprocessing: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the arguments of the chosen toolchain from the configuration's section preprocessing.

    They are those of `imaging.open_chain.preprocess_patient` or `imaging.fsl_chain.preprocess_patient`. What
    the other toolchain alone takes is not among them, so that changing it makes nothing again.

    Raises
    ------
    ConfigurationError
        There is no such toolchain.
    """
    toolchain = preprocessing["toolchain"]
    if toolchain not in (OPEN, FSL):
        raise ConfigurationError(
            f"Configuration key preprocessing.toolchain is {toolchain}: set it to fsl or open."
        )
    own = _pick_open(preprocessing) if toolchain == OPEN else {"settings": _pick_fsl(preprocessing)}
    return {"register_dwi": registers_dwi(preprocessing), **own}


def _pick_open(preprocessing: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "t2w_dof": preprocessing["open"]["t2w_dof"],
        "shrink": preprocessing["n4"]["shrink"],
        "iterations": preprocessing["open"]["n4_iterations"],
        "shared_dwi": preprocessing["n4"]["shared_dwi"],
    }


def _pick_fsl(preprocessing: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Box -> name -> value; reorientation takes none."""
    fsl = preprocessing["fsl"]
    return {
        "bias_correction": dict(preprocessing["n4"]),
        "skull_stripping": {"fraction": fsl["bet_fraction"], "robust": fsl["bet_robust"]},
        "registration_to_atlas": {"dof": fsl["t2w_dof"], "cost": fsl["t2w_cost"]},
        "second_stripping": {"fraction": fsl["second_bet_fraction"]},
        "co_registration": {"dof": fsl["flair_dof"], "cost": fsl["flair_cost"]},
    }


def name_outputs(channels: Collection[str], *, register_dwi: bool, folder: str) -> dict[str, str]:
    """Name the files that both toolchains leave of a patient: name -> path in ``folder``.

    Parameters
    ----------
    channels
        Of the networks (models.channels).
    register_dwi
        As `registers_dwi` says.
    folder
        Of the patient's files.

    Examples
    --------
    >>> name_outputs(["dwi"], register_dwi=False, folder="p1")["t2w_to_atlas"]
    'p1/transforms/t2w_to_atlas.txt'
    """
    series = list_used(channels)
    registered = list_registered(series, shared=register_dwi)
    transforms = ("t2w_to_atlas", *(f"{name}_to_t2w" for name in registered))
    return (
        {name: f"{folder}/{name}.nii.gz" for name in (*series, "brain_mask")}
        | {name: f"{folder}/transforms/{name}.txt" for name in transforms}
        | {"findings": f"{folder}/findings.json"}
    )

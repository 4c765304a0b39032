"""The toolchains of preprocessing, what each takes from the configuration, and the files that they leave.

docs/how-to/new-toolchain.md shows how to add one. Standard library alone, because the machine that runs
Snakemake imports it.
"""

import importlib.util
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from types import MappingProxyType
from typing import Any

from strokeclock.errors import ConfigurationError
from strokeclock.series import SERIES, list_registered, list_used
from strokeclock.words import list_words

OPEN, FSL = "open", "fsl"  # toolchains with files, rules or environments of their own


@dataclass(frozen=True, kw_only=True)
class Toolchain:
    """One toolchain; settings are the configuration's section preprocessing.

    Attributes
    ----------
    name : in preprocessing.toolchain.
    meaning : what it is, in a few words, for the reference of the settings.
    module : of its function `preprocess_patient`.
    pick : settings -> its own arguments of that function, beside register_dwi and the atlas. What another
        toolchain alone takes is not among them, so that changing it makes nothing again.
    describe : settings, channels of the networks -> its sentences of the methods text, in their order.
    cpu_s : of one patient, on whole heads and the paper's grid (benchmarks/bench_costs.py).
    """

    name: str
    meaning: str
    module: str
    pick: Callable[[Mapping[str, Any]], dict[str, Any]]
    describe: Callable[[Mapping[str, Any], Collection[str]], Iterator[str]]
    cpu_s: float

    @property
    def minutes(self) -> int:
        """Of a job for each patient, whole: thrice what a patient costs."""
        return ceil(3 * self.cpu_s / 60)


def _pick_open(preprocessing: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "t2w_dof": preprocessing["open"]["t2w_dof"],
        "shrink": preprocessing["n4"]["shrink"],
        "iterations": preprocessing["open"]["n4_iterations"],
        "shared_dwi": preprocessing["n4"]["shared_dwi"],
    }


def _pick_fsl(preprocessing: Mapping[str, Any]) -> dict[str, Any]:
    """Settings: box -> name -> value; reorientation takes none."""
    fsl = preprocessing["fsl"]
    boxes = {
        "bias_correction": dict(preprocessing["n4"]),
        "skull_stripping": {"fraction": fsl["bet_fraction"], "robust": fsl["bet_robust"]},
        "registration_to_atlas": {"dof": fsl["t2w_dof"], "cost": fsl["t2w_cost"]},
        "second_stripping": {"fraction": fsl["second_bet_fraction"]},
        "co_registration": {"dof": fsl["flair_dof"], "cost": fsl["flair_cost"]},
    }
    return {"settings": boxes}


def _describe_fsl(images: Mapping[str, Any], channels: Collection[str]) -> Iterator[str]:
    n4, fsl = images["n4"], images["fsl"]
    yield (
        f"Bias fields were corrected by N4 (shrink factor {n4['shrink']}, at most "
        f"{list_words(n4['iterations'])} iterations; {_shared(n4['shared_dwi'])})"
    )
    yield (
        f"brains were stripped by BET (fraction {fsl['bet_fraction']:g}, after registration "
        f"{fsl['second_bet_fraction']:g}), and what lay far outside the atlas's brain was removed"
    )
    flair = (
        f" and FLAIR to T2w ({fsl['flair_dof']}, {fsl['flair_cost']}), whole heads last, weighted by the "
        "atlas's brain"
        if "flair" in channels
        else ""
    )
    yield (
        f"FLIRT registered T2w to the atlas ({fsl['t2w_dof']} degrees of freedom, {fsl['t2w_cost']}){flair}"
    )
    yield _follow(images["dwi_transform"])


def _describe_open(images: Mapping[str, Any], channels: Collection[str]) -> Iterator[str]:
    own = images["open"]
    flair = " and FLAIR rigidly to T2w" if "flair" in channels else ""
    yield (
        f"T2w was registered to the atlas with {own['t2w_dof']} degrees of freedom{flair}, "
        "the atlas's brain mask was transformed to it and refined"
    )
    yield _follow(images["dwi_transform"])
    yield (
        f"bias fields were corrected by N4 (at most {list_words(own['n4_iterations'])} iterations; "
        f"{_shared(images['n4']['shared_dwi'])})"
    )


def _shared(shared: bool) -> str:
    return "one field for b0 and b1000" if shared else "a field for each series"


def _follow(transform: str) -> str:
    return "DWI was resampled with T2w's transform" if transform == "t2w" else "DWI was registered to T2w"


_ALL = (
    Toolchain(
        name=FSL,
        meaning="the paper's",
        module="strokeclock.imaging.fsl_chain",
        pick=_pick_fsl,
        describe=_describe_fsl,
        cpu_s=85.0,
    ),
    Toolchain(
        name=OPEN,
        meaning="pip-installable, free for all use",
        module="strokeclock.imaging.open_chain",
        pick=_pick_open,
        describe=_describe_open,
        cpu_s=1.1,
    ),
)


def by_name(toolchains: Sequence[Toolchain]) -> Mapping[str, Toolchain]:
    """Name -> toolchain; ConfigurationError where two have one name: the last alone would be used."""
    found = {toolchain.name: toolchain for toolchain in toolchains}
    for name in found:
        if sum(toolchain.name == name for toolchain in toolchains) > 1:
            raise ConfigurationError(
                f"Two toolchains have the name {name}: give each its own in src/strokeclock/toolchain.py."
            )
    return MappingProxyType(found)


TOOLCHAINS = by_name(_ALL)  # the choices of preprocessing.toolchain in their order


def choose(preprocessing: Mapping[str, Any]) -> Toolchain:
    """Return the toolchain that the configuration's section preprocessing chooses.

    Raises
    ------
    ConfigurationError
        There is no such toolchain, or no module of its function.
    """
    name = preprocessing["toolchain"]
    if name not in TOOLCHAINS:
        raise ConfigurationError(
            f"Configuration key preprocessing.toolchain is {name}: set it to "
            f"{list_words(TOOLCHAINS, last='or')}."
        )
    chosen = TOOLCHAINS[name]
    if not _is_there(chosen.module):
        raise ConfigurationError(
            f"The toolchain {name} has no module {chosen.module}: write it, or correct its entry in "
            "src/strokeclock/toolchain.py."
        )
    return chosen


def _is_there(module: str) -> bool:
    """Whether a module can be found; it is not imported, for it needs more than the standard library."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a folder above it
        return False


def registers_dwi(preprocessing: Mapping[str, Any]) -> bool:
    """Whether the DWI is registered to the T2w, by the configuration's section preprocessing."""
    return preprocessing["dwi_transform"] == "register"


def pick_settings(preprocessing: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the arguments of the chosen toolchain's function from the configuration's section preprocessing.

    They are `register_dwi` and what the toolchain picks.

    Raises
    ------
    ConfigurationError
        As `choose`, or the toolchain picks or describes a key that is not there.
    """
    chosen = choose(preprocessing)
    try:
        own = chosen.pick(preprocessing)
        list(chosen.describe(preprocessing, tuple(SERIES)))  # else it would fail at the end of the run
    except KeyError as error:
        raise ConfigurationError(
            f"The toolchain {chosen.name} takes {error}, which is no key of the section preprocessing: "
            "correct pick or describe of its entry in src/strokeclock/toolchain.py, or add the key to its "
            "section in src/strokeclock/settings/preprocessing.py."
        ) from None
    return {"register_dwi": registers_dwi(preprocessing), **own}


def name_outputs(channels: Collection[str], *, register_dwi: bool, folder: str) -> dict[str, str]:
    """Name the files that every toolchain leaves of a patient: name -> path in ``folder``.

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

"""From raw series to the atlas grid by the chosen toolchain, for a batch of the workflow and for one patient.

`toolchain.name_outputs` names the files that are written.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, Protocol

from strokeclock.batches import Files, write_batch
from strokeclock.errors import ConfigurationError
from strokeclock.imaging.atlas import read_atlas
from strokeclock.imaging.contract import check_outputs, check_voxels
from strokeclock.imaging.exclusion import read_exclusion, run_step
from strokeclock.imaging.findings import NAME, Findings
from strokeclock.imaging.volume import Volume, read_volume
from strokeclock.series import SERIES
from strokeclock.toolchain import Toolchain, choose, pick_settings


class Preprocess(Protocol):
    """A toolchain with its settings and its atlas: preprocesses one patient (`preprocess`)."""

    def __call__(
        self,
        raw: Mapping[str, str | Path | None],
        *,
        patient: str,
        b_value: float,
        head: str,
        outputs: Mapping[str, str | Path],
    ) -> Findings: ...


def prepare(
    toolchain: str, *, settings: Mapping[str, Any], atlas_files: Mapping[str, str | Path]
) -> Preprocess:
    """Give a toolchain its settings and its atlas.

    Parameters
    ----------
    settings : what `toolchain.pick_settings` picks.
    atlas_files : name -> file
        t2w, brain_mask, grid and brain_mask_grid, as `build_atlas` wrote them.

    Raises
    ------
    ConfigurationError
        There is no such toolchain, or it does not take what it would be called with.
    """
    function = _find_function(choose({"toolchain": toolchain}))
    given = dict(settings)
    takes = signature(function).parameters
    if "atlas" in takes:
        given["atlas"] = read_atlas(**{name: atlas_files[name] for name in ("t2w", "brain_mask", "grid")})
    if "atlas_files" in takes:
        given["atlas_files"] = atlas_files
    check_call(toolchain, function, given)
    grid = (
        given["atlas"].grid
        if "atlas" in given
        else read_volume(atlas_files["grid"], patient="atlas", series="grid")
    )
    return partial(preprocess_patient, partial(function, **given), toolchain=toolchain, grid=grid)


def _find_function(toolchain: Toolchain) -> Callable[..., Findings]:
    function = getattr(import_module(toolchain.module), "preprocess_patient", None)
    if not callable(function):
        raise ConfigurationError(
            f"The toolchain {toolchain.name} has no function: write preprocess_patient in {toolchain.module}."
        )
    return function


def preprocess_patient(
    function: Preprocess,
    raw: Mapping[str, str | Path | None],
    *,
    toolchain: str,
    grid: Volume,
    patient: str,
    b_value: float,
    head: str,
    outputs: Mapping[str, str | Path],
) -> Findings:
    """Preprocess one patient by a toolchain's function, and check what it leaves.

    Parameters
    ----------
    grid : Volume
        On the atlas grid.

    Raises
    ------
    ToolchainError
        See `contract.check_outputs`.
    """
    findings = function(raw, patient=patient, b_value=b_value, head=head, outputs=outputs)
    check_outputs(outputs, findings, toolchain=toolchain, patient=patient, grid=grid)
    return findings


def check_call(toolchain: str, function: Callable[..., Findings], given: Mapping[str, Any]) -> None:
    """Raise ConfigurationError if a toolchain's function takes other arguments than it will get.

    Called with a patient, it would raise TypeError, and every patient would be excluded. A parameter that
    gets nothing would keep its default, whatever the configuration says.

    Parameters
    ----------
    given : the settings and the atlas; `Preprocess` has the other arguments.
    """
    takes = signature(function)
    try:
        bound = takes.bind({}, patient="", b_value=0.0, head="", outputs={}, **given)
    except TypeError as error:
        raise ConfigurationError(_misfit(toolchain, str(error))) from None
    for name, parameter in takes.parameters.items():
        if name not in bound.arguments and parameter.default is not Parameter.empty:
            raise ConfigurationError(_misfit(toolchain, f"nothing is given to the argument {name!r}"))


def _misfit(toolchain: str, fault: str) -> str:
    return (
        f"The function of the toolchain {toolchain} does not fit how it is called ({fault}): give it the "
        "parameters of Preprocess (imaging/chain.py), atlas or atlas_files, register_dwi, and one for each "
        "setting that its entry in src/strokeclock/toolchain.py picks."
    )


def preprocess_batch(
    preprocessed: Files,
    table: str | Path,
    *,
    raw: Mapping[str, Mapping[str, str | None]],
    b_values: Mapping[str, float],
    heads: Mapping[str, str],
    atlas_t2w: str | Path,
    atlas_brain_mask: str | Path,
    atlas_grid: str | Path,
    atlas_brain_mask_grid: str | Path,
    toolchain: str,
    settings: Mapping[str, Any],
) -> None:
    """Preprocess patients in turn, or write why they are excluded, and write a table of the files.

    Parameters
    ----------
    preprocessed : patient -> name -> file
        Files to write, the ``outputs`` of `preprocess`.
    raw, b_values, heads : mappings of patient -> raw, b_value, head
        See `preprocess`.
    atlas_t2w, atlas_brain_mask, atlas_grid, atlas_brain_mask_grid, toolchain, settings
        See `prepare`.
    """
    atlas_files = {
        "t2w": atlas_t2w,
        "brain_mask": atlas_brain_mask,
        "grid": atlas_grid,
        "brain_mask_grid": atlas_brain_mask_grid,
    }
    chosen = prepare(toolchain, settings=settings, atlas_files=atlas_files)
    looked = False
    for patient, outputs in preprocessed.items():
        used = _pick_series(raw[patient], outputs)
        step = partial(
            chosen,
            used,
            patient=patient,
            b_value=b_values[patient],
            head=heads[patient],
            outputs=outputs,
        )
        inputs = [path for path in used.values() if path]
        run_step(step, patient=patient, inputs=inputs, outputs=outputs.values())
        if not looked and read_exclusion(outputs[NAME]) is None:
            check_voxels(outputs, toolchain=toolchain, patient=patient)
            looked = True
    write_batch(table, preprocessed)


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
    raw
        Series -> file; None, or left out, where the patient has none. An absent T2w (b0) is derived from DWI
        and ADC. What is not among ``outputs`` is not read.
    patient
        Named in errors and logs.
    b_value
        Of the DWI, s/mm2.
    head
        whole or stripped: the series show the whole head, or the brain alone; auto: this is found out.
    atlas_files
        Name -> file: t2w, brain_mask, grid and brain_mask_grid, as `build_atlas` wrote them.
    preprocessing
        The checked configuration's section preprocessing.
    outputs
        Name -> file: those of `toolchain.name_outputs` for the same section. Their folders are made.

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
    ToolchainError
        It leaves other files than its contract says.
    """
    settings = pick_settings(preprocessing)
    chosen = prepare(preprocessing["toolchain"], settings=settings, atlas_files=atlas_files)
    used = _pick_series(raw, outputs)
    findings = chosen(used, patient=patient, b_value=b_value, head=head, outputs=outputs)
    check_voxels(outputs, toolchain=preprocessing["toolchain"], patient=patient)
    return findings


def _pick_series(
    raw: Mapping[str, str | Path | None], outputs: Mapping[str, str | Path]
) -> dict[str, str | Path | None]:
    """Those that are used, in the project's order, which the findings keep."""
    return {name: raw.get(name) for name in SERIES if name in outputs}

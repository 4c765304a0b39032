"""Bring one patient's series to hemispheres, and check them, before any network scores.

The steps are the workflow's own functions in the workflow's order, on the same files, so that a patient of a
run has the score of its predictions.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from strokeclock.bundle.model import Bundle
from strokeclock.bundle.summary import list_protocol, list_quality, measure_intensities, read_protocol
from strokeclock.cohort.reading_sheet import AUTO
from strokeclock.imaging.chain import preprocess
from strokeclock.imaging.check import check
from strokeclock.imaging.exclusion import explain
from strokeclock.imaging.findings import NAME, Findings, describe, read_findings
from strokeclock.imaging.hemispheres import halve_patient
from strokeclock.imaging.volume import Volume, read_volume
from strokeclock.provenance import list_versions
from strokeclock.reading.clock import Clock
from strokeclock.reading.result import MISSING_SERIES, QUALITY_FAIL, UNLIKE_TRAINING, Reading
from strokeclock.reading.source import Study
from strokeclock.reading.unlike import find_outside
from strokeclock.series import SERIES, list_needed
from strokeclock.toolchain import name_outputs, registers_dwi

UNCHECKED = (
    "Left and right exchanged in header and images alike.",
    "Series that were all exchanged for another patient's.",
    "A stroke mimic, a haemorrhage, or an infarct that is not acute.",
    "A time before onset or after treatment: the networks learned from untreated patients on arrival.",
)


@dataclass(kw_only=True)
class Examined:
    """A patient whose series were brought to hemispheres and checked, before any network scored.

    Attributes
    ----------
    reading : what is known so far; a status without a time ends it.
    volumes : series -> Volume on the atlas grid, bias-corrected, not normalised; adc in mm2/s.
    brain : Volume, 0 or 1, on the atlas grid.
    hemispheres : (2, series, x, y, z) float16.
    to_atlas : (4, 4), T2w world to atlas world.
    dwi_to_atlas : (4, 4), DWI world to atlas world.
    dwi : Volume
        The raw DWI.
    """

    reading: Reading
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    brain: Volume | None = None
    hemispheres: np.ndarray | None = None
    to_atlas: np.ndarray = field(default_factory=lambda: np.eye(4))
    dwi_to_atlas: np.ndarray = field(default_factory=lambda: np.eye(4))
    dwi: Volume | None = None

    @property
    def can_be_scored(self) -> bool:
        """Whether the series can be scored."""
        return self.hemispheres is not None and not self.reading.status


def examine(study: Study, bundle: Bundle, *, side: str = AUTO, clock: Clock, self_test: str = "") -> Examined:
    """Preprocess and check one patient's series (`Examined`); StrokeclockError as `read_patient`."""
    reading = Reading(
        patient=study.patient,
        status="",
        notes=study.notes,
        unchecked=UNCHECKED,
        series=dict(study.what),
        model=bundle.facts | {"self_test": self_test},
        versions=(here := list_versions()),
        differs=_compare_versions(bundle.versions, here),
    )
    if reason := _find_missing(study, bundle.recipe.series):
        return Examined(reading=replace(reading, status=MISSING_SERIES, reason=reason))
    with tempfile.TemporaryDirectory(prefix="strokeclock-") as folder:
        try:
            return _examine(reading, study, bundle, Path(folder), side=side, clock=clock)
        except Exception as error:  # `explain` raises again what is not the patient's
            reason = explain(error, patient=study.patient, step="reading")
            sentence = f"{reason[0].upper()}{reason[1:].rstrip('.')}."
            return Examined(reading=replace(reading, status=QUALITY_FAIL, verdict="fail", reason=sentence))


def _examine(
    reading: Reading, study: Study, bundle: Bundle, folder: Path, *, side: str, clock: Clock
) -> Examined:
    config, series = bundle.config, bundle.recipe.series
    preprocessing = config["preprocessing"]
    registers = registers_dwi(preprocessing)
    named = name_outputs(series, register_dwi=registers, folder=str(folder / "preprocessed"))
    outputs = {name: Path(path) for name, path in named.items()}
    with bundle.atlas_files() as atlas:
        with clock.step("preprocessing"):
            preprocess(
                {name: study.raw.get(name) for name in SERIES},
                patient=study.patient,
                b_value=study.b_value,
                head=preprocessing["head"],
                atlas_files=atlas,
                preprocessing=preprocessing,
                outputs=outputs,
            )
        findings = read_findings(outputs[NAME])
        with clock.step("quality checks"):
            record = _check(study, outputs, atlas, config["quality"], side=side)
            reading = _add_checks(reading, record, findings, bundle)
    if record["verdict"] == "fail":
        reading = replace(reading, status=QUALITY_FAIL, reason=f"The checks fail: {record['reason']}.")
    with clock.step("hemispheres"):
        examined = _collect(reading, study, outputs)
        if not reading.status:
            examined.hemispheres = _halve(study, outputs, bundle, folder)
            outside = find_outside(
                bundle.summary,
                quality=list_quality(record["numbers"]),
                intensities=measure_intensities(examined.hemispheres, series=series),
                **_read_protocol(study),
            )
            examined.reading = _judge_outside(replace(reading, outside=outside))
    return examined


def _check(
    study: Study, outputs: Mapping[str, Path], atlas: Mapping[str, Path], quality: Mapping, *, side: str
) -> dict:
    return check(
        {name: path for name, path in outputs.items() if name in SERIES},
        outputs["brain_mask"],
        transform=outputs["t2w_to_atlas"],
        patient=study.patient,
        recorded_side="" if side == AUTO else side,
        shipped_adc=study.raw.get("adc") if "t2w" in study.raw else None,
        thresholds={key: value for key, value in quality.items() if key != "verdicts"},
        person=None,
        atlas=read_volume(atlas["grid"], patient="atlas", series="t2w"),
        atlas_mask=read_volume(atlas["brain_mask_grid"], patient="atlas", series="brain_mask"),
    )


def _add_checks(reading: Reading, record: Mapping, findings: Findings, bundle: Bundle) -> Reading:
    return replace(
        reading,
        verdict=record["verdict"],
        verdict_reason=record["reason"],
        numbers=record["numbers"] or {},
        notes=(*reading.notes, *(f"{note[0].upper()}{note[1:]}." for note in describe(findings))),
        seen={part: tuple(found) for part, found in bundle.find_seen(findings.scans).items()},
    )


def _collect(reading: Reading, study: Study, outputs: Mapping[str, Path]) -> Examined:
    """Read back what the page shows."""
    volumes = {
        name: read_volume(path, patient=study.patient, series=name)
        for name, path in outputs.items()
        if name in SERIES
    }
    to_atlas = np.loadtxt(outputs["t2w_to_atlas"])
    to_t2w = np.loadtxt(outputs["dwi_to_t2w"]) if "dwi_to_t2w" in outputs else np.eye(4)
    return Examined(
        reading=reading,
        volumes=volumes,
        brain=read_volume(outputs["brain_mask"], patient=study.patient, series="brain_mask"),
        to_atlas=to_atlas,
        dwi_to_atlas=to_atlas @ to_t2w,
        dwi=study.read_dwi(),
    )


def _halve(study: Study, outputs: Mapping[str, Path], bundle: Bundle, folder: Path) -> np.ndarray:
    intensity, series = bundle.config["preprocessing"]["intensity"], bundle.recipe.series
    made = folder / "hemispheres.npy"
    halve_patient(
        {name: outputs[name] for name in (*series, "brain_mask")},
        patient=study.patient,
        excluded=None,
        reference=bundle.reference,
        output=made,
        channels=series,
        **{key: intensity[key] for key in ("matching", "normalisation", "clip", "percentiles")},
    )
    return np.load(made)


def _read_protocol(study: Study) -> dict[str, Any]:
    rows = read_protocol(study.protocol).get(study.patient, []) if study.protocol else []
    numbers, words = list_protocol(rows)
    return {"protocol": numbers, "words": words}


def _judge_outside(reading: Reading) -> Reading:
    far = [one for one in reading.outside if one.is_far]
    if not far:
        return reading
    names = ", ".join(one.label for one in far[:3]) + (f" and {len(far) - 3} more" if len(far) > 3 else "")
    reason = (
        f"The images lie far outside those of the training patients ({names}): the model was not made for "
        "them."
    )
    return replace(reading, status=UNLIKE_TRAINING, reason=reason)


def _find_missing(study: Study, series: Sequence[str]) -> str:
    """One sentence on the series that are missing, or ""."""
    lacking = []
    for name in list_needed(series):
        instead = SERIES[name].instead
        if name in study.raw or (instead and instead in study.raw):
            continue
        label = SERIES[name].label + (f" or {SERIES[instead].label}" if instead else "")
        doubt = study.doubts.get(name) or study.doubts.get(instead, "")
        lacking.append(f"{label} ({doubt})" if doubt else label)
    if not lacking:
        return ""
    return f"Missing: {'; '.join(lacking)}. Give the whole study, or name the files."


def _compare_versions(there: Mapping[str, str], here: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """Software -> its version in the bundle and here, where they differ, whatever torch was built for."""
    return {
        name: (version, here.get(name, "absent"))
        for name, version in there.items()
        if here.get(name, "absent").partition("+")[0] != version.partition("+")[0]
    }

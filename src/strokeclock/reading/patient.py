"""Read one patient with a bundle: from raw series to a status, a score and the lesion.

The steps are the workflow's own functions in the workflow's order, on the same files, so that a patient of a
run has the score of its predictions.
"""

import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from strokeclock.bundle.model import Bundle
from strokeclock.bundle.recipe import Bin, Operating, Row
from strokeclock.bundle.summary import list_protocol, list_quality, measure_intensities, read_protocol
from strokeclock.evaluation.intervals import wilson_interval
from strokeclock.evaluation.odds import logit, scale
from strokeclock.evaluation.side import SidePoint, find_side
from strokeclock.imaging.chain import preprocess
from strokeclock.imaging.check import check
from strokeclock.imaging.exclusion import explain
from strokeclock.imaging.findings import NAME, Findings, describe, read_findings
from strokeclock.imaging.hemispheres import halve_patient
from strokeclock.imaging.volume import Volume, read_volume
from strokeclock.provenance import list_versions
from strokeclock.reading.outline import NETWORK, ON_DWI, carry_to_dwi, measure_lesion
from strokeclock.reading.result import (
    ABSTAINED,
    ANSWERED,
    BOTH_SIDES,
    MISSING_SERIES,
    NO_LESION,
    QUALITY_FAIL,
    SIDE_UNCLEAR,
    UNLIKE_TRAINING,
    Answer,
    Reading,
    Side,
    SimilarScores,
)
from strokeclock.reading.scoring import Scoring
from strokeclock.reading.source import Study
from strokeclock.reading.unlike import find_outside
from strokeclock.series import BOTH, SERIES, SIDES, list_needed, list_sides
from strokeclock.series import NO_LESION as NONE
from strokeclock.toolchain import name_outputs, registers_dwi

log = logging.getLogger(__name__)

AUTO = "auto"
ASKED = (AUTO, *SIDES, BOTH)
UNCHECKED = (
    "Left and right exchanged in header and images alike.",
    "Series that were all exchanged for another patient's.",
    "A stroke mimic, a haemorrhage, or an infarct that is not acute.",
    "A time before onset or after treatment: the networks learned from untreated patients on arrival.",
)
Progress = Callable[[str, float], None]  # a step that ended, and its seconds


class Clock:
    """Seconds a step, told as each step ends."""

    def __init__(self, tell: Progress | None = None):
        self.seconds: dict[str, float] = {}
        self._tell = tell

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time what is done inside, unless it fails; the time of a step that comes twice is added."""
        began = time.perf_counter()
        yield
        took = time.perf_counter() - began
        self.seconds[name] = round(self.seconds.get(name, 0.0) + took, 3)
        if self._tell:
            self._tell(name, took)


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


@dataclass(kw_only=True)
class Read:
    """A reading with what its page shows.

    Attributes
    ----------
    reading : what was found.
    examined : the patient's images.
    lesion : (nx, ny, nz) bool on the atlas grid; None where none is outlined.
    evidence : "shorter", "longer" -> (nx, ny, nz) 0 to 1, Grad-CAM of the headline's network; may be empty.
    """

    reading: Reading
    examined: Examined
    lesion: np.ndarray | None = None
    evidence: Mapping[str, np.ndarray] = field(default_factory=dict)

    def lesion_on_dwi(self) -> Volume | None:
        """The lesion on the raw DWI's voxels; None where none is outlined."""
        if self.lesion is None or not self.lesion.any() or self.examined.dwi is None:
            return None
        return carry_to_dwi(
            self.lesion,
            atlas=self.examined.volumes["dwi"],
            dwi=self.examined.dwi,
            to_atlas=self.examined.dwi_to_atlas,
        )


def read_patient(
    study: Study,
    bundle: Bundle,
    *,
    side: str = AUTO,
    device: str = "cpu",
    threads: int = 1,
    clock: Clock | None = None,
    self_test: str = "",
) -> Read:
    """Read one patient.

    Parameters
    ----------
    study : the patient's series.
    side : auto, left, right or both: where the lesion is. A side that is given is not doubted, and the page
        says what the networks see.
    device, threads : of torch.
    clock : measures the steps.
    self_test : a sentence on the bundle's, for the page.

    Raises
    ------
    StrokeclockError
        Of the bundle, the installation or the computer. What is the patient's is a status.
    """
    clock = clock or Clock()
    examined = examine(study, bundle, side=side, clock=clock, self_test=self_test)
    if not examined.can_be_scored:
        return Read(reading=_with_seconds(examined.reading, clock), examined=examined)
    assert examined.hemispheres is not None
    with clock.step("loading torch"):
        scoring = Scoring(bundle, examined.hemispheres, device=device, threads=threads)
    return score(examined, bundle, scoring, side=side, clock=clock)


def examine(study: Study, bundle: Bundle, *, side: str = AUTO, clock: Clock, self_test: str = "") -> Examined:
    """Preprocess and check one patient's series (`Examined`); StrokeclockError as `read_patient`."""
    reading = Reading(
        patient=study.patient,
        status="",
        notes=study.notes,
        unchecked=UNCHECKED,
        series=dict(study.what),
        model=bundle.facts | {"self_test": self_test},
        versions=list_versions(),
        differs=_compare_versions(bundle),
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


def score(
    examined: Examined,
    bundle: Bundle,
    scoring: Scoring,
    *,
    side: str = AUTO,
    clock: Clock,
    explains: bool = True,
) -> Read:
    """Find the lesion's side, outline it, and score its time; ``explains``: with Grad-CAM."""
    reading = examined.reading
    with clock.step("networks: side"):
        found, sides = _find_side(scoring, bundle, reading, asked=side)
    reading = replace(reading, side=found)
    if not sides:
        status = {NONE: NO_LESION, BOTH: BOTH_SIDES}.get(found.side, SIDE_UNCLEAR)
        reading = replace(reading, status=status, reason=_explain_side(status, found, bundle))
        return Read(reading=_with_seconds(reading, clock), examined=examined)
    with clock.step("networks: lesion"):
        lesion = scoring.outline(sides)
        assert examined.brain is not None
        measured = measure_lesion(
            lesion,
            examined.volumes,
            examined.brain.data > 0,
            to_atlas=examined.to_atlas,
            source=NETWORK if bundle.recipe.segmentation else ON_DWI,
        )
    with clock.step("networks: time"):
        answers = tuple(_answer(row, scoring.score(row, sides)) for row in bundle.recipe.rows)
    evidence = {}
    if explains:
        with clock.step("Grad-CAM"):
            evidence = scoring.explain(bundle.recipe.rows[0], sides)
    first = answers[0]
    status, reason = ANSWERED, ""
    if first.abstained:
        status, reason = ABSTAINED, _explain_abstention(first)
    reading = replace(reading, status=status, reason=reason, answers=answers, lesion=measured)
    return Read(
        reading=_with_seconds(reading, clock),
        examined=examined,
        lesion=lesion if lesion.any() else None,
        evidence=evidence,
    )


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


def _find_side(
    scoring: Scoring, bundle: Bundle, reading: Reading, *, asked: str
) -> tuple[Side, tuple[str, ...]]:
    """Return what is known of the side, and the hemispheres to time; none where it is not clear."""
    scores, by_row = scoring.find_lesion()
    seen = reading.numbers.get("side_seen", "")
    rule = bundle.recipe.side
    known = {"asked": asked, "scores": scores, "by_row": by_row, "seen_on_dwi": seen}
    if rule is None:
        side = "" if asked == AUTO else asked
        return Side(side=side, **known), list_sides(side)
    found = find_side(scores, SidePoint(rule.threshold, rule.margin), seen=seen)
    known |= {"threshold": rule.threshold, "margin": rule.margin, "difference": found.difference}
    if asked != AUTO:
        return Side(side=asked, **known), list_sides(asked)
    return Side(side=found.side, **known), (found.side,) if found.side in SIDES else ()


def _explain_side(status: str, side: Side, bundle: Bundle) -> str:
    if bundle.recipe.side is None:
        return "The model has no network that finds the lesion: give its side."
    rule = SidePoint(bundle.recipe.side.threshold, bundle.recipe.side.margin)
    reason = find_side(side.scores, rule, seen=side.seen_on_dwi).reason
    remedy = "" if status == NO_LESION else ": look at the images, and give the side"
    return f"{reason[0].upper()}{reason[1:]}{remedy}."


def _answer(row: Row, scores: np.ndarray) -> Answer:
    """Judge a row's scores (seeds,) by its frozen numbers."""
    point, score = row.operating, float(scores.mean())
    certainty = None
    if point.threshold is not None:
        certainty = float(abs(logit(score) - logit(point.threshold)))
    positives = sum(one.positives for one in point.bins)
    return Answer(
        row=str(row.row.scorer),
        title=row.title,
        below_min=row.below_min,
        score=score,
        scores=tuple(scores.tolist()),
        scaled=None if point.temperature is None else float(scale(score, point.temperature)),
        threshold=point.threshold,
        source=point.source,
        is_shorter=None if point.threshold is None else score >= point.threshold,
        certainty=certainty,
        cut=point.cut,
        coverage=point.coverage,
        abstained=certainty is None or point.cut is None or certainty < point.cut,
        similar=find_similar(point, score),
        prevalence=positives / sum(one.n for one in point.bins) if point.bins else None,
    )


def find_similar(point: Operating, score: float) -> SimilarScores | None:
    """Return what the validation patients with the nearest scores had; None where there are none."""
    if not point.bins:
        return None

    def distance(one: Bin) -> float:
        return max(one.lowest - score, score - one.highest)

    nearest = min(point.bins, key=distance)
    interval = wilson_interval(nearest.positives, nearest.n, confidence=point.confidence)
    return SimilarScores(
        lowest=nearest.lowest,
        highest=nearest.highest,
        n=nearest.n,
        positives=nearest.positives,
        share=nearest.positives / nearest.n,
        low=interval.low,
        high=interval.high,
        confidence=point.confidence,
    )


def _explain_abstention(answer: Answer) -> str:
    if answer.threshold is None or answer.cut is None:
        return "The validation part has one class only, so that there is no threshold: no answer is given."
    return (
        f"The score lies too close to the threshold: {1 - answer.coverage:.0%} of the validation patients "
        "lay as close or closer, and got no answer."
    )


def _compare_versions(bundle: Bundle) -> dict[str, tuple[str, str]]:
    here = list_versions()
    return {
        name: (there, here.get(name, "absent"))
        for name, there in bundle.versions.items()
        if here.get(name, "absent").partition("+")[0] != there.partition("+")[0]
    }


def _with_seconds(reading: Reading, clock: Clock) -> Reading:
    return replace(reading, seconds=dict(clock.seconds))

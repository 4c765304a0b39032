"""Read one patient with a bundle: from raw series to a status, a score and the lesion."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from strokeclock.bundle.model import Bundle
from strokeclock.cohort.reading_sheet import AUTO
from strokeclock.evaluation.side import find_side
from strokeclock.imaging.volume import Volume
from strokeclock.reading.answers import explain_abstention, judge
from strokeclock.reading.clock import Clock
from strokeclock.reading.examination import Examined, examine
from strokeclock.reading.outline import NETWORK, ON_DWI, carry_to_dwi, measure_lesion
from strokeclock.reading.result import (
    ABSTAINED,
    ANSWERED,
    BOTH_SIDES,
    NO_LESION,
    SIDE_UNCLEAR,
    Reading,
    Side,
)
from strokeclock.reading.scoring import Scoring
from strokeclock.reading.source import Study
from strokeclock.series import BOTH, SIDES, list_sides
from strokeclock.series import NO_LESION as NONE


@dataclass(kw_only=True)
class Read:
    """A reading with what its page shows.

    Attributes
    ----------
    reading
        What was found.
    examined
        The patient's images.
    lesion
        (nx, ny, nz) bool on the atlas grid; None where none is outlined.
    evidence
        "shorter", "longer" -> (nx, ny, nz) 0 to 1, Grad-CAM of the headline's network; may be empty.
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
    study
        The patient's series (`source.find_study`).
    bundle
        The bundle (`bundle.model.open_bundle`).
    side
        auto, left, right or both: where the lesion is. A side that is given is not doubted, and the page says
        what the networks see.
    device, threads
        Where the networks run (auto, cpu or cuda), and with how many threads.
    clock
        Measures the time of the steps.
    self_test
        A sentence on the bundle's self-test, for the page.

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
    with clock.step("networks: set-up"):
        scoring = Scoring(bundle, examined.hemispheres, device=device, threads=threads)
    return score(examined, bundle, scoring, side=side, clock=clock)


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
        found, sides, unclear = _find_side(scoring, bundle, reading, asked=side)
    reading = replace(reading, side=found)
    if not sides:
        status = {NONE: NO_LESION, BOTH: BOTH_SIDES}.get(found.side, SIDE_UNCLEAR)
        reading = replace(reading, status=status, reason=unclear)
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
        answers = tuple(judge(row, scoring.score(row, sides)) for row in bundle.recipe.rows)
    evidence = {}
    if explains:
        with clock.step("Grad-CAM"):
            evidence = scoring.explain(bundle.recipe.rows[0], sides)
    first = answers[0]
    status, reason = ANSWERED, ""
    if first.abstained:
        status, reason = ABSTAINED, explain_abstention(first)
    reading = replace(reading, status=status, reason=reason, answers=answers, lesion=measured)
    return Read(
        reading=_with_seconds(reading, clock),
        examined=examined,
        lesion=lesion if lesion.any() else None,
        evidence=evidence,
    )


def _find_side(
    scoring: Scoring, bundle: Bundle, reading: Reading, *, asked: str
) -> tuple[Side, tuple[str, ...], str]:
    """Return what is known of the side, and the hemispheres to time; without any, a sentence on why."""
    scores, by_row = scoring.find_lesion()
    seen = reading.numbers.get("side_seen", "")
    rule = bundle.recipe.side
    known = {"asked": asked, "scores": scores, "by_row": by_row, "seen_on_dwi": seen}
    if rule is None:
        side = "" if asked == AUTO else asked
        reason = "The model has no network that finds the lesion: give its side."
        return Side(side=side, **known), list_sides(side), reason
    found = find_side(scores, rule.point, seen=seen)
    known |= {"threshold": rule.threshold, "margin": rule.margin, "difference": found.difference}
    if asked != AUTO:
        return Side(side=asked, **known), list_sides(asked), ""
    remedy = "" if found.side == NONE else ": look at the images, and give the side"
    reason = f"{found.reason[:1].upper()}{found.reason[1:]}{remedy}."
    return Side(side=found.side, **known), (found.side,) if found.side in SIDES else (), reason


def _with_seconds(reading: Reading, clock: Clock) -> Reading:
    return replace(reading, seconds=dict(clock.seconds))

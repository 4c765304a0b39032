"""What a row's scores say of one patient, by the bundle's frozen numbers."""

import numpy as np

from strokeclock.bundle.recipe import Bin, Operating, Row
from strokeclock.evaluation.intervals import wilson_interval
from strokeclock.evaluation.odds import scale
from strokeclock.evaluation.operating import MARGIN, certainty
from strokeclock.predictions import Units
from strokeclock.reading.result import Answer, SimilarScores


def judge(row: Row, scores: np.ndarray) -> Answer:
    """Return what a row's scores (seeds,) say by its frozen numbers."""
    point, score = row.operating, float(scores.mean())
    sure = None
    if point.threshold is not None:
        unit = Units(np.array(["patient"]), np.zeros(1, int), scores[None])
        sure = float(certainty(unit, point.threshold, measure=MARGIN)[0])
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
        certainty=sure,
        cut=point.cut,
        coverage=point.coverage,
        abstained=sure is None or point.cut is None or sure < point.cut,
        similar=find_similar(point, score),
        prevalence=point.prevalence,
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


def explain_abstention(answer: Answer) -> str:
    """Say in one sentence why no answer is given."""
    if answer.threshold is None or answer.cut is None:
        return "The validation part has one class only, so that there is no threshold: no answer is given."
    return (
        f"The score lies too close to the threshold: {1 - answer.coverage:.0%} of the validation patients "
        "lay as close or closer, and got no answer."
    )

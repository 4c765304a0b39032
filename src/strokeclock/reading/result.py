"""What reading a patient found, and its file reading.json. Standard library alone."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from strokeclock.files import write_whole

ANSWERED, ABSTAINED = "answered", "abstained"  # with a time: outside and inside the band of abstention
NO_LESION, SIDE_UNCLEAR, BOTH_SIDES = "no_lesion", "side_unclear", "both_sides"
UNLIKE_TRAINING, QUALITY_FAIL, MISSING_SERIES = "unlike_training", "quality_fail", "missing_series"
TIMED = (ANSWERED, ABSTAINED)
STATUSES = (*TIMED, NO_LESION, SIDE_UNCLEAR, BOTH_SIDES, UNLIKE_TRAINING, QUALITY_FAIL, MISSING_SERIES)
FORMAT = 1  # of reading.json


@dataclass(frozen=True, kw_only=True)
class SimilarScores:
    """What a score like this one meant in the validation part.

    Attributes
    ----------
    lowest, highest
        Scores of the validation patients of this bin.
    n, positives
        How many patients, and how many of them had a shorter time.
    share, low, high
        positives / n, and its interval.
    confidence
        Of the interval.
    """

    lowest: float
    highest: float
    n: int
    positives: int
    share: float
    low: float
    high: float
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The score of one row of Table 2.

    Attributes
    ----------
    row
        `<net>/<phase>/<start>`.
    title
        The row in words, as the bundle has it; "" where it has none.
    below_min
        Minutes; the score is the probability of a shorter time since onset.
    score
        Mean over the seeds.
    scores
        Of each seed, in the order of the seeds.
    scaled
        Score with the temperature; None where there is none.
    threshold, source
        From which score on the answer is "shorter", and on what it was chosen; None where there is none.
    is_shorter
        The score reaches the threshold; None without a threshold.
    certainty, cut
        Distance to the threshold in log odds, and the least of an answered patient.
    coverage
        The share of the validation patients that this cut answers.
    abstained
        Certainty is below cut, or there is no threshold.
    similar
        None where the validation part has one class.
    prevalence
        Share of positives in the validation part; None as `similar`.
    """

    row: str
    below_min: float
    score: float
    scores: tuple[float, ...]
    scaled: float | None
    threshold: float | None
    source: str
    is_shorter: bool | None
    certainty: float | None
    cut: float | None
    coverage: float
    abstained: bool
    similar: SimilarScores | None
    prevalence: float | None
    title: str = ""


@dataclass(frozen=True, kw_only=True)
class Side:
    """The lesion's side, and how it was found.

    Attributes
    ----------
    asked
        auto, left, right or both.
    side
        left, right or both; none: no lesion was found; "": not clear.
    scores
        Side -> probability of a lesion there, mean over rows and seeds; empty where no network tells it.
    by_row
        Row of phase 1 -> side -> its score.
    threshold, margin
        The least score of a lesion, and the least difference in log odds between the sides.
    difference
        Log odds of the greater score minus those of the lesser.
    seen_on_dwi
        Side of restricted diffusion by left-right asymmetry: left, right, both or none.
    """

    asked: str
    side: str
    scores: Mapping[str, float] = field(default_factory=dict)
    by_row: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    threshold: float | None = None
    margin: float | None = None
    difference: float | None = None
    seen_on_dwi: str = ""


@dataclass(frozen=True, kw_only=True)
class Lesion:
    """The lesion that is outlined.

    Attributes
    ----------
    source
        "segmentation network" or "found on DWI".
    volume_ml
        In the patient's own space.
    ratios
        Series -> mean signal in the lesion over the contralateral one, of registered series that are not
        normalised.
    adc, adc_contralateral
        Mean ADC in the lesion and in the contralateral voxels, 1e-3 mm2/s.
    """

    source: str
    volume_ml: float
    ratios: Mapping[str, float]
    adc: float
    adc_contralateral: float


@dataclass(frozen=True, kw_only=True)
class Outside:
    """A number of this patient that lies outside what the training patients had.

    Attributes
    ----------
    name, label
        Key of the number, and what it is in words with its unit.
    value
        Of this patient; a text where the training patients had a list of texts.
    low, high
        The training patients' 1st and 99th percentile; None for texts.
    known
        The training patients' texts.
    is_far
        No time is given.
    """

    name: str
    label: str
    value: float | str
    low: float | None = None
    high: float | None = None
    known: tuple[str, ...] = ()
    is_far: bool = False


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One patient's reading.

    Attributes
    ----------
    patient
        "patient", or the identifier of the sheet. No identifier of the source.
    status
        One of `STATUSES`.
    reason
        One sentence on the status; "" for answered.
    answers
        Of the bundle's rows, the first is the headline; empty without a time.
    side, lesion
        None where the reading did not come that far.
    verdict, verdict_reason
        Of the quality checks: pass, review or fail; "" where there were none.
    numbers
        Of the quality checks.
    outside
        What is unlike the training patients.
    seen
        Part of the training run -> labels of this patient's series that were in it, too.
    series
        Series -> what was read, in words without names of files.
    notes
        Sentences on what was noticed.
    unchecked
        Sentences on what no check can tell.
    model
        Name, version, licence, sha256, cohort, strokeclock, and self_test, a sentence.
    versions
        Software -> version, here.
    differs
        Software -> [version of the bundle, version here] where they differ.
    seconds
        Step -> seconds.
    """

    patient: str
    status: str
    reason: str = ""
    answers: tuple[Answer, ...] = ()
    side: Side | None = None
    lesion: Lesion | None = None
    verdict: str = ""
    verdict_reason: str = ""
    numbers: Mapping[str, Any] = field(default_factory=dict)
    outside: tuple[Outside, ...] = ()
    seen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    series: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()
    model: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    differs: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_timed(self) -> bool:
        """Whether there is a score of the time."""
        return self.status in TIMED


def write_reading(path: str | Path, reading: Reading) -> None:
    """Write reading.json, whole or not at all; ValueError for a number that is not finite."""
    content = {"format": FORMAT, **asdict(reading)}
    write_whole(path, json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False) + "\n")

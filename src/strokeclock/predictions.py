"""The prediction files of a run: read, checked, and brought to one score per unit.

A file predictions/<net>/<phase>/<start>/seed-<n>.tsv has the columns patient, hemisphere, part, label,
score. The unit of phase 1 is the hemisphere; the unit of phases 2 to 4 is the patient, whose score is the
mean over the lesion hemispheres (two in a bilateral stroke). The seeds of one scorer are kept side by side.

The paper's own rows have different patients and two positive classes (its Table 2, reconstructed). Here all
rows of a stage must have one list of test patients and one positive class, TSS < threshold.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from strokeclock.cohort.cells import read_cells, write_cells
from strokeclock.cohort.labels import has_label, label_time
from strokeclock.cohort.parts import PARTS, check_persons, read_parts
from strokeclock.cohort.tables import persons_of, read_cohort
from strokeclock.errors import StrokeclockError
from strokeclock.series import BOTH, SIDES

COLUMNS = ["patient", "hemisphere", "part", "label", "score"]
SEAL = "seal"  # a further column, which files of other programs may lack
# phase -> the label is 1 where TSS is below so many minutes; None: where the hemisphere holds a lesion
Tasks = Mapping[str, float | None]
PAPER: Tasks = {"phase1_stroke": None, "phase2_tss3h": 180, "phase3_tss4h5": 270, "phase4_attention": 270}
READER_THRESHOLD_MIN = 270
SEGMENTED = "segmentation"  # rows that rest on the segmented lesion: alone, and joined with a network
SUBSET = "ml"  # the radiomics baseline; it alone may score some of the patients: those with a region


class PredictionError(StrokeclockError):
    """A prediction file is malformed, or the files of one run contradict each other."""


class Scorer(NamedTuple):
    """One model row of Table 2: a network, the phase it was trained for, its start.

    For a baseline: its name (ratio, clinical, ml), the phase whose task it has, its input.
    """

    net: str
    phase: str
    start: str

    def __str__(self) -> str:
        return f"{self.net}/{self.phase}/{self.start}"


class Units(NamedTuple):
    """The units of one part: patient (n,) str; label (n,) 0 or 1; scores (n, seeds) probabilities."""

    patient: np.ndarray
    label: np.ndarray
    scores: np.ndarray

    @property
    def score(self) -> np.ndarray:
        """The ensemble's score (n,): the mean over seeds."""
        return self.scores.mean(axis=1)


@dataclass(frozen=True)
class ScorerPredictions:
    """All seeds of one scorer.

    Attributes
    ----------
    scorer, seeds
        The scorer, and its seeds in their order.
    frame
        Indexed by (patient, hemisphere), with "" as hemisphere where the patient is the unit; its columns are
        part, label and the seeds' scores.
    """

    scorer: Scorer
    seeds: tuple[int, ...]
    frame: pd.DataFrame

    @property
    def fitting_parts(self) -> tuple[str, ...]:
        """The parts that thresholds are chosen on; training too where its scores are cross-validated."""
        return ("train", "validation") if "train" in set(self.frame["part"]) else ("validation",)

    def units(self, *parts: str) -> Units:
        """The units of these parts ("validation", "test"), in the order of their ids.

        Raises PredictionError for another part, and for "train" where no training patient is scored.
        """
        for part in parts:
            if part not in PARTS:
                raise PredictionError(f"part is {part!r}: use train, validation or test")
            if part == "train" and part not in self.fitting_parts:
                raise PredictionError(f"{self.scorer} scores no training patients: use validation or test")
        rows = self.frame[self.frame["part"].isin(parts)]
        return Units(
            rows.index.get_level_values("patient").to_numpy(str),
            rows["label"].to_numpy(int),
            rows[list(self.seeds)].to_numpy(float),
        )


def parse_path(path: str | Path) -> tuple[Scorer, int]:
    """Read scorer and seed from <net>/<phase>/<start>/seed-<n>.tsv; PredictionError for any other path."""
    path = Path(path)
    prefix, _, seed = path.stem.partition("-")
    parts = path.parts[-4:-1]
    if (
        len(parts) != 3
        or not re.fullmatch(r"phase\d+_\w+", parts[1])
        or prefix != "seed"
        or not seed.isdigit()
        or path.suffix != ".tsv"
    ):
        raise PredictionError(
            f"{path} is no prediction file: its path should end in <net>/<phase>/<start>/seed-<n>.tsv, "
            "with a phase like phase2_tss3h"
        )
    return Scorer(*parts), int(seed)


def time_limit(scorer: Scorer, tasks: Tasks) -> float:
    """The minutes of a time task; PredictionError where the scorer's phase has no such task."""
    if (below_min := tasks.get(scorer.phase)) is None:
        raise PredictionError(f"{scorer} is of no time task: name a row of one.")
    return below_min


def read_predictions(path: str | Path, *, unlabelled: bool = False) -> pd.DataFrame:
    """Read one prediction file; return its five columns, rows ordered by patient and hemisphere.

    ``unlabelled``: a label may be empty, and so may the part; labels are then floats, NaN where empty.

    Raises PredictionError, naming the file, for a file that is cut off, a changed line, missing columns,
    repeated hemispheres, a patient in two parts, or values outside left|right, validation|test, 0|1 and the
    interval [0, 1].
    """
    if not Path(path).read_bytes().endswith(b"\n"):  # its last score may have lost digits
        raise PredictionError(f"{path} is empty or ends in the middle of a line: delete it and predict anew")
    header, lines = read_cells(path, error=PredictionError, remedy="delete it and predict anew")
    if missing := [column for column in COLUMNS if column not in header]:
        raise PredictionError(
            f"{path} lacks the column {missing[0]}; write patient, hemisphere, part, label, score"
        )
    frame = pd.DataFrame([line for _, line in lines], columns=header, dtype=str)
    if SEAL in header:
        expected = _seals(frame[COLUMNS].to_numpy(str).tolist())
        for (number, _), found, seal in zip(lines, frame[SEAL], expected, strict=True):
            if found != seal:
                raise PredictionError(
                    f"{path} line {number} was changed, or a line before it is missing: delete it and "
                    "predict anew"
                )
    empty = ("",) if unlabelled else ()
    for column, allowed in (
        ("hemisphere", SIDES),
        ("part", ("validation", "test", "train", *empty)),  # train where scores are cross-validated
        ("label", ("0", "1", *empty)),
    ):
        wrong = frame[~frame[column].isin(allowed)]
        if len(wrong):
            raise PredictionError(
                f"{path} has {column} {wrong[column].iloc[0]!r} for patient {wrong['patient'].iloc[0]}; it "
                f"can be {allowed[0]} or {allowed[1]}"
            )
    score = pd.to_numeric(frame["score"], errors="coerce")
    if not score.between(0, 1).all():  # NaN is not between either
        patient = frame["patient"][~score.between(0, 1)].iloc[0]
        raise PredictionError(
            f"{path} has a score outside [0, 1] for patient {patient}; scores are probabilities: predict anew"
        )
    if (repeated := frame[frame.duplicated(["patient", "hemisphere"])]).size:
        raise PredictionError(
            f"{path} has patient {repeated['patient'].iloc[0]} twice for the same hemisphere: delete it and "
            "predict anew"
        )
    parts = frame.groupby("patient")["part"].nunique()
    if (parts > 1).any():
        raise PredictionError(
            f"{path} has patient {parts.idxmax()} in two parts at once: delete it and predict anew"
        )
    label = pd.to_numeric(frame["label"]).astype(float) if unlabelled else frame["label"].astype(int)
    frame = frame.assign(label=label, score=score)[COLUMNS]
    return frame.sort_values(["patient", "hemisphere"], ignore_index=True)


def write_predictions(path: str | Path, rows: Iterable[tuple[str, str, str, float, float]]) -> None:
    """Write a prediction file, whole or not at all, from rows of `COLUMNS`; each line gets its seal.

    A label that is NaN is written as an empty cell.
    """
    lines = [
        [patient, side, part, "" if math.isnan(label) else f"{label:.0f}", f"{score:.9g}"]
        for patient, side, part, label, score in rows
    ]
    sealed = [[*line, seal] for line, seal in zip(lines, _seals(lines), strict=True)]
    write_cells(path, [*COLUMNS, SEAL], sealed)


def _seals(lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the seal of each line: 16 digits of the sha256 of its cells and of the seal before it."""
    seal = ""
    for cells in lines:
        seal = hashlib.sha256("\t".join([seal, *cells]).encode()).hexdigest()[:16]
        yield seal


def join_seeds(
    network: Sequence[str | Path], segmented: Sequence[str | Path], predictions: Sequence[str | Path]
) -> None:
    """Write `join_predictions` of each seed; the files of the seeds stand in the same order."""
    for paths in zip(network, segmented, predictions, strict=True):
        join_predictions(*paths)


def join_predictions(network: str | Path, segmented: str | Path, predictions: str | Path) -> None:
    """Write the mean of a network's and the segmented lesion's scores for the same units.

    Raises PredictionError where they do not hold the same units with the same labels.
    """
    first, second = read_predictions(network), read_predictions(segmented)
    units = first.drop(columns="score")
    if not second.drop(columns="score").equals(units):
        raise PredictionError(f"{segmented} and {network} differ in units or labels: predict them anew")
    scores = np.mean([first["score"], second["score"]], axis=0)
    write_predictions(predictions, units.assign(score=scores).itertuples(index=False, name=None))


def _units(frame: pd.DataFrame, below_min: float | None, path: str | Path) -> pd.DataFrame:
    """One row a unit: the hemisphere for lesion detection, else the patient (mean of its hemispheres)."""
    if below_min is not None:
        labels = frame.groupby("patient")["label"].nunique()
        if (labels > 1).any():
            raise PredictionError(
                f"{path} gives the hemispheres of patient {labels.idxmax()} different labels: delete it and "
                "predict anew"
            )
        frame = frame.assign(hemisphere="")
    keys = ["patient", "hemisphere"]
    return frame.groupby(keys).agg(part=("part", "first"), label=("label", "first"), score=("score", "mean"))


def collect_predictions(
    paths: Iterable[str | Path], *, tasks: Tasks = PAPER
) -> dict[Scorer, ScorerPredictions]:
    """Read all prediction files of a run and join the seeds of each scorer.

    A file of `SUBSET` without rows gives no scorer: no patient could be measured. Only `SUBSET` may score
    training patients, by cross-validation.

    Parameters
    ----------
    paths
        `predictions/<net>/<phase>/<start>/seed-<n>.tsv`.
    tasks
        Phase -> minutes: the label is 1 where TSS is below; None: where the hemisphere holds a lesion.

    Raises
    ------
    PredictionError
        The seeds of a scorer differ in their units, labels or parts; or two scorers with the same target
        differ in their test units or labels (phases 3 and 4 have the same target; `SUBSET` may have fewer).
    """
    seeds: dict[Scorer, dict[int, pd.DataFrame]] = {}
    for path in paths:
        scorer, seed = parse_path(path)
        if scorer.phase not in tasks:
            raise PredictionError(
                f"{path} is of {scorer.phase}, which is no task of this configuration: remove the file, or "
                f"give training a key {scorer.phase}"
            )
        rows = read_predictions(path)
        if scorer.net != SUBSET and "train" in set(rows["part"]):
            raise PredictionError(
                f"{path} scores training patients, on whom the model was trained: delete it and predict anew"
            )
        if len(rows) or scorer.net != SUBSET:
            seeds.setdefault(scorer, {})[seed] = _units(rows, tasks[scorer.phase], path)
    scorers = {}
    for scorer, frames in sorted(seeds.items()):
        numbers = tuple(sorted(frames))
        frame = frames[numbers[0]][["part", "label"]]
        for number in numbers[1:]:
            if not frames[number][["part", "label"]].equals(frame):
                raise PredictionError(
                    f"seeds {numbers[0]}, {number} of {scorer} differ in patients, parts or labels; "
                    "predict anew"
                )
        scores = {number: frames[number]["score"] for number in numbers}
        scorers[scorer] = ScorerPredictions(scorer, numbers, frame.join(pd.DataFrame(scores)))
    _check_same_test_list(scorers.values(), tasks)
    return scorers


def _check_same_test_list(scorers: Iterable[ScorerPredictions], tasks: Tasks) -> None:
    first: dict[float | None, tuple[Scorer, pd.Series]] = {}
    for predictions in sorted(
        scorers, key=lambda found: found.scorer.net == SUBSET
    ):  # last, after those with all patients
        labels = predictions.frame.query("part == 'test'")["label"]
        if labels.empty:
            raise PredictionError(f"{predictions.scorer} has no test patients; predict the test part, too")
        reference, expected = first.setdefault(tasks[predictions.scorer.phase], (predictions.scorer, labels))
        if predictions.scorer.net == SUBSET:
            expected = expected[expected.index.isin(labels.index)]
        if not labels.equals(expected):
            raise PredictionError(
                f"{predictions.scorer} and {reference} differ in test patients or labels; all rows of a "
                "stage of Table 2 must rest on the same list: predict them anew with the same split"
            )


def select_reader_target(
    scorers: Mapping[Scorer, ScorerPredictions], *, tasks: Tasks = PAPER
) -> Units | None:
    """Test patients and labels of TSS < 4.5 h, the target of phases 3 and 4 and the readers; or None."""
    for scorer, predictions in scorers.items():
        if tasks[scorer.phase] == READER_THRESHOLD_MIN and scorer.net != SUBSET:
            return predictions.units("test")
    return None


def check_against_cohort(
    scorers: Iterable[ScorerPredictions], *, cohort: str | Path, split: str | Path, tasks: Tasks = PAPER
) -> None:
    """Assert that patients, labels and parts are those of the cohort.

    `cohort` and `split` are cohort/cohort.tsv and cohort/split.tsv. The positive class is "this hemisphere
    has a lesion" in phase 1 and "TSS < threshold" in phases 2 to 4; a patient predicted as test or
    validation must have that part in the split, and all who have it and the label must be predicted (but by
    `SUBSET`). Raises PredictionError, naming scorer and patient, and SplitError where scans of one person are
    in several parts.
    """
    patients, divided = read_cohort(cohort).set_index("patient"), read_parts(split)
    check_persons(divided, persons_of(patients), source=split)
    parts = pd.Series(divided, dtype=str)
    for predictions in scorers:
        scorer, frame = predictions.scorer, predictions.frame
        patient, hemisphere = (frame.index.get_level_values(level) for level in ("patient", "hemisphere"))
        part = parts.reindex(patient).to_numpy()
        if (wrong := part != frame["part"].to_numpy()).any():
            at = int(np.argmax(wrong))
            raise PredictionError(
                f"{scorer} predicts patient {patient[at]} as {frame['part'].iloc[at]}, but in {split} it is "
                f"{part[at] if isinstance(part[at], str) else 'absent'}: predict anew with this split"
            )
        below_min = tasks[scorer.phase]
        if below_min is None:
            side = patients["lesion_side"].reindex(patient).to_numpy()
            truth = (side == hemisphere.to_numpy()) | (side == BOTH)
        else:
            truth = label_time(patients, below_min=below_min).reindex(patient).to_numpy()
        if (wrong := frame["label"].to_numpy() != truth).any():
            raise PredictionError(
                f"{scorer} has the wrong label for patient {patient[int(np.argmax(wrong))]}: 1 must mean "
                + ("a lesion in this hemisphere" if below_min is None else "a TSS under the threshold")
                + f"; if {cohort} has changed since, predict anew"
            )
        labelled = has_label(patients, below_min=below_min).reindex(parts.index, fill_value=False)
        wanted = parts.index[parts.isin(PARTS[1:]) & labelled]
        scored = pd.Series(patient).value_counts().reindex(wanted, fill_value=0)
        lacking = scored.index[scored < (2 if below_min is None else 1)]  # hemispheres, or the patient
        if len(lacking) and scorer.net != SUBSET:
            raise PredictionError(
                f"{scorer} does not score {len(lacking)} of the {len(scored)} validation and test patients "
                f"of {split}, or not in both hemispheres, {lacking[0]} first: predict anew with this split"
            )

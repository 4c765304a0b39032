"""The side that a run finds in its own patients, and the scores of the hemisphere on that side.

end_to_end/sides.tsv is the table between who finds the side and who scores. The scores of the hemispheres
that were found are in files end_to_end/<net>/<phase>/<start>/seed-<n>.tsv, with the columns of `predictions`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from strokeclock.cohort.cells import read_columns, write_cells
from strokeclock.predictions import PredictionError, read_predictions, write_predictions
from strokeclock.series import BOTH, NO_LESION, SIDES

COLUMNS = ("patient", "part", "side", "difference", "seen", "reason")
UNCLEAR = ""  # in place of a side
Hemisphere = tuple[str, str]  # patient and side


class FoundSide(NamedTuple):
    """What was found in one patient.

    Attributes
    ----------
    part : of the patient; "": in no part.
    side : of `SIDES`; both, none or `UNCLEAR`.
    difference : log odds of the greater score minus those of the lesser.
    seen : side of restricted diffusion: left, right, both, none; "" where it is not known.
    reason : one clause on why no side is told; "".
    """

    part: str
    side: str
    difference: float
    seen: str
    reason: str


def write_found_sides(path: str | Path, found: Mapping[str, FoundSide]) -> None:
    """Write sides.tsv (`COLUMNS`), a row a patient, sorted."""
    rows = (
        (patient, one.part, one.side, f"{one.difference:.6g}", one.seen, one.reason)
        for patient, one in sorted(found.items())
    )
    write_cells(path, COLUMNS, rows)


def read_found_sides(path: str | Path) -> dict[str, FoundSide]:
    """Read what `write_found_sides` wrote: patient -> what was found.

    Raises
    ------
    PredictionError
        The table is damaged, or has a side that is none. One sentence.
    """
    found = {}
    for patient, part, side, difference, seen, reason in read_columns(path, *COLUMNS, error=PredictionError):
        if side not in (*SIDES, BOTH, NO_LESION, UNCLEAR):
            raise PredictionError(
                f"{path} has side {side!r} for patient {patient}: delete it and find the sides anew."
            )
        found[patient] = FoundSide(part, side, float(difference), seen, reason)
    return found


def write_found_scores(
    scores: str | Path,
    *,
    predictions: str | Path,
    sides: Mapping[str, FoundSide],
    score: Callable[[Sequence[Hemisphere]], np.ndarray],
) -> None:
    """Write the scores of the hemisphere that was found, of everyone in whom one was.

    A hemisphere that the row's predictions hold keeps the score that it has there.

    Parameters
    ----------
    scores : path
        end_to_end/<net>/<phase>/<start>/seed-<n>.tsv. Label and part are those of the predictions; empty for
        a patient without the task's label, and for one in no part.
    predictions : path
        The prediction file of the same row and seed: it holds the lesion's hemispheres.
    sides : patient -> what was found (`read_found_sides`).
    score : (patient, side), … -> (n,) probabilities of these hemispheres.
    """
    given = read_predictions(predictions)
    scored = dict(
        zip(given[["patient", "hemisphere"]].itertuples(index=False, name=None), given["score"], strict=True)
    )
    label_of = dict(zip(given["patient"], given["label"], strict=True))
    found = [(patient, one.side) for patient, one in sorted(sides.items()) if one.side in SIDES]
    if missing := [hemisphere for hemisphere in found if hemisphere not in scored]:
        scored |= dict(zip(missing, score(missing).tolist(), strict=True))
    write_predictions(
        scores,
        (
            (patient, side, sides[patient].part, label_of.get(patient, np.nan), scored[patient, side])
            for patient, side in found
        ),
    )


def join_found_scores(
    network: Iterable[str | Path], segmented: Iterable[str | Path], scores: Iterable[str | Path]
) -> None:
    """Write the means of networks' and of the segmented ratios' scores of the hemispheres that were found.

    Raises
    ------
    PredictionError
        Two files do not hold the same hemispheres.
    """
    for one, other, path in zip(network, segmented, scores, strict=True):
        first, second = (read_predictions(file, unlabelled=True) for file in (one, other))
        if not second.drop(columns="score").equals(first.drop(columns="score")):
            raise PredictionError(f"{other} and {one} differ in hemispheres or labels: predict them anew.")
        mean = np.mean([first["score"], second["score"]], axis=0)
        write_predictions(path, first.assign(score=mean).itertuples(index=False, name=None))

"""The external patients of known onset, and what each row's reading found in them.

A patient belongs to a row's test where the class of the row's target is known (`labels.label_time`). A
patient of known class without a score stays in it: who was excluded, or got no time, had no reading.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from strokeclock.cohort.labels import has_lesion, label_time
from strokeclock.cohort.parts import read_exclusions
from strokeclock.cohort.tables import read_cohort
from strokeclock.evaluation.external.frozen import Frozen, Judged, judge, read_frozen
from strokeclock.evaluation.external.readings import SIDES_FROM, ReadingLine, ReadingsError, read_readings

SEEN = "seen"  # the stage of who was in the training run: they are no external patients
EXCLUDED = "excluded ({})"  # the status of a patient who was excluded at this stage


@dataclass(frozen=True)
class Tested:
    """The patients of one row and side whose class is known, in the order of their identifiers.

    Attributes
    ----------
    frozen : of the row.
    side_from : "given" or "found".
    patient, person, status : (n,) text.
    score : (n,) as read; NaN without a reading.
    abstained : (n,) whether the score lies in the band of abstention.
    volume_ml : (n,) of the segmented lesion, or NaN.
    label : (n,) 1 where TSS is below the row's limit, else 0.
    judged : what the frozen numbers make of the scores; computed without the labels.
    """

    frozen: Frozen
    side_from: str
    patient: np.ndarray
    person: np.ndarray
    status: np.ndarray
    score: np.ndarray
    abstained: np.ndarray
    volume_ml: np.ndarray
    label: np.ndarray
    judged: Judged

    @property
    def is_read(self) -> np.ndarray:
        """(n,) whether there is a score."""
        return ~np.isnan(self.score)

    @property
    def answered(self) -> np.ndarray:
        """(n,) whether there is a score outside the band of abstention."""
        return self.is_read & ~self.abstained


@dataclass(frozen=True)
class ExternalTest:
    """All that an external test rests on.

    Attributes
    ----------
    cohort : rows of `read_cohort`, indexed by patient, sorted.
    exclusions : patient -> stage, also of patients who are not in the cohort.
    tested : a row and a side each, in the order of the bundle's rows; given before found.
    """

    cohort: pd.DataFrame
    exclusions: Mapping[str, str]
    tested: tuple[Tested, ...]

    @property
    def volume_ml(self) -> pd.Series:
        """The volume of each patient's lesion: of the first row and side that has one, given before found."""
        volume = pd.Series(dtype=float)
        for tested in self.tested:
            volume = volume.combine_first(pd.Series(tested.volume_ml, tested.patient, dtype=float).dropna())
        return volume

    def why_left_out(self, below_min: float) -> dict[str, str]:
        """Return everyone who is in no test of this target -> why, in a few words."""
        label = label_time(self.cohort, below_min=below_min)
        sided = has_lesion(self.cohort)
        reasons = {
            patient: EXCLUDED.format(stage)
            for patient, stage in self.exclusions.items()
            if stage == SEEN or patient not in label.index or np.isnan(label[patient])
        }
        for patient in label.index[label.isna()]:
            reason = "onset not known" if sided[patient] else "no lesion of known side"
            reasons.setdefault(str(patient), reason)
        return dict(sorted(reasons.items()))


def read_external(
    readings: str | Path, *, operating: str | Path, cohort: str | Path, exclusions: str | Path
) -> ExternalTest:
    """Read an external test and check that its tables agree.

    Parameters
    ----------
    readings : readings.tsv.
    operating : operating.json of the bundle; its rows without a reading are left out.
    cohort, exclusions : cohort.tsv and exclusions.tsv of the external patients alone. Patients of the stage
        "seen" take no part.

    Raises
    ------
    ReadingsError
        A reading's row is not in the bundle, its patient is not in the cohort, a patient of known class is
        neither excluded nor read, or a patient is excluded and has a score. One sentence.
    FittedError
        The bundle's file is damaged.
    """
    lines, frozen = read_readings(readings), read_frozen(operating)
    patients = read_cohort(cohort).set_index("patient").sort_index()
    excluded = read_exclusions(exclusions)
    _check(lines, frozen, patients.index, excluded, name=Path(readings).name)
    found: dict[tuple[str, str], dict[str, ReadingLine]] = {}
    for line in lines:
        found.setdefault((line.row, line.side_from), {})[line.patient] = line
    tested = [
        _join(found[row, side_from], own, side_from, patients, excluded, name=Path(readings).name)
        for row, own in frozen.items()
        for side_from in SIDES_FROM
        if (row, side_from) in found
    ]
    return ExternalTest(patients, excluded, tuple(tested))


def _check(
    lines: Iterable[ReadingLine],
    frozen: Mapping[str, Frozen],
    patients: pd.Index,
    excluded: Mapping[str, str],
    *,
    name: str,
) -> None:
    known = {*patients, *excluded}
    for line in lines:
        if line.row not in frozen:
            raise ReadingsError(
                f"{name} has {line.row}, which the bundle does not hold: read with this bundle."
            )
        if line.patient not in known:
            raise ReadingsError(
                f"{name} has patient {line.patient}, who is not in the cohort: read this cohort's patients."
            )
        if line.score is not None and line.patient in excluded:
            raise ReadingsError(
                f"{name} has a score of patient {line.patient}, who is excluded (stage "
                f"{excluded[line.patient]}): read the patients anew."
            )


def _join(
    lines: Mapping[str, ReadingLine],
    frozen: Frozen,
    side_from: str,
    patients: pd.DataFrame,
    excluded: Mapping[str, str],
    *,
    name: str,
) -> Tested:
    label = label_time(patients, below_min=frozen.below_min)
    eligible = label.notna() & ~patients.index.isin([one for one, stage in excluded.items() if stage == SEEN])
    tested = patients[eligible]
    missing = [one for one in tested.index if one not in lines and one not in excluded]
    if missing:
        raise ReadingsError(
            f"{name} has no line of patient {missing[0]} for {frozen.row} with the side {side_from} "
            f"({len(missing)} are missing): read the patients anew."
        )
    rows = [lines.get(one) for one in tested.index]
    score = np.array([np.nan if row is None or row.score is None else row.score for row in rows], float)
    return Tested(
        frozen=frozen,
        side_from=side_from,
        patient=tested.index.to_numpy(str),
        person=tested["person"].to_numpy(str),
        status=np.array(
            [
                EXCLUDED.format(excluded[one]) if row is None else row.status
                for one, row in zip(tested.index, rows, strict=True)
            ],
            str,
        ),
        score=score,
        abstained=np.array([row is not None and bool(row.abstained) for row in rows], bool),
        volume_ml=np.array(
            [np.nan if row is None or row.volume_ml is None else row.volume_ml for row in rows], float
        ),
        label=label[eligible].to_numpy(int),
        judged=judge(score, frozen),
    )

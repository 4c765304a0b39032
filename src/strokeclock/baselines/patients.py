"""The patients of the baselines that score whole patients, and their prediction files."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from strokeclock.cohort.labels import label_time
from strokeclock.cohort.tables import read_members
from strokeclock.predictions import write_predictions
from strokeclock.series import list_sides


def read_patients(cohort: str | Path, split: str | Path, *, below_min: float) -> pd.DataFrame:
    """Read the patients of a split who have a label: the cohort's columns, part and label, by patient.

    The label is 1 where TSS is below `below_min` minutes. Patients of the external part are left out.
    """
    parts = read_members(cohort, split, below_min=below_min)
    patients = pd.concat([found.assign(part=part) for part, found in parts.items()]).sort_index()
    return patients.assign(label=label_time(patients, below_min=below_min).astype(int))


def write_scores(output: str | Path, scored: Iterable[tuple[pd.DataFrame, np.ndarray]]) -> None:
    """Write a prediction file from patients (rows of `read_patients`) and their scores (n,).

    A patient's score is written for each of the lesion's hemispheres, which are a network's units.
    """
    write_predictions(
        output,
        (
            (patient, side, part, label, score)
            for patients, scores in scored
            for (patient, part, label, lesion), score in zip(
                patients[["part", "label", "lesion_side"]].itertuples(name=None), scores, strict=True
            )
            for side in list_sides(lesion)
        ),
    )

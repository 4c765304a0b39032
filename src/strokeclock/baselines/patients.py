"""The patients of the baselines that score whole patients, and their prediction files."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from strokeclock.cohort.split import is_labelled, read_cohort, read_split_table
from strokeclock.predictions import write_predictions
from strokeclock.series import list_sides


def read_patients(cohort: str | Path, split: str | Path, *, below_min: float) -> pd.DataFrame:
    """Read the patients of a split, indexed by patient: the cohort's columns, part and label.

    The label is 1 where TSS is below `below_min` minutes.
    """
    patients = read_cohort(cohort).set_index("patient")
    parts = read_split_table(split).set_index("patient")["part"]
    patients = patients[is_labelled(patients)].join(parts, how="inner")
    return patients.assign(label=(patients["onset_to_mri_min"] < below_min).astype(int))


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

"""The DICOM studies of a batch of phantoms, from the scans that were made before."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import nibabel as nib
import numpy as np

from strokeclock.batches import read_batches, write_batch
from strokeclock.phantom.clinic import PatientRecord, cohort_seed, draw_patient
from strokeclock.phantom.dicom import write_study
from strokeclock.phantom.patient import number_of
from strokeclock.phantom.signal import SERIES
from strokeclock.phantom.study import Stack, draw_habits, list_series


def write_studies(
    phantoms: str | Path | Iterable[str | Path],
    table: str | Path,
    *,
    folders: Mapping[str, str],
    settings: Mapping[str, Any],
) -> None:
    """Write the studies of a batch, and a table of all their files.

    Parameters
    ----------
    phantoms : the table of the batch's scans.
    folders : patient -> folder of the study.
    settings : mapping
        The configuration's `phantom` section.
    """
    seed = cohort_seed(settings)
    files = {}
    for name, scans in read_batches(phantoms, only=folders).items():
        record = draw_patient(number_of(name), seed=seed, settings=settings)
        habits = draw_habits(record.number, seed=seed)
        series = list_series(_read_stacks(scans, record), habits)
        files[name] = write_study(folders[name], record, series, habits, seed=seed)
    write_batch(table, files)


def _read_stacks(scans: Mapping[str, str], record: PatientRecord) -> dict[str, Stack]:
    b_values = {"t2w": 0.0, "dwi": record.epi.b_value}
    stacks = {}
    for series in SERIES:
        image = cast(Any, nib.load(scans[series]))
        stacks[series] = Stack(np.asarray(image.dataobj), image.affine, b_values.get(series))
    return stacks

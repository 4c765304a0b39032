"""The check of a patient's preprocessed files: numbers and verdict (`quality`), or why it is excluded."""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from strokeclock.batches import Files, read_batches, write_batch
from strokeclock.cohort.sheet import read_sides
from strokeclock.errors import PatientError
from strokeclock.imaging.exclusion import explain, read_exclusion
from strokeclock.imaging.lesion_side import find_contradiction
from strokeclock.imaging.plausibility import measure_adc_difference
from strokeclock.imaging.quality import add_review, judge, list_limits, measure
from strokeclock.imaging.quality_record import make_record, write_record
from strokeclock.imaging.resample import resample
from strokeclock.imaging.volume import Volume, read_volume
from strokeclock.series import SERIES

log = logging.getLogger(__name__)


def check_batch(
    preprocessed: str | Path,
    table: str | Path,
    *,
    records: Files,
    atlas: str | Path,
    atlas_mask: str | Path,
    cohort: str | Path,
    lesions: Sequence[str | Path] = (),
    sides: Mapping[str, str] | None,
    drawn: Collection[str],
    shipped_adcs: Mapping[str, str],
    is_in_atlas_space: bool,
    persons: Mapping[str, tuple[str, str]],
    thresholds: Mapping,
) -> None:
    """Measure and judge patients in turn, and write a table of their records.

    Parameters
    ----------
    preprocessed : path
        A table that holds their files (`batches`): the series, brain_mask, t2w_to_atlas.
    records : patient -> {"record": file}
        What is written (`quality_record.write_record`).
    atlas, atlas_mask : paths
        T2w atlas and its brain mask, on the same grid.
    cohort, sides
        cohort/entered.tsv, and each patient's lesion side in the sheet; None: read from the cohort.
    lesions : paths
        The table that holds their lesions (`batches`), on the atlas grid; none where nobody drew one.
    drawn : patients
        Those whose lesion a person drew.
    shipped_adcs : patient -> file
        ADC maps that the sheet names beside a T2w, on the raw T2w's grid or another.
    is_in_atlas_space : bool
        The patients were made in atlas space, without preprocessing.
    persons : patient -> (verdict, reason)
        Manual verdicts, of the patients who have one.
    thresholds : mapping
        The keyword arguments of `quality.list_limits`.
    """
    sides = sides or read_sides(cohort)
    volumes = {
        "atlas": read_volume(atlas, patient="atlas", series="t2w"),
        "atlas_mask": read_volume(atlas_mask, patient="atlas", series="brain_mask"),
    }
    lesion_of = read_batches(lesions, only=drawn)
    for patient, files in read_batches(preprocessed, only=records).items():
        record = check(
            {name: file for name, file in files.items() if name in SERIES},
            files["brain_mask"],
            transform=None if is_in_atlas_space else files["t2w_to_atlas"],
            patient=patient,
            recorded_side=sides[patient],
            lesion=lesion_of[patient]["lesion"] if patient in drawn else None,
            shipped_adc=shipped_adcs.get(patient),
            thresholds=thresholds,
            person=persons.get(patient),
            **volumes,
        )
        write_record(records[patient]["record"], record)
    write_batch(table, records)


def check(
    volumes: Mapping[str, str | Path],
    mask: str | Path,
    *,
    transform: str | Path | None,
    patient: str,
    atlas: Volume,
    atlas_mask: Volume,
    recorded_side: str,
    lesion: str | Path | None = None,
    shipped_adc: str | Path | None = None,
    thresholds: Mapping,
    person: tuple[str, str] | None,
) -> dict:
    """Measure and judge one patient's preprocessed files; an excluded patient keeps the reason.

    Parameters
    ----------
    volumes : mapping of series -> file
        All that are used, on the atlas grid, or exclusion notes.
    mask : file
        The patient's brain mask, on the same grid.
    atlas, atlas_mask : Volume
        T2w atlas and its brain mask, on the same grid.
    transform : file or None
        T2w world to atlas world (4 x 4 text), for the brain's own volume; None: made in atlas space.
    patient, recorded_side
        See `quality.measure`.
    lesion : file, optional
        The lesion that a person drew, on the atlas grid, or why it cannot be used.
    shipped_adc : file, optional
        The ADC map that came with the T2w; it is only compared with the ADC of T2w and DWI.
    thresholds : mapping
        The keyword arguments of `quality.list_limits`.
    person : (verdict, reason), optional
        Manual verdict, which overrides.

    Returns
    -------
    dict
        See `quality_record.make_record`.
    """
    files = {**volumes, "brain_mask": mask}
    reason = next(filter(None, map(read_exclusion, files.values())), None)
    if reason is None:
        try:
            read = {name: read_volume(path, patient=patient, series=name) for name, path in files.items()}
            brain_mask = read.pop("brain_mask")
            to_atlas = np.loadtxt(transform) if transform else None
            numbers = measure(
                read,
                brain_mask,
                atlas=atlas,
                atlas_mask=atlas_mask,
                transform=to_atlas,
                recorded_side=recorded_side,
                patient=patient,
            )
            if shipped_adc and to_atlas is not None:
                numbers["adc_difference"] = _compare_adc(
                    shipped_adc, read["adc"], brain_mask, to_atlas=to_atlas, patient=patient
                )
            automatic = judge(numbers, list_limits(**thresholds))
            del numbers["alike"]  # the reason names them
            if lesion and (fault := find_contradiction(lesion, patient=patient, recorded=recorded_side)):
                automatic = add_review(automatic, fault)
            return make_record(patient, numbers=numbers, automatic=automatic, person=person)
        except Exception as error:  # `explain` raises again what is not the patient's
            reason = explain(error, patient=patient, step="quality check")
    return make_record(patient, numbers=None, automatic=("fail", reason), person=None)


def _compare_adc(
    shipped: str | Path, adc: Volume, brain_mask: Volume, *, to_atlas: np.ndarray, patient: str
) -> float | None:
    """`measure_adc_difference` of a file; None where it cannot be read, for nothing else needs it."""
    try:
        raw = read_volume(shipped, patient=patient, series="adc")
    except PatientError as error:
        log.warning("patient %s: the %s is not compared", patient, error.reason)
        return None
    inside = brain_mask.data > 0
    carried = resample(raw, shape=adc.shape, affine=adc.affine, transform=to_atlas, inside=inside)
    return measure_adc_difference(carried, adc, inside)

"""The files of a reading: reading.json, the page, the lesion on the DWI, and DICOM where it is asked for."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np

from strokeclock.errors import PatientError
from strokeclock.imaging.volume import Volume
from strokeclock.reading.clock import Clock
from strokeclock.reading.outline import write_on_grid
from strokeclock.reading.page import write_page
from strokeclock.reading.patient import Read
from strokeclock.reading.pictures import Slice, draw_gradcam, draw_picture, draw_slices
from strokeclock.reading.result import Reading, write_reading
from strokeclock.reading.source import Study

READING, PAGE, LESION, LOG = "reading.json", "index.html", "lesion.nii.gz", "log.txt"
DICOM = "dicom"


def write_output(read: Read, study: Study, folder: Path, *, clock: Clock, as_dicom: bool = False) -> Reading:
    """Write a reading's files; return the reading as it was written.

    Parameters
    ----------
    folder
        An existing folder. It gets reading.json, index.html, lesion.nii.gz where a lesion is outlined, and
        dicom/ with a Secondary Capture of the picture and a SEG of the lesion.
    as_dicom
        Also write DICOM, which carries the identity of the source's study. A source that is no DICOM, and a
        lesion that cannot be tied to it, are noted.
    """
    reading = read.reading
    with clock.step("lesion"):
        lesion = read.lesion_on_dwi()
        if lesion is not None:
            write_on_grid(folder / LESION, lesion, like=study.raw["dwi"])
    with clock.step("pictures"):
        slices, evidence = _draw(read)
    if as_dicom:
        with clock.step("DICOM"):
            notes = _write_dicom(reading, study, folder / DICOM, slices=slices, lesion=lesion)
        reading = replace(reading, notes=(*reading.notes, *notes))
    with clock.step("page"):
        reading = replace(reading, seconds=dict(clock.seconds))
        write_page(folder / PAGE, reading, slices=slices, evidence=evidence)
    write_reading(folder / READING, reading)
    return reading


def _draw(read: Read) -> tuple[tuple[Slice, ...], tuple[Slice, ...]]:
    examined = read.examined
    if not examined.volumes or examined.brain is None or not examined.brain.data.any():
        return (), ()
    lesion = None
    if read.lesion is not None:
        lesion = Volume(read.lesion.astype(np.float32), examined.brain.affine)
    slices = draw_slices(examined.volumes, mask=examined.brain, lesion=lesion)
    if not read.evidence:
        return slices, ()
    return slices, draw_gradcam(examined.volumes, read.evidence, mask=examined.brain, slices=slices)


def _write_dicom(
    reading: Reading, study: Study, folder: Path, *, slices: tuple[Slice, ...], lesion: Volume | None
) -> list[str]:
    """Write what a PACS shows; return sentences on what cannot be written."""
    from strokeclock.reading.dicom_output import Origin, write_dicom

    files = study.sources.get("dwi") or next(iter(study.sources.values()), ())
    if not files:
        return ["No DICOM is written, because the source is none."]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return write_dicom(
            folder,
            files,
            pictures=[draw_picture(reading, slices)],
            dwi=study.read_dwi() if "dwi" in study.sources else None,
            lesion=lesion,
            algorithm=reading.lesion.source if reading.lesion else "",
            origin=Origin(
                model=f"{reading.model['name']} {reading.model['version']}",
                sha256=reading.model["sha256"],
                made=datetime.now(),
            ),
            patient=study.patient,
        )
    except PatientError as error:
        return [f"Not all DICOM is written: {error.reason}."]

"""The series of one patient to read: DICOM, a BIDS subject, a folder of images, or single files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from strokeclock.cohort.cells import write_cells
from strokeclock.cohort.protocol import write_protocol
from strokeclock.cohort.sheet import LESION_MASK
from strokeclock.errors import ConfigurationError, PatientError
from strokeclock.imaging.volume import Volume, read_volume
from strokeclock.intake.acquisition import (
    ASSUMED_B,
    LARGEST_B0,
    describe,
    find_b_value,
    read_b_values_beside,
    read_json,
)
from strokeclock.intake.bids import find_bids, find_set
from strokeclock.intake.bids_series import Meaning, weigh
from strokeclock.intake.choice import ASK, YES, Decision, choose
from strokeclock.intake.diffusion_series import make_diffusion
from strokeclock.intake.first_look import look_at, split_suffix
from strokeclock.intake.found import Found
from strokeclock.intake.image_series import make_image
from strokeclock.intake.privacy import keep
from strokeclock.intake.source import open_source
from strokeclock.series import SERIES

PATIENT = "patient"  # in place of any identifier
_SUBJECT, _SESSION = re.compile("sub-[A-Za-z0-9]+"), re.compile("ses-([A-Za-z0-9]+)")


@dataclass(frozen=True, kw_only=True)
class Study:
    """One patient's series, as files of their own.

    Attributes
    ----------
    patient
        "patient", or the identifier of a sheet.
    raw
        Series -> NIfTI file; series that there are.
    b_value
        Of the DWI, s/mm2.
    protocol
        protocol.tsv of these series.
    what
        Series -> what it was taken for, in words.
    notes
        Sentences on what was noticed.
    doubts
        Series that could not be chosen or used -> a phrase with the remedy.
    sources
        Series -> the DICOM files that it comes from; empty for other sources.
    """

    patient: str = PATIENT
    raw: Mapping[str, Path]
    b_value: float = ASSUMED_B
    protocol: Path | None = None
    what: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubts: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)

    def read_dwi(self) -> Volume:
        """Read the raw DWI; PatientError where it cannot be read."""
        return read_volume(self.raw["dwi"], patient=self.patient, series="dwi")


def find_study(source: Path | None, folder: Path, *, files: Mapping[str, Path]) -> Study:
    """Find the series of one patient and bring them into a folder, without identifiers.

    Parameters
    ----------
    source
        A folder or zip archive of one patient's DICOM files, a BIDS subject or session (or a set of one
        subject), or a folder of images; None: only ``files`` are read.
    folder
        The folder to write the series into; it is made.
    files
        Series -> image file, which precedes what is found in the source.

    Raises
    ------
    ConfigurationError
        The source is not there, holds no image, or holds several patients; a file is not there. A series that
        cannot be used or chosen is no error: it is missing, and `Study.doubts` says why.
    """
    found = [*_find_in(source)] if source else []
    persons = sorted({one.person for one in found})
    if len(persons) > 1:
        raise ConfigurationError(
            f"The source holds {len(persons)} patients: name the folder of one of them, or read a cohort "
            "sheet with `snakemake read`."
        )
    chosen = choose([one for one in found if not {*one.gives} & {*files}])
    named = [_take_file(series, path) for series, path in files.items()]
    is_dicom = bool(source) and not any(split_suffix(file.name)[1] for one in found for file in one.files)
    return _bring([*named, *chosen], folder, is_dicom=is_dicom)


def _find_in(source: Path) -> Iterator[Found]:
    if not source.exists():
        raise ConfigurationError("The source is not there: correct its path.")
    place = source.resolve()
    session = _SESSION.fullmatch(place.name)
    subject = place.parent if session else place
    if _SUBJECT.fullmatch(subject.name) and (found := find_set(subject.parent)):
        for one in find_bids(found, only=subject.name):
            if session is None or one.session in ("", session[1], place.name):
                yield one
        return
    yield from open_source(source).series


def _take_file(series: str, path: Path) -> Decision:
    """A file that the user names for a series: taken for it whatever its name."""
    if not path.is_file():
        raise ConfigurationError(
            f"The {SERIES[series].label} file {path.name} is not there: correct its path."
        )
    look = look_at(str(path))
    stem, suffix = split_suffix(str(path))
    content, _ = read_json(f"{stem}.json") if suffix else ({}, "")
    known = {"person": PATIENT, "name": SERIES[series].label, "files": (path,)}
    meaning = Meaning(
        gives=(series,), why="named on the command line", faults=(look.fault,) if look.fault else ()
    )
    if series == "dwi" and look.volumes > 1:
        beside = [Path(f"{stem}{ending}") for ending in (".bval", ".bvec")]
        b_file, directions = (str(one) if one.exists() else None for one in beside)
        meaning = replace(meaning, gives=("dwi", "t2w"))
        made = make_diffusion(
            meaning, str(path), known, keep(content), b_file, directions, volumes=look.volumes
        )
    else:
        if series == "dwi" and not meaning.faults:
            meaning = _weigh_dwi(meaning, stem, content)
        made = make_image(meaning, str(path), known, keep(content))
    return Decision(found=made, chosen="no" if made.faults else YES, columns=made.gives, note="")


def _weigh_dwi(meaning: Meaning, stem: str, content: Mapping[str, Any]) -> Meaning:
    """Add the b-value of one volume, or a fault where it is none of a DWI."""
    b_values, faults = read_b_values_beside(stem)
    b_value, source = find_b_value(keep(content), b_values, Path(stem).name, describe(content))
    if b_values and b_value is not None and b_value <= LARGEST_B0:
        faults = (f"its .bval file says b {b_value:g}: name the volume of about b {ASSUMED_B:g}",)
    if faults:
        return replace(meaning, faults=faults)
    return weigh(meaning, b_value=b_value, source=source)


def _bring(decisions: Sequence[Decision], folder: Path, *, is_dicom: bool) -> Study:
    raw: dict[str, Path] = {}
    study = Study(raw=raw)
    what: dict[str, str] = {}
    doubts: dict[str, str] = {}
    sources: dict[str, tuple[Path, ...]] = {}
    notes: list[str] = []
    for one in decisions:
        wanted = [name for name in one.columns if name != LESION_MASK and name not in raw]
        if one.chosen == ASK:
            doubts |= {
                name: f"several series could be it ({', '.join((one.found.name, *one.other))}): give a "
                "folder with one of them, or name its file"
                for name in wanted
            }
        elif one.chosen == YES:
            files = {name: folder / f"{name}.nii.gz" for name in wanted}
            try:
                noticed = one.found.bring(files)
            except PatientError as error:
                doubts |= dict.fromkeys(wanted, _hide(error.reason, one.found))
                continue
            notes += [f"{one.found.name}: {_hide(note, one.found)}." for note in noticed]
            for name, path in files.items():
                raw[name], what[name] = path, one.found.why
                if is_dicom:
                    sources[name] = one.found.files
            if "dwi" in files and one.found.b_value:
                study = replace(study, b_value=one.found.b_value)
        elif one.found.faults:
            for name in wanted:
                doubts.setdefault(name, _hide(" ".join(one.found.faults), one.found))
    study = replace(
        study,
        what=what,
        notes=tuple(notes),
        doubts={name: doubt for name, doubt in doubts.items() if name not in raw},
        sources=sources,
    )
    return describe_protocol(study, folder) if raw else study


def _hide(text: str, found: Found) -> str:
    """Put the series' name in the place of file names, which may be names of people."""
    for file in sorted(found.files, key=lambda file: -len(file.name)):
        if file.suffix and any(map(str.isalpha, file.name)):
            text = text.replace(file.name, found.name)
    return text


def describe_protocol(study: Study, folder: Path, *, field_t: str = "") -> Study:
    """Return the study with the protocol of its series, which is written into a folder.

    ``field_t``: T, where no sidecar says it; "": not known.
    """
    sheet, table = folder / "cohort.tsv", folder / "protocol.tsv"
    row = (study.patient, field_t, f"{study.b_value:g}")
    write_cells(sheet, ("patient", "field_t", "b_value"), [row])
    write_protocol(
        sheet,
        table,
        series={study.patient: {name: str(path) for name, path in study.raw.items()}},
        b_values={study.patient: study.b_value},
    )
    return replace(study, protocol=table)

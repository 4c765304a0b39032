"""The patients of a run, from a sheet or phantoms: their batches, and their files before any job.

Standard library alone, because the machine that runs Snakemake imports it. Paths start at the working folder.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from strokeclock.batches import deal_batches, find_batch
from strokeclock.cohort.external import check_columns, find_external
from strokeclock.cohort.readers import read_reader_sheet
from strokeclock.cohort.sheet import Cohort, read_sheet
from strokeclock.cohort.sidecars import beside
from strokeclock.cohort.split_file import check_split_file
from strokeclock.errors import ConfigurationError
from strokeclock.series import SERIES, list_needed, list_registered, list_used
from strokeclock.toolchain import name_outputs, registers_dwi

_REGISTERED_PHANTOMS = 100  # patients a batch, at least, for phantoms on the atlas grid: each takes a second
_B_VALUE = 1000.0  # s/mm², of the paper
_STEPS = ("check", "lesions", "hemispheres", "quality_picture")  # after preprocessing; each writes tables


@dataclass(frozen=True, kw_only=True)
class Patients:
    """The patients who take part, and the paths of their files.

    Attributes
    ----------
    folder : results/<run>.
    config : the checked configuration.
    cohort : the checked cohort sheet; None: the patients are phantoms.
    ids : in alphabetical order.
    batches : batch -> its patients, who share a job.
    phantom_batches : the same for the jobs that make phantoms. Those on the atlas grid have larger batches.
    """

    folder: str
    config: Mapping[str, Any]
    cohort: Cohort | None
    ids: list[str]
    batches: dict[str, list[str]]
    phantom_batches: dict[str, list[str]]

    @property
    def are_phantoms(self) -> bool:
        """The patients are phantoms."""
        return self.cohort is None

    @property
    def in_template_space(self) -> bool:
        """The patients are phantoms that are made on the atlas grid, so that nothing is preprocessed."""
        return self.are_phantoms and self.config["phantom"]["space"] == "template"

    @property
    def labelled(self) -> list[str]:
        """The patients whose onset is known, and the lesion's side too or from its mask."""
        return self.cohort.labelled if self.cohort else self.ids

    @cached_property
    def external(self) -> set[str]:
        """The patients of the external cohort; none are known yet where phantoms are still to be made.

        ConfigurationError where split.external fits none.
        """
        return find_external(self.cohort.rows, self.config["split"]["external"]) if self.cohort else set()

    @property
    def learners(self) -> list[str]:
        """Those of the others who may teach where no time is learned (training.unknown_onset)."""
        if not (self.cohort and self.config["training"]["unknown_onset"]):
            return []
        return [
            patient
            for patient in self.cohort.unlabelled
            if self.cell(patient, "lesion_side") or self.lesion_mask(patient)
        ]

    @property
    def sided_by_mask(self) -> list[str]:
        """The patients whose lesion's side is measured on its mask, because the sheet has none."""
        if self.are_phantoms:
            return []
        return [
            patient
            for patient in self.ids
            if self.lesion_mask(patient) and not self.cell(patient, "lesion_side")
        ]

    @property
    def side_tables(self) -> list[str]:
        """The tables of the batches that hold these patients."""
        batches = sorted({self._batch_of[patient] for patient in self.sided_by_mask})
        return [self.table_of("lesions", batch) for batch in batches]

    def drawn_in(self, batch: str) -> list[str]:
        """The patients of a batch whose lesion a person drew; no phantoms, whose masks are the truth."""
        return [] if self.are_phantoms else [*filter(self.lesion_mask, self.of_batch(batch))]

    def drawn_tables(self, batch: str) -> list[str]:
        """The table of a batch's lesions where a person drew one; a check takes it, and no other."""
        return [self.table_of("lesions", batch)] if self.drawn_in(batch) else []

    @property
    def exclusions(self) -> dict[str, str]:
        """Excluded patient of the sheet -> one sentence with the reason."""
        return self.cohort.exclusions if self.cohort else {}

    @property
    def sheet(self) -> str:
        """The cohort sheet's file: the user's, or the one that is written for phantoms."""
        return self.config["cohort"]["sheet"] or f"{self.folder}/phantom/cohort.tsv"

    @property
    def readers(self) -> str | None:
        """The reader sheet's file; None where there is none."""
        phantoms = f"{self.folder}/phantom/readers.tsv" if self.are_phantoms else None
        return self.config["cohort"]["readers"] or phantoms

    @cached_property
    def series(self) -> tuple[str, ...]:
        """The series that are brought to the atlas grid."""
        return list_used(self.config["models"]["channels"])

    @cached_property
    def registered(self) -> tuple[str, ...]:
        """Those of the series that are registered to the T2w."""
        return list_registered(self.series, shared=registers_dwi(self.config["preprocessing"]))

    @property
    def preprocessed(self) -> dict[str, str]:
        """Name of a preprocessed file -> its path in the run's folder, with {patient}."""
        files = name_outputs(
            self.config["models"]["channels"],
            register_dwi=registers_dwi(self.config["preprocessing"]),
            folder="preprocessed/{patient}",
        )
        if self.in_template_space:
            del files["findings"]
        return files

    def of_batch(self, batch: str) -> list[str]:
        """List the patients of a batch, of `phantom_batches` too."""
        return [*(self.batches.get(batch) or self.phantom_batches[batch])]

    def table_of(self, step: str, batch: str = "{batch}") -> str:
        """The table of a batch's files that a step's job writes; by default with the wildcard {batch}."""
        return f"{self.folder}/batches/{step}/{batch}.tsv"

    def tables_of(self, step: str) -> list[str]:
        """The tables of all batches of a step."""
        batches = self.phantom_batches if step == "phantom_registered" else self.batches
        return [self.table_of(step, batch) for batch in batches]

    def preprocessed_table(self, batch: str) -> str:
        """The table that holds the preprocessed files of a batch of `batches`."""
        if self.in_template_space:
            return self.table_of("phantom_registered", find_batch(self.phantom_batches, batch))
        return self.table_of("preprocess", batch)

    @property
    def preprocessed_tables(self) -> list[str]:
        """The tables that hold all preprocessed files."""
        return self.tables_of("phantom_registered" if self.in_template_space else "preprocess")

    @property
    def phantom_tables(self) -> list[str]:
        """The tables of the jobs that make phantoms; none with a cohort sheet."""
        if self.in_template_space:
            return self.preprocessed_tables
        return self.tables_of("phantom") if self.are_phantoms else []

    @property
    def study_tables(self) -> list[str]:
        """The tables of the phantoms' DICOM studies; none where they are not asked for."""
        wanted = self.are_phantoms and not self.in_template_space and self.config["phantom"]["dicom"]
        return self.tables_of("phantom_dicom") if wanted else []

    @property
    def all_tables(self) -> list[str]:
        """The tables of every step, from phantoms to hemispheres."""
        later = [table for step in _STEPS for table in self.tables_of(step)]
        return [*self.phantom_tables, *self.study_tables, *self.preprocessed_tables, *later]

    def cell(self, patient: str, column: str) -> str:
        """A patient's cell of the cohort sheet; "" where it is empty, and for phantoms."""
        return self._rows[patient][column] if self._rows else ""

    def raw_series(self, patient: str) -> dict[str, str | None]:
        """The files of a patient's raw series that are used; None where there is none."""
        if not self.are_phantoms:
            return {name: self.cell(patient, name) or None for name in self.series}
        folder = f"{self.folder}/phantom/{patient}"
        return {name: None if SERIES[name].derived else f"{folder}/{name}.nii.gz" for name in self.series}

    def raw_files_of(self, patients: Iterable[str]) -> list[str]:
        """The files that raw series depend on: their own, or the tables of the phantoms' batches."""
        if self.are_phantoms:
            batches = sorted({self._batch_of[patient] for patient in patients})
            return [self.table_of("phantom", batch) for batch in batches]
        return [file for patient in patients for file in self.raw_series(patient).values() if file]

    def files_of(self, batch: str) -> list[str]:
        """The files that the raw series of a batch depend on."""
        return self.raw_files_of(self.of_batch(batch))

    def studies(self, batch: str) -> dict[str, dict[str, Any]]:
        """Patient -> raw (series -> file), b_value, field_t, of a batch."""
        return {
            patient: {
                "raw": {name: path for name, path in self.raw_series(patient).items() if path},
                "b_value": self.b_value(patient),
                "field_t": self.cell(patient, "field_t"),
            }
            for patient in self.of_batch(batch)
        }

    def scans(self, patient: str) -> dict[str, str]:
        """The files of all series that a patient's row of the cohort sheet names, used or not."""
        if not self.are_phantoms:
            return {name: self.cell(patient, name) for name in SERIES if self.cell(patient, name)}
        folder = "preprocessed" if self.in_template_space else "phantom"
        names = (name for name, one in SERIES.items() if one.phantom and not one.derived)
        return {name: f"{self.folder}/{folder}/{patient}/{name}.nii.gz" for name in names}

    @property
    def scanned_files(self) -> list[str]:
        """The files of `scans` with their sidecars and b-values; of phantoms the tables of their batches."""
        if self.are_phantoms:
            return self.phantom_tables
        images = [image for patient in self.ids for image in self.scans(patient).values()]
        notes = (beside(image, suffix) for image in images for suffix in (".json", ".bval"))
        return [*images, *filter(os.path.isfile, notes)]

    def b_value(self, patient: str) -> float:
        """The diffusion weighting of a patient's DWI in s/mm²; the paper's where the sheet has none."""
        return float(self.cell(patient, "b_value") or _B_VALUE)

    def head(self, patient: str) -> str:
        """Whether a patient's series show the whole head or a stripped brain; auto: to be found out."""
        told = self.config["preprocessing"]
        return told["head_of"].get(patient, told["head"])

    def shipped_adc(self, patient: str) -> str | None:
        """The ADC map that the sheet names beside a T2w: it is not used but compared. None: there is none."""
        return (self.cell(patient, "t2w") and self.cell(patient, "adc")) or None

    def lesion_mask(self, patient: str) -> str | None:
        """The file of the lesion mask: a phantom's truth, or the sheet's lesion_mask; None: there is none."""
        if self.are_phantoms:
            return f"{self.folder}/derivatives/truth/{patient}/lesion.nii.gz"
        return self.cell(patient, "lesion_mask") or None

    def drawn_on(self, patient: str) -> str | None:
        """The series on whose grid the lesion mask is; None: there is no mask, or it is on the atlas grid."""
        if self.in_template_space or not self.lesion_mask(patient):
            return None
        return self.raw_series(patient)["dwi"]

    def drawn_files_of(self, patients: Iterable[str]) -> list[str]:
        """The files that lesion masks depend on: masks and series of their grid, or phantoms' tables."""
        if self.are_phantoms:
            return [] if self.in_template_space else self.raw_files_of(patients)
        patients = [*patients]
        files = [*map(self.lesion_mask, patients), *map(self.drawn_on, patients)]
        return [file for file in files if file]

    @cached_property
    def _rows(self) -> dict[str, dict[str, str]]:
        return {row["patient"]: row for row in self.cohort.rows} if self.cohort else {}

    @cached_property
    def _batch_of(self) -> dict[str, str]:
        return {patient: batch for batch, members in self.batches.items() for patient in members}

    @property
    def to_divide(self) -> int | None:
        """How many patients of known onset are divided into training, validation and test.

        None where it is not known yet: which phantoms are external is known when they are made.
        """
        if self.are_phantoms and self.config["split"]["external"]:
            return None
        return len(set(self.labelled) - self.external)

    def check_any_left(self) -> None:
        """Raise ConfigurationError where every patient of the sheet is excluded."""
        if not self.ids:
            raise ConfigurationError(
                f"Every patient of {self.sheet} is excluded: correct the sheet as the warnings say."
            )

    def check_heads(self) -> None:
        """Raise ConfigurationError where preprocessing.head_of names a patient who is not in the cohort."""
        if unknown := sorted({*self.config["preprocessing"]["head_of"]} - {*self.ids, *self.exclusions}):
            raise ConfigurationError(
                f"Configuration key preprocessing.head_of names {', '.join(unknown)}, not in the cohort: "
                "correct or remove them."
            )

    @property
    def without_part(self) -> set[str]:
        """The patients of known onset and lesion side to whom the split file gives no part.

        The checks must exclude them, or the job that makes the split stops. None without a split file.
        """
        return {*self.labelled} - {*self._read_split_file()} if self.config["split"]["file"] else set()

    def check_readers_and_split(self) -> None:
        """Check the reader sheet and the split file that the configuration names.

        Raises
        ------
        ConfigurationError
            One sentence that names the file, the patient and the remedy.
        """
        if readers := self.config["cohort"]["readers"]:
            # which patients need calls is known after the split; other faults must be found before training
            read_reader_sheet(readers, known={*self.ids, *self.exclusions}, needed=())
        if self.config["split"]["file"]:
            self._read_split_file()

    def _read_split_file(self) -> dict[str, str]:
        return check_split_file(
            self.config["split"]["file"],
            labelled=self.labelled,
            needed=(),  # the checks may exclude whom the file lacks: the job that makes the split asks
            unlabelled=self.cohort.unlabelled if self.cohort else (),
            learners=self.learners,
            excluded=self.exclusions,
            persons=self.cohort.persons if self.cohort else {},
        )


def read_patients(config: Mapping[str, Any], *, folder: str) -> Patients:
    """Read the patients of a run.

    Parameters
    ----------
    config : the checked configuration.
    folder : results/<run>.

    Raises
    ------
    ConfigurationError
        The cohort sheet has a fault (`sheet.read_sheet`), or split.external names an unknown column. No error
        where the sheet excludes all (`check_any_left`) or no patient is external (`external`).
    """
    check_columns(config["split"]["external"])
    cohort = (
        read_sheet(
            config["cohort"]["sheet"],
            needed=list_needed(config["models"]["channels"]),
            require_onset=config["cohort"]["require_onset"],
            exclude=config["cohort"]["exclude"],
        )
        if config["cohort"]["sheet"]
        else None
    )
    phantoms = (f"phantom-{number:04d}" for number in range(1, config["phantom"]["patients"] + 1))
    ids = sorted(cohort.patients if cohort else phantoms)
    most = config["preprocessing"]["patients_per_job"]
    batches = deal_batches(ids, most=most)
    is_registered = not cohort and config["phantom"]["space"] == "template"
    return Patients(
        folder=folder,
        config=config,
        cohort=cohort,
        ids=ids,
        batches=batches,
        phantom_batches=deal_batches(ids, most=max(_REGISTERED_PHANTOMS, most)) if is_registered else batches,
    )

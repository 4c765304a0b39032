"""The patients of a run, of a sheet or phantoms: who shares a job, and what is there of them before any job.

Standard library alone: the machine that runs Snakemake reads it. Paths are from the working folder.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from strokeclock.batches import deal_batches, find_batch
from strokeclock.cohort.readers import read_reader_sheet
from strokeclock.cohort.sheet import Cohort, read_sheet
from strokeclock.cohort.split_file import check_split_file
from strokeclock.errors import ConfigurationError
from strokeclock.series import SERIES, list_needed, list_registered, list_used

_REGISTERED_PHANTOMS = 100  # a batch at least, where they are made on the atlas grid: each takes a second
_B_VALUE = 1000.0  # s/mm², of the paper
_STEPS = ("check", "lesions", "hemispheres", "quality_picture")  # behind preprocessing; each leaves tables


@dataclass(frozen=True, kw_only=True)
class Patients:
    """Who takes part, and where what is theirs lies.

    Attributes
    ----------
    folder : results/<run>.
    config : the checked configuration.
    cohort : what the cohort sheet says; None: the patients are phantoms.
    ids : in alphabetical order.
    batches : batch -> its patients, who share a job. Starting a process costs as much as a step on one
        patient.
    phantom_batches : the same for the jobs that make phantoms. Registered ones take larger batches.
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
        """Those whose onset time and lesion side are known."""
        return self.cohort.labelled if self.cohort else self.ids

    @property
    def exclusions(self) -> dict[str, str]:
        """Patient of the sheet who does not take part -> one sentence that says why."""
        return self.cohort.exclusions if self.cohort else {}

    @property
    def sheet(self) -> str:
        """The cohort sheet's file: the user's, or the one that is written of phantoms."""
        return self.config["cohort"]["sheet"] or f"{self.folder}/phantom/cohort.tsv"

    @property
    def readers(self) -> str | None:
        """The reader sheet's file; None where there is none."""
        phantoms = f"{self.folder}/phantom/readers.tsv" if self.are_phantoms else None
        return self.config["cohort"]["readers"] or phantoms

    @cached_property
    def series(self) -> tuple[str, ...]:
        """The series that come to the atlas grid."""
        return list_used(self.config["models"]["channels"])

    @cached_property
    def registered(self) -> tuple[str, ...]:
        """Those of the series that are registered to the T2w."""
        shared = self.config["preprocessing"]["dwi_transform"] == "register"
        return list_registered(self.series, shared=shared)

    @property
    def preprocessed(self) -> dict[str, str]:
        """What preprocessing leaves of a patient -> its path in the run's folder, with {patient}."""
        folder = "preprocessed/{patient}"
        return (
            {name: f"{folder}/{name}.nii.gz" for name in (*self.series, "brain_mask")}
            | {"t2w_to_atlas": f"{folder}/transforms/t2w_to_atlas.txt"}
            | {f"{name}_to_t2w": f"{folder}/transforms/{name}_to_t2w.txt" for name in self.registered}
        )

    def of_batch(self, batch: str) -> list[str]:
        """List the patients of a batch, of `phantom_batches` too."""
        return [*(self.batches.get(batch) or self.phantom_batches[batch])]

    def table_of(self, step: str, batch: str = "{batch}") -> str:
        """The table that a step's job leaves of its batch's files; with the wildcard {batch} for any."""
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
        """The tables of the phantoms that are made; none for patients."""
        if self.in_template_space:
            return self.preprocessed_tables
        return self.tables_of("phantom") if self.are_phantoms else []

    @property
    def all_tables(self) -> list[str]:
        """The tables of every step, from phantoms to hemispheres."""
        later = [table for step in _STEPS for table in self.tables_of(step)]
        return [*self.phantom_tables, *self.preprocessed_tables, *later]

    def cell(self, patient: str, column: str) -> str:
        """What the cohort sheet says of a patient; "" where it is silent, and for phantoms."""
        return self._rows[patient][column] if self._rows else ""

    def raw_series(self, patient: str) -> dict[str, str | None]:
        """The files of a patient's raw series that are used; None where there is none."""
        if not self.are_phantoms:
            return {name: self.cell(patient, name) or None for name in self.series}
        folder = f"{self.folder}/phantom/{patient}"
        return {name: None if SERIES[name].derived else f"{folder}/{name}.nii.gz" for name in self.series}

    def raw_files_of(self, patients: Iterable[str]) -> list[str]:
        """What raw series depend on: their files, or the tables of the phantoms that they are made with."""
        if self.are_phantoms:
            batches = sorted({self._batch_of[patient] for patient in patients})
            return [self.table_of("phantom", batch) for batch in batches]
        return [file for patient in patients for file in self.raw_series(patient).values() if file]

    def b_value(self, patient: str) -> float:
        """The diffusion weighting of a patient's DWI in s/mm²; the paper's where the sheet is silent."""
        return float(self.cell(patient, "b_value") or _B_VALUE)

    def lesion_mask(self, patient: str) -> str | None:
        """The file of a lesion as drawn: a phantom's truth, or the sheet's lesion_mask. None: not drawn."""
        if self.are_phantoms:
            return f"{self.folder}/derivatives/truth/{patient}/lesion.nii.gz"
        return self.cell(patient, "lesion_mask") or None

    def drawn_on(self, patient: str) -> str | None:
        """The series on whose grid a lesion is drawn; None: none is drawn, or it is on the atlas grid."""
        if self.in_template_space or not self.lesion_mask(patient):
            return None
        return self.raw_series(patient)["dwi"]

    def drawn_files_of(self, patients: Iterable[str]) -> list[str]:
        """What drawn lesions depend on: masks and the series they are drawn on, or the phantoms' tables."""
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

    def check_any_left(self) -> None:
        """Raise ConfigurationError where every patient of the sheet is excluded."""
        if not self.ids:
            raise ConfigurationError(f"Every patient of {self.sheet} is excluded.")

    def check_files_about_them(self) -> None:
        """Check the reader sheet and the split file that the configuration names.

        Raises
        ------
        ConfigurationError
            One sentence that names the file, the patient and the remedy.
        """
        if readers := self.config["cohort"]["readers"]:
            # whom they must have read is known after the split, all other faults before hours of training
            read_reader_sheet(readers, known={*self.ids, *self.exclusions}, needed=())
        if split := self.config["split"]["file"]:
            check_split_file(
                split,
                labelled=self.labelled,
                unlabelled=self.cohort.unlabelled if self.cohort else (),
                excluded=self.exclusions,
            )


def read_patients(config: Mapping[str, Any], *, folder: str) -> Patients:
    """Read who the patients are.

    Parameters
    ----------
    config : the checked configuration.
    folder : results/<run>.

    Raises
    ------
    ConfigurationError
        The cohort sheet has a fault (`sheet.read_sheet`). No error where it excludes all: `check_any_left`.
    """
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

"""The whole configuration, and contradictions between its sections."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from strokeclock.errors import ConfigurationError
from strokeclock.models.registry import network_started_from
from strokeclock.series import SERIES
from strokeclock.settings.evaluation import Evaluation
from strokeclock.settings.group import Group, WithoutBraces, missing_file, section, setting
from strokeclock.settings.networks import InitialWeights, Models
from strokeclock.settings.patients import Cohort, Phantom, Split
from strokeclock.settings.preprocessing import Preprocessing, Quality
from strokeclock.settings.reading import Bundle, External, Reading
from strokeclock.settings.report import Report
from strokeclock.settings.training import Training

IMAGENET_WIDTH = 64  # channels of ResNet-18's first stage
# It becomes part of a command line.
ContainerImage = Annotated[str, Field(pattern=r"^[A-Za-z0-9_./][A-Za-z0-9_./:@+-]*$")]


class Settings(Group):
    """A run's settings. Without arguments they are the paper's, without patients."""

    run: Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$")] = setting(
        "paper",
        "results lie in results/<run>/, logs in logs/<run>/",
        kind="a name of at most 100 letters, digits, '.', '_' and '-', the first no '.' or '-'",
    )
    recipe: Annotated[str, Field(min_length=1), WithoutBraces()] = setting(
        "paper", "name of the training settings, printed in Table 2; choose another one if you change them"
    )
    container: ContainerImage | None = setting(
        None,
        "image that the jobs run in with snakemake --sdm apptainer (docs/how-to/container.md); null: none",
        kind="an address, such as docker://registry/name:tag, or the path of a .sif file, without spaces",
    )
    cohort: Cohort = section(Cohort)
    split: Split = section(
        Split, "division of the patients into parts, stratified on TSS < 3 h, 3 to 4.5 h, >= 4.5 h"
    )
    phantom: Phantom = section(
        Phantom, "synthetic patients (docs/methods/phantoms.md); used only if cohort.sheet is null"
    )
    preprocessing: Preprocessing = section(Preprocessing)
    quality: Quality = section(
        Quality,
        "verdict fail: the patient is excluded; verdict review: a person should check the pictures",
    )
    models: Models = section(Models)
    initial_weights: InitialWeights = section(
        InitialWeights,
        'files for the starts imagenet and medical; if null, their rows of Table 2 say "not run"',
    )
    training: Training = section(Training)
    evaluation: Evaluation = section(Evaluation)
    bundle: Bundle = section(Bundle, "everything fitted as one file, results/<run>/bundle/model.zip")
    reading: Reading = section(Reading, "patients of unknown onset to read, for `snakemake read`")
    external: External = section(
        External, "another hospital's patients of known onset, for `snakemake external`"
    )
    report: Report = section(Report, "what the authors add to the pages to read")

    @property
    def has_patients(self) -> bool:
        """Whether there is a cohort to train on; else a bundle reads other patients."""
        return bool(self.cohort.sheet or self.phantom.patients)

    def faults(self) -> Iterator[str]:
        if self.container and "://" not in self.container:
            yield from missing_file("container", self.container)
        if not self.cohort.sheet:
            if not (self.phantom.patients or self.reading.sheet or self.external.sheet):
                yield (
                    "No patients: set cohort.sheet to your cohort sheet (docs/reference/cohort-sheet.md), "
                    "or phantom.patients to a number for a synthetic cohort."
                )
            if absent := [name for name in self.models.channels if not SERIES[name].phantom]:
                yield (
                    f"Configuration key models.channels names {', '.join(absent)}, which phantoms do not "
                    "have: remove it, or set cohort.sheet to your cohort sheet."
                )
            if self.cohort.exclude:
                yield (
                    f"Configuration key cohort.exclude names {', '.join(self.cohort.exclude)}, but the "
                    "cohort is of phantoms: empty it, and exclude phantoms with quality.verdicts."
                )
        elif self.phantom.patients:
            yield (
                "Both cohort.sheet and phantom.patients are set: "
                "set phantom.patients to 0 or the sheet to null."
            )
        if self.training.unknown_onset and self.cohort.require_onset:
            yield (
                "Configuration key training.unknown_onset is true, and cohort.require_onset is true, which "
                "excludes patients of unknown onset: set cohort.require_onset: false."
            )
        segmentation, counts = self.training.phase0_segmentation, self.split.counts
        if segmentation and counts and not self.split.file and counts[0] < segmentation.folds:
            yield (
                f"Configuration key training.phase0_segmentation.folds is {segmentation.folds}, and "
                f"split.counts gives the training part {counts[0]} patients: lower the folds."
            )
        yield from self._faults_of_initial_weights()

    def _faults_of_initial_weights(self) -> Iterator[str]:
        start = self.initial_weights
        for name, data in (("medical_2d", start.medical_2d), ("medical_3d", start.medical_3d)):
            if data.source == "phantom" and self.cohort.sheet:
                yield (
                    f"Configuration key initial_weights.{name}.source is phantom, and the cohort is of "
                    "patients: name the data set, or set it to null for no such start."
                )
        net = network_started_from("imagenet")
        width = dict(self.models.network(net))["width"]
        if start.imagenet.file and width != IMAGENET_WIDTH:
            yield (
                "Configuration key initial_weights.imagenet.file: its weights are of width "
                f"{IMAGENET_WIDTH}, and models.{net}.width is {width}: set the width to {IMAGENET_WIDTH}, or "
                "the file to null."
            )

    def check_counts(self, *, patients: int | None) -> None:
        """Refuse split.counts that do not fit the number of patients, before hours of preprocessing.

        Parameters
        ----------
        patients : of known onset, outside an external cohort; None where their number is not known yet.

        Raises
        ------
        ConfigurationError
            There are such patients, and the counts do not sum to their number.
        """
        if patients and (fault := self.split.counts_fault(patients=patients)):
            raise ConfigurationError(fault)

    def as_mapping(self) -> dict:
        """Return the settings as Snakemake's ``config`` has them: dictionaries, lists, numbers, texts."""
        return self.model_dump(by_alias=True)

"""Settings of the patients: cohort, split, phantom."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from strokeclock.phantom.sites import SITES
from strokeclock.settings.group import (
    Count,
    Group,
    Natural,
    NotNegative,
    PathName,
    Positive,
    Share,
    missing_file,
    setting,
)

if TYPE_CHECKING:
    SiteName = str
else:
    SiteName = Literal[tuple(SITES)]


def _reason(text: str) -> str:
    if not text.strip():
        raise ValueError("which gives no reason: write in a few words why the patient is excluded.")
    return text


Reason = Annotated[
    str, AfterValidator(_reason), Field(json_schema_extra={"x-kind": "the reason in a few words"})
]


# NumPy takes a larger seed apart, and the streams of (seed, patient number) would no longer all differ.
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


MOST_REPEATS = 100  # splits


class Cohort(Group):
    sheet: PathName | None = setting(
        None,
        "path to the cohort sheet (TSV, docs/reference/cohort-sheet.md); null: a phantom cohort "
        "(phantom.patients)",
    )
    readers: PathName | None = setting(
        None,
        "path to the reader sheet (TSV: patient, reader1, …; 1 = DWI-FLAIR mismatch present); null: no "
        "reader rows",
    )
    require_onset: bool = setting(
        True,
        "false: patients without onset, or without a lesion of known side or mask, are not excluded; "
        "training.unknown_onset says what they teach",
    )
    exclude: dict[str, Reason] = setting(
        {},
        "{patient: reason}: patients to exclude; put identifiers that are numbers in quotes",
        kind="pairs {patient: reason}, both of them texts",
    )

    def faults(self) -> Iterator[str]:
        if self.sheet and not os.path.isfile(self.sheet):
            yield (
                f"Configuration key cohort.sheet names {self.sheet}, which does not exist: correct the path."
            )
        yield from missing_file("cohort.readers", self.readers)


class Split(Group):
    counts: Annotated[list[Natural], Field(min_length=3, max_length=3)] | None = setting(
        [272, 68, 82],
        "size of each part, of patients of known onset; null: use fractions",
        unit="patients",
        source="P",
        names=("train", "validation", "test"),
    )
    fractions: Annotated[list[Share], Field(min_length=3, max_length=3)] = setting(
        [0.64, 0.16, 0.20],
        "share of each part, used if counts is null; they must sum to 1",
        names=("train", "validation", "test"),
    )
    seed: Count = setting(2021, "seed of the random division")
    repeats: Annotated[int, Field(ge=1, le=MOST_REPEATS)] = setting(
        1,
        "number of splits, with seed, seed + 1, …: all that follows the split is made for each, and "
        "summarised (docs/methods/evaluation.md); for small cohorts",
        source="D",
    )
    external: dict[str, Annotated[list[str], Field(min_length=1)]] = setting(
        {},
        "{column of the cohort sheet: [values]}, such as {site: [B]}: patients with one of these values are "
        "the external cohort (part external): nothing is learned from them, they are not in the test part; "
        "`snakemake external` tests the bundle on them",
        kind="pairs {column: [values]}, the values texts (numbers in quotes)",
    )
    file: PathName | None = setting(None, "an existing split (TSV: patient, part) to use instead")

    def faults(self) -> Iterator[str]:
        total = sum(self.fractions)
        if abs(total - 1) > 1e-6:
            yield (
                f"Configuration key split.fractions is {self.fractions}, together {total:.6g}: "
                "make them sum to 1."
            )
        if self.file and self.external:
            yield (
                "Configuration keys split.file and split.external are both set: write the part external into "
                "the file, and set split.external to {}."
            )
        if self.file and self.repeats > 1:
            yield (
                f"Configuration key split.repeats is {self.repeats}, and split.file gives one split: set "
                "split.repeats to 1, or split.file to null."
            )
        yield from missing_file("split.file", self.file)

    def counts_fault(self, *, patients: int) -> str | None:
        """Return why the counts do not fit this number of patients of known onset, or None."""
        if not self.counts or self.file or sum(self.counts) == patients:
            return None
        return (
            f"Configuration key split.counts is {self.counts}, together {sum(self.counts)}, but {patients} "
            "patients of known onset enter: correct the counts, or set split.counts: null to use "
            "split.fractions."
        )


class Phantom(Group):
    patients: Count = setting(0, "number of phantoms")
    seed: Seed = setting(0, "seed of the cohort; each patient's random stream is (seed, patient number)")
    space: Literal["native", "template"] = setting(
        "native",
        "which images are made",
        meanings={
            "native": "whole heads as a scanner gives them",
            "template": "registered volumes directly",
        },
    )
    site: SiteName = setting(
        "siemens",
        "the hospital: its scanners, protocols, onset times and lesion sizes",
        meanings={
            "siemens": "1.5 T and 3 T Siemens, as in the paper",
            "philips-ge": "3 T Philips and 1.5 T GE; fewer patients come early, lesions are larger",
        },
    )
    dicom: bool = setting(
        False,
        "true: each patient's study is also written as DICOM, to phantom/<patient>/dicom/ (native space)",
    )
    tissue_clock_sigma: NotNegative = setting(
        0.8, "SD of ln k, a patient's factor from time t to tissue time u = t·k (collaterals)"
    )
    t2_nuisance: NotNegative = setting(
        0.04, "s0, the SD of the error of the lesion's log T2, which shows in every series"
    )
    contrast_gain: Positive = setting(2.0, "factor on the log of the lesion's T2 ratio, its error included")
    lesion_time_sigma: NotNegative = setting(
        0.6, "SD of the log of tissue time from place to place within a lesion; 0: one time"
    )
    bilateral: Share = setting(0.02, "share of patients with lesions on both sides")
    dwi_negative: Share = setting(0.05, "share of patients whose lesion is invisible or faint on DWI")

    def faults(self) -> Iterator[str]:
        if self.dicom and self.space == "template":
            yield (
                "Configuration key phantom.dicom is true, but phantom.space is template, where no scanner "
                "makes a study: set phantom.space to native, or phantom.dicom to false."
            )

"""Settings of the bundle, of reading patients with it, and of the external test."""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from strokeclock.settings.group import AS_WRITTEN, Group, PathName, missing_file, setting

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)  # for which cuts are chosen (`evaluation.operating`)
RowName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+/[A-Za-z0-9_]+/[A-Za-z0-9_]+$")]


class Bundle(Group):
    rows: Literal["best"] | Annotated[list[RowName], Field(min_length=1)] = setting(
        "best",
        "the rows of Table 2 that it scores, the headline first, such as [segmentation/phase3_tss4h5/3d]; "
        "best: the row of TSS < 4.5 h with the highest AUC in the validation part",
        kind="best, or a list of rows <net>/<phase>/<start>",
    )
    coverage: Annotated[float, Field(ge=0.5, le=1), AS_WRITTEN] = setting(
        0.8,
        "share of the validation patients who are answered; those whose score is nearest to the threshold "
        "get no answer; 1, .9, .8, .7, .6 or .5",
    )
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}$")] = setting(
        "strokeclock", "name of the model, on every page that it makes"
    )
    version: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,29}$")] = setting(
        "1", "version of the model"
    )
    licence: Annotated[str, Field(pattern=r"^[A-Za-z0-9 ().,+_-]{0,99}$")] = setting(
        "", "licence of the model, such as CC-BY-4.0; empty: none is given, so that others may not use it"
    )

    def faults(self) -> Iterator[str]:
        if self.coverage not in COVERAGES:
            yield (
                f"Configuration key bundle.coverage is {self.coverage:g}: use one of "
                f"{', '.join(f'{one:g}' for one in COVERAGES)}."
            )


class Reading(Group):
    bundle: PathName | None = setting(None, "the bundle (model.zip) that reads the patients")
    sheet: PathName | None = setting(
        None, "cohort sheet of the patients to read; onset and lesion_side may be empty"
    )
    side: Literal["auto", "sheet"] = setting(
        "auto",
        "where the lesion is",
        meanings={
            "auto": "found by the networks, or not told",
            "sheet": "lesion_side of the sheet; found where that is empty",
        },
    )

    def faults(self) -> Iterator[str]:
        yield from missing_file("reading.bundle", self.bundle)
        yield from missing_file("reading.sheet", self.sheet)
        if self.sheet and not self.bundle:
            yield "Configuration key reading.sheet is set, and reading.bundle is null: name a model.zip."


class External(Group):
    bundle: PathName | None = setting(None, "the bundle (model.zip) that is tested")
    sheet: PathName | None = setting(
        None, "cohort sheet of the other hospital's patients, with onset and lesion_side"
    )
    readers: PathName | None = setting(None, "reader sheet of these patients; null: no reader rows")

    def faults(self) -> Iterator[str]:
        for key in ("bundle", "sheet", "readers"):
            yield from missing_file(f"external.{key}", getattr(self, key))
        if self.sheet and not self.bundle:
            yield "Configuration key external.sheet is set, and external.bundle is null: name a model.zip."

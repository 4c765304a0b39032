"""Settings of preprocessing and of the quality checks."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from strokeclock.series import SERIES
from strokeclock.settings.group import (
    AS_WRITTEN,
    Group,
    Natural,
    NotNegative,
    PathName,
    Positive,
    Share,
    missing_file,
    section,
    setting,
)
from strokeclock.toolchain import FSL, TOOLCHAINS

if TYPE_CHECKING:
    ToolchainName = str
else:
    ToolchainName = Literal[tuple(TOOLCHAINS)]


def _no_decimals(value: object) -> object:
    if isinstance(value, float):  # 12.0 equals 12, but FLIRT would be given another text
        raise PydanticCustomError("literal_error", "a number with decimals")
    return value


Dof = Annotated[Literal[6, 7, 9, 12], BeforeValidator(_no_decimals)]
Cost = Literal["corratio", "mutualinfo", "normmi", "normcorr"]
Iterations = Annotated[list[Natural], Field(min_length=1)]

Percentile = Annotated[float, Field(ge=0, le=100), AS_WRITTEN]


class Atlas(Group):
    source: Literal["nilearn", "files", "templateflow"] = setting(
        "nilearn",
        "where the T2w atlas comes from",
        meanings={
            "nilearn": "built from its symmetric ICBM-2009a maps",
            "templateflow": "MNI152NLin2009cSym",
        },
    )
    t2w: PathName | None = setting(None, "for source files: the T2w atlas, of the whole head or the brain")
    brain_mask: PathName | None = setting(None, "for source files: the atlas's brain mask")

    white_matter: PathName | None = setting(
        None, "map of the atlas's white matter, for radiomics; null: nilearn's, for any atlas in MNI space"
    )

    def faults(self) -> Iterator[str]:
        yield from missing_file("preprocessing.atlas.white_matter", self.white_matter)
        for key in ("t2w", "brain_mask") if self.source == "files" else ():
            path = getattr(self, key)
            if not path or not os.path.isfile(path):
                yield (
                    f"Configuration key preprocessing.atlas.{key} is {path or 'null'}, not a file: "
                    "name it, or set preprocessing.atlas.source to nilearn."
                )


class N4(Group):
    shrink: Natural = setting(4, "factor by which N4 makes the image coarser", source="D")
    iterations: Iterations = setting([50, 50, 30, 20], "at each level, from coarse to fine", source="D")
    shared_dwi: bool = setting(True, "b1000 takes b0's bias field: keeps the ADC unbiased", source="D")


class Fsl(Group):
    bet_fraction: Share = setting(0.5, "fractional intensity threshold of the first BET (-f)", source="D")
    bet_robust: bool = setting(
        True, "robust estimate of the brain's centre in the first BET (-R)", source="D"
    )
    second_bet_fraction: Share = setting(0.3, "the same of the second BET, after registration", source="D")
    t2w_dof: Dof = setting(12, "T2w to atlas", unit="degrees of freedom", source="D")
    t2w_cost: Cost = setting("corratio", "cost function, T2w to atlas", source="D")
    flair_dof: Dof = setting(6, "FLAIR to T2w", unit="degrees of freedom", source="D")
    flair_cost: Cost = setting("normmi", "cost function, FLAIR to T2w", source="D")


class Open(Group):
    t2w_dof: Dof = setting(12, "T2w to atlas", unit="degrees of freedom", source="D")
    n4_iterations: Iterations = setting(
        [30, 30, 30],
        "at each level; two levels leave much of the bias field, four remove anatomy (docs/methods/paper.md)",
        source="D",
    )


class Intensity(Group):
    normalisation: Literal["zscore", "minmax", "whitestripe", "median", "none"] = setting(
        "median",
        "of each series, inside the brain mask",
        source="D",
        meanings={"zscore": "clipped", "median": "becomes 0.2, and 0 stays 0: keeps ratios"},
    )
    clip: Positive = setting(
        8.0,
        "limit of zscore; 5 cuts off part of a bright infarct on DWI (docs/methods/paper.md)",
        unit="SD",
        source="D",
    )
    matching: Literal["none", "bounded", "landmarks"] = setting(
        "none",
        "of each series' histogram to a training patient's",
        source="D; P: to a reference study",
        meanings={
            "none": "keeps ratios exactly",
            "bounded": "changes a ratio of 2.7 by 5 % at most",
            "landmarks": "as ITK's, changes ratios by up to 43 % (docs/methods/paper.md)",
        },
    )
    match_points: Natural = setting(
        7, "number of landmarks above the mean, for matching landmarks", source="D"
    )
    reference: PathName | None = setting(
        None,
        "another run's hemispheres/reference.npz, to match to its training patient; null: this run's first",
    )
    percentiles: Annotated[list[Percentile], Field(min_length=2, max_length=2)] | None = setting(
        None,
        "percentiles of the brain that become 0 and 1; null: values stay, clipped to 0 and 1",
        source="D",
        names=("low", "high"),
    )

    def faults(self) -> Iterator[str]:
        if self.percentiles:
            yield from _not_rising("preprocessing.intensity.percentiles", self.percentiles)
        elif self.normalisation in ("zscore", "whitestripe", "none"):
            yield (
                f"Configuration key preprocessing.intensity.normalisation is {self.normalisation}, which "
                "leaves values below 0 or above 1, and they would be cut off: set "
                "preprocessing.intensity.percentiles, for example to [0.1, 99.9], or normalisation to median."
            )
        if self.matching == "bounded" and self.normalisation != "median":
            yield (
                "Configuration key preprocessing.intensity.matching is bounded, which needs the ratios of "
                f"intensities, and normalisation {self.normalisation} does not keep them: set "
                "preprocessing.intensity.normalisation to median."
            )
        if self.matching == "none" and self.reference:
            yield (
                "Configuration key preprocessing.intensity.reference names a reference, and with matching "
                "none there is nothing to match: set preprocessing.intensity.matching, or reference to null."
            )
        yield from missing_file("preprocessing.intensity.reference", self.reference)


class Preprocessing(Group):
    toolchain: ToolchainName = setting(
        FSL,
        "programs that preprocess",
        meanings={name: toolchain.meaning for name, toolchain in TOOLCHAINS.items()},
    )
    patients_per_job: Natural = setting(
        8, "number in a job that takes seconds a patient, because starting a job takes as long"
    )
    keep_volumes: bool = setting(
        True,
        "false: preprocessed volumes (4 MB a patient) are deleted when the whole run is done; results stay",
    )
    head: Literal["auto", "whole", "stripped"] = setting(
        "auto",
        "what the raw series show",
        meanings={
            "auto": "found out for each series, and said on the quality page",
            "whole": "head",
            "stripped": "brain alone",
        },
    )
    head_of: dict[str, Literal["whole", "stripped"]] = setting(
        {},
        "{patient: whole or stripped}: patients for whom head is wrong; put identifiers that are numbers in "
        "quotes",
        kind="pairs {patient: whole or stripped}",
    )
    grid: Annotated[list[Annotated[int, Field(ge=8)]], Field(min_length=3, max_length=3)] = setting(
        [224, 224, 26], "atlas grid; x must be even", unit="voxels", source="P", names=("x", "y", "z")
    )
    atlas: Atlas = section(Atlas, "T2w MNI-152", source="P: Fonov 2009")
    dwi_transform: Literal["t2w", "register"] = setting(
        "t2w",
        "which transform b1000 gets",
        source="D; P literally: register",
        meanings={"t2w": "b1000 takes b0's transform (same EPI)", "register": "b1000 to b0"},
    )
    n4: N4 = section(N4, "bias correction by N4; iterations in the toolchain fsl alone")
    fsl: Fsl = section(Fsl, "BET and FLIRT in the toolchain fsl")
    open: Open = section(Open, "the toolchain open, which takes shrink and shared_dwi from n4")
    intensity: Intensity = section(Intensity, "scaling of the intensities to the range 0 to 1")

    def faults(self) -> Iterator[str]:
        if self.grid[0] % 2:
            yield "Configuration key preprocessing.grid has an odd x: make it even, for x is halved."


class Quality(Group):
    mask_volume_ml: Annotated[list[NotNegative], Field(min_length=2, max_length=2)] = setting(
        [900, 2100],
        "volume of the brain mask; outside: fail (a mask is about 4 % larger than the brain)",
        unit="mL",
        source="D",
        names=("low", "high"),
    )
    min_dice_to_atlas: Share = setting(
        0.85, "Dice of the brain mask with the atlas's; below: fail", source="D"
    )
    min_nmi: Annotated[float, Field(ge=1, le=2), AS_WRITTEN] = setting(
        1.012, "normalised mutual information of T2w and atlas; below: review", source="D"
    )
    min_t2w_coverage: Share = setting(
        SERIES["t2w"].min_coverage,
        "share of the atlas's brain that the T2w shows; below: review, below .6: fail",
        source="D",
    )
    min_flair_coverage: Share = setting(
        SERIES["flair"].min_coverage,
        "share of the patient's brain that the FLAIR shows; below: review, below .6: fail",
        source="D",
    )
    min_dwi_coverage: Share = setting(
        SERIES["dwi"].min_coverage,
        "share of the patient's brain that the DWI shows; below: review, below .8: fail",
        source="D",
    )
    min_flair_fit: Share = setting(
        SERIES["flair"].min_fit,
        "share of the FLAIR's variance that T2w and DWI explain; below: review, below .3: fail",
        source="D",
    )
    adc_median: Annotated[list[NotNegative], Field(min_length=2, max_length=2)] = setting(
        [0.6, 1.6],
        "median ADC of the brain, from T2w and DWI; outside: fail (docs/methods/quality.md)",
        unit="1e-3 mm²/s",
        source="D",
        names=("low", "high"),
    )
    max_coverage_difference: Share = setting(
        0.05,
        "difference between left and right in the share of the atlas's brain that the T2w shows; above: "
        "review, since skull stripping may have cut the brain",
        source="D",
    )
    max_midplane_tilt_deg: Positive = setting(
        4.0, "tilt of the brain's own mid-sagittal plane; above: review", unit="degrees", source="D"
    )
    max_midplane_offset_mm: Positive = setting(
        3.0, "distance of that plane from the atlas's; above: review", unit="mm", source="D"
    )
    verdicts: PathName | None = setting(
        None, "TSV (patient, verdict, reason) of a person's verdicts, which override the automatic ones"
    )

    def faults(self) -> Iterator[str]:
        yield from _not_rising("quality.mask_volume_ml", self.mask_volume_ml)
        yield from _not_rising("quality.adc_median", self.adc_median)
        yield from missing_file("quality.verdicts", self.verdicts)


def _not_rising(key: str, limits: list[float]) -> Iterator[str]:
    low, high = limits
    if not low < high:
        yield f"Configuration key {key} is [{low}, {high}]: write the lower number first, then a higher one."

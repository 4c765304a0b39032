"""Settings of the evaluation."""

import os
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from strokeclock.settings.group import (
    AS_WRITTEN,
    Group,
    Natural,
    NotNegative,
    PathName,
    Positive,
    Share,
    section,
    setting,
)


class Radiomics(Group):
    adc_share: Annotated[float, Field(gt=0.5, lt=1), AS_WRITTEN] = setting(
        0.835, "share of the ADC's normaliser below which a voxel may be infarct", source="D: Lee et al."
    )
    dwi_sd: NotNegative = setting(
        1.5, "SD over the white matter's mean from which b1000 confirms it", source="D: Lee et al."
    )
    white_matter_share: Annotated[float, Field(gt=0, lt=1), AS_WRITTEN] = setting(
        0.7, "least share of white matter in the voxels that count as such", source="D: Lee et al."
    )
    tissue_maps: PathName | None = setting(
        None,
        "a folder that holds, in a folder per patient, SPM's maps of the preprocessed ADC (c1adc.nii, "
        "c2adc.nii, c3adc.nii), which then give brain and white matter; null: brain mask and atlas give them",
        source="D; Lee et al.: SPM's",
    )
    min_infarct_ml: Positive = setting(
        2.0,
        "smallest infarct that is measured",
        unit="mL",
        source="D: 40 to 52 % of phantoms are then measured; the paper: 221 of 422 patients",
    )
    flair_ratio_below: Annotated[float, Field(gt=0, le=0.45), AS_WRITTEN] = setting(
        0.45, "what FLAIR ratios under .45 become", source="D; Lee et al.'s program: .25"
    )
    classifier: Literal["best", "logistic regression", "linear SVM", "RBF SVM", "random forest"] = setting(
        "best",
        "the row of Table 2",
        source="D: Lee et al. report each",
        meanings={"best": "that with the highest AUC, by tuning"},
    )
    tuning: Literal["cross-validation", "validation"] = setting(
        "cross-validation",
        "how a classifier's settings are chosen",
        source="D",
        meanings={
            "cross-validation": "in the training and validation parts, which both fit the classifier",
            "validation": "on that part; the training part fits the classifier",
        },
    )

    def faults(self) -> Iterator[str]:
        key, folder = "evaluation.radiomics.tissue_maps", self.tissue_maps
        if folder and not os.path.isdir(folder):
            yield (
                f"Configuration key {key} names {folder}, which is no folder: correct the path, or set the "
                "key to null."
            )


class Evaluation(Group):
    threshold: Literal["validation", "test", "fixed"] = setting(
        "validation",
        "part on which Youden's J is chosen",
        source="D",
        meanings={"test": "flagged optimistic", "fixed": "at fixed_threshold"},
    )
    fixed_threshold: Share = setting(0.5, "the threshold, a probability, for threshold: fixed")
    confidence: Annotated[float, Field(gt=0, lt=1), AS_WRITTEN] = setting(
        0.95, "confidence level of all intervals", source="D"
    )
    bootstraps: Natural = setting(2000, "bootstrap samples, of patients", source="D")
    radiomics: Radiomics = section(Radiomics, "the baseline after Lee et al. 2020, on the infarct")
    gradcam_layer: Literal["penultimate", "last"] = setting(
        "penultimate", "convolutional stage that Grad-CAM shows", source="P"
    )
    gradcam_patients: Natural = setting(4, "patients of Figure 9")

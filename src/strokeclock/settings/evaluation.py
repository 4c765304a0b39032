"""Settings of the evaluation."""

from typing import Annotated, Literal

from pydantic import Field

from strokeclock.settings.group import (
    AS_WRITTEN,
    Group,
    Natural,
    NotNegative,
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
        0.7, "least share of white matter in the atlas's voxels that count as such", source="D: Lee et al."
    )
    min_infarct_ml: Positive = setting(
        3.0,
        "smallest infarct that is measured",
        unit="mL",
        source="D; the paper: 221 of 422 patients usable",
    )
    classifier: Literal["best", "logistic regression", "linear SVM", "RBF SVM", "random forest"] = setting(
        "best",
        "the row of Table 2",
        source="D: Lee et al. report each",
        meanings={"best": "by cross-validation in the training and validation parts"},
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

"""Settings of the evaluation."""

from typing import Annotated, Literal

from pydantic import Field

from strokeclock.settings.group import AS_WRITTEN, Group, Natural, Positive, Share, section, setting


class Radiomics(Group):
    adc_max: Annotated[float, Field(gt=0, le=3.0e-3), AS_WRITTEN] = setting(
        620.0e-6, "highest ADC of the core", unit="mm2/s", source='D: "a stringent threshold"'
    )
    min_roi_ml: Positive = setting(
        3.0,
        "smallest core that is measured",
        unit="mL",
        source="D; the paper: 221 of 422 patients usable",
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
    radiomics: Radiomics = section(Radiomics, "the baseline after Lee et al. 2020, on the infarct core")
    gradcam_layer: Literal["penultimate", "last"] = setting(
        "penultimate", "convolutional stage that Grad-CAM shows", source="P"
    )
    gradcam_patients: Natural = setting(4, "patients of Figure 9")

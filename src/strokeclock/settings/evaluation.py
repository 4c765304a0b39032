"""Settings of what is measured: evaluation."""

from typing import Annotated, Literal

from pydantic import Field

from strokeclock.settings.group import AS_WRITTEN, Group, Natural, Positive, Share, section, setting


class Radiomics(Group):
    adc_max: Annotated[float, Field(gt=0, le=3.0e-3), AS_WRITTEN] = setting(
        620.0e-6, "the core's highest ADC", unit="mm2/s", source='D: "a stringent threshold"'
    )
    min_roi_ml: Positive = setting(
        3.0,
        "smaller cores are not measured",
        unit="mL",
        source="D; the paper: 221 of 422 patients usable",
    )


class Evaluation(Group):
    threshold: Literal["validation", "test", "fixed"] = setting(
        "validation",
        "where Youden's J is chosen",
        source="D",
        meanings={"test": "flagged optimistic", "fixed": "at fixed_threshold"},
    )
    fixed_threshold: Share = setting(0.5, "probability, for threshold: fixed")
    confidence: Annotated[float, Field(gt=0, lt=1), AS_WRITTEN] = setting(
        0.95, "of every interval", source="D"
    )
    bootstraps: Natural = setting(2000, "patient-level", source="D")
    radiomics: Radiomics = section(Radiomics, "the baseline after Lee et al. 2020, on the infarct core")
    gradcam_layer: Literal["penultimate", "last"] = setting("penultimate", "convolutional stage", source="P")
    gradcam_patients: Natural = setting(4, "rows of Figure 9")

"""The baselines that the series allow."""

import pytest


@pytest.mark.parametrize(
    ("channels", "ratios", "reasons"),
    [
        (["dwi", "t2w", "flair"], ["flair", "series"], {}),
        (
            ["dwi", "t2w", "adc"],
            ["series"],
            {("ratio", "flair"): "FLAIR", ("ml", "radiomics"): "FLAIR"},
        ),
        (["flair", "t2w"], [], {("ratio", "flair"): "DWI", ("ratio", "series"): "DWI"}),
    ],
)
def test_baselines_that_need_a_series_that_no_channel_is_say_so(planned, channels, ratios, reasons):
    plan = planned({"models": {"channels": channels}})
    asked = [path.split("/")[-2] for path in plan.predictions.of_baselines if "/ratio/phase3" in path]
    assert asked == ratios
    assert bool(plan.baselines.radiomics_phases) == bool(plan.evaluation.radiomics) == ("flair" in channels)
    found = {
        (net, start): reason
        for (net, phase, start), reason in plan.predictions.not_run.items()
        if net in ("ratio", "ml") and phase in ("phase3_tss4h5", "phase4_attention")
    }
    assert found == {
        row: f"it needs {series}, which models.channels leaves out" for row, series in reasons.items()
    }

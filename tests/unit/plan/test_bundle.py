"""What goes into the bundle."""

import pytest
from shipped_plan import RUN, SEGMENTATION

from strokeclock.errors import ConfigurationError


def test_a_bundle_can_hold_networks_ratios_and_both_joined(planned):
    plan = planned({"training": {"networks": ["3d"], "starts": ["chain"]}})
    networks = ["3d/phase2_tss3h/phase1", "3d/phase3_tss4h5/phase2", "3d/phase4_attention/phase3"]
    regressions = [
        *(f"ratio/phase2_tss3h/{row}" for row in ("flair", "series")),
        *(f"ratio/phase3_tss4h5/{row}" for row in ("flair", "series")),
        *("segmentation/phase2_tss3h/ratios", "segmentation/phase3_tss4h5/ratios"),
    ]
    joined = {
        "segmentation/phase2_tss3h/3d": ("3d/phase2_tss3h/phase1", "segmentation/phase2_tss3h/ratios"),
        "segmentation/phase3_tss4h5/3d": ("3d/phase3_tss4h5/phase2", "segmentation/phase3_tss4h5/ratios"),
    }
    assert plan.bundle.rows == {
        **{row: {"network": row, "regression": None} for row in networks},
        **{row: {"network": None, "regression": row} for row in regressions},
        **{row: {"network": net, "regression": regression} for row, (net, regression) in joined.items()},
    }
    assert plan.bundle.files == ["results/r/bundle/model.zip"]


def test_it_takes_what_the_named_rows_need(planned):
    """Of a joined row the network and, of each seed, segmentation and regression; lesion detection always."""
    rows = ["segmentation/phase3_tss4h5/2d", "ratio/phase2_tss3h/series"]
    plan = planned({"training": {"seeds": [3, 1]}, "bundle": {"rows": rows}})
    detectors = ["2d/phase1_stroke/random", "3d/phase1_stroke/genesis"]
    networks = [detectors[0], "2d/phase3_tss4h5/phase2", detectors[1], SEGMENTATION]
    assert plan.bundle.models == [
        f"{RUN}/models/{row}/seed-{seed}/model.pt" for row in networks for seed in (3, 1)
    ]
    assert plan.bundle.regressions == [
        *(f"{RUN}/fitted/segmentation/phase3_tss4h5/ratios/seed-{seed}.json" for seed in (3, 1)),
        f"{RUN}/fitted/ratio/phase2_tss3h/series.json",
    ]


def test_a_row_that_the_run_does_not_make(planned):
    row = "clinical/phase3_tss4h5/covariates"
    with pytest.raises(ConfigurationError, match=rf"bundle\.rows names {row}, which"):
        planned({"bundle": {"rows": [row]}})


def test_without_segmentation_it_can_hold_no_row_that_rests_on_it(planned):
    rows = planned({"training": {"phase0_segmentation": None}}).bundle.rows
    assert "ratio/phase3_tss4h5/flair" in rows
    assert not [row for row in rows if row.startswith("segmentation/")]

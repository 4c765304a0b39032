"""The predictions, and the rows of Table 2 that lack them."""

from shipped_plan import GENESIS, SIX_HOURS, TRAINED, of_seeds

WITHOUT_NETWORKS = [  # predictions of what rests on no network
    "results/r/predictions/ratio/phase2_tss3h/flair/seed-0.tsv",
    "results/r/predictions/ratio/phase2_tss3h/series/seed-0.tsv",
    "results/r/predictions/ratio/phase3_tss4h5/flair/seed-0.tsv",
    "results/r/predictions/ratio/phase3_tss4h5/series/seed-0.tsv",
    "results/r/predictions/clinical/phase2_tss3h/covariates/seed-0.tsv",
    "results/r/predictions/clinical/phase3_tss4h5/covariates/seed-0.tsv",
    "results/r/predictions/ml/phase4_attention/radiomics/seed-0.tsv",
]


def test_the_predictions_of_the_shipped_configuration(planned):
    plan = planned()
    assert plan.predictions.network_rows == [row for row in TRAINED if row != GENESIS]
    assert plan.predictions.of_networks == of_seeds("predictions", plan.predictions.network_rows, ".tsv")
    phases = ("phase2_tss3h", "phase3_tss4h5")
    joined = [f"segmentation/{phase}/{net}" for net in ("2d", "3d") for phase in phases]
    assert plan.predictions.joined == of_seeds("predictions", joined, ".tsv")
    assert plan.predictions.of_baselines == [
        *of_seeds(
            "predictions", ["segmentation/phase2_tss3h/ratios", "segmentation/phase3_tss4h5/ratios"], ".tsv"
        ),
        *of_seeds("predictions", joined, ".tsv"),
        *WITHOUT_NETWORKS,
    ]
    assert plan.predictions.all == [*plan.predictions.of_networks, *plan.predictions.of_baselines]


def test_without_segmentation_none_rest_on_it(planned):
    plan = planned({"training": {"phase0_segmentation": None, "seeds": [0]}})
    assert plan.predictions.joined == []
    assert plan.predictions.of_baselines == WITHOUT_NETWORKS


def test_rows_that_one_network_leaves_out_say_so(planned):
    plan = planned({"training": {"networks": ["2d"], "starts": ["random"], "seeds": [0]}})
    assert plan.predictions.joined == []
    assert plan.predictions.not_run["3d", "phase3_tss4h5", "phase2"] == "training.networks leaves out 3d"
    assert plan.predictions.not_run["3d", "phase3_tss4h5", "random"] == "training.networks leaves out 3d"
    assert (
        plan.predictions.not_run["2d", "phase3_tss4h5", "imagenet"] == "training.starts leaves out imagenet"
    )


def test_a_further_task_is_one_of_the_baselines_too(planned):
    plan = planned({"training": {"phase5_tss6h": SIX_HOURS, "seeds": [0]}})
    assert [path for path in plan.predictions.of_baselines if "phase5" in path] == [
        "results/r/predictions/segmentation/phase5_tss6h/ratios/seed-0.tsv",
        "results/r/predictions/segmentation/phase5_tss6h/2d/seed-0.tsv",
        "results/r/predictions/segmentation/phase5_tss6h/3d/seed-0.tsv",
        "results/r/predictions/ratio/phase5_tss6h/flair/seed-0.tsv",
        "results/r/predictions/ratio/phase5_tss6h/series/seed-0.tsv",
        "results/r/predictions/clinical/phase5_tss6h/covariates/seed-0.tsv",
    ]

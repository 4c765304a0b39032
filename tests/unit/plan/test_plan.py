"""The plans of configurations, written out."""

import subprocess
import sys

import pytest
import yaml

from strokeclock.errors import ConfigurationError
from strokeclock.plan.plan import make_plan
from strokeclock.settings.check import check_configuration

RUN = "results/r"
# Of the shipped configuration, which names no initial weights: each is trained with each seed.
TRAINED = [
    "2d/phase2_tss3h/random",
    "2d/phase3_tss4h5/random",
    "3d/phase2_tss3h/random",
    "3d/phase3_tss4h5/random",
    "2d/phase1_stroke/random",
    "2d/phase2_tss3h/phase1",
    "2d/phase3_tss4h5/phase2",
    "2d/phase4_attention/phase3",
    "3d/phase0_genesis/random",
    "3d/phase1_stroke/genesis",
    "3d/phase2_tss3h/phase1",
    "3d/phase3_tss4h5/phase2",
    "3d/phase4_attention/phase3",
]
GENESIS = "3d/phase0_genesis/random"
SEEDS = range(5)
FIGURES = ["fig1", "fig2", "fig3", "fig4", "fig5", "fig6", "fig7", "fig8", "fig9"]
CURVES = [
    "training/2d-phase1_stroke-random",
    "training/2d-phase2_tss3h-phase1",
    "training/2d-phase2_tss3h-random",
    "training/2d-phase3_tss4h5-phase2",
    "training/2d-phase3_tss4h5-random",
    "training/2d-phase4_attention-phase3",
    "training/3d-phase0_genesis-random",
    "training/3d-phase1_stroke-genesis",
    "training/3d-phase2_tss3h-phase1",
    "training/3d-phase2_tss3h-random",
    "training/3d-phase3_tss4h5-phase2",
    "training/3d-phase3_tss4h5-random",
    "training/3d-phase4_attention-phase3",
]
WITHOUT_NETWORKS = [  # predictions of what rests on no network
    "results/r/predictions/ratio/phase2_tss3h/flair/seed-0.tsv",
    "results/r/predictions/ratio/phase2_tss3h/series/seed-0.tsv",
    "results/r/predictions/ratio/phase3_tss4h5/flair/seed-0.tsv",
    "results/r/predictions/ratio/phase3_tss4h5/series/seed-0.tsv",
    "results/r/predictions/clinical/phase2_tss3h/covariates/seed-0.tsv",
    "results/r/predictions/clinical/phase3_tss4h5/covariates/seed-0.tsv",
    "results/r/predictions/ml/phase4_attention/radiomics/seed-0.tsv",
]
SIX_HOURS = {"below_min": 360, "after": "phase3_tss4h5"}
PHANTOM_STARTS = {name: {"source": "phantom"} for name in ("medical_2d", "medical_3d")}
LEFT_OUT = "training.networks, training.starts, training.phase0_genesis or a phase's after leaves it out"


def merged(base, change):
    """The configuration with a change, as Snakemake takes one over another."""
    both = [key for key in change if isinstance(change[key], dict) and isinstance(base.get(key), dict)]
    return base | change | {key: merged(base[key], change[key]) for key in both}


@pytest.fixture(scope="module")
def shipped(root):
    return yaml.safe_load((root / "config/config.yaml").read_text())


@pytest.fixture
def planned(shipped):
    """The plan of the shipped configuration, of phantoms, or of a change to it."""

    def plan(change=None, **more):
        config = merged(shipped, {"phantom": {"patients": 30}, "split": {"counts": None}})
        config = merged(config, change or {})
        check_configuration(config)
        return make_plan(config, folder=RUN, **more)

    return plan


def rows(plan):
    """The trainings without their seeds, in their order."""
    return list(dict.fromkeys("/".join(run[:3]) for run in plan.trainings.runs))


def of_seeds(kind, trained, ending, seeds=SEEDS):
    return [f"{RUN}/{kind}/{row}/seed-{seed}{ending}" for row in trained for seed in seeds]


def drawn(*names):
    return [f"{RUN}/figures/{name}.{suffix}" for name in names for suffix in ("svg", "png")]


def test_the_trainings_of_the_shipped_configuration(planned):
    plan = planned()
    assert ["{}/{}/{}/seed-{}".format(*run) for run in plan.trainings.runs] == [
        f"{row}/seed-{seed}" for row in TRAINED for seed in SEEDS
    ]
    segmentation = "3d/phase0_segmentation/random"
    assert plan.trainings.records == [
        *of_seeds("models", [*TRAINED, segmentation], "/run.json"),
        *(
            f"{RUN}/models/{segmentation}/seed-{seed}/fold-{fold}/run.json"
            for seed in SEEDS
            for fold in range(1, 6)
        ),
    ]
    assert [cost.replace("cost.json", "run.json") for cost in plan.trainings.costs] == plan.trainings.records
    assert (plan.pretraining.restorer, plan.segmentation.network) == ("3d", "3d")
    assert plan.segmentation.row == segmentation
    assert plan.pretraining.networks == {"imagenet": "2d", "medical_2d": "2d", "medical_3d": "3d"}
    assert plan.pretraining.rows == {
        "genesis": GENESIS,
        "imagenet": "2d/phase0_imagenet/torchvision",
        "medical_2d": "2d/phase0_medical/random",
        "medical_3d": "3d/phase0_medical/random",
    }
    assert plan.trainings.seeds == [0, 1, 2, 3, 4]


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
    assert list(plan.tasks.below_min.values()) == [None, 180, 270, 270]


def test_tables_figures_and_page_of_the_shipped_configuration(planned):
    plan = planned()
    assert plan.figures.files == [
        *drawn(
            *FIGURES, *CURVES, "training/3d-phase0_segmentation-random", "genesis_examples", "segmentations"
        ),
        "results/r/figures/phantom.png",
    ]
    assert plan.figures.roc == {
        "fig6": {"phases": ["phase2_tss3h"], "readers": False},
        "fig7": {"phases": ["phase3_tss4h5"], "readers": False},
        "fig8": {"phases": ["phase3_tss4h5", "phase4_attention"], "readers": True},
    }
    assert plan.evaluation.typeset == [
        *(f"results/r/tables/table1.{suffix}" for suffix in ("html", "tex", "png")),
        *(f"results/r/tables/table2.{suffix}" for suffix in ("html", "tex", "png")),
    ]
    assert plan.protocols == "results/r/cohort/protocol.tsv"
    assert plan.evaluation.lesions == [
        "results/r/lesions/volumes.tsv",
        "results/r/tables/gradcam_overlap.csv",
        "results/r/tables/occlusion.csv",
    ]
    assert plan.evaluation.radiomics == ["results/r/tables/ml_baseline.csv"]
    assert plan.evaluation.statistics == [
        "results/r/tables/comparisons.csv",
        "results/r/tables/calibration.csv",
        "results/r/tables/reliability.csv",
        *drawn("calibration"),
        "results/r/tables/decision_curve.csv",
        *drawn("decision_curve"),
        "results/r/tables/abstention.csv",
        *drawn("abstention"),
        "results/r/tables/sides.csv",
        "results/r/tables/subgroups.csv",
        *drawn("subgroups"),
    ]
    assert plan.evaluation.people == [
        "results/r/tables/flow.csv",
        "results/r/tables/case_mix.csv",
        "results/r/tables/protocol.csv",
        "results/r/tables/missing.csv",
        "results/r/tables/training.tsv",
        *drawn("flow", "case_mix", "onset"),
    ]
    assert plan.evaluation.worst_errors == ["results/r/tables/worst_errors.csv", *drawn("worst_errors")]
    assert plan.end_to_end.files == ["results/r/tables/end_to_end.csv", *drawn("end_to_end")]
    assert plan.evaluation.accuracy == [
        "results/r/tables/accuracy.csv",
        "results/r/tables/wanted_rates.csv",
        "results/r/tables/interactions.csv",
        "results/r/tables/readers.csv",
        "results/r/tables/sample_size.csv",
    ]
    assert plan.ceilings == ["results/r/phantom/ceiling.json"]
    assert plan.page == "results/r/index.html"


def test_what_is_scored_with_the_side_found(planned):
    """Every row that a bundle can hold, once for each of its seeds."""
    plan = planned({"training": {"seeds": [3, 1]}})
    detectors = ["2d/phase1_stroke/random", "3d/phase1_stroke/genesis"]
    assert plan.end_to_end.detectors == [f"{row}/seed-{seed}" for row in detectors for seed in (3, 1)]
    timed = [row for row in TRAINED if row not in detectors and "phase0" not in row]
    assert plan.end_to_end.timed_by_networks == [f"{row}/seed-{seed}" for row in timed for seed in (3, 1)]
    assert plan.baselines.ratio_rows == [
        *(f"ratio/phase2_tss3h/{row}" for row in ("flair", "series")),
        *(f"ratio/phase3_tss4h5/{row}" for row in ("flair", "series")),
    ]
    assert plan.baselines.segmented_places == [
        f"segmentation/{phase}/ratios/seed-{seed}"
        for phase in ("phase2_tss3h", "phase3_tss4h5")
        for seed in (3, 1)
    ]
    assert plan.end_to_end.timed_jointly["segmentation/phase3_tss4h5/3d/seed-1"] == {
        "network": "3d/phase3_tss4h5/phase2/seed-1",
        "regression": "segmentation/phase3_tss4h5/ratios/seed-1",
    }
    assert {place.rpartition("/")[0] for place in plan.end_to_end.timed} == {*plan.bundle.rows}
    made = {*plan.predictions.of_networks, *plan.predictions.of_baselines}
    assert {f"{RUN}/predictions/{place}.tsv" for place in plan.end_to_end.timed} < made


def test_without_segmentation_and_detection_less_is_scored(planned):
    plan = planned({"training": {"phase0_segmentation": None, "starts": ["random"], "seeds": [0]}})
    assert plan.end_to_end.detectors == plan.baselines.segmented_places == []
    assert plan.end_to_end.timed_jointly == {}
    assert len(plan.end_to_end.timed) == 4 + 4


def test_networks_are_explained_with_the_first_seed(planned):
    plan = planned({"training": {"seeds": [3, 1]}})
    assert plan.explanation.gradcam_runs == [
        "2d/phase3_tss4h5/random/seed-3",
        "2d/phase4_attention/phase3/seed-3",
        "3d/phase3_tss4h5/random/seed-3",
        "3d/phase4_attention/phase3/seed-3",
    ]
    assert plan.explanation.occlusion_runs == [
        "2d/phase1_stroke/random/seed-3",
        "2d/phase2_tss3h/phase1/seed-3",
        "2d/phase3_tss4h5/phase2/seed-3",
        "2d/phase3_tss4h5/random/seed-3",
        "2d/phase4_attention/phase3/seed-3",
        "3d/phase1_stroke/genesis/seed-3",
        "3d/phase2_tss3h/phase1/seed-3",
        "3d/phase3_tss4h5/phase2/seed-3",
        "3d/phase3_tss4h5/random/seed-3",
        "3d/phase4_attention/phase3/seed-3",
    ]


def test_missing_initial_weights_are_named(planned):
    plan = planned()
    why = {
        ("2d", "imagenet"): "set initial_weights.imagenet.file",
        ("2d", "medical"): "set initial_weights.medical_2d.source",
        ("3d", "medical"): "set initial_weights.medical_3d.source",
    }
    assert plan.pretraining.missing == why
    assert plan.predictions.not_run == {
        (net, phase, start): why[net, start]
        for net, start in why
        for phase in ("phase2_tss3h", "phase3_tss4h5")
    }


def test_initial_weights_that_are_there(planned, tmp_path):
    (tmp_path / "resnet18-f37072fd.pth").touch()
    (tmp_path / "kaggle_3m").mkdir()
    starts = {
        "imagenet": {"file": str(tmp_path / "resnet18-f37072fd.pth")},
        "medical_2d": {"source": "phantom"},
        "medical_3d": {"source": "folder", "folder": str(tmp_path / "kaggle_3m")},
    }
    plan = planned({"initial_weights": starts, "training": {"starts": ["imagenet", "medical"], "seeds": [7]}})
    assert plan.pretraining.missing == {}
    assert plan.pretraining.data_sets == {
        "medical_2d": "results/r/phantom/tumours/cheng",
        "medical_3d": str(tmp_path / "kaggle_3m"),
    }
    assert rows(plan) == [
        "2d/phase2_tss3h/imagenet",
        "2d/phase3_tss4h5/imagenet",
        "2d/phase0_medical/random",
        "2d/phase2_tss3h/medical",
        "2d/phase3_tss4h5/medical",
        "3d/phase0_medical/random",
        "3d/phase2_tss3h/medical",
        "3d/phase3_tss4h5/medical",
    ]
    assert plan.trainings.chained == {}
    assert plan.predictions.joined == []
    imagenet = "results/r/models/2d/phase0_imagenet/torchvision/seed-7/model.pt"
    assert plan.trainings.model_before("2d", "phase3_tss4h5", "imagenet", 7) == imagenet
    assert set(plan.predictions.not_run.values()) == {LEFT_OUT}


def test_the_networks_of_the_folds_belong_to_a_seed(planned):
    plan = planned({"training": {"phase0_segmentation": {"folds": 2}}})
    folder = f"{RUN}/models/3d/phase0_segmentation/random/seed-3"
    assert [plan.segmentation.fold_of(place) for place in ("", "/fold-1", "/fold-2")] == [
        None,
        [1, 2],
        [2, 2],
    ]
    assert plan.segmentation.fold_models("3") == [f"{folder}/fold-1/model.pt", f"{folder}/fold-2/model.pt"]


def test_a_search_is_of_each_network_and_start_of_its_phase(planned):
    plan = planned(
        {"training": {"search": {"phase2_tss3h": {"lr": [1e-4, 1e-3], "batch": [4, 8]}}, "starts": ["chain"]}}
    )
    points = [{"lr": lr, "batch": batch} for lr in (1e-4, 1e-3) for batch in (4, 8)]
    rows = [("2d", "phase2_tss3h", "phase1"), ("3d", "phase2_tss3h", "phase1")]
    assert plan.search.points == dict.fromkeys(rows, points)
    assert plan.search.candidates(*rows[1]) == [
        f"results/r/search/3d/phase2_tss3h/phase1/candidate-{number}/result.json" for number in (1, 2, 3, 4)
    ]
    assert plan.search.chosen_settings(*rows[0]) == "results/r/fitted/search/2d/phase2_tss3h/phase1.json"
    assert plan.search.chosen_settings("2d", "phase3_tss4h5", "phase2") == []
    assert plan.search.files == ["results/r/tables/search.csv"]
    assert (planned().search.points, planned().search.files) == ({}, [])


def test_a_search_of_a_phase_that_is_not_trained(planned):
    change = {"training": {"search": {"phase1_stroke": {"lr": [1e-4, 1e-3]}}, "starts": ["random"]}}
    with pytest.raises(ConfigurationError, match=r"training\.search names phase1_stroke, which"):
        planned(change)


def test_one_split_has_no_repeats(planned):
    plan = planned()
    assert plan.repeats.split_seeds == [2021]
    assert (plan.repeats.files, plan.repeats.settled) == ([], [])
    assert plan.repeats.in_splits("results/r/tables/table2.csv") == ["results/r/tables/table2.csv"]


@pytest.mark.parametrize(
    ("intensity", "own"),
    [({"matching": "none"}, False), ({"matching": "bounded"}, True), ({"matching": "landmarks"}, True)],
)
def test_repeats_have_folders_of_their_own_and_hemispheres_where_these_depend_on_the_split(
    planned, intensity, own
):
    plan = planned({"split": {"seed": 9, "repeats": 3}, "preprocessing": {"intensity": intensity}})
    folders = ["results/r/repeats/split-10", "results/r/repeats/split-11"]
    assert plan.repeats.split_seeds == [9, 10, 11]
    assert plan.repeats.in_splits("results/r/tables/table2.csv") == [
        f"{folder}/tables/table2.csv" for folder in ("results/r", *folders)
    ]
    assert plan.repeats.in_repeat("logs/r/tables/table2.log", "{repeat}") == (
        "logs/r/repeats/split-{repeat}/tables/table2.log"
    )
    assert plan.repeats.settled == [
        f"{folder}/{file}"
        for folder in folders
        for file in ["cohort/split.tsv", *(["hemispheres/manifest.tsv"] if own else [])]
    ]
    tables = plan.repeats.hemispheres(["results/r/batches/hemispheres/b.tsv"])
    assert tables == [f"{folder}/batches/hemispheres/b.tsv" for folder in folders if own]
    assert plan.repeats.files == [
        "results/r/tables/repeats.csv",
        "results/r/tables/repeats_differences.csv",
        "results/r/tables/repeats_splits.csv",
        "results/r/figures/repeats.svg",
        "results/r/figures/repeats.png",
    ]


def test_a_given_reference_is_shared_by_all_splits(planned, tmp_path):
    (tmp_path / "reference.npz").touch()
    intensity = {"matching": "bounded", "reference": str(tmp_path / "reference.npz")}
    plan = planned({"split": {"repeats": 2}, "preprocessing": {"intensity": intensity}})
    assert not plan.repeats.have_own_hemispheres


def test_the_ledger_lies_beside_the_runs(planned):
    assert planned().evaluation.ledger == "results/ledger.tsv"


def test_without_segmentation_nothing_rests_on_it(planned):
    plan = planned({"training": {"phase0_segmentation": None, "seeds": [0]}})
    assert not plan.segmentation.is_trained
    assert plan.segmentation.folds == 0
    assert plan.trainings.records == of_seeds("models", TRAINED, "/run.json", seeds=[0])
    assert plan.predictions.joined == []
    assert plan.predictions.of_baselines == WITHOUT_NETWORKS
    figures = drawn(*FIGURES, *CURVES, "genesis_examples")
    assert plan.figures.files == [*figures, "results/r/figures/phantom.png"]


def test_without_genesis_the_3d_network_begins_with_random_weights(planned):
    plan = planned({"training": {"phase0_genesis": None, "starts": ["chain"], "networks": ["3d"]}})
    assert rows(plan) == [
        "3d/phase1_stroke/random",
        "3d/phase2_tss3h/phase1",
        "3d/phase3_tss4h5/phase2",
        "3d/phase4_attention/phase3",
    ]
    assert plan.trainings.model_before("3d", "phase1_stroke", "random", 0) == []
    assert plan.trainings.questions("3d", "phase2_tss3h") == {
        "phase1_stroke": {"below_min": None, "after": None},
        "phase2_tss3h": {"below_min": 180, "after": "phase1_stroke"},
        "phase0_genesis": None,
    }
    assert "phase0_genesis" not in plan.trainings.questions("2d", "phase2_tss3h")
    assert not [figure for figure in plan.figures.files if "genesis" in figure]


def test_one_network_from_random_weights(planned):
    plan = planned({"training": {"networks": ["2d"], "starts": ["random"], "seeds": [0]}})
    assert rows(plan) == ["2d/phase2_tss3h/random", "2d/phase3_tss4h5/random"]
    explanation = plan.explanation
    assert explanation.gradcam_runs == explanation.occlusion_runs == ["2d/phase3_tss4h5/random/seed-0"]
    assert plan.predictions.joined == []
    assert plan.predictions.not_run["3d", "phase3_tss4h5", "phase2"] == LEFT_OUT
    assert plan.predictions.not_run["3d", "phase3_tss4h5", "random"] == LEFT_OUT
    assert plan.predictions.not_run["2d", "phase3_tss4h5", "imagenet"] == "set initial_weights.imagenet.file"


def test_a_further_task_is_trained_from_every_start(planned):
    plan = planned({"training": {"phase5_tss6h": SIX_HOURS, "seeds": [0]}, "initial_weights": PHANTOM_STARTS})
    assert plan.tasks.time_phases == ["phase2_tss3h", "phase3_tss4h5", "phase5_tss6h"]
    further = [run for run in rows(plan) if "phase5" in run]
    assert further == [
        "2d/phase5_tss6h/random",
        "3d/phase5_tss6h/random",
        "2d/phase5_tss6h/medical",
        "3d/phase5_tss6h/medical",
        "2d/phase5_tss6h/phase3",
        "3d/phase5_tss6h/phase3",
    ]
    assert [path for path in plan.predictions.of_baselines if "phase5" in path] == [
        "results/r/predictions/segmentation/phase5_tss6h/ratios/seed-0.tsv",
        "results/r/predictions/segmentation/phase5_tss6h/2d/seed-0.tsv",
        "results/r/predictions/segmentation/phase5_tss6h/3d/seed-0.tsv",
        "results/r/predictions/ratio/phase5_tss6h/flair/seed-0.tsv",
        "results/r/predictions/ratio/phase5_tss6h/series/seed-0.tsv",
        "results/r/predictions/clinical/phase5_tss6h/covariates/seed-0.tsv",
    ]
    assert plan.trainings.chained["3d", "phase5_tss6h"] == "phase3"
    assert plan.trainings.questions("2d", "phase5_tss6h") == {
        "phase1_stroke": {"below_min": None, "after": None},
        "phase2_tss3h": {"below_min": 180, "after": "phase1_stroke"},
        "phase3_tss4h5": {"below_min": 270, "after": "phase2_tss3h"},
        "phase5_tss6h": {"below_min": 360, "after": "phase3_tss4h5"},
    }


@pytest.mark.parametrize(
    ("row", "before"),
    [
        (("2d", "phase2_tss3h", "random"), []),
        (("2d", "phase2_tss3h", "phase1"), "2d/phase1_stroke/random"),
        (("3d", "phase2_tss3h", "phase1"), "3d/phase1_stroke/genesis"),
        (("3d", "phase1_stroke", "genesis"), "3d/phase0_genesis/random"),
        (("3d", "phase3_tss4h5", "medical"), "3d/phase0_medical/random"),
        (("3d", "phase4_attention", "phase3"), "3d/phase3_tss4h5/phase2"),
    ],
)
def test_the_model_that_a_training_starts_from(planned, row, before):
    assert planned().trainings.model_before(*row, 4) == (
        before and f"results/r/models/{before}/seed-4/model.pt"
    )


def test_a_training_that_there_is_not(planned):
    with pytest.raises(ValueError, match="only the 2D network has ImageNet weights"):
        planned().trainings.model_before("3d", "phase2_tss3h", "imagenet", 0)


def test_patients_have_no_phantom_figure_and_no_ceiling(planned, tmp_path):
    (tmp_path / "cohort.tsv").touch()
    plan = planned({"cohort": {"sheet": str(tmp_path / "cohort.tsv")}, "phantom": {"patients": 0}})
    assert plan.figures.files[-2:] == drawn("segmentations")
    assert plan.ceilings == []


def test_registered_phantoms_have_no_figure_of_scans(planned):
    plan = planned({"phantom": {"space": "template"}})
    assert plan.figures.files[-2:] == drawn("segmentations")
    assert plan.ceilings == ["results/r/phantom/ceiling.json"]


def test_channels_and_view(planned):
    plan = planned()
    assert (plan.networks.channels, plan.networks.brain_box) == (["dwi", "t2w", "flair"], [])
    plan = planned({"models": {"channels": ["dwi", "adc"], "contralateral": True, "view": "brain"}})
    assert plan.networks.channels == ["dwi", "adc", "contralateral_dwi", "contralateral_adc"]
    assert plan.networks.brain_box == "results/r/hemispheres/brain_box.json"


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


def test_settings_of_networks(planned):
    plan = planned({"models": {"3d": {"width": 4}}, "training": {"networks": ["3d"], "threads": 2}})
    shared = {"average": [1, 1, 1], "attention_norm": "sigmoid", "standardise": True}
    shared |= {"channels": ["dwi", "t2w", "flair"]}
    assert plan.networks.settings == {
        "2d": {"width": 64, "attention_map": "native", "slice_aggregation": "softmax_logit", **shared},
        "3d": {"width": 4, **shared},
    }
    medical = {"epochs": 100, "patience": 10, "batch": 8, "lr": 1.0e-3}
    assert plan.pretraining.medical_settings == medical | {
        "precision": "fp32",
        "threads": 2,
        "device": "auto",
    }
    assert plan.evaluation.intervals == {"confidence": 0.95, "bootstraps": 2000}


@pytest.mark.parametrize(("device", "without", "counted"), [("auto", 0, 1), ("cpu", 0, 0), ("cuda", 1, 1)])
def test_a_training_takes_a_gpu_on_cuda_and_where_there_are_some(planned, device, without, counted):
    change = {"training": {"device": device}}
    assert planned(change).gpus == without
    assert planned(change, has_gpus=True).gpus == counted


def test_phases_that_contradict_each_other(shipped):
    config = merged(shipped, {"training": {"phase5_tss6h": SIX_HOURS | {"after": "phase9_gone"}}})
    with pytest.raises(ConfigurationError, match=r"phase5_tss6h\.after is 'phase9_gone'"):
        make_plan(config, folder=RUN)


def test_the_plan_is_made_without_heavy_packages(root):
    code = "import sys, strokeclock.plan.plan, strokeclock.cohort.patients; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(root / "src")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "strokeclock.plan.plan" in found.split()
    assert not {"numpy", "pandas", "torch", "nibabel", "pydantic"} & set(found.split())


def test_the_checklists_are_a_table_and_a_page(planned):
    assert planned().checklists == [f"{RUN}/tables/checklists.csv", f"{RUN}/checklists.html"]

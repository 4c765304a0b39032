"""The trainings, and what each starts from."""

import pytest
from shipped_plan import RUN, SEEDS, SEGMENTATION, SIX_HOURS, TRAINED, of_seeds, rows_of


def test_the_trainings_of_the_shipped_configuration(planned):
    plan = planned()
    assert ["{}/{}/{}/seed-{}".format(*run) for run in plan.trainings.runs] == [
        f"{row}/seed-{seed}" for row in TRAINED for seed in SEEDS
    ]
    assert plan.trainings.records == [
        *of_seeds("models", [*TRAINED, SEGMENTATION], "/run.json"),
        *(
            f"{RUN}/models/{SEGMENTATION}/seed-{seed}/fold-{fold}/run.json"
            for seed in SEEDS
            for fold in range(1, 6)
        ),
    ]
    assert [cost.replace("cost.json", "run.json") for cost in plan.trainings.costs] == plan.trainings.records
    assert plan.trainings.seeds == [0, 1, 2, 3, 4]


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


def test_without_genesis_the_3d_network_begins_with_random_weights(planned):
    plan = planned({"training": {"phase0_genesis": None, "starts": ["chain"], "networks": ["3d"]}})
    assert rows_of(plan) == [
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


def test_one_network_from_random_weights(planned):
    plan = planned({"training": {"networks": ["2d"], "starts": ["random"], "seeds": [0]}})
    assert rows_of(plan) == ["2d/phase2_tss3h/random", "2d/phase3_tss4h5/random"]


def test_a_further_task_is_trained_from_every_start(planned):
    starts = {name: {"source": "phantom"} for name in ("medical_2d", "medical_3d")}
    plan = planned({"training": {"phase5_tss6h": SIX_HOURS, "seeds": [0]}, "initial_weights": starts})
    assert plan.tasks.time_phases == ["phase2_tss3h", "phase3_tss4h5", "phase5_tss6h"]
    further = [run for run in rows_of(plan) if "phase5" in run]
    assert further == [
        "2d/phase5_tss6h/random",
        "3d/phase5_tss6h/random",
        "2d/phase5_tss6h/medical",
        "3d/phase5_tss6h/medical",
        "2d/phase5_tss6h/phase3",
        "3d/phase5_tss6h/phase3",
    ]
    assert plan.trainings.chained["3d", "phase5_tss6h"] == "phase3"
    assert plan.trainings.questions("2d", "phase5_tss6h") == {
        "phase1_stroke": {"below_min": None, "after": None},
        "phase2_tss3h": {"below_min": 180, "after": "phase1_stroke"},
        "phase3_tss4h5": {"below_min": 270, "after": "phase2_tss3h"},
        "phase5_tss6h": {"below_min": 360, "after": "phase3_tss4h5"},
    }

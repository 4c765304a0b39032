"""The networks that are explained."""


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


def test_of_one_network_from_random_weights_one_training_is_explained(planned):
    explanation = planned({"training": {"networks": ["2d"], "starts": ["random"], "seeds": [0]}}).explanation
    assert explanation.gradcam_runs == explanation.occlusion_runs == ["2d/phase3_tss4h5/random/seed-0"]

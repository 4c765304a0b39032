"""Where initial weights come from, and where there are none."""

from shipped_plan import GENESIS, rows_of


def test_the_networks_of_phase_0(planned):
    pretraining = planned().pretraining
    assert pretraining.restorer == "3d"
    assert pretraining.networks == {"imagenet": "2d", "medical_2d": "2d", "medical_3d": "3d"}
    assert pretraining.rows == {
        "genesis": GENESIS,
        "imagenet": "2d/phase0_imagenet/torchvision",
        "medical_2d": "2d/phase0_medical/random",
        "medical_3d": "3d/phase0_medical/random",
    }


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
    assert rows_of(plan) == [
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
    assert {*plan.predictions.not_run.values()} == {
        f"training.starts leaves out {start}" for start in ("chain", "random")
    }


def test_settings_of_a_training_on_medical_images(planned):
    plan = planned({"training": {"networks": ["3d"], "threads": 2}})
    medical = {"epochs": 100, "patience": 10, "batch": 8, "lr": 1.0e-3}
    medical |= {"precision": "fp32", "threads": 2, "device": "auto"}
    assert plan.pretraining.medical_settings == medical

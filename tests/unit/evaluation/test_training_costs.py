"""The trainings' time and memory: each, and together, beside what the paper gives."""

import pandas as pd
import pytest

from strokeclock.evaluation.training_costs import write_training_costs
from strokeclock.training.cost import Cost, write_cost
from strokeclock.training.phases import PAPER
from strokeclock.training.record import write_record
from strokeclock.training.settings import PhaseSettings, SegmentationSettings

GPU = "NVIDIA H100"
SHARED = {
    **{"epochs": 100, "lr": 1e-3, "weight_decay": 0.0, "precision": "bf16", "threads": 1, "device": "auto"},
    **{"augmentation": {}},
}


def of_phase(batch):
    return PhaseSettings(
        **SHARED, **{"batch": batch, "patience": 10, "min_epochs": 0, "selection": "auc"},
        **{"optimizer": "adabound"},
        **{"final_lr": 0.1, "schedule": "constant", "label_softness": 0.0, "head": "inherit", "freeze": True},
        **{"freeze_2d": "conv2_x", "attention_enter": "phase4", "phase4_trainable": "all", "cache_gb": 1.0},
    )  # fmt: skip


@pytest.fixture
def table(tmp_path, make_record):
    """Three trainings of one row, one of another network, and the segmentation with a fold."""
    stroke = {"phase": "phase1_stroke", "task": PAPER["phase1_stroke"]}
    segmentation = {
        "net": "3d",
        "phase": "phase0_segmentation",
        "settings": SegmentationSettings(**SHARED, batch=8),
    }
    made = [
        (stroke | {"net": "3d", "start": "genesis", "settings": of_phase(8)}, 5, (GPU, 60.0, 3.0, 8.5, 0)),
        (stroke | {"seed": 1, "settings": of_phase(16)}, 20, (GPU, 200.0, 2.5, 6.0, 2)),
        (stroke | {"seed": 0, "settings": of_phase(16)}, 30, (GPU, 300.5, 2.0, 6.5, 0)),
        (stroke | {"seed": 10, "settings": of_phase(16)}, 1, ("cpu", 1000.0, 4.25, None, 1)),
        (segmentation | {"data": {"fold": 1}}, 100, ("cpu", 7.0, 1.0, None, 0)),
        (segmentation, 100, ("cpu", 9.0, 1.5, None, 0)),
    ]  # fmt: skip
    paths = []
    for number, (given, epochs, (device, seconds, memory, gpu, resumed)) in enumerate(made):
        paths.append((tmp_path / f"{number}/run.json", tmp_path / f"{number}/cost.json"))
        write_record(paths[-1][0], make_record(**given, epochs=epochs))
        cost = Cost(device=device, seconds=seconds, memory_gb=memory, gpu_memory_gb=gpu, resumed=resumed)
        write_cost(paths[-1][1], cost)
    write_training_costs(*zip(*paths, strict=True), table=tmp_path / "training.tsv")
    return pd.read_csv(tmp_path / "training.tsv", sep="\t", dtype=str, keep_default_na=False)


def test_trainings_stand_by_phase_network_and_seed(table):
    assert table[["stage", "model", "start", "seed", "fold"]].agg(" ".join, axis=1).tolist() == [
        "phase0_segmentation 3d random 0 ",
        "phase0_segmentation 3d random 0 1",
        "phase0_segmentation 3d random all ",
        "phase1_stroke 2d random 0 ",
        "phase1_stroke 2d random 1 ",
        "phase1_stroke 2d random 10 ",
        "phase1_stroke 2d random all ",
        "phase1_stroke 3d genesis 0 ",
        "phase1_stroke 3d genesis all ",
    ]


def test_sums_and_largest_values_beside_the_papers(table):
    columns = ["trainings", "device", "batch", "epochs", "seconds", "memory_gb", "gpu_memory_gb"]
    columns += ["paper_gpu_memory_gb", "resumed"]
    every = table[table["seed"] == "all"][columns].to_numpy().tolist()
    assert every == [
        ["2", "cpu", "8", "200", "16.0", "1.500", "", "", "0"],
        ["3", f"{GPU}, cpu", "16", "51", "1500.5", "4.250", "6.500", "6", "3"],
        ["1", GPU, "8", "5", "60.0", "3.000", "8.500", "7", "0"],
    ]
    one = table[table["seed"] == "1"][columns].iloc[0].tolist()
    assert one == ["1", GPU, "16", "20", "200.0", "2.500", "6.000", "6", "2"]


def test_the_papers_memory_is_the_networks_own():
    """Polson et al.: 2D 4 and 6 GB, 3D 7 and 12 GB, at 8 and 16 hemispheres."""
    from strokeclock.models.registry import networks

    assert {name: dict(spec.paper_gb) for name, spec in networks().items() if spec.of_the_paper} == {
        "2d": {8: 4, 16: 6},
        "3d": {8: 7, 16: 12},
    }

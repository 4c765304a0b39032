import csv
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from strokeclock.errors import ConfigurationError
from strokeclock.models.registry import networks
from strokeclock.training.phases import (
    PAPER,
    Run,
    frozen_modules,
    has_attention,
    lineage,
    list_not_run,
    list_trainings,
    parent,
    read_tasks,
    settings_of,
)

ROOT = Path(__file__).parents[3]

SCHEMA = {
    "freeze": True,
    "freeze_2d": "conv2_x",
    "attention_enter": "phase4",
    "phase4_trainable": "attention+head+unfrozen_late",
}
EARLY_2D = ("backbone.conv1", "backbone.bn1", "backbone.layer1")
EARLY_3D = ("encoder.down_tr64", "encoder.down_tr128")


def test_starts_random_and_chain():
    runs = list_trainings(["2d", "3d"], ["random", "chain"], [0])
    assert set(runs) == {
        Run(net, phase, start, 0)
        for net, phase, start in [
            ("2d", "phase2_tss3h", "random"),
            ("2d", "phase3_tss4h5", "random"),
            ("2d", "phase1_stroke", "random"),
            ("2d", "phase2_tss3h", "phase1"),
            ("2d", "phase3_tss4h5", "phase2"),
            ("2d", "phase4_attention", "phase3"),
            ("3d", "phase2_tss3h", "random"),
            ("3d", "phase3_tss4h5", "random"),
            ("3d", "phase0_genesis", "random"),
            ("3d", "phase1_stroke", "genesis"),
            ("3d", "phase2_tss3h", "phase1"),
            ("3d", "phase3_tss4h5", "phase2"),
            ("3d", "phase4_attention", "phase3"),
        ]
    }
    assert len(runs) == 13


def test_without_genesis_the_3d_chain_starts_from_random_weights():
    chain = {"phase1_stroke": {"below_min": None, "after": None}}
    tasks = read_tasks({"phase0_genesis": None, **chain})
    assert list_trainings(["2d", "3d"], ["chain"], [0], tasks=tasks) == [
        Run("2d", "phase1_stroke", "random", 0),
        Run("3d", "phase1_stroke", "random", 0),
    ]
    with pytest.raises(ValueError, match="3d network has no phase1_stroke from genesis"):
        parent("3d", "phase1_stroke", "genesis", tasks)
    assert read_tasks({"phase0_genesis": {"epochs": 1}, **chain}) == read_tasks(chain)


def test_parents_come_first_and_are_runs_themselves():
    runs = list_trainings(["2d", "3d"], ["random", "chain"], [0, 1])
    for number, run in enumerate(runs):
        before = parent(run.net, run.phase, run.start)
        if run.start == "random":
            assert before is None
        else:
            assert Run(run.net, *before, run.seed) in runs[:number]


def test_random_start_has_no_phase_1():
    assert {run.phase for run in list_trainings(["2d", "3d"], ["random"], [0])} == {
        "phase2_tss3h",
        "phase3_tss4h5",
    }


def test_other_starts_are_refused():
    with pytest.raises(ConfigurationError, match="'other' is unknown"):
        list_trainings(["2d"], ["other"], [0])


def test_runs_outside_the_schema_are_refused():
    with pytest.raises(ValueError, match="2d network has no phase1_stroke from genesis"):
        parent("2d", "phase1_stroke", "genesis")


def test_gates_enter_at_phase_4():
    for phase in ("phase1_stroke", "phase3_tss4h5"):
        assert has_attention(phase, attention_enter="phase1")
    assert not has_attention("phase3_tss4h5", attention_enter="phase4")
    assert has_attention("phase4_attention", attention_enter="phase4")


SIX_HOURS = {"phase5_tss6h": {"below_min": 360, "after": "phase3_tss4h5"}}


@pytest.fixture
def settings():
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())["training"]


def test_the_configurations_tasks_are_the_papers(settings):
    assert read_tasks(settings) == PAPER


def test_every_network_row_of_the_papers_table_2_is_a_run_and_no_other():
    of_the_paper = [net for net, spec in networks().items() if spec.of_the_paper]
    with open(ROOT / "resources/table2_paper.csv") as file:
        printed = {
            (row["model"], row["stage"], row["start"])
            for row in csv.DictReader(file)
            if row["model"] in of_the_paper
        }
    runs = list_trainings(of_the_paper, ["random", "imagenet", "medical", "chain"], [0])
    made = {(run.net, run.phase, run.start) for run in runs if run.phase in PAPER}
    assert made == printed


def test_imagenet_and_medical_go_straight_to_each_time_task():
    for phase in ("phase2_tss3h", "phase3_tss4h5"):
        assert parent("2d", phase, "imagenet") == ("phase0_imagenet", "torchvision")
        assert parent("3d", phase, "medical") == ("phase0_medical", "random")
    for run in (("3d", "phase2_tss3h", "imagenet"), ("2d", "phase4_attention", "medical")):
        with pytest.raises(ValueError, match="has no"):
            parent(*run)


def test_starts_without_weights_are_left_out_with_their_reason():
    missing = {("2d", "imagenet"): "name the file", ("3d", "medical"): "name the folder"}
    starts = ["random", "imagenet", "medical"]
    runs = list_trainings(["2d", "3d"], starts, [0], missing=missing)
    assert {(run.net, run.start) for run in runs if run.phase in PAPER} == {
        ("2d", "random"), ("3d", "random"), ("2d", "medical")
    }  # fmt: skip
    reasons = list_not_run(runs, nets=["2d", "3d"], starts=starts, tasks=PAPER, missing=missing)
    assert reasons["2d", "phase2_tss3h", "imagenet"] == "name the file"
    assert reasons["3d", "phase3_tss4h5", "medical"] == "name the folder"
    assert reasons["2d", "phase4_attention", "phase3"] == "training.starts leaves out chain"
    runs = list_trainings(["2d"], ["random"], [0])
    alone = list_not_run(runs, nets=["2d"], starts=["random"], tasks=PAPER, missing=missing)
    assert alone["3d", "phase2_tss3h", "random"] == "training.networks leaves out 3d"
    assert alone["2d", "phase2_tss3h", "imagenet"] == "training.starts leaves out imagenet"
    assert ("2d", "phase2_tss3h", "medical") not in reasons


def test_an_added_task_is_a_row_of_every_start(settings):
    tasks = read_tasks(settings | SIX_HOURS)
    assert [task.phase for task in lineage("phase5_tss6h", tasks)] == [*list(PAPER)[:3], "phase5_tss6h"]
    runs = list_trainings(["2d", "3d"], ["random", "imagenet", "medical", "chain"], [0], tasks=tasks)
    assert {(run.net, run.start) for run in runs if run.phase == "phase5_tss6h"} == {
        *(("2d", start) for start in ("random", "imagenet", "medical", "phase3")),
        *(("3d", start) for start in ("random", "medical", "phase3")),
    }
    assert parent("2d", "phase5_tss6h", "phase3", tasks) == ("phase3_tss4h5", "phase2")
    assert frozen_modules("2d", "phase5_tss6h", "phase3", **SCHEMA, tasks=tasks) == EARLY_2D
    assert not has_attention("phase5_tss6h", attention_enter="phase4", tasks=tasks)
    after = read_tasks(settings | {"phase5_tss6h": {"below_min": 360, "after": "phase4_attention"}})
    assert has_attention("phase5_tss6h", attention_enter="phase4", tasks=after)


def test_an_added_task_takes_missing_keys_from_the_one_before(settings):
    added = settings | {"phase5_tss6h": SIX_HOURS["phase5_tss6h"] | {"batch": 4}}
    expected = settings["phase3_tss4h5"] | {"below_min": 360, "after": "phase3_tss4h5", "batch": 4}
    assert settings_of("phase5_tss6h", added) == expected
    assert settings_of("phase2_tss3h", added) == settings["phase2_tss3h"]


@pytest.mark.parametrize(
    ("added", "sentence"),
    [
        ({"phase3_tss6h": {"below_min": 360, "after": None}}, "another phase has the number 3"),
        ({"phase5_tss6h": {"below_min": 360, "after": "phase3"}}, r"phase5_tss6h\.after is 'phase3'"),
        ({"phase5_tss6h": {"below_min": 360, "after": "phase5_tss6h"}}, "a lower number"),
    ],
)
def test_an_invalid_task_is_one_sentence(settings, added, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        read_tasks(settings | added)


@pytest.mark.parametrize(
    ("net", "phase", "start", "changes", "expected"),
    [
        ("2d", "phase2_tss3h", "phase1", {}, EARLY_2D),
        ("2d", "phase2_tss3h", "phase1", {"freeze_2d": "stage2"}, (*EARLY_2D, "backbone.layer2")),
        ("3d", "phase3_tss4h5", "phase2", {}, EARLY_3D),
        ("2d", "phase2_tss3h", "random", {}, ()),
        ("2d", "phase2_tss3h", "imagenet", {}, EARLY_2D),
        ("3d", "phase3_tss4h5", "medical", {}, EARLY_3D),
        ("2d", "phase2_tss3h", "phase1", {"freeze": False}, ()),
        ("2d", "phase3_tss4h5", "phase2", {"attention_enter": "phase1"}, (*EARLY_2D, "attention")),
        ("2d", "phase1_stroke", "random", {"attention_enter": "phase1"}, ("attention",)),
        ("2d", "phase4_attention", "phase3", {"attention_enter": "phase1"}, EARLY_2D),
        ("2d", "phase4_attention", "phase3", {"phase4_trainable": "attention+head"}, ("backbone",)),
        ("3d", "phase4_attention", "phase3", {"phase4_trainable": "attention+head"}, ("encoder",)),
        ("3d", "phase4_attention", "phase3", {"phase4_trainable": "all"}, ()),
    ],
)
def test_frozen_modules(net, phase, start, changes, expected):
    assert frozen_modules(net, phase, start, **SCHEMA | changes) == expected


def test_table_needs_no_torch():
    """The Snakefile imports it in every job."""
    source = ROOT / "src"
    code = "import sys; import strokeclock.training.phases; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(source)}).returncode == 0

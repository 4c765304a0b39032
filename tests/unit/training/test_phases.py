import subprocess
import sys
from pathlib import Path

import pytest

from strokeclock.errors import ConfigurationError
from strokeclock.training.phases import Run, arms_table, frozen_modules, has_attention, parent

SCHEMA = {
    "freeze": True,
    "freeze_2d": "conv2_x",
    "attention_enter": "phase4",
    "phase4_trainable": "attention+head+unfrozen_late",
}
EARLY_2D = ("backbone.conv1", "backbone.bn1", "backbone.layer1")
EARLY_3D = ("encoder.down_tr64", "encoder.down_tr128")


def test_arms_random_and_chain():
    runs = arms_table(["2d", "3d"], ["random", "chain"], [0])
    assert set(runs) == {
        Run(net, phase, weights, 0)
        for net, phase, weights in [
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


def test_parents_come_first_and_are_runs_themselves():
    runs = arms_table(["2d", "3d"], ["random", "chain"], [0, 1])
    for number, run in enumerate(runs):
        before = parent(run.net, run.phase, run.weights)
        if run.weights == "random":
            assert before is None
        else:
            assert Run(run.net, *before, run.seed) in runs[:number]


def test_random_arm_has_no_phase_1():
    assert {run.phase for run in arms_table(["2d", "3d"], ["random"], [0])} == {
        "phase2_tss3h",
        "phase3_tss4h5",
    }


def test_other_arms_are_refused():
    with pytest.raises(ConfigurationError, match="'other' is unknown"):
        arms_table(["2d"], ["other"], [0])


def test_runs_outside_the_schema_are_refused():
    with pytest.raises(ValueError, match="2d network has no phase1_stroke from genesis"):
        parent("2d", "phase1_stroke", "genesis")


def test_gates_enter_at_phase_4():
    assert [has_attention(f"phase{n}", attention_enter="phase1") for n in (1, 3)] == [True, True]
    assert not has_attention("phase3_tss4h5", attention_enter="phase4")
    assert has_attention("phase4_attention", attention_enter="phase4")


@pytest.mark.parametrize(
    ("net", "phase", "weights", "changes", "expected"),
    [
        ("2d", "phase2_tss3h", "phase1", {}, EARLY_2D),
        ("2d", "phase2_tss3h", "phase1", {"freeze_2d": "stage2"}, (*EARLY_2D, "backbone.layer2")),
        ("3d", "phase3_tss4h5", "phase2", {}, EARLY_3D),
        ("2d", "phase2_tss3h", "random", {}, ()),
        ("2d", "phase2_tss3h", "phase1", {"freeze": False}, ()),
        ("2d", "phase3_tss4h5", "phase2", {"attention_enter": "phase1"}, (*EARLY_2D, "attention")),
        ("2d", "phase1_stroke", "random", {"attention_enter": "phase1"}, ("attention",)),
        ("2d", "phase4_attention", "phase3", {"attention_enter": "phase1"}, EARLY_2D),
        ("2d", "phase4_attention", "phase3", {"phase4_trainable": "attention+head"}, ("backbone",)),
        ("3d", "phase4_attention", "phase3", {"phase4_trainable": "attention+head"}, ("encoder",)),
        ("3d", "phase4_attention", "phase3", {"phase4_trainable": "all"}, ()),
    ],
)
def test_frozen_modules(net, phase, weights, changes, expected):
    assert frozen_modules(net, phase, weights, **SCHEMA | changes) == expected


def test_table_needs_no_torch():
    """The Snakefile reads it in every job."""
    source = Path(__file__).parents[3] / "src"
    code = "import sys; import strokeclock.training.phases; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": str(source)}).returncode == 0

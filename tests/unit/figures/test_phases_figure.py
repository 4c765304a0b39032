"""Figure 5 shows the configuration, for the paper's phases and for any others."""

import pandas as pd
import pytest
import yaml

from strokeclock.figures.phases import TITLES, describe_recipe, draw_phases, tabulate_phases
from strokeclock.figures.sheet import Arrow
from strokeclock.figures.style import save_figure
from strokeclock.training.phases import GENESIS, list_trainings, read_tasks

PATIENTS = [  # patient, part, side, minutes
    ("p1", "train", "left", 100), ("p2", "train", "both", 200), ("p3", "train", "right", 300),
    ("p4", "validation", "left", 170), ("p5", "test", "right", 500), ("p6", "test", "both", 120),
]  # fmt: skip
SIX_HOURS = {"phase5_tss6h": {"below_min": 360, "after": "phase2_tss3h", "lr": 2e-4}}


@pytest.fixture(scope="module")
def paper(root):
    return yaml.safe_load((root / "config/config.yaml").read_text())["training"]


@pytest.fixture(scope="module")
def tuned(root, paper):
    own = yaml.safe_load((root / "config/tuned.yaml").read_text())["training"]
    return paper | {
        key: paper[key] | value if isinstance(value, dict) else value for key, value in own.items()
    }


def starts_of(training, missing=()):
    runs = list_trainings(
        training["networks"], training["starts"], training["seeds"], tasks=read_tasks(training),
        missing=dict.fromkeys(missing, "not there"),
    )  # fmt: skip
    return sorted({run[:3] for run in runs})


def tabulate(training, missing=()):
    patients = pd.DataFrame(PATIENTS, columns=["patient", "part", "lesion_side", "onset_to_mri_min"])
    rows, arrows = tabulate_phases(training, starts_of(training, missing), patients)
    return {
        row.name: {title: tuple(cell.split("\n")) for title, cell in zip(TITLES, row.cells, strict=True)}
        for row in rows
    }, set(arrows)


def test_phases_and_parents_are_the_papers(paper):
    rows, arrows = tabulate(paper)
    assert list(rows) == ["phase0_medical", "phase0_imagenet", GENESIS, *read_tasks(paper)]
    assert {(arrow.before, arrow.after) for arrow in arrows if not arrow.dashed} == {
        (GENESIS, "phase1_stroke"), ("phase1_stroke", "phase2_tss3h"),
        ("phase2_tss3h", "phase3_tss4h5"), ("phase3_tss4h5", "phase4_attention"),
    }  # fmt: skip
    assert {(arrow.before, arrow.after) for arrow in arrows if arrow.dashed} == {
        (f"phase0_{start}", phase)
        for start in ("imagenet", "medical")
        for phase in ("phase2_tss3h", "phase3_tss4h5")
    }
    assert rows["phase1_stroke"]["starts from"] == ("genesis (3D)", "random (2D)")
    assert rows["phase2_tss3h"]["starts from"] == ("phase1", "imagenet (2D)", "medical", "random")
    assert rows["phase4_attention"]["starts from"] == ("phase3",)
    assert [row["task"][0] for row in rows.values()][3:] == [
        "lesion", "TSS < 3 h", "TSS < 4.5 h", "TSS < 4.5 h"
    ]  # fmt: skip


def test_hemispheres_are_counted_as_they_are_trained_on(paper):
    rows, _ = tabulate(paper)
    assert rows[GENESIS]["train"] == ("6",)
    assert rows["phase1_stroke"]["train"] == ("6", "4 positive")
    assert rows["phase2_tss3h"]["train"] == ("4", "1 positive")
    assert rows["phase3_tss4h5"]["train"] == ("4", "3 positive")
    assert rows["phase3_tss4h5"]["validation"] == ("1", "1 positive")
    assert rows["phase3_tss4h5"]["test"] == ("3", "2 positive")


def test_rates_freezing_and_gates_are_the_configured(paper):
    rows, _ = tabulate(paper)
    assert rows["phase1_stroke"]["how"] == (
        "≤ 100 epochs, batch 16", "validation AUC, patience 10", "AdaBound 0.0005, final 0.01"
    )  # fmt: skip
    assert rows["phase3_tss4h5"]["how"][-1] == "AdaBound 1e-05, final 0.001"
    assert rows["phase1_stroke"]["frozen"] == ("–",)
    assert rows["phase2_tss3h"]["frozen"] == ("2D: conv1, bn1, layer1", "3D: down_tr64, down_tr128")
    assert [row["gates"][0] for row in rows.values()][3:] == ["–", "–", "–", "added"]
    assert [row["classifier"][0] for row in rows.values()][3:] == ["new", *["inherited"] * 3]


def test_gates_that_are_there_from_phase_1_are_frozen_until_phase_4(paper):
    rows, _ = tabulate(paper | {"attention_enter": "phase1", "phase4_trainable": "attention+head"})
    assert [row["gates"][0] for row in rows.values()][3:] == [*["frozen"] * 3, "trained"]
    assert rows["phase4_attention"]["frozen"] == ("2D: backbone", "3D: encoder")
    assert "attention" not in " ".join(rows["phase2_tss3h"]["frozen"])


def test_other_tasks_are_drawn_as_they_are_chained(tuned):
    rows, arrows = tabulate(
        tuned | SIX_HOURS, missing=[("2d", "imagenet"), ("2d", "medical"), ("3d", "medical")]
    )
    assert arrows == {
        Arrow(GENESIS, "phase1_stroke"), Arrow("phase1_stroke", "phase2_tss3h"),
        Arrow("phase1_stroke", "phase3_tss4h5"), Arrow("phase3_tss4h5", "phase4_attention"),
        Arrow("phase2_tss3h", "phase5_tss6h"),
    }  # fmt: skip
    assert rows["phase5_tss6h"]["task"] == ("TSS < 6 h",)
    assert rows["phase5_tss6h"]["how"] == ("12 epochs, batch 8", "the last epoch is kept", "AdamW 0.0002")
    assert rows["phase2_tss3h"]["classifier"] == ("new",)
    assert rows["phase2_tss3h"]["frozen"] == ("–",)
    recipe = describe_recipe("tuned", tuned)
    assert "one cycle; weight decay 0.05; time labels softened over 0.8 SD" in recipe
    assert "rotation_deg 10, scale 0.1" in recipe


def test_one_network_without_genesis(paper):
    rows, arrows = tabulate(paper | {"networks": ["3d"], "starts": ["chain"], GENESIS: None})
    assert list(rows) == list(read_tasks(paper))
    assert rows["phase1_stroke"]["starts from"] == ("random",)
    assert not any(arrow.dashed for arrow in arrows)


@pytest.fixture
def tables(tmp_path):
    (tmp_path / "split.tsv").write_text(
        "patient\tpart\n" + "".join(f"{name}\t{part}\n" for name, part, *_ in PATIENTS)
    )
    (tmp_path / "cohort.tsv").write_text(
        "patient\tlesion_side\tonset_to_mri_min\tsite\n"
        + "".join(f"{name}\t{side}\t{minutes}\t\n" for name, _, side, minutes in PATIENTS)
    )
    return {"cohort": tmp_path / "cohort.tsv", "split": tmp_path / "split.tsv"}


@pytest.mark.parametrize("case", ["paper", "other tasks"])
def test_every_cell_is_written_and_arrows_lead_from_start_to_phase(
    case, paper, tuned, tables, read_sheet, ends_of_arrows
):
    training = paper if case == "paper" else tuned | SIX_HOURS
    figure = draw_phases(training=training, recipe="paper", starts=starts_of(training), **tables)
    words = read_sheet(figure)
    rows, arrows = tabulate(training)
    for phase, cells in rows.items():
        assert words.count(phase) == 1
        assert all(line in words for lines in cells.values() for line in lines)
    assert words.count("3 patients") == 1
    assert sum(word in TITLES for word in words) >= len(TITLES)
    height = {text.get_text(): text.get_position()[1] for text in figure.axes[0].texts}

    def phase_at(y):
        return min(rows, key=lambda phase: abs(height[phase] - y))

    assert {(phase_at(start[1]), phase_at(end[1])) for start, end in ends_of_arrows(figure)} == {
        arrow[:2] for arrow in arrows
    }


def test_bytes_repeat(paper, tables, tmp_path):
    for name in ("a", "b"):
        figure = draw_phases(training=paper, recipe="paper", starts=starts_of(paper), **tables)
        save_figure(figure, tmp_path / f"{name}.svg", tmp_path / f"{name}.png")
    for suffix in ("svg", "png"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()

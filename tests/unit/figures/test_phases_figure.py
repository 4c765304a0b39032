"""Figure 5 says what the configuration says, for the paper's phases and for any others."""

import itertools

import pandas as pd
import pytest
import yaml
from matplotlib.backends.backend_agg import FigureCanvasAgg

from strokeclock.figures import phases as module
from strokeclock.figures.phases import TITLES, Arrow, draw_phases, tabulate_phases, tell_recipe
from strokeclock.figures.style import save_figure
from strokeclock.training.phases import GENESIS, arms_table, read_tasks

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
    runs = arms_table(
        training["networks"], training["arms"], training["seeds"], tasks=read_tasks(training),
        missing=dict.fromkeys(missing, "not there"),
    )  # fmt: skip
    return sorted({run[:3] for run in runs})


def tabulate(training, missing=()):
    patients = pd.DataFrame(PATIENTS, columns=["patient", "part", "lesion_side", "onset_to_mri_min"])
    rows, arrows = tabulate_phases(training, starts_of(training, missing), patients)
    return {row.phase: dict(zip(TITLES, row.cells, strict=True)) for row in rows}, set(arrows)


def test_phases_and_parents_are_the_papers(paper):
    rows, arrows = tabulate(paper)
    assert list(rows) == ["phase0_medical", "phase0_imagenet", GENESIS, *read_tasks(paper)]
    assert {(arrow.before, arrow.after) for arrow in arrows if arrow.chain} == {
        (GENESIS, "phase1_stroke"), ("phase1_stroke", "phase2_tss3h"),
        ("phase2_tss3h", "phase3_tss4h5"), ("phase3_tss4h5", "phase4_attention"),
    }  # fmt: skip
    assert {(arrow.before, arrow.after) for arrow in arrows if not arrow.chain} == {
        (f"phase0_{start}", phase)
        for start in ("imagenet", "medical")
        for phase in ("phase2_tss3h", "phase3_tss4h5")
    }
    assert rows["phase1_stroke"]["starts from"] == ("genesis (3D)", "random (2D)")
    assert rows["phase2_tss3h"]["starts from"] == ("phase1", "imagenet (2D)", "medical", "random")
    assert rows["phase4_attention"]["starts from"] == ("phase3",)
    assert [row["asks"][0] for row in rows.values()][3:] == [
        "lesion", "TSS < 3 h", "TSS < 4.5 h", "TSS < 4.5 h"
    ]  # fmt: skip


def test_hemispheres_are_counted_as_they_are_learned_from(paper):
    rows, _ = tabulate(paper)
    assert rows[GENESIS]["train"] == ("6",)
    assert rows["phase1_stroke"]["train"] == ("6", "4 yes")
    assert rows["phase2_tss3h"]["train"] == ("4", "1 yes")
    assert rows["phase3_tss4h5"]["train"] == ("4", "3 yes")
    assert rows["phase3_tss4h5"]["validation"] == ("1", "1 yes")
    assert rows["phase3_tss4h5"]["test"] == ("3", "2 yes")


def test_rates_freezing_and_gates_are_the_configured(paper):
    rows, _ = tabulate(paper)
    assert rows["phase1_stroke"]["how"] == (
        "≤ 100 epochs, batch 16", "validation AUC, patience 10", "AdaBound 5·10⁻⁴, final 10⁻²"
    )  # fmt: skip
    assert rows["phase3_tss4h5"]["how"][-1] == "AdaBound 10⁻⁵, final 10⁻³"
    assert rows["phase1_stroke"]["frozen"] == ("–",)
    assert rows["phase2_tss3h"]["frozen"] == ("2D: conv1, bn1, layer1", "3D: down_tr64, down_tr128")
    assert [row["gates"][0] for row in rows.values()][3:] == ["–", "–", "–", "join"]
    assert [row["classifier"][0] for row in rows.values()][3:] == ["new", *["inherited"] * 3]


def test_gates_that_are_there_from_the_start_wait_frozen(paper):
    rows, _ = tabulate(paper | {"attention_enter": "phase1", "phase4_trainable": "attention+head"})
    assert [row["gates"][0] for row in rows.values()][3:] == [*["wait, frozen"] * 3, "learn"]
    assert rows["phase4_attention"]["frozen"] == ("2D: backbone", "3D: encoder")
    assert "attention" not in " ".join(rows["phase2_tss3h"]["frozen"])


def test_other_tasks_are_drawn_as_they_are_chained(tuned):
    rows, arrows = tabulate(
        tuned | SIX_HOURS, missing=[("2d", "imagenet"), ("2d", "medical"), ("3d", "medical")]
    )
    assert arrows == {
        Arrow(GENESIS, "phase1_stroke", True), Arrow("phase1_stroke", "phase2_tss3h", True),
        Arrow("phase1_stroke", "phase3_tss4h5", True), Arrow("phase3_tss4h5", "phase4_attention", True),
        Arrow("phase2_tss3h", "phase5_tss6h", True),
    }  # fmt: skip
    assert rows["phase5_tss6h"]["asks"] == ("TSS < 6 h",)
    assert rows["phase5_tss6h"]["how"] == ("12 epochs, batch 8", "the last epoch is kept", "AdamW 2·10⁻⁴")
    assert rows["phase2_tss3h"]["classifier"] == ("new",)
    assert rows["phase2_tss3h"]["frozen"] == ("–",)
    told = tell_recipe("tuned", tuned)
    assert "one cycle; weight decay 0.05; time labels fade over 0.8 SD" in told
    assert "rotation_deg 10, scale 0.1" in told


def test_one_network_without_genesis(paper):
    rows, arrows = tabulate(paper | {"networks": ["3d"], "arms": ["chain"], GENESIS: None})
    assert list(rows) == list(read_tasks(paper))
    assert rows["phase1_stroke"]["starts from"] == ("random",)
    assert all(arrow.chain for arrow in arrows)


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
def test_every_cell_is_written_no_words_overlap_and_bytes_repeat(
    case, paper, tuned, tables, tmp_path, monkeypatch
):
    training = paper if case == "paper" else tuned | SIX_HOURS
    figures = []
    monkeypatch.setattr(
        module, "save_figure", lambda figure, *paths: (figures.append(figure), save_figure(figure, *paths))
    )
    for name in ("a", "b"):
        outputs = [tmp_path / f"{name}.svg", tmp_path / f"{name}.png"]
        draw_phases(outputs, training=training, recipe="paper", starts=starts_of(training), **tables)
    for suffix in ("svg", "png"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()
    FigureCanvasAgg(figures[0]).draw()
    (axis,) = figures[0].axes
    texts = [text for text in axis.texts if text.get_text()]
    words = [text.get_text() for text in texts]
    rows, arrows = tabulate(training)
    for phase, cells in rows.items():
        assert words.count(phase) == 1
        assert all(line in words for lines in cells.values() for line in lines)
    assert len(axis.lines) == len(arrows)
    extents = [text.get_window_extent() for text in texts]
    for (i, a), (j, b) in itertools.combinations(enumerate(extents), 2):
        assert not a.overlaps(b), (words[i], words[j])
    for line in axis.lines:
        path = line.get_transform().transform_path(line.get_path())
        assert not any(path.intersects_bbox(extent, filled=False) for extent in extents)

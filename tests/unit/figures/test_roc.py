"""The ROC figures show the predictions and Table 2."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from strokeclock.evaluation.table2 import COLUMNS
from strokeclock.figures.roc import draw_roc
from strokeclock.figures.style import save_figure

SCORERS = [
    ("2d", "phase3_tss4h5", "random"),
    ("2d", "phase4_attention", "phase3"),
    ("3d", "phase4_attention", "phase3"),
    ("segmentation", "phase3_tss4h5", "3d"),
    ("segmentation", "phase3_tss4h5", "ratios"),
]


@pytest.fixture
def run(tmp_path):
    """Prediction files of SCORERS on 20 patients, and a Table 2 with their rows and two readers'."""
    rng = np.random.default_rng(0)
    label = np.repeat([0, 1], 10)
    rows, paths = [], []
    for net, phase, start in SCORERS:
        score = (rng.random(20) + label) / 2
        path = tmp_path / "predictions" / net / phase / start / "seed-0.tsv"
        path.parent.mkdir(parents=True)
        frame = {"patient": [f"p{n:02d}" for n in range(20)], "hemisphere": "left", "part": "test"}
        pd.DataFrame(frame | {"label": label, "score": score}).to_csv(path, sep="\t", index=False)
        paths.append(path)
        area = roc_auc_score(label, score)
        rows.append({"stage": phase, "model": net, "start": start, "status": "ok", "auc": area})
        rows[-1] |= {"auc_low": area - 0.1, "auc_high": area, "auc_seed_mean": area}
    rows.append(
        {"stage": "readers", "model": "reader1", "status": "ok", "sensitivity": 0.6, "specificity": 0.7}
    )
    rows.append(
        {"stage": "readers", "model": "majority", "status": "ok", "sensitivity": 0.5, "specificity": 0.9}
    )
    rows.append({"stage": "readers", "model": "reader2", "status": "not run: the reader sheet has 1 readers"})
    table = tmp_path / "table2.csv"
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(table, index=False)
    return tmp_path, paths, table


def draw(run, *, phases=("phase3_tss4h5", "phase4_attention"), readers=True):
    _, paths, table = run
    return draw_roc(paths, table2=table, phases=phases, readers=readers)


def test_bytes_repeat(run):
    for suffix in ("svg", "png"):
        for name in ("one", "two"):
            save_figure(draw(run), run[0] / f"{name}.{suffix}")
        first = (run[0] / f"one.{suffix}").read_bytes()
        assert first == (run[0] / f"two.{suffix}").read_bytes()
        assert len(first) > 10_000


def test_segmented_ratios_stand_beside_their_network_where_readers_are(run):
    two, three = ([line.get_label() for line in axis.lines] for axis in draw(run).axes)
    assert any(label.startswith("segmented ratios and 3D: AUC ") for label in three)
    assert not any(label.startswith("segmented") for label in two)
    figure = draw(run, phases=("phase3_tss4h5",), readers=False)
    assert not any(line.get_label().startswith("segmented") for axis in figure.axes for line in axis.lines)


def test_a_panel_a_network_with_its_curves(run):
    figure = draw(run)
    axes = figure.axes
    assert [axis.get_title() for axis in axes] == ["2D network", "3D network"]
    labels = [line.get_label() for line in axes[0].lines]
    area = pd.read_csv(run[2])["auc"][0]
    assert f"random start: AUC {area:.2f} ({area - 0.1:.2f}–{area:.2f})" in labels
    assert any(label.startswith("attention, fine-tuned") for label in labels)
    assert "20 test patients, 10 of them under 4.5 h" in figure.get_suptitle()


def test_the_area_under_a_drawn_curve_is_its_auc(run):
    figure = draw(run)
    (curve,) = (line for line in figure.axes[0].lines if str(line.get_label()).startswith("random start"))
    assert np.trapezoid(curve.get_ydata(), curve.get_xdata()) == pytest.approx(pd.read_csv(run[2])["auc"][0])


def test_readers_are_points_at_their_rates(run):
    figure = draw(run)
    points = {line.get_label(): line.get_xydata().ravel() for line in figure.axes[1].lines}
    assert points["reader 1"] == pytest.approx([0.3, 0.6])
    assert points["majority of readers"] == pytest.approx([0.1, 0.5])
    assert "reader 2" not in points


def test_without_readers_the_areas_are_compared(run):
    figure = draw(run, phases=["phase3_tss4h5"], readers=False)
    assert [axis.get_title() for axis in figure.axes] == ["2D network", "AUC"]
    assert [tick.get_text() for tick in figure.axes[1].get_yticklabels()] == ["2D random start"]


def test_nothing_run_is_said(run):
    figure = draw(run, phases=["phase2_tss3h"], readers=False)
    assert figure.axes[0].texts[0].get_text() == "No scorer of this figure was run."

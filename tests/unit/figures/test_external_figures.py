"""The figures of an external test: the same bytes, as tabled, and a sentence where there is nothing."""

import dataclasses

import numpy as np
import pytest

from strokeclock.evaluation.metrics import roc
from strokeclock.figures.external.roc import draw_external_roc
from strokeclock.figures.style import save_figure

NAMES = ("flow", "roc", "calibration", "decision_curve", "forest", "case_mix")


def words(figure):
    return [text.get_text() for axis in figure.axes for text in axis.texts]


@pytest.fixture(scope="module")
def drawn(make_external, tmp_path_factory):
    """A world of 90 patients of three sites, its tables and its figures."""
    world = make_external(tmp_path_factory.mktemp("external"), 90, sites=("A", "B", "C"))
    return world, world.tables(), world.figures()


def test_bytes_repeat(drawn, tmp_path):
    world, _, figures = drawn
    again = world.figures()
    for name in NAMES:
        paths = [tmp_path / folder / f"{name}.svg" for folder in ("a", "b")]
        for path, figure in zip(paths, (figures[name], again[name]), strict=True):
            save_figure(figure, path)
        first, second = (path.read_bytes() for path in paths)
        assert first == second
        assert len(first) > 8_000


def test_nothing_read_is_said(external):
    world = external(4)
    world.lines = []
    world.tables()
    figures = world.figures()
    for name in NAMES[:-1]:
        (text,) = figures[name].texts
        assert text.get_text() == "No row of the bundle was read."
        assert not figures[name].axes
    assert figures["case_mix"].axes


@pytest.mark.parametrize("change", ["one class", "no reading", "12 patients", "nobody known", "one side"])
def test_poor_worlds_are_drawn(external, change, tmp_path):
    world = external(12 if change == "12 patients" else 30)
    if change == "one class":
        world.cohort["onset_to_mri_min"] = 1000.0
    if change == "nobody known":
        world.cohort["onset_to_mri_min"] = np.nan
    if change == "one side":
        world.lines = [line for line in world.lines if line.side_from == "found"]
    if change == "no reading":
        empty = {"score": None, "abstained": None, "volume_ml": None}
        world.lines = [dataclasses.replace(line, status="quality_fail", **empty) for line in world.lines]
    world.tables()
    for name, figure in world.figures().items():
        save_figure(figure, tmp_path / f"{name}.png")
        assert "nan" not in " ".join(words(figure)).split()


def test_flow_counts_as_tabled(drawn):
    _, tables, figures = drawn
    found = tables["flow"][tables["flow"]["side"] == "found"].set_index(["step", "what"])
    _, axis = figures["flow"].axes
    texts = [text.get_text() for text in axis.texts if text.get_text()]
    called, answered = found.loc[("answered", "called shorter")], found.loc[("answered", "")]
    assert texts == [
        "Entered: 90",
        f"Tested: 90\nTSS < 4.5 h: {found.loc[('tested', ''), 'positives']}, "
        f"others: {found.loc[('tested', ''), 'negatives']}",
        f"No reading: 9\nTSS < 4.5 h: {found.loc[('no reading', ''), 'positives']}, "
        f"others: {found.loc[('no reading', ''), 'negatives']}\nno lesion found: 9",
        "With a reading: 81",
        f"Abstained: {found.loc[('abstained', ''), 'n']}\n"
        f"TSS < 4.5 h: {found.loc[('abstained', ''), 'positives']}, "
        f"others: {found.loc[('abstained', ''), 'negatives']}",
        f"Answered: {answered['n']}\nTSS < 4.5 h: {answered['positives']}, others: {answered['negatives']}",
        f"Called TSS < 4.5 h: {called['n']}\n"
        f"TSS < 4.5 h: {called['positives']}, others: {called['negatives']}",
        f"Not called TSS < 4.5 h: {answered['n'] - called['n']}\n"
        f"TSS < 4.5 h: {answered['positives'] - called['positives']}, "
        f"others: {answered['negatives'] - called['negatives']}",
    ]


def test_the_roc_curve_and_the_frozen_point_are_the_tables(drawn):
    world, tables, figures = drawn
    (axis,) = figures["roc"].axes
    rows = tables["external"].query("patients == 'all' and scores == 'as predicted'").set_index("side")
    lines = {line.get_label().split(":")[0]: line for line in axis.lines}
    short = (world.cohort["onset_to_mri_min"] < 270).to_numpy()
    score = np.array([line.score or 0.55 for line in world.lines if line.side_from == "found"])
    curve = roc(short, score)
    expected = np.column_stack([curve.fp / curve.fp[-1], curve.tp / curve.tp[-1]])
    assert lines["side found"].get_xydata() == pytest.approx(expected)
    assert f"AUC {rows.loc['found', 'auc']:.2f} (" in lines["side found"].get_label()
    points = [line.get_xydata()[0] for line in axis.lines if line.get_marker() == "o"]
    for side, point in zip(("given", "found"), points, strict=True):
        assert point == pytest.approx(
            (1 - rows.loc[side, "specificity"], rows.loc[side, "sensitivity"]), abs=1e-5
        )


def test_the_developments_curve_stands_beside_its_own_row(external, made_up_run):
    scorer = ("2d", "phase4_attention", "phase3")
    paths = made_up_run.write([scorer])
    world = external(40)
    world.measure()
    figure = draw_external_roc(**world.write(), table=world.root / "tables/external.csv", predictions=paths)
    (axis,) = figure.axes
    assert [line.get_label() for line in axis.lines if line.get_label().startswith("development")] == [
        "development: AUC 0.70 (0.60–0.80)"
    ]


def test_reliability_is_drawn_as_tabled(drawn):
    _, tables, figures = drawn
    bins = tables["reliability"]
    bins = bins[(bins["side"] == "found") & (bins["patients"] == "all") & (bins["scores"] == "as predicted")]
    axis = figures["calibration"].axes[1]
    lines = {line.get_label(): line.get_xydata() for line in axis.lines}
    assert lines["as predicted"] == pytest.approx(bins[["mean_score", "observed"]].to_numpy()[:-1])
    unread = lines["no reading: scores the prevalence"]
    assert unread == pytest.approx(bins[["mean_score", "observed"]].to_numpy()[-1:])
    row = tables["external"].query("side == 'found' and patients == 'all' and scores == 'temperature-scaled'")
    assert f"slope {row['slope'].iloc[0]:.2f}" in axis.texts[0].get_text()


def test_the_histogram_counts_each_patient_with_a_reading(drawn):
    world, _, figures = drawn
    below = figures["calibration"].axes[3]
    heights = [bar.get_height() for bar in below.patches]
    assert sum(map(abs, heights)) == 81
    short = (world.cohort["onset_to_mri_min"] < 270).to_numpy()
    read = [line.score is not None for line in world.lines if line.side_from == "found"]
    assert sum(height for height in heights if height > 0) == (short & read).sum()


def test_decision_curves_stand_with_all_and_none(drawn):
    _, tables, figures = drawn
    (axis,) = figures["decision_curve"].axes
    lines = {line.get_label(): line for line in axis.lines}
    assert set(lines) == {"treat all", "treat none", "side given", "side found"}
    own = tables["decision"].query("side == 'found'")
    assert lines["side found"].get_ydata() == pytest.approx(own["net_benefit"].to_numpy())


def test_a_row_without_a_curve_says_so(external):
    world = external(20)
    world.cohort["onset_to_mri_min"] = np.nan
    world.tables()
    assert "no patient of known class" in words(world.figures()["decision_curve"])


def test_the_forest_has_a_line_a_group_with_patients(drawn):
    _, tables, figures = drawn
    rows = tables["subgroups"].query("patients == 'all' and side == 'given' and n > 0")
    labels = [label.get_text() for label in figures["forest"].axes[0].get_yticklabels()]
    assert len(labels) == len(rows)
    assert labels[0] == f"all patients  ({rows['positives'].iloc[0]} of 90)"
    assert sum(label.startswith("site: ") for label in labels) == 3
    assert len(figures["forest"].axes) == 2


def test_the_case_mix_has_a_line_a_row(drawn):
    _, tables, figures = drawn
    titles = [axis.get_ylabel() for axis in figures["case_mix"].axes[::2]]
    assert titles[:4] == ["age, years", "NIHSS", "TSS, min", "lesion volume, mL"]
    assert "sex: female" in titles
    assert len(titles) == len(tables["case_mix"])

"""Figures are written whole, the same bytes every time, and leave matplotlib's settings alone."""

import matplotlib
import pytest
from matplotlib.figure import Figure

from strokeclock.figures.style import house_style, save_figure


def draw():
    with house_style():
        figure = Figure(figsize=(2, 2), layout="compressed")
        axis = figure.subplots()
        axis.plot([0, 1], [0, 1], label="a line")
        axis.legend()
        axis.imshow([[0, 1], [1, 0]], extent=(0, 1, 0, 1), alpha=0.5)
    return figure


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_bytes_repeat(tmp_path, suffix):
    for name in ("one", "two"):
        save_figure(draw(), tmp_path / f"{name}.{suffix}")
    first = (tmp_path / f"one.{suffix}").read_bytes()
    assert first == (tmp_path / f"two.{suffix}").read_bytes()
    assert b"<dc:date>" not in first
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"one.{suffix}", f"two.{suffix}"]


def test_a_failure_leaves_the_old_figure(tmp_path):
    path = tmp_path / "figure.svg"
    path.write_text("old")
    figure = draw()
    figure.axes[0].set_title("$\\unknown$")
    with pytest.raises(ValueError, match="unknown"):
        save_figure(figure, path)
    assert path.read_text() == "old"


def test_settings_come_back():
    before = dict(matplotlib.rcParams)
    with house_style():
        assert matplotlib.rcParams["svg.hashsalt"] == "strokeclock"
    assert dict(matplotlib.rcParams) == before


def test_the_last_digits_of_a_layout_do_not_change_a_picture(tmp_path):
    """The layout's solver gives other last digits in another process."""
    files = []
    for number, tremor in enumerate((0, 3e-10)):
        figure = Figure()
        axes = figure.add_axes((0.1 + tremor, 0.1, 0.8, 0.8))
        axes.plot([0, 1], [0, 1])
        files.append(tmp_path / f"{number}.svg")
        save_figure(figure, files[-1])
    assert files[0].read_bytes() == files[1].read_bytes()


def test_a_constrained_layout_is_kept(tmp_path):
    """Where the labels of a panel need room, it is left."""
    figure = Figure(layout="constrained")
    axes = figure.subplots()
    axes.set_ylabel("label\nof several\nlines")
    save_figure(figure, tmp_path / "figure.svg")
    bounds = axes.get_position(original=True).bounds
    assert bounds[0] > 0.1
    assert bounds == pytest.approx([round(end, 6) for end in bounds], abs=1e-12)

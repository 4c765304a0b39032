"""A chain of boxes: rows one below the other, arrows from box to box, words as wide as measured."""

import pytest

from strokeclock.figures.sheet import LINE, Arrow, Row, draw_chain, fit, measure, new_sheet, wrap, write
from strokeclock.figures.style import house_style, save_figure

ROWS = [
    Row("first", ["a", "one\ntwo"]),
    Row("second", ["b", "a longer cell"], dashed=True),
    Row("third", ["c", "–"]),
]
ARROWS = [Arrow("first", "second"), Arrow("first", "third", dashed=True), Arrow("second", "third")]


def test_words_are_as_wide_as_measured():
    with house_style():
        axis = new_sheet()
        write(axis, 10, 20, "Wide words\nW", weight="bold")
        figure = fit(axis, 200, 100)
    figure.set_dpi(200)
    first, second = (text.get_window_extent() for text in axis.texts)
    assert first.width * 72 / 200 == pytest.approx(measure("Wide words\nW", bold=True), abs=0.5)
    assert first.x0 * 72 / 200 == pytest.approx(10, abs=0.5)
    assert (first.y0 - second.y0) * 72 / 200 == pytest.approx(LINE, abs=0.5)
    assert figure.bbox.y1 - first.y1 > 20 * 200 / 72


def test_text_is_wrapped_at_words_and_a_wide_word_stands_alone():
    width = measure("three four")
    assert wrap("one two three four", width) == "one two\nthree four"
    assert wrap("a incomprehensibilities b", width) == "a\nincomprehensibilities\nb"
    assert wrap("", width) == ""


def test_a_chain_has_every_word_and_its_arrows_lead_from_box_to_box(read_sheet, ends_of_arrows):
    figure = draw_chain(["head\nbelow", "other"], ROWS, ARROWS, note="a note of words " * 12)
    words = read_sheet(figure)
    assert set(words) >= {"head", "below", "first", "one", "two", "a longer cell", "–"}
    assert " ".join(words).count("a note of words") == 12
    boxes = {}
    for row in ROWS:
        text = next(text for text in figure.axes[0].texts if text.get_text() == row.name)
        (boxes[row.name],) = [
            patch.get_bbox()
            for patch in figure.axes[0].patches
            if type(patch).__name__ == "FancyBboxPatch" and patch.get_bbox().contains(*text.get_position())
        ]
    for arrow, (start, end) in zip(ARROWS, ends_of_arrows(figure), strict=True):
        before, after = boxes[arrow.before], boxes[arrow.after]
        straight = (before.x0 + before.width / 2, before.y1), (after.x0 + after.width / 2, after.y0)
        beside = (before.x0, before.y0 + before.height / 2), (after.x0, after.y0 + after.height / 2)
        assert [*start, *end] == pytest.approx(sum(beside if arrow.dashed else straight, ()))
    styles = [line.get_linestyle() for line in figure.axes[0].lines]
    assert styles == ["-", "--", "-"]


def test_bytes_repeat(tmp_path):
    for suffix in ("svg", "png"):
        for name in ("a", "b"):
            save_figure(draw_chain(["head", "other"], ROWS, ARROWS), tmp_path / f"{name}.{suffix}")
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()

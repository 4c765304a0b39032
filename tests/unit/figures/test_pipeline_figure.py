"""Figure 2 shows the rules that there are, in their stages, and no arrow runs through a box."""

import itertools

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from strokeclock.figures import pipeline as module
from strokeclock.figures.layered import lay_out, reduce_edges, sort_names
from strokeclock.figures.pipeline import STAGES, Rule, draw_pipeline, group_rules
from strokeclock.figures.style import save_figure

RULES = {
    "cohort": Rule("cohort", []),
    "atlas": Rule("atlas", []),
    "preprocess": Rule("preprocessing_open", ["atlas"]),
    "check": Rule("hemispheres", ["preprocess", "cohort"]),
    "hemispheres": Rule("hemispheres", ["preprocess", "check"]),
    "quality_page": Rule("hemispheres", ["check"]),
    "phase1_stroke": Rule("training", ["hemispheres", "cohort"]),
    "phase2_tss3h": Rule("training", ["hemispheres", "phase1_stroke", "cohort"]),
    "predict": Rule("prediction", ["phase1_stroke", "phase2_tss3h", "hemispheres"]),
    "lesions": Rule("lesions", ["preprocess"]),
    "table2": Rule("evaluation", ["predict", "cohort"]),
    "roc": Rule("figures", ["predict", "table2"]),
    "gradcam": Rule("figures", ["predict", "lesions"]),
    "results_page": Rule("page", ["roc", "gradcam", "table2", "predict"]),
    "all": Rule("Snakefile", ["results_page", "roc", "quality_page"]),
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder, figures = tmp_path_factory.mktemp("fig2"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            module,
            "save_figure",
            lambda figure, *paths: (figures.append(figure), save_figure(figure, *paths)),
        )
        for name in ("a", "b"):
            draw_pipeline(RULES, [folder / f"{name}.svg", folder / f"{name}.png"])
    return figures[0], folder


def boxes_and_arrows(figure):
    """Bounding boxes and sampled arrows, in pixels."""
    FigureCanvasAgg(figure).draw()
    patches = figure.axes[0].patches
    boxes = [p.get_window_extent() for p in patches if type(p).__name__ == "FancyBboxPatch"]
    arrows = [
        p.get_transform().transform_path(p.get_path()).interpolated(1).to_polygons(closed_only=False)[0]
        for p in patches
        if type(p).__name__ == "FancyArrowPatch"
    ]
    return boxes, arrows


def test_rules_of_one_file_that_only_the_page_takes_share_a_box():
    boxes, edges = group_rules(RULES)
    assert boxes["figures.smk"].rules == ("roc", "gradcam")
    assert boxes["hemispheres.smk"].rules == ("quality_page",)
    assert {name for name, box in boxes.items() if box.last} == {"figures.smk", "hemispheres.smk"}
    assert {name: box.stage for name, box in boxes.items() if not box.last} == {
        "cohort": "Raw series", "atlas": "Preprocessing", "preprocess": "Preprocessing",
        "check": "Hemispheres", "hemispheres": "Hemispheres", "phase1_stroke": "Training",
        "phase2_tss3h": "Training", "predict": "Evaluation", "lesions": "Hemispheres", "table2": "Evaluation",
        "results_page": "Evaluation",
    }  # fmt: skip
    assert ("phase2_tss3h", "predict") in edges
    assert ("phase1_stroke", "predict") not in edges  # it follows
    assert ("figures.smk", "results_page") in edges


def test_every_rule_and_stage_is_written_once_and_no_words_overlap(drawn):
    figure, _ = drawn
    FigureCanvasAgg(figure).draw()
    texts = figure.axes[0].texts
    assert sorted(text.get_text() for text in texts) == sorted([*STAGES, *(RULES.keys() - {"all"})])
    extents = [text.get_window_extent() for text in texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(extents, 2))


def test_no_arrow_runs_through_a_box_or_words(drawn):
    boxes, arrows = boxes_and_arrows(drawn[0])
    assert len(boxes) == len(group_rules(RULES)[0])
    assert len(arrows) == len(group_rules(RULES)[1])
    for arrow in arrows:
        inside = [
            (arrow[:, 0] > box.x0 + 2)
            & (arrow[:, 0] < box.x1 - 2)
            & (arrow[:, 1] > box.y0 + 2)
            & (arrow[:, 1] < box.y1 - 2)
            for box in boxes
        ]
        assert not np.any(inside)


def test_arrows_lead_from_the_taken_to_the_taker(drawn):
    boxes, arrows = boxes_and_arrows(drawn[0])
    texts = {text.get_text(): text.get_window_extent() for text in drawn[0].axes[0].texts}

    def middle(name):
        first = group_rules(RULES)[0][name].rules[0]
        (box,) = [box for box in boxes if box.contains(texts[first].x0 + 3, texts[first].y0 + 3)]
        return box

    ends = {(tuple(np.round(arrow[0], -1)), tuple(np.round(arrow[-1], -1))) for arrow in arrows}
    for before, after in group_rules(RULES)[1]:
        start, end = middle(before), middle(after)
        from_, to = ((start.x0 + start.x1) / 2, start.y0), ((end.x0 + end.x1) / 2, end.y1)
        assert min(np.hypot(*np.subtract(a, from_)) + np.hypot(*np.subtract(b, to)) for a, b in ends) < 20


def test_bytes_repeat(drawn):
    for suffix in ("svg", "png"):
        assert (drawn[1] / f"a.{suffix}").read_bytes() == (drawn[1] / f"b.{suffix}").read_bytes()


def test_what_follows_is_left_out_and_circles_are_refused():
    assert reduce_edges({("a", "b"), ("b", "c"), ("a", "c"), ("c", "d"), ("a", "d")}) == {
        ("a", "b"), ("b", "c"), ("c", "d")
    }  # fmt: skip
    assert sort_names({("z", "a"), ("a", "b")}) == ["z", "a", "b"]
    with pytest.raises(ValueError, match="circle: a, b"):
        sort_names({("a", "b"), ("b", "a")})


def test_layers_obey_bands_and_boxes_keep_apart():
    widths = dict(zip("abcdef", (30, 50, 20, 40, 60, 10), strict=True))
    edges = {("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("a", "e"), ("f", "e")}
    layout = lay_out(widths, edges, bands=["abcf", "de"], gap=7)
    level = {name: number for number, row in enumerate(layout.layers) for name in row}
    assert all(level[a] < level[b] for a, b in edges)
    assert max(level[name] for name in "abcf") < min(level[name] for name in "de")
    for row in layout.layers:
        for left, right in itertools.pairwise(row):
            assert layout.x[right] - layout.x[left] >= (widths[left] + widths[right]) / 2 + 7 - 1e-6
    assert layout.routes["a", "e"] == ["a", ("a", 1), "e"]
    with pytest.raises(ValueError, match="a stands in a lower band than d"):
        lay_out(widths, {("a", "d")}, bands=["d", "a"], gap=7)

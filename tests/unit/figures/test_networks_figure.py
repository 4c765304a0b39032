"""Figure 4 says of the networks what is true of the modules that are trained."""

import itertools
import re

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg

from strokeclock.figures import networks as module
from strokeclock.figures.networks import draw_networks, summarise
from strokeclock.figures.style import save_figure
from strokeclock.models.architecture import Architecture

GRID = (24, 48, 16)


def architecture(net, *, width=4, attention=True, aggregation="softmax_logit", grid=GRID, **more):
    own = {"attention_map": "native", "slice_aggregation": aggregation} if net == "2d" else {}
    return Architecture(
        net=net, grid=grid, width=width, attention=attention, attention_norm="sigmoid", standardise=True,
        **own | more,
    )  # fmt: skip


CASES = [
    architecture("2d"),
    architecture("2d", attention_map="layer3_stride1", channels=("dwi", "flair")),
    architecture("2d", aggregation="feature"),
    architecture("2d", attention=False),
    architecture("3d"),
    architecture("3d", attention=False, channels=("dwi", "adc", "other_dwi", "other_adc")),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.net}-{case.attention}")
def test_parameters_are_the_built_networks_and_each_is_counted_once(case):
    summary = summarise(case)
    assert summary.parameters == sum(p.numel() for p in case.build().parameters())
    parts = [step.parameters for step in summary.steps] + [gate.parameters for gate in summary.gates]
    assert sum(parts) + summary.classifier + summary.slice_weights == summary.parameters


def test_the_papers_networks_have_the_papers_shapes():
    flat = summarise(architecture("2d", width=64, grid=(112, 224, 26)))
    assert flat.slices == flat.slice_weights == 26
    assert {"+".join(step.names): step.left for step in flat.steps} == {
        "conv1+bn1": (64, 112, 56), "maxpool": (64, 56, 28), "layer1": (64, 56, 28),
        "layer2": (128, 28, 14), "layer3": (256, 14, 7), "layer4": (512, 7, 4),
    }  # fmt: skip
    assert (flat.features, flat.pooled) == (768, 512)
    deep = summarise(architecture("3d", width=32, grid=(32, 64, 26)))
    assert [(step.names, step.left) for step in deep.steps] == [
        (("down_tr64",), (64, 32, 64, 26)), (("down_tr128",), (128, 16, 32, 13)),
        (("down_tr256",), (256, 8, 16, 6)), (("down_tr512",), (512, 4, 8, 3)),
    ]  # fmt: skip
    assert [gate.features for gate in deep.gates] == [128, 256]
    assert (deep.slices, deep.slice_weights, deep.features) == (1, 0, 896)


@pytest.mark.parametrize("case", CASES[:3], ids=["native", "stride 1", "feature"])
def test_the_2d_gate_stands_on_layer3_and_is_gated_by_layer4(case):
    summary = summarise(case)
    (gate,) = summary.gates
    assert (summary.steps[gate.x].names, summary.steps[gate.g].names) == (("layer3",), ("layer4",))
    assert gate.space == summary.steps[gate.x].left[1:]


def test_the_3d_gates_stand_on_the_second_and_third_level():
    summary = summarise(architecture("3d"))
    assert [(gate.name, gate.x, gate.g) for gate in summary.gates] == [
        ("attention.0", 1, 3), ("attention.1", 2, 3)
    ]  # fmt: skip


def test_weighted_before_the_gate_or_after_the_classifier():
    assert summarise(architecture("2d", aggregation="feature")).weighted_first
    assert not summarise(architecture("2d", aggregation="softmax_prob")).weighted_first
    assert not summarise(architecture("3d")).weighted_first


def test_a_step_begins_where_the_one_before_it_ends_unless_pooled():
    steps = summarise(architecture("3d")).steps
    for before, after in itertools.pairwise(steps):
        assert after.came == (before.left[0], *np.array(before.left[1:]) // 2)
    for before, after in itertools.pairwise(summarise(architecture("2d")).steps):
        assert after.came == before.left


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder, figures = tmp_path_factory.mktemp("fig4"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            module,
            "save_figure",
            lambda figure, *paths: (figures.append(figure), save_figure(figure, *paths)),
        )
        for name in ("a", "b"):
            torch.manual_seed(len(figures))
            draw_networks([CASES[0], CASES[4]], [folder / f"{name}.svg", folder / f"{name}.png"])
    return figures[0], folder


def test_the_figure_says_what_was_measured_and_no_words_overlap(drawn):
    FigureCanvasAgg(drawn[0]).draw()
    texts = [text for text in drawn[0].axes[0].texts if text.get_text()]
    words = [text.get_text() for text in texts]
    for summary in map(summarise, (CASES[0], CASES[4])):
        for step in summary.steps:
            assert " × ".join(map(str, step.left)) in words
            assert f"{step.parameters:,}" in words
            assert " + ".join(step.names) in words
        for gate in summary.gates:
            assert f"{' × '.join(map(str, gate.space))} → {gate.features}" in words
        assert any(re.search(rf"network, {summary.parameters:,} parameters", word) for word in words)
    extents = [text.get_window_extent() for text in texts]
    for (i, a), (j, b) in itertools.combinations(enumerate(extents), 2):
        assert not a.overlaps(b), (words[i], words[j])


def test_bytes_repeat_whatever_the_random_weights(drawn):
    for suffix in ("svg", "png"):
        assert (drawn[1] / f"a.{suffix}").read_bytes() == (drawn[1] / f"b.{suffix}").read_bytes()

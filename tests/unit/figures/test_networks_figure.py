"""Figure 4 shows the shapes and parameters of the modules that are trained."""

import itertools

import pytest
import torch

from strokeclock.figures.network_description import describe_network
from strokeclock.figures.networks import draw_architectures, draw_networks
from strokeclock.figures.style import save_figure
from strokeclock.models.architecture import Architecture
from strokeclock.models.view import View

GRID = (24, 48, 16)


def architecture(net, *, width=4, attention=True, aggregation="softmax_logit", grid=GRID, **more):
    own = {"attention_map": "native", "slice_aggregation": aggregation} if net == "2d" else {}
    return Architecture.flat(
        net=net, grid=grid, width=width, attention=attention, attention_norm="sigmoid", standardise=True,
        **own | more,
    )  # fmt: skip


CASES = [
    architecture("2d"),
    architecture("2d", attention_map="layer3_stride1", channels=("dwi", "flair")),
    architecture("2d", aggregation="feature"),
    architecture("2d", attention=False),
    architecture("3d"),
    architecture("3d", attention=False, channels=("dwi", "adc", "contralateral_dwi", "contralateral_adc")),
]


def blocks_of(description):
    """Title of each block -> its lines."""
    return {block.title: block.words.split("\n") for block in description.blocks}


def count(line):
    return int(line.replace(",", ""))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.net}-{case.attention}")
def test_parameters_are_the_built_networks_and_each_is_counted_once(case):
    description = describe_network(case)
    total = sum(p.numel() for p in case.build().parameters())
    assert f"network, {total:,} parameters" in description.title
    counted = [
        block for block in description.blocks if block.title not in ("hemisphere", "features", "logit")
    ]
    assert sum(count(part.words.split("\n")[-1]) for part in [*counted, *description.gates]) == total


def test_the_papers_networks_have_the_papers_shapes():
    flat = describe_network(architecture("2d", width=64, grid=(112, 224, 26)))
    assert "one of 26 slices" in flat.title
    blocks = blocks_of(flat)
    assert blocks.pop("hemisphere") == ["DWI", "T2w", "FLAIR", "112 × 224 × 26"]
    assert {title: lines[-2] for title, lines in list(blocks.items())[:6]} == {
        "conv1 + bn1": "64 × 112 × 56", "maxpool": "64 × 56 × 28", "layer1": "64 × 56 × 28",
        "layer2": "128 × 28 × 14", "layer3": "256 × 14 × 7", "layer4": "512 × 7 × 4",
    }  # fmt: skip
    assert blocks["conv1 + bn1"][0] == "1 conv 7×7"
    assert blocks["layer2"][:2] == ["4 conv 3×3", "1 conv 1×1"]
    assert blocks["features"] == ["512 + 256"]
    assert blocks["fc"] == ["768 → 1", "769"]
    assert blocks["slice_scores"] == ["sum the slices", "26"]
    deep = describe_network(architecture("3d", width=32, grid=(32, 64, 26)))
    assert deep.title.endswith("x × y × z")
    assert {title: lines[:-1] for title, lines in list(blocks_of(deep).items())[1:5]} == {
        "down_tr64": ["2 conv 3×3×3", "64 × 32 × 64 × 26"],
        "down_tr128": ["÷ 2", "2 conv 3×3×3", "128 × 16 × 32 × 13"],
        "down_tr256": ["÷ 2", "2 conv 3×3×3", "256 × 8 × 16 × 6"],
        "down_tr512": ["÷ 2", "2 conv 3×3×3", "512 × 4 × 8 × 3"],
    }
    assert blocks_of(deep)["features"] == ["512 + 128 + 256"]
    assert "slice_scores" not in blocks_of(deep)


def test_blocks_are_as_large_as_their_maps():
    for case in (CASES[0], CASES[4]):
        maps = [block for block in describe_network(case).blocks if block.tinted]
        for before, after in itertools.pairwise(maps):
            assert after.size[0] >= before.size[0]  # channels
            assert after.size[1] <= before.size[1]  # rows


@pytest.mark.parametrize("case", CASES[:3], ids=["native", "stride 1", "feature"])
def test_the_2d_gate_stands_on_layer3_and_is_gated_by_layer4(case):
    description = describe_network(case)
    (gate,) = description.gates
    assert [description.blocks[number].title for number in (gate.x, gate.g)] == ["layer3", "layer4"]
    space = blocks_of(description)["layer3"][-2].partition(" × ")[2]
    assert gate.words.split("\n")[0] == f"{space} → 16"


def test_the_3d_gates_stand_on_the_second_and_third_level():
    description = describe_network(architecture("3d"))
    assert [
        (gate.title, *(description.blocks[number].title for number in (gate.x, gate.g)))
        for gate in description.gates
    ] == [("attention.0", "down_tr128", "down_tr512"), ("attention.1", "down_tr256", "down_tr512")]
    assert description.blocks[description.features].title == "features"


@pytest.mark.parametrize(
    ("case", "heads"),
    [
        (architecture("2d", aggregation="feature"), ["slice_scores", "features", "fc", "logit"]),
        (architecture("2d", aggregation="softmax_prob"), ["features", "fc", "slice_scores", "logit"]),
        (architecture("3d"), ["features", "fc", "logit"]),
    ],
    ids=["feature", "softmax_prob", "3d"],
)
def test_slices_are_weighted_before_the_features_or_after_the_classifier(case, heads):
    assert [block.title for block in describe_network(case).blocks if not block.tinted] == heads


def test_the_contralateral_hemispheres_channels_are_named():
    assert blocks_of(describe_network(CASES[5]))["hemisphere"][:4] == [
        "DWI", "ADC", "DWI − contralateral", "ADC − contralateral"
    ]  # fmt: skip


@pytest.mark.parametrize("case", [CASES[0], CASES[4]], ids=["2d", "3d"])
def test_the_figure_has_all_words_and_gates_hang_on_their_maps(case, read_sheet, ends_of_arrows):
    figure, description = draw_architectures([case]), describe_network(case)
    words, ends = read_sheet(figure), ends_of_arrows(figure)
    for part in (*description.blocks, *description.gates):
        assert part.title in words
        assert all(line in words for line in part.words.split("\n"))
    at = {text.get_text(): text.get_position() for text in figure.axes[0].texts}
    for gate in description.gates:
        x, below = at[description.blocks[gate.x].title][0], at[gate.title][1]
        assert any(start[0] == end[0] == x and below - 15 < end[1] < below for start, end in ends)
        signal = at[description.blocks[gate.g].title][0]
        assert any(start[0] == signal and below < end[1] < below + 40 for start, end in ends)
        assert any(start[1] > below and abs(end[0] - at["features"][0]) <= 2 for start, end in ends)
    assert len(ends) == len(description.blocks) - 1 + 3 * len(description.gates)


def test_networks_stand_one_below_the_other(read_sheet):
    words = read_sheet(draw_architectures(CASES[-2:]))
    assert words.index(describe_network(CASES[-2]).title) < words.index(describe_network(CASES[-1]).title)


def test_blocks_of_one_shape_modules_beside_the_trunk_and_other_weights(altered):
    """Two stages of one shape, the second a depthwise convolution; a layer and weights beside the trunk."""
    stage = "nn.Sequential(nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False), nn.ReLU())"
    altered(
        ("self.second = stage(width, 2 * width)", f"self.second = {stage}"),
        ("gate_channels=2 * width", "gate_channels=width"),
        ("3 * width if attention else 2 * width", "2 * width if attention else width"),
        (
            "            self.attention = None\n",
            "            self.neck = nn.Linear(width, width)\n"
            "            self.scale = nn.Parameter(torch.ones(5))\n"
            "            self.attention = None\n",
        ),
        ("last.mean((2, 3), dtype=torch.float32)", "self.neck(last.mean((2, 3), dtype=torch.float32))"),
    )
    case = architecture("altered")
    description = describe_network(case)
    (gate,) = description.gates
    assert [description.blocks[number].title for number in (gate.x, gate.g)] == ["first", "second"]
    assert blocks_of(description) == {
        "hemisphere": ["DWI", "T2w", "FLAIR", "24 × 48 × 16"],
        "first": ["1 conv 3×3", "4 × 24 × 12", "116"],
        "second": ["1 depthwise conv 3×3", "4 × 24 × 12", "36"],
        "neck": ["4", "20"],
        "other weights": ["5"],
        "features": ["4 + 4"],
        "fc": ["8 → 1", "9"],
        "logit": ["1"],
    }
    assert 116 + 36 + 20 + 5 + 9 + count(gate.words.split("\n")[-1]) == sum(
        weight.numel() for weight in case.build().parameters()
    )
    assert draw_architectures([case]).axes


def test_stages_may_lie_in_a_list(altered):
    altered(
        ("self.first = stage(channels, width)", "self.levels = nn.ModuleList([stage(channels, width)])"),
        ("self.second = stage(width, 2 * width)", "self.levels.append(stage(width, 2 * width))"),
        ("(self.first,), (self.second,)", "(self.levels[0],), (self.levels[1],)"),
        ("(self.first(maps[0]),)", "(self.levels[0](maps[0]),)"),
        ("self.second(maps[0])", "self.levels[1](maps[0])"),
    )
    description = describe_network(architecture("altered"))
    assert [*blocks_of(description)][:3] == ["hemisphere", "levels.0", "levels.1"]
    assert [(gate.x, gate.g) for gate in description.gates] == [(1, 2)]


def test_bytes_repeat_whatever_the_random_weights(tmp_path):
    for name, seed in (("a", 0), ("b", 1)):
        torch.manual_seed(seed)
        save_figure(draw_architectures([CASES[0]]), tmp_path / f"{name}.svg", tmp_path / f"{name}.png")
    for suffix in ("svg", "png"):
        assert (tmp_path / f"a.{suffix}").read_bytes() == (tmp_path / f"b.{suffix}").read_bytes()


def test_networks_are_drawn_as_they_are_trained(tmp_path, read_sheet):
    (tmp_path / "box.json").write_text('{"box": [[4, 20], [8, 40], [0, 16]]}')
    shared = {"channels": ["dwi", "flair"], "average": [1, 1, 1], "attention_norm": "sigmoid"}
    models = {"3d": shared | {"standardise": True, "width": 4}}
    words = read_sheet(draw_networks(models, grid=(48, 48, 16), attention=True, box=tmp_path / "box.json"))
    case = architecture("3d", channels=("dwi", "flair"), view=View(((4, 20), (8, 40), (0, 16)), (1, 1, 1)))
    assert describe_network(case).title in words
    assert "16 × 32 × 16" in words

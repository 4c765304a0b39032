"""Grad-CAM against networks small enough to do by hand, and on the real ones' layers."""

import numpy as np
import pytest
import torch
from torch import nn

from strokeclock.explanation.gradcam import map_evidence
from strokeclock.models.architecture import Architecture
from strokeclock.models.registry import find_network
from strokeclock.models.view import WHOLE, View


class TinyVolumetric(nn.Module):
    """Two maps, DWI and FLAIR - T2w; logit = 2 * mean of the first - 1 * mean of the second."""

    view = WHOLE

    def __init__(self):
        super().__init__()
        self.maps = nn.Conv3d(3, 2, 1, bias=False)
        self.maps.weight.data = torch.tensor([[1.0, 0, 0], [0, -1, 1]]).view(2, 3, 1, 1, 1)

    def forward(self, volume):
        means = self.maps(volume).mean((2, 3, 4))
        return 2 * means[:, 0] - means[:, 1]


class TinySliceWise(TinyVolumetric):
    """The same on each slice as (y, x); slice z counts z + 1 times."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(3, 2, 1, bias=False)
        self.maps.weight.data = torch.tensor([[1.0, 0, 0], [0, -1, 1]]).view(2, 3, 1, 1)

    def forward(self, volume):
        means = self.maps(volume.permute(0, 4, 1, 3, 2).flatten(0, 1)).mean((2, 3)).view(len(volume), -1, 2)
        weights = torch.arange(1.0, volume.shape[-1] + 1)
        return ((2 * means[..., 0] - means[..., 1]) * weights).sum(1)


@pytest.fixture
def volume():
    return np.random.default_rng(0).random((3, 4, 6, 5)).astype(np.float32)


def by_hand(volume):
    dwi, t2w, flair = volume
    return np.maximum(2 * dwi - (flair - t2w), 0)


def test_volumetric_by_hand(volume):
    expected = by_hand(volume)
    assert map_evidence(TinyVolumetric(), volume, layer="maps")[0] == pytest.approx(
        expected / expected.max(), abs=1e-6
    )


def test_slice_wise_by_hand(volume):
    expected = by_hand(volume) * np.arange(1, 6)  # x, y, z in the right order, slices by their weight
    assert map_evidence(TinySliceWise(), volume, layer="maps")[0] == pytest.approx(
        expected / expected.max(), abs=1e-6
    )


def test_scale_is_the_whole_volumes(volume):
    relevance = map_evidence(TinySliceWise(), volume, layer="maps")[0]
    assert relevance.max() == 1
    assert (relevance.max(axis=(0, 1)) < 1).sum() == 4  # one slice of five reaches it


def test_only_evidence_for_the_positive_class(volume):
    model = TinyVolumetric()
    model.maps.weight.data[1] = 0
    assert map_evidence(model, -volume, layer="maps")[0].tolist() == np.zeros((4, 6, 5)).tolist()


def test_the_gradient_is_the_logits_and_not_the_probabilitys(volume):
    """A sure case has a vanishing gradient of the probability, but its map is as clear."""

    class Sure(TinyVolumetric):
        def forward(self, hemispheres):
            return super().forward(hemispheres) + 1000

    unsure = map_evidence(TinyVolumetric(), volume, layer="maps")[0]
    assert np.array_equal(map_evidence(Sure(), volume, layer="maps")[0], unsure)


def test_upsampling_keeps_the_place():
    """A corner that is bright on a coarse map must be bright in the same corner of the hemisphere."""

    class Coarse(nn.Module):
        view = WHOLE

        def __init__(self, dimensions):
            super().__init__()
            self.slices = dimensions == 2
            self.pool = nn.AvgPool2d(2) if self.slices else nn.AvgPool3d(2)
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, volume):
            if self.slices:
                volume = volume.permute(0, 4, 1, 3, 2).flatten(0, 1)
            return (self.pool(volume) * self.scale).mean()[None]

    volume = np.zeros((3, 8, 12, 4), np.float32)
    volume[0, :2, -2:, :2] = 1  # lateral, anterior, low
    for dimensions in (2, 3):
        relevance = map_evidence(Coarse(dimensions), volume, layer="pool")[0]
        assert relevance.shape == (8, 12, 4)
        assert np.unravel_index(relevance.argmax(), relevance.shape)[:2] == (0, 11)
        assert relevance[4:].max() == relevance[:, :8].max() == 0


def network_of(net, grid, *, width=4, attention=False, standardise=False, view=WHOLE):
    torch.manual_seed(0)
    return Architecture.flat(
        net=net,
        grid=grid,
        attention=attention,
        attention_norm="sigmoid",
        standardise=standardise,
        view=view,
        **find_network(net).defaults | {"width": width},
    ).build()


@pytest.mark.parametrize("net", ["2d", "3d"])
def test_maps_of_a_view_lie_in_it(net):
    model = network_of(net, (20, 40, 18), view=View(((4, 20), (6, 38), (1, 17))))
    of_part = network_of(net, (16, 32, 16))
    hemisphere = np.random.default_rng(1).random((3, 20, 40, 18)).astype(np.float32)
    layer = find_network(net).cam_layers["penultimate"]
    maps = map_evidence(model, hemisphere, layer=layer)
    cut = hemisphere[:, 4:20, 6:38, 1:17]
    for whole, part in zip(maps, map_evidence(of_part, cut, layer=layer), strict=True):
        np.testing.assert_array_equal(whole[4:20, 6:38, 1:17], part)
        assert np.count_nonzero(whole) == np.count_nonzero(part)


def test_slices_that_are_averaged_share_a_map():
    model = network_of("2d", (16, 32, 7), view=View(average=(2, 2, 2)))
    hemisphere = np.random.default_rng(1).uniform(0.1, 1, (3, 16, 32, 7)).astype(np.float32)
    both = sum(map_evidence(model, hemisphere, layer=find_network("2d").cam_layers["penultimate"]))
    assert both.shape == (16, 32, 7)
    np.testing.assert_array_equal(both[..., 0:6:2], both[..., 1:6:2])
    assert not np.array_equal(both[..., 1], both[..., 2])


@pytest.mark.parametrize("which", ["penultimate", "last"])
@pytest.mark.parametrize("net", ["2d", "3d"])
@pytest.mark.parametrize("attention", [False, True])
def test_the_networks_layers(net, which, attention):
    grid = (32, 64, 16)
    model = network_of(net, grid, width=8, attention=attention, standardise=True)
    for parameter in model.parameters():
        parameter.requires_grad_(False)  # a loaded network may be frozen
    hemisphere = np.random.default_rng(1).random((3, *grid)).astype(np.float16)
    relevance = map_evidence(model, hemisphere, layer=find_network(net).cam_layers[which])[0]
    assert relevance.shape == grid
    assert relevance.min() >= 0
    assert relevance.max() in (0, 1)
    assert not model.training
    assert not model.get_submodule(find_network(net).cam_layers[which])._forward_hooks


class Turned(nn.Module):
    """A network whose logit has the other sign: its positive class is the first one's negative."""

    view = WHOLE

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, volume):
        return -self.model(volume)


@pytest.mark.parametrize("tiny", [TinyVolumetric, TinySliceWise])
def test_the_negative_class_is_the_map_of_the_turned_logit(volume, tiny):
    first, second = map_evidence(tiny(), volume, layer="maps")
    assert np.array_equal(first, map_evidence(tiny(), volume, layer="maps")[0])
    assert second == pytest.approx(map_evidence(Turned(tiny()), volume, layer="model.maps")[0], abs=1e-6)
    assert (second > 0).any()  # where FLAIR - T2w is more than twice DWI
    assert not (first * second).any()  # at one resolution no place is evidence for both


@pytest.mark.parametrize("net", ["2d", "3d"])
def test_both_classes_of_a_real_network(net):
    torch.manual_seed(3)
    grid = (32, 64, 16)
    settings = {"attention": True, "attention_norm": "sigmoid", "standardise": True}
    if net == "2d":
        settings |= {"attention_map": "native", "slice_aggregation": "softmax_logit"}
    model = Architecture.flat(net=net, grid=grid, width=8, **settings).build().requires_grad_(False)
    hemisphere = np.random.default_rng(1).random((3, *grid)).astype(np.float32)
    layer = find_network(net).cam_layers["penultimate"]
    maps = map_evidence(model, hemisphere, layer=layer)
    assert any(one.any() for one in maps)
    turned = map_evidence(Turned(model), hemisphere, layer=f"model.{layer}")
    for one, other in zip(maps, reversed(turned), strict=True):
        assert one == pytest.approx(other, abs=1e-5)

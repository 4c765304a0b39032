import pytest
import torch
from torch import nn
from torch.nn import functional

from strokeclock.models.doubling import double_and_join, double_by_parts, double_by_transposition
from strokeclock.training.device import choose_device


def _double(way, maps, skip, *, up, convolution):
    doubled, beside = convolution.weight.split([up.out_channels, skip.shape[1]], dim=1)
    return way(maps, functional.conv3d(skip, beside, padding=1), up=up, doubled=doubled)


@pytest.mark.parametrize("channels", [6, 8])  # not a multiple of eight, and one
@pytest.mark.parametrize("way", [double_by_parts, double_by_transposition, None])
def test_doubled_and_joined_maps_are_those_of_two_layers(way, channels, device):
    place = choose_device(device, threads=1)
    torch.manual_seed(0)
    up = nn.ConvTranspose3d(channels, channels, 2, stride=2).double().to(place)
    convolution = nn.Conv3d(channels + 4, 5, 3, padding=1, bias=False).double().to(place)
    drawn = torch.randn(2, channels, 2, 3, 4), torch.randn(2, 4, 4, 6, 8), torch.randn(2, 5, 4, 6, 8)
    maps, skip, weights = (tensor.double().to(place).requires_grad_() for tensor in drawn)
    layers = {"up": up, "convolution": convolution}
    found = double_and_join(maps, skip, **layers) if way is None else _double(way, maps, skip, **layers)
    parts = (maps, skip, *up.parameters(), *convolution.parameters())
    results = []
    for values in (convolution(torch.cat([up(maps), skip], dim=1)), found):
        results.append((values, *torch.autograd.grad((values * weights).sum(), parts)))
    for expected, ours in zip(*results, strict=True):
        torch.testing.assert_close(ours, expected, rtol=1e-12, atol=1e-12)

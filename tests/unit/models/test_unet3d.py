import pytest
import torch
from torch import nn

from strokeclock.models.standardisation import find_medians, prepare
from strokeclock.models.unet3d import NormReLU, UNet, UNetEncoder


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def test_parameters_at_full_width():
    """Those of Models Genesis without biases before batch normalisation, which takes them away again."""
    encoder = UNetEncoder(width=32)
    levels = [encoder.down_tr64, encoder.down_tr128, encoder.down_tr256, encoder.down_tr512]
    assert [_count(level) for level in levels] == [
        58_176 - 96,
        332_352 - 192,
        1_328_256 - 384,
        5_310_720 - 768,
    ]
    # by hand: decoders 12,045,824 (three transposed and six plain convolutions), last convolution 195
    assert _count(UNet(width=32, standardised=True)) == (7_029_504 - 1_440) + (12_045_824 - 896) + 195


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_norm_and_relu_are_those_of_three_dimensions(training, layout):
    torch.manual_seed(0)
    plain = nn.Sequential(nn.BatchNorm3d(4), nn.ReLU())
    nn.init.uniform_(plain[0].weight)
    nn.init.uniform_(plain[0].bias, -1, 1)
    ours = NormReLU(4)
    ours.load_state_dict(plain[0].state_dict())
    maps = torch.randn(2, 4, 5, 6, 7).contiguous(memory_format=layout)
    results = []
    for module in (plain.train(training), ours.train(training)):
        given = maps.clone(memory_format=torch.preserve_format).requires_grad_()
        found = module(given)
        (gradient,) = torch.autograd.grad((found * torch.linspace(0, 1, 7)).sum(), given)
        results.append((found, gradient))
    assert (results[0][0] == 0).any()
    for expected, found in zip(*results, strict=True):
        torch.testing.assert_close(found, expected)
    assert found.stride() == maps.stride()
    torch.testing.assert_close(ours.running_var, plain[0].running_var)


def test_restores_the_shape_of_26_slices():
    network = UNet(width=2, standardised=True).eval()
    corrupted = torch.rand(1, 3, 24, 16, 26)
    with torch.inference_mode():
        restored = network(corrupted, medians=find_medians(corrupted))
    assert restored.shape == corrupted.shape
    assert ((restored > 0) & (restored < 1)).all()


def test_padding_is_zeros_behind():
    """What is restored of 26 slices is what the same network restores of 32 with six empty ones."""
    torch.manual_seed(0)
    network = UNet(width=2, standardised=False).eval()
    padded = torch.rand(1, 3, 16, 16, 32)
    padded[..., 26:] = 0
    with torch.inference_mode():
        torch.testing.assert_close(network(padded[..., :26]), network(padded)[..., :26])


def _random_network() -> UNet:
    """Batch normalisation that is not the identity."""
    torch.manual_seed(0)
    network = UNet(width=2, standardised=True, channels=4, outputs=2, sides=2).double()
    for module in network.modules():
        if isinstance(module, NormReLU):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            nn.init.uniform_(module.bias, -1, 1)
    return network.eval()


def test_the_network_is_that_of_its_layers():
    network = _random_network()
    volumes = torch.rand(1, 4, 8, 16, 8, dtype=torch.float64)
    with torch.inference_mode():
        *skips, x = network.encoder(prepare(volumes, standardised=True, sides=2))
        for up, decoder, skip in zip(network.ups, network.decoders, reversed(skips), strict=True):
            x = decoder(torch.cat([up(x), skip], dim=1))
        torch.testing.assert_close(network(volumes).double(), torch.sigmoid(network.out(x).float()).double())


@pytest.mark.parametrize(
    "part",
    [
        (slice(0, 1), slice(0, 1), slice(0, 1)),
        (slice(7, 12), slice(3, 20), slice(5, 6)),
        (slice(20, 21), slice(9, 40), slice(0, 13)),
        (slice(0, 21), slice(0, 40), slice(0, 13)),
        (slice(5, 5), slice(0, 40), slice(0, 13)),
    ],
)
def test_needed_voxels_alone_have_the_same_values(part):
    network = _random_network()
    volumes = torch.rand(2, 4, 21, 40, 13, dtype=torch.float64)
    needed = torch.zeros(2, 21, 40, 13, dtype=torch.bool)
    needed[1, *part] = True
    with torch.inference_mode():
        whole, found = network(volumes), network(volumes, needed=needed)
    torch.testing.assert_close(found, whole * needed[:, None], rtol=0, atol=1e-7)
    assert found.any() == needed.any()

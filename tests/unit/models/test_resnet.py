import pytest
import torch
from torch import nn
from torch.nn import functional

from strokeclock.models.resnet import EverySecond, ResNet18


def _count(*modules: nn.Module) -> int:
    return sum(parameter.numel() for module in modules for parameter in module.parameters())


def test_parameters_at_full_width():
    network = ResNet18(width=64)
    assert _count(network) == 11_176_512
    assert _count(network.conv1, network.bn1, network.layer1) == 157_504
    assert _count(network.layer2) == 525_568


def test_maps_at_full_size():
    network = ResNet18(width=64).eval()
    with torch.inference_mode():
        middle, last = network(torch.zeros(1, 3, 224, 112))
    assert middle.shape == (1, 256, 14, 7)
    assert last.shape == (1, 512, 7, 4)


def test_third_stage_of_stride_one_keeps_the_grid_of_the_second():
    network = ResNet18(width=4, layer3_stride=1).eval()
    with torch.inference_mode():
        middle, _ = network(torch.zeros(1, 3, 224, 112))
    assert middle.shape == (1, 16, 28, 14)


def _torchvisions() -> dict[str, tuple[int, ...]]:
    """Names and shapes of torchvision's resnet18 without its classifier, as its weight files have them."""
    shapes = {"conv1.weight": (64, 3, 7, 7)}

    def norm(name: str, channels: int) -> None:
        shapes.update({f"{name}.{part}": (channels,) for part in ("weight", "bias", *_RUNNING)})
        shapes[f"{name}.num_batches_tracked"] = ()

    norm("bn1", 64)
    for stage, (inputs, outputs) in enumerate([(64, 64), (64, 128), (128, 256), (256, 512)], start=1):
        for block in range(2):
            name = f"layer{stage}.{block}"
            shapes[f"{name}.conv1.weight"] = (outputs, outputs if block else inputs, 3, 3)
            norm(f"{name}.bn1", outputs)
            shapes[f"{name}.conv2.weight"] = (outputs, outputs, 3, 3)
            norm(f"{name}.bn2", outputs)
        if stage > 1:
            shapes[f"layer{stage}.0.downsample.0.weight"] = (outputs, inputs, 1, 1)
            norm(f"layer{stage}.0.downsample.1", outputs)
    return shapes


_RUNNING = ("running_mean", "running_var")


def _resnet18(state: dict[str, torch.Tensor], x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Layer3 and layer4 of He et al. 2016, from the names of a weight file alone."""

    def conv_norm(conv: str, norm: str, x: torch.Tensor, stride: int = 1) -> torch.Tensor:
        weight = state[f"{conv}.weight"]
        x = functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        mean, var, gain, shift = (
            state[f"{norm}.{part}"][:, None, None] for part in (*_RUNNING, "weight", "bias")
        )
        return (x - mean) / torch.sqrt(var + 1e-5) * gain + shift

    x = functional.max_pool2d(torch.relu(conv_norm("conv1", "bn1", x, 2)), 3, 2, 1)
    maps = {}
    for stage in range(1, 5):
        for block in range(2):
            name, stride = f"layer{stage}.{block}", 2 if stage > 1 and not block else 1
            y = torch.relu(conv_norm(f"{name}.conv1", f"{name}.bn1", x, stride))
            y = conv_norm(f"{name}.conv2", f"{name}.bn2", y)
            if f"{name}.downsample.0.weight" in state:
                x = conv_norm(f"{name}.downsample.0", f"{name}.downsample.1", x, stride)
            x = torch.relu(x + y)
        maps[stage] = x
    return maps[3], maps[4]


def test_names_and_shapes_are_torchvisions():
    state = ResNet18(width=64).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == _torchvisions()


def test_equals_an_independent_resnet18():
    generator = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in _torchvisions().items():
        if name.endswith("var"):
            state[name] = torch.rand(shape, generator=generator) + 0.5
        elif len(shape) == 4:  # keeps a signal's size through the layers
            spread = (2 / (shape[1] * shape[2] * shape[3])) ** 0.5
            state[name] = torch.randn(shape, generator=generator) * spread
        else:
            state[name] = torch.randn(shape, generator=generator) * 0.2 + name.endswith("weight")
    state |= {name: torch.tensor(1) for name in state if name.endswith("tracked")}
    network = ResNet18(width=64)
    network.load_state_dict(state, strict=True)
    images = torch.randn(2, 3, 224, 112, generator=generator)
    with torch.inference_mode():
        for ours, independent in zip(network.eval()(images), _resnet18(state, images), strict=True):
            assert (ours - independent).abs().max() < 1e-5 * independent.abs().max()


@pytest.mark.parametrize("inputs", range(2, 17))
@pytest.mark.parametrize("size", [(28, 14), (7, 4), (27, 13)])
def test_every_second_voxel_gives_the_strided_convolution_and_its_gradients(inputs, size):
    """Channels last and float32, where oneDNN's own strided one errs; its values are taken in float64."""
    generator = torch.Generator().manual_seed(inputs)
    layer = EverySecond(inputs, 2 * inputs, step=2)
    images = torch.randn(8, inputs, *size, generator=generator)
    truth = images.double().requires_grad_()
    weight = layer.weight.detach().double().requires_grad_()
    expected = functional.conv2d(truth, weight, stride=2)
    slope = torch.randn(expected.shape, generator=generator)
    expected.backward(slope.double())
    images = images.to(memory_format=torch.channels_last).requires_grad_()
    layer.to(memory_format=torch.channels_last)
    found = layer(images)
    found.backward(slope.to(memory_format=torch.channels_last))
    for ours, reference in (
        (found, expected),
        (images.grad, truth.grad),
        (layer.weight.grad, weight.grad),
    ):
        torch.testing.assert_close(ours.double(), reference, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("channels", [16, 64])
def test_every_second_voxel_equals_torchs_strided_convolution_to_the_bit(channels):
    layer = EverySecond(channels, 2 * channels, step=2)
    images = torch.randn(2, channels, 28, 14, generator=torch.Generator().manual_seed(0))
    assert torch.equal(layer(images), functional.conv2d(images, layer.weight, stride=2))


@pytest.mark.parametrize("layer3_stride", [1, 2])
def test_no_strided_convolution_of_one_voxel_is_left(layer3_stride):
    """The docstring of `EverySecond` gives the reason."""
    for module in ResNet18(width=4, layer3_stride=layer3_stride).modules():
        if isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1):
            assert module.stride == (1, 1)

import torch
from torch import nn

from strokeclock.models.resnet import ResNet18


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


def test_names_are_torchvisions():
    names = set(ResNet18(width=4).state_dict())
    expected = {"conv1.weight", "bn1.running_var"}
    for stage in range(1, 5):
        for block in range(2):
            expected |= {f"layer{stage}.{block}.{part}.weight" for part in ("conv1", "bn1", "conv2", "bn2")}
        if stage > 1:
            expected |= {f"layer{stage}.0.downsample.{part}.weight" for part in (0, 1)}
    assert expected <= names
    assert len(names) == 120  # torchvision's 122 without fc.weight and fc.bias

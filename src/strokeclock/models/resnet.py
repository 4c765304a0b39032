"""ResNet-18 (He et al. 2016) without its pooling and its classifier.

Parameters carry torchvision's names, so that its ImageNet weights load as they are.
"""

import torch
from torch import nn
from torch.nn import functional

from strokeclock.models.classifier import Trunk


class EverySecond(nn.Conv2d):
    """A 1 x 1 convolution of every ``step``-th voxel along both axes; its weight is `nn.Conv2d`'s.

    The result is that of `nn.Conv2d` with this stride, to the bit. A strided one is avoided because oneDNN's
    weight gradient of it over a channels-last float32 image writes outside its memory where there are fewer
    input channels than a vector register has lanes (2 to 7 with AVX2, up to 15 with AVX-512):
    uxlfoundation/oneDNN issue 6035.
    """

    def __init__(self, inputs: int, outputs: int, *, step: int):
        super().__init__(inputs, outputs, 1, bias=False)
        self.step = step

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x[..., :: self.step, :: self.step])


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a shortcut."""

    def __init__(self, inputs: int, outputs: int, *, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                EverySecond(inputs, outputs, step=stride), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = functional.relu(self.bn1(self.conv1(x)), inplace=True)
        return functional.relu(self.bn2(self.conv2(x)).add_(shortcut), inplace=True)


class ResNet18(Trunk):
    """The four stages of ResNet-18 with ``width``, 2, 4 and 8 x ``width`` channels.

    Parameters
    ----------
    width : channels of the first stage; 64 in the paper.
    layer3_stride : 2, or 1 for a third stage on the second's grid.
    channels : of the images.
    """

    def __init__(self, *, width: int, layer3_stride: int = 2, channels: int = 3):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(width, width, stride=1)
        self.layer2 = _stage(width, 2 * width, stride=2)
        self.layer3 = _stage(2 * width, 4 * width, stride=layer3_stride)
        self.layer4 = _stage(4 * width, 8 * width, stride=2)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @property
    def stages(self) -> tuple[tuple[nn.Module, ...], ...]:
        """The modules of the five stages that `run` goes through."""
        return (self.conv1, self.bn1), (self.layer1,), (self.layer2,), (self.layer3,), (self.layer4,)

    def run(self, maps: tuple[torch.Tensor, ...], stages: range) -> tuple[torch.Tensor, ...]:
        """Run some of the stages, each on the maps that the one before it returned.

        The first stage takes (images,). Each returns one map; the last returns layer3's map and its own.
        """
        for stage in stages:
            x = maps[0]
            if stage == 0:
                maps = (self.maxpool(functional.relu(self.bn1(self.conv1(x)), inplace=True)),)
            else:
                (layer,) = self.stages[stage]
                maps = (layer(x),) if stage < 4 else (x, layer(x))
        return maps

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the maps of layer3 and layer4 for images (n, channels, height, width)."""
        third, fourth = self.run((images,), range(5))
        return third, fourth


def _stage(inputs: int, outputs: int, *, stride: int) -> nn.Sequential:
    return nn.Sequential(BasicBlock(inputs, outputs, stride=stride), BasicBlock(outputs, outputs, stride=1))

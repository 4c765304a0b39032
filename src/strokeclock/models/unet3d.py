"""The 3D U-Net (Çiçek et al. 2016) and its encoder, with the channels of Models Genesis (Zhou et al. 2021).

Written from the description; levels carry the names under which Models Genesis is known (down_tr64 …).
"""

from collections.abc import Container, Sequence
from typing import Any, cast

import torch
from torch import nn
from torch.nn import functional

from strokeclock.models.classifier import Trunk
from strokeclock.models.doubling import double_and_join
from strokeclock.models.halving import halve
from strokeclock.models.standardisation import prepare

STEP = 8  # three poolings: the whole U-Net needs sides that are multiples of it


class NormReLU(nn.BatchNorm2d):
    """Batch normalisation and ReLU of maps (n, channels, x, y, z), with y and z joined into one axis.

    Channels-last maps are not copied, and CUDA's fast kernel takes four axes only.
    """

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return functional.relu(super().forward(maps.flatten(3)), inplace=True).view_as(maps)


def _convolutions(inputs: int, middle: int, outputs: int) -> nn.Sequential:
    """Two 3 x 3 x 3 convolutions, each with batch normalisation (whose shift is its bias) and ReLU."""
    return nn.Sequential(
        nn.Conv3d(inputs, middle, 3, padding=1, bias=False),
        NormReLU(middle),
        nn.Conv3d(middle, outputs, 3, padding=1, bias=False),
        NormReLU(outputs),
    )


class UNetEncoder(Trunk):
    """Four levels of two convolutions; 2, 4, 8 and 16 x ``width`` channels (64, 128, 256, 512)."""

    def __init__(self, *, width: int, channels: int = 3):
        super().__init__()
        self.down_tr64 = _convolutions(channels, width, 2 * width)
        self.down_tr128 = _convolutions(2 * width, 2 * width, 4 * width)
        self.down_tr256 = _convolutions(4 * width, 4 * width, 8 * width)
        self.down_tr512 = _convolutions(8 * width, 8 * width, 16 * width)

    @property
    def stages(self) -> tuple[tuple[nn.Module, ...], ...]:
        """The modules of the four stages that `run` goes through."""
        return (self.down_tr64,), (self.down_tr128,), (self.down_tr256,), (self.down_tr512,)

    def run(
        self, maps: tuple[torch.Tensor, ...], stages: range, *, keep: Container[int]
    ) -> tuple[torch.Tensor, ...]:
        """Run some of the levels, each on the maps that the one before it returned.

        The first level takes (volume,). Each returns the maps of the levels in ``keep`` so far, before
        pooling, and last its own output: the pooled map, or the deepest level's map.
        """
        for stage in stages:
            (level,) = self.stages[stage]
            *kept, x = maps
            x = level(x)
            if stage in keep:
                kept.append(x)
            maps = (*kept, halve(x) if stage < 3 else x)
        return maps

    def forward(self, volume: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the four levels' maps, each before its pooling, for volumes (n, channels, x, y, z)."""
        return self.run((volume,), range(4), keep=range(3))


class UNet(nn.Module):
    """The whole U-Net, to restore a corrupted hemisphere (Models Genesis) or to segment a lesion or tumour.

    Sides that are no multiple of 8 are padded with zeros and cropped back (26 slices to 32).

    Parameters
    ----------
    width : channels of the first convolution; 32 in the paper.
    standardised : standardise the input (`prepare`).
    channels, outputs : number of input channels, the contralateral hemisphere's included, and of outputs.
    sides : `prepare`'s.
    """

    def __init__(
        self, *, width: int, standardised: bool, channels: int = 3, outputs: int = 3, sides: int = 1
    ):
        super().__init__()
        self.standardised = standardised
        self.sides = sides
        self.encoder = UNetEncoder(width=width, channels=channels)
        levels = [2 * width, 4 * width, 8 * width, 16 * width]
        self.ups = nn.ModuleList()
        self.decoders = nn.ModuleList()
        for skip, deep in zip(levels[-2::-1], levels[:0:-1], strict=True):
            self.ups.append(nn.ConvTranspose3d(deep, deep, 2, stride=2))
            self.decoders.append(_convolutions(deep + skip, skip, skip))
        self.out = nn.Conv3d(levels[0], outputs, 1)

    def forward(
        self,
        corrupted: torch.Tensor,
        *,
        medians: torch.Tensor | None = None,
        needed: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Return values between 0 and 1 (n, outputs, x, y, z) for ``corrupted`` (n, channels, x, y, z).

        Standardising takes ``medians`` (n, channels) where they are given: corruption changes them.
        With ``needed`` (n, x, y, z) bool, values elsewhere are 0 and cost less; in evaluation mode alone.
        """
        corrupted = prepare(corrupted, standardised=self.standardised, sides=self.sides, medians=medians)
        shape = corrupted.shape[2:]
        padding = [amount for side in reversed(shape) for amount in (0, -side % STEP)]
        first, *skips, maps = self.encoder(functional.pad(corrupted, padding))
        for number, skip in enumerate(reversed(skips)):
            maps = self._decode(number, maps, skip)
        if needed is None:
            return self._finish(maps, first)[..., : shape[0], : shape[1], : shape[2]]
        box = _surround(needed.any(0), most=first.shape[2:])
        halved = [slice(side.start // 2, side.stop // 2) for side in box]
        found = torch.zeros_like(first[:, : self.out.out_channels], dtype=torch.float32)
        _cut(found, box).copy_(self._finish(_cut(maps, halved), _cut(first, box)))
        return found[..., : shape[0], : shape[1], : shape[2]] * needed[:, None]

    def _decode(self, number: int, maps: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        up, (first, *others) = cast(Any, (self.ups[number], self.decoders[number]))
        maps = double_and_join(maps, skip, up=up, convolution=first)
        for layer in others:
            maps = layer(maps)
        return maps

    def _finish(self, maps: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        """Run the last decoder and the convolution of one voxel, which would copy channels-last maps."""
        maps = self._decode(len(self.decoders) - 1, maps, skip).movedim(1, -1)
        found = functional.linear(maps, self.out.weight.flatten(1), self.out.bias)
        return torch.sigmoid(found.float()).movedim(-1, 1)


def _cut(maps: torch.Tensor, box: Sequence[slice]) -> torch.Tensor:
    x, y, z = box
    return maps[..., x, y, z]


def _surround(needed: torch.Tensor, *, most: Sequence[int]) -> Sequence[slice]:
    """Return the box of even voxels around those needed (x, y, z), within the sides ``most``.

    The edges are two voxels wide: two convolutions of three voxels carry what lies outside so far.
    """
    box = []
    for axis, size in enumerate(most):
        others = [other for other in range(needed.ndim) if other != axis]
        voxels = needed.any(dim=others).nonzero()
        if not len(voxels):
            return [slice(0, 2)] * needed.ndim
        start, stop = int(voxels[0]) - 2, int(voxels[-1]) + 3
        box.append(slice(max(start - start % 2, 0), min(stop + stop % 2, size)))
    return box

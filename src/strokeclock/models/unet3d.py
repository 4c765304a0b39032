"""The 3D U-Net (Çiçek et al. 2016) and its encoder, with the channels of Models Genesis (Zhou et al. 2021).

Written from the description; levels carry the names under which Models Genesis is known (down_tr64 …).
"""

from collections.abc import Container

import torch
from torch import nn
from torch.nn import functional

from strokeclock.models.classifier import Trunk
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


def _halve(volume: torch.Tensor) -> torch.Tensor:
    # a maximum is exact in every precision, but autocast on CPU would carry the maps to float32 and back
    with torch.autocast(volume.device.type, enabled=False):
        # max_pool3d is faster, but its gradient is deterministic on CPU only
        return functional.max_pool3d(volume, 2) if volume.is_cpu else halve_twice(volume)


def halve_twice(volume: torch.Tensor) -> torch.Tensor:
    """Return max_pool3d of 2 for (n, channels, x, y, z), computed over x and y, and then over z.

    Where maxima are equal, the gradient may reach another one. Channels-last volumes are not copied.
    """
    n, channels, _, _, z = volume.shape
    planes = volume.permute(0, 2, 3, 4, 1).flatten(3).permute(0, 3, 1, 2)  # n, z * channels, x, y
    planes = functional.max_pool2d(planes, 2)
    _, _, x, y = planes.shape
    columns = planes.permute(0, 2, 3, 1).reshape(n * x * y, z, 1, channels).permute(0, 3, 1, 2)
    columns = functional.max_pool2d(columns, (2, 1))  # n * x * y, channels, z, 1
    return columns.permute(0, 2, 3, 1).reshape(n, x, y, -1, channels).permute(0, 4, 1, 2, 3)


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
            maps = (*kept, _halve(x) if stage < 3 else x)
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

    def forward(self, corrupted: torch.Tensor, *, original: torch.Tensor | None = None) -> torch.Tensor:
        """Return values between 0 and 1 (n, outputs, x, y, z) for ``corrupted`` (n, channels, x, y, z).

        Standardising takes the brain medians of ``original`` where it is given: corruption changes them.
        """
        corrupted = prepare(corrupted, standardised=self.standardised, sides=self.sides, reference=original)
        shape = corrupted.shape[2:]
        padding = [amount for side in reversed(shape) for amount in (0, -side % STEP)]
        *skips, x = self.encoder(functional.pad(corrupted, padding))
        for up, decoder, skip in zip(self.ups, self.decoders, reversed(skips), strict=True):
            x = decoder(torch.cat([up(x), skip], dim=1))
        return torch.sigmoid(self.out(x).float())[..., : shape[0], : shape[1], : shape[2]]

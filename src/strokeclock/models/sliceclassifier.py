"""ResNet-18 that classifies single slices: it pretrains the 2D network's backbone."""

import torch
from torch import nn

from strokeclock.models.resnet import ResNet18
from strokeclock.models.standardisation import standardise


class SliceClassifier(nn.Module):
    """Logits of ``classes`` from single slices; ``backbone`` is the 2D network's.

    Parameters
    ----------
    width, standardised, channels : as of `SliceWiseNetwork`.
    """

    def __init__(self, *, width: int, standardised: bool, channels: int, classes: int):
        super().__init__()
        self.standardised = standardised
        self.backbone = ResNet18(width=width, channels=channels)
        self.classes = nn.Linear(8 * width, classes)

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        """Return logits (n, classes) for slices (n, channels, x, y)."""
        if self.standardised:
            slices = standardise(slices[..., None])[..., 0]
        images = slices.transpose(2, 3).contiguous(memory_format=torch.channels_last)  # rows y, columns x
        _, last = self.backbone(images)
        return self.classes(last.mean((2, 3)))

"""The 3D network: the encoder of a 3D U-Net with two attention gates (paper, Fig. 4)."""

import torch
from torch import nn

from strokeclock.models.attention import GridAttention
from strokeclock.models.standardisation import standardise
from strokeclock.models.unet3d import UNetEncoder


class VolumetricNetwork(nn.Module):
    """One logit for a hemisphere.

    Parameters
    ----------
    width : channels of the first convolution; 32 in the paper.
    attention : whether the gates on the second and third level (128 and 256 channels, before pooling; the
        deepest map is the gate's g) stand beside the global average; the classifier sees 28 x ``width``
        features with them (896), 16 x ``width`` without.
    attention_norm : `GridAttention`'s.
    standardised : standardise the input (`standardise`).
    channels : of a hemisphere.
    """

    def __init__(
        self, *, width: int, attention: bool, attention_norm: str, standardised: bool, channels: int = 3
    ):
        super().__init__()
        self.standardised = standardised
        self.encoder = UNetEncoder(width=width, channels=channels)
        self.attention = None
        if attention:
            self.attention = nn.ModuleList(
                GridAttention(dimensions=3, channels=channels, gate_channels=16 * width, norm=attention_norm)
                for channels in (4 * width, 8 * width)
            )
        self.fc = nn.Linear(28 * width if attention else 16 * width, 1)

    def forward(self, hemispheres: torch.Tensor) -> torch.Tensor:
        """Return logits (n,) for hemispheres (n, channels, x, y, z)."""
        if self.standardised:
            hemispheres = standardise(hemispheres)
        _, second, third, last = self.encoder(hemispheres)
        features = [last.mean((2, 3, 4))]
        if self.attention is not None:
            features += [gate(x, last) for gate, x in zip(self.attention, (second, third), strict=True)]
        return self.fc(torch.cat(features, dim=1)).squeeze(1)

"""The 3D network: the encoder of a 3D U-Net with two attention gates (paper, Fig. 4)."""

import torch
from torch import nn

from strokeclock.models.attention import GridAttention
from strokeclock.models.classifier import Classifier
from strokeclock.models.standardisation import prepare
from strokeclock.models.unet3d import UNetEncoder
from strokeclock.models.view import WHOLE, View


class VolumetricNetwork(Classifier):
    """One logit for a hemisphere.

    Parameters
    ----------
    width : channels of the first convolution; 32 in the paper.
    attention : whether the gates on the second and third level (128 and 256 channels, before pooling; the
        deepest map is the gate's g) stand beside the global average; the classifier takes 28 x ``width``
        features with them (896), 16 x ``width`` without.
    attention_norm : `GridAttention`'s.
    standardised : standardise the input (`prepare`).
    channels : number of a hemisphere's, with those of the contralateral one.
    sides : `prepare`'s.
    view : of a hemisphere.
    """

    attention: nn.ModuleList | None

    def __init__(
        self,
        *,
        width: int,
        attention: bool,
        attention_norm: str,
        standardised: bool,
        channels: int = 3,
        sides: int = 1,
        view: View = WHOLE,
    ):
        super().__init__()
        self.standardised = standardised
        self.sides = sides
        self.view = view
        self.encoder = UNetEncoder(width=width, channels=channels)
        self.attention = None
        if attention:
            self.attention = nn.ModuleList(
                GridAttention(dimensions=3, channels=channels, gate_channels=16 * width, norm=attention_norm)
                for channels in (4 * width, 8 * width)
            )
        self.fc = nn.Linear(28 * width if attention else 16 * width, 1)

    @property
    def trunk(self) -> UNetEncoder:
        """The layers before gates and classifier."""
        return self.encoder

    def begin(self, seen: torch.Tensor, *, stages: int) -> tuple[torch.Tensor, ...]:
        """Return the maps (n, ...) after so many levels of the encoder.

        ``seen`` is the view, (n, channels, x, y, z).
        """
        seen = prepare(seen, standardised=self.standardised, sides=self.sides)
        seen = seen.contiguous(memory_format=torch.channels_last_3d)
        return self.encoder.run((seen,), range(stages), keep=self._gated)

    def finish(self, maps: tuple[torch.Tensor, ...], *, stages: int) -> torch.Tensor:
        """Return logits (n,) for the maps that `begin` returned after so many levels."""
        *gated, last = self.encoder.run(maps, range(stages, 4), keep=self._gated)
        features = [last.mean((2, 3, 4), dtype=torch.float32)]
        if self.attention is not None:
            features += [gate(x, last) for gate, x in zip(self.attention, gated, strict=True)]
        with torch.autocast(last.device.type, enabled=False):  # cheap, so always in float32
            return self.fc(torch.cat(features, dim=1)).squeeze(1)

    def forward(self, hemispheres: torch.Tensor) -> torch.Tensor:
        """Return logits (n,) for hemispheres (n, channels, x, y, z)."""
        return self.finish(self.begin(self.view.see(hemispheres), stages=0), stages=0)

    @property
    def _gated(self) -> tuple[int, ...]:
        return () if self.attention is None else (1, 2)

"""What a network is made of: enough, written into its checkpoint, to build it again."""

from dataclasses import dataclass

from torch import nn

from strokeclock.models.field import WHOLE, Field
from strokeclock.models.slicewise import SliceWiseNetwork
from strokeclock.models.volumetric import VolumetricNetwork

CHANNELS = ("dwi", "t2w", "flair")  # the paper's


@dataclass(frozen=True)
class Architecture:
    """A network's settings, as in the configuration's ``models``, and what it was given to see.

    Attributes
    ----------
    net : ``2d`` (`SliceWiseNetwork`) or ``3d`` (`VolumetricNetwork`).
    grid : voxels of a hemisphere, x y z.
    attention : whether the attention gates are there.
    attention_map, slice_aggregation : of the 2D network alone.
    channels : the series of a hemisphere, in order.
    field : what the network sees of the grid.
    """

    net: str
    grid: tuple[int, int, int]
    width: int
    attention: bool
    attention_norm: str
    standardise: bool
    attention_map: str | None = None
    slice_aggregation: str | None = None
    channels: tuple[str, ...] = CHANNELS
    field: Field = WHOLE

    def build(self) -> nn.Module:
        """Build the network with new random weights (torch's global generator)."""
        shared = {
            "width": self.width,
            "attention": self.attention,
            "attention_norm": self.attention_norm,
            "standardised": self.standardise,
            "channels": len(self.channels),
            "field": self.field,
        }
        if self.net == "3d":
            return VolumetricNetwork(**shared)
        return SliceWiseNetwork(
            **shared,
            slices=self.field.size(self.grid)[2],
            attention_map=self.attention_map,
            slice_aggregation=self.slice_aggregation,
        )

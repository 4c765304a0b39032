"""What a network is made of: enough, written into its checkpoint, to build it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from torch import nn

from strokeclock.errors import ConfigurationError
from strokeclock.models.channels import has_other_hemisphere
from strokeclock.models.field import WHOLE, Box, Field
from strokeclock.models.slicewise import SliceWiseNetwork
from strokeclock.models.unet3d import STEP
from strokeclock.models.volumetric import VolumetricNetwork
from strokeclock.series import CHANNELS


@dataclass(frozen=True)
class Architecture:
    """A network's settings, as in the configuration's ``models``, and what it was given to see.

    Attributes
    ----------
    net : ``2d`` (`SliceWiseNetwork`) or ``3d`` (`VolumetricNetwork`).
    grid : voxels of a hemisphere, x y z.
    attention : whether the attention gates are there.
    attention_map, slice_aggregation : of the 2D network alone.
    channels : of a hemisphere, in order (`channel_names`).
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

    @classmethod
    def of(cls, models: Mapping, *, box: Box | None, **more: object) -> Self:
        """Make one of a network's part of the configuration's ``models``, whose averages are of a box."""
        settings = {**models, "channels": tuple(models["channels"])}
        return cls(field=Field(box, tuple(settings.pop("average"))), **settings, **more)

    def build(self) -> nn.Module:
        """Build the network with new random weights (torch's global generator).

        Raises
        ------
        ConfigurationError
            Three halvings of what the 3D network sees leave nothing.
        """
        shared = {
            "width": self.width,
            "attention": self.attention,
            "attention_norm": self.attention_norm,
            "standardised": self.standardise,
            "channels": len(self.channels),
            "sides": 1 + has_other_hemisphere(self.channels),
            "field": self.field,
        }
        if self.net == "3d":
            if min(seen := self.field.size(self.grid)) < STEP:
                raise ConfigurationError(
                    f"The 3D network sees {' × '.join(map(str, seen))} voxels and needs {STEP} along each "
                    "axis: lower models.average or raise preprocessing.grid."
                )
            return VolumetricNetwork(**shared)
        return SliceWiseNetwork(
            **shared,
            slices=self.field.size(self.grid)[2],
            attention_map=self.attention_map,
            slice_aggregation=self.slice_aggregation,
        )

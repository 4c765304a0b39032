"""The types of the networks that are trained; docs/how-to/new-network.md describes what they must have."""

from typing import TYPE_CHECKING

import torch
from torch import nn

from strokeclock.models.view import View


class Trunk(nn.Module):
    """What comes before gates and classifier."""

    if TYPE_CHECKING:  # a property that is there would hide the attribute of a subclass

        @property
        def stages(self) -> tuple[tuple[nn.Module, ...], ...]:
            """Its modules, by the stages that run one after the other."""


class Classifier(nn.Module):
    """A network that gives each hemisphere one logit.

    Attributes
    ----------
    view : what is seen of a hemisphere.
    attention : the attention gates, if there are any.
    fc : the last linear layer.
    """

    view: View
    attention: nn.Module | None
    fc: nn.Linear

    if TYPE_CHECKING:  # as in `Trunk`

        @property
        def trunk(self) -> Trunk:
            """What comes before gates and classifier."""

    def begin(self, seen: torch.Tensor, *, stages: int) -> tuple[torch.Tensor, ...]:
        """Return the maps after so many stages for what the view shows, (n, channels, x, y, z)."""
        raise NotImplementedError

    def finish(self, maps: tuple[torch.Tensor, ...], *, stages: int) -> torch.Tensor:
        """Return logits (n,) for the maps that `begin` gave after so many stages."""
        raise NotImplementedError

"""What a network is made of: enough, written into its checkpoint, to build it again."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from strokeclock.models.channels import has_other_hemisphere
from strokeclock.models.classifier import Classifier
from strokeclock.models.field import WHOLE, Box, Field
from strokeclock.models.registry import find_network
from strokeclock.series import CHANNELS


@dataclass(frozen=True)
class Architecture:
    """A network's settings, as in the configuration's ``models``, and what it was given to see.

    Attributes
    ----------
    net : a network's name (`registry.networks`).
    grid : voxels of a hemisphere, x y z.
    attention : whether the attention gates are there.
    own : the network's own settings (`NetworkSpec.settings`).
    channels : of a hemisphere, in order (`channel_names`).
    field : what the network sees of the grid.
    """

    net: str
    grid: tuple[int, int, int]
    attention: bool
    attention_norm: str
    standardise: bool
    own: Mapping[str, Any]
    channels: tuple[str, ...] = CHANNELS
    field: Field = WHOLE

    @classmethod
    def of(cls, models: Mapping, *, box: Box | None, **more: Any) -> Self:
        """Make one of a network's part of the configuration's ``models``, whose averages are of a box."""
        settings = dict(models)
        return cls.flat(field=Field(box, tuple(settings.pop("average"))), **settings, **more)

    @classmethod
    def flat(cls, *, net: str, grid: tuple[int, int, int], **settings: Any) -> Self:
        """Make one of settings side by side, the network's own among those that all have.

        Raises
        ------
        TypeError
            A setting is neither the network's nor shared, or one is missing.
        """
        names = find_network(net).defaults
        own = {name: settings.pop(name) for name in names if name in settings}
        if missing := set(names) - set(own):
            raise TypeError(f"the {net} network lacks its settings {', '.join(sorted(missing))}")
        if "channels" in settings:
            settings["channels"] = tuple(settings["channels"])
        return cls(net=net, grid=(*grid,), own=own, **settings)

    @property
    def record(self) -> dict[str, Any]:
        """What a checkpoint records, settings side by side; channels and field stand beside it there."""
        beside = ("own", "channels", "field")
        shared = {item.name: getattr(self, item.name) for item in fields(self) if item.name not in beside}
        return shared | dict(self.own)

    @property
    def shared(self) -> dict[str, Any]:
        """The arguments that every network's class takes, by name."""
        return {
            "attention": self.attention,
            "attention_norm": self.attention_norm,
            "standardised": self.standardise,
            "channels": len(self.channels),
            "sides": 1 + has_other_hemisphere(self.channels),
            "field": self.field,
        }

    def build(self) -> Classifier:
        """Build the network with new random weights (torch's global generator).

        Raises
        ------
        ConfigurationError
            What the network sees is too small for it.
        """
        return find_network(self.net).build(self)

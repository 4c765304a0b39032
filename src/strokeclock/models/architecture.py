"""A network's settings, as its checkpoint records them: enough to build it again."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from strokeclock.models.channels import has_contralateral
from strokeclock.models.classifier import Classifier
from strokeclock.models.registry import find_network
from strokeclock.models.view import WHOLE, Box, View
from strokeclock.series import CHANNELS


@dataclass(frozen=True)
class Architecture:
    """A network's settings, as in the configuration's ``models``, with its channels and its view.

    Attributes
    ----------
    net
        A network's name (`registry.networks`).
    grid
        Voxels of a hemisphere, x y z.
    attention
        Whether the attention gates are there.
    own
        The network's own settings (`NetworkSpec.settings`).
    channels
        Of a hemisphere, in order (`channel_names`).
    view
        What the network sees of the grid.
    """

    net: str
    grid: tuple[int, int, int]
    attention: bool
    attention_norm: str
    standardise: bool
    own: Mapping[str, Any]
    channels: tuple[str, ...] = CHANNELS
    view: View = WHOLE

    @classmethod
    def of(cls, models: Mapping, *, box: Box | None, **more: Any) -> Self:
        """Make one from a network's part of the configuration's ``models`` and the box of its view."""
        settings = dict(models)
        return cls.flat(view=View(box, tuple(settings.pop("average"))), **settings, **more)

    @classmethod
    def flat(cls, *, net: str, grid: tuple[int, int, int], **settings: Any) -> Self:
        """Make one from a flat mapping: the network's own settings among those that all networks have.

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
        """What a checkpoint records, as a flat mapping; channels and view are recorded separately."""
        beside = ("own", "channels", "view")
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
            "sides": 1 + has_contralateral(self.channels),
            "view": self.view,
        }

    def build(self) -> Classifier:
        """Build the network with new random weights (torch's global generator).

        Raises
        ------
        ConfigurationError
            The view is too small for the network.
        """
        return find_network(self.net).build(self)

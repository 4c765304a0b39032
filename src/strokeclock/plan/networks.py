"""The networks: what they see, and how they are built."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from strokeclock.models.channels import channel_names
from strokeclock.models.registry import networks
from strokeclock.training.phases import network_settings


@dataclass(frozen=True, kw_only=True)
class Networks:
    """The input and the settings of the networks.

    Attributes
    ----------
    folder : results/<run>.
    models : section of the configuration.
    """

    folder: str
    models: Mapping[str, Any]

    @property
    def channels(self) -> list[str]:
        """The channels of the networks' input, in order."""
        return [*channel_names(self.models["channels"], contralateral=self.models["contralateral"])]

    @property
    def brain_box(self) -> str | list[str]:
        """The file of the networks' view; [], no input of a rule, where it is the whole hemisphere."""
        return f"{self.folder}/hemispheres/brain_box.json" if self.models["view"] == "brain" else []

    @cached_property
    def settings(self) -> dict[str, dict[str, object]]:
        """Network -> its own settings and those of all networks, whether it is trained or not."""
        return {net: network_settings(net, self.models) for net in networks()}

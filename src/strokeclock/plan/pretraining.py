"""Phase 0: where initial weights come from."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from strokeclock.models.registry import network_started_from
from strokeclock.pretraining.sources import list_data_sets, list_missing_starts
from strokeclock.training.phases import GENESIS, ORIGINS, SHARED


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """The sources of initial weights, and the networks that start from them.

    Attributes
    ----------
    folder : results/<run>.
    initial_weights, training : sections of the configuration.
    """

    folder: str
    initial_weights: Mapping[str, Any]
    training: Mapping[str, Any]

    @cached_property
    def data_sets(self) -> dict[str, str | None]:
        """The data sets medical_2d and medical_3d -> their folder; None where there is none."""
        return list_data_sets(self.initial_weights, folder=self.folder)

    @cached_property
    def missing(self) -> dict[tuple[str, str], str]:
        """(network, start) -> why it has no initial weights."""
        return list_missing_starts(self.initial_weights, data_sets=self.data_sets)

    @cached_property
    def networks(self) -> dict[str, str]:
        """Source of initial weights (imagenet, medical_2d, medical_3d) -> the network that starts from it."""
        return {name: network_started_from(name) for name in ("imagenet", *self.data_sets)}

    @cached_property
    def rows(self) -> dict[str, str]:
        """Source of initial weights, genesis among them -> its row below models/, <net>/<phase>/<start>."""
        networks = {"genesis": self.restorer, **self.networks}
        return {name: "/".join((net, *ORIGINS[name.partition("_")[0]])) for name, net in networks.items()}

    @property
    def restorer(self) -> str:
        """The network whose trunk restores hemispheres (Models Genesis)."""
        return network_started_from(GENESIS)

    @property
    def medical_settings(self) -> dict[str, object]:
        """The settings of a training on medical images."""
        return {**self.training["phase0_medical"], **{key: self.training[key] for key in SHARED}}

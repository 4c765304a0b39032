"""The input of a network: stored hemispheres, or the maps that its frozen stages computed from them."""

import logging
from collections.abc import Callable, Sequence

import numpy as np
import torch

from strokeclock.models.classifier import Classifier
from strokeclock.training.device import Stored
from strokeclock.training.loop import TrainingError, batches
from strokeclock.training.precision import autocast, check_precision
from strokeclock.training.store import Hemispheres

log = logging.getLogger(__name__)

_BATCH = 8  # hemispheres per batch in evaluation mode


class Feed:
    """A network's logits for stored hemispheres.

    The frozen first stages of its trunk return the same maps of a hemisphere in each epoch (batch norm in
    evaluation mode, no augmentation). These maps are computed once and kept, and only the rest of the network
    runs; without frozen stages the input of its first convolution is kept. Where the maps of all hemispheres
    need more than the allowed memory, those of fewer stages are kept, or none.

    Parameters
    ----------
    network : on the device; frozen parameters need no gradient.
    precision : ``fp32`` or ``bf16`` (`precision.autocast`).
    cache_gb : for maps, in units of 1e9 bytes.
    """

    def __init__(
        self,
        network: Classifier,
        hemispheres: Hemispheres,
        *,
        device: torch.device,
        precision: str,
        cache_gb: float = 0.0,
    ):
        check_precision(precision, device, grid=network.view.size(hemispheres.values.shape[2:]))
        self.network = network
        self.device = device
        self.precision = precision
        self.labels = torch.from_numpy(hemispheres.labels).to(device)
        self._values = Stored(hemispheres.values, device)
        self.stages, self._maps = self._keep_maps(most_bytes=cache_gb * 1e9)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def keeps(self) -> bool:
        """Whether maps, or the input of the first convolution, are kept."""
        return bool(self._maps)

    def see(self, units: Sequence[int] | np.ndarray) -> torch.Tensor:
        """Return the network's view of the hemispheres of these numbers, on the device, float32."""
        return self.network.view.see(self._values[units])

    def logits(
        self,
        units: Sequence[int] | np.ndarray,
        *,
        change: Callable[[torch.Tensor], torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Return the network's logits (n,) float32 for the hemispheres of these numbers.

        ``change`` augments the views; kept maps are not used then.

        Raises
        ------
        TrainingError
            The network's logits have another shape or type.
        """
        if self.keeps and change is None:
            maps = tuple(torch.cat(kind) for kind in zip(*(self._maps[unit] for unit in units), strict=True))
            with autocast(self.precision, self.device):
                return self._check(self.network.finish(maps, stages=self.stages), count=len(units))
        seen = self.see(units)
        if change is not None:
            seen = change(seen)
        with autocast(self.precision, self.device):
            logits = self.network.finish(self.network.begin(seen, stages=0), stages=0)
        return self._check(logits, count=len(units))

    def _check(self, logits: torch.Tensor, *, count: int) -> torch.Tensor:
        if logits.shape != (count,) or logits.dtype != torch.float32:
            raise TrainingError(
                f"The network {type(self.network).__name__} gives logits of shape {tuple(logits.shape)}, "
                f"{logits.dtype}, for {count} hemispheres, not ({count},), torch.float32: correct its finish "
                "(strokeclock check-network)."
            )
        return logits

    def in_order(self) -> list[np.ndarray]:
        """Return the numbers of all hemispheres, batch by batch."""
        return list(batches(np.arange(len(self)), _BATCH))

    def _keep_maps(self, *, most_bytes: float) -> tuple[int, list[tuple[torch.Tensor, ...]]]:
        if not most_bytes:
            return 0, []
        frozen = count_frozen_stages(self.network)
        self.network.eval()
        first, *others = self.in_order()
        for stages in range(frozen, -1, -1):
            kept = self._maps_of(first, stages)
            size = len(self) * sum(maps.nbytes for maps in kept[0])
            if size <= most_bytes:
                what = f"maps of {stages} of {frozen} frozen stages" if stages else "standardised input"
                log.info("keeping the %s: %.1f GB", what, size / 1e9)
                return stages, kept + [maps for batch in others for maps in self._maps_of(batch, stages)]
        log.info(
            "keeping no maps: the smallest need %.1f GB, training.cache_gb leaves %.1f GB",
            size / 1e9,
            most_bytes / 1e9,
        )
        return 0, []

    def _maps_of(self, units: np.ndarray, stages: int) -> list[tuple[torch.Tensor, ...]]:
        """Return each hemisphere's maps after the first stages."""
        with torch.no_grad(), autocast(self.precision, self.device):
            maps = self.network.begin(self.see(units), stages=stages)
        return list(zip(*(kind.chunk(len(units)) for kind in maps), strict=True))


def count_frozen_stages(network: Classifier) -> int:
    """Count the stages at the beginning of a network's trunk that have no trainable parameter."""
    count = 0
    for modules in network.trunk.stages:
        if any(parameter.requires_grad for module in modules for parameter in module.parameters()):
            break
        count += 1
    return count


def logits_of(feed: Feed) -> np.ndarray:
    """Return a network's logits (n,) float32 for all hemispheres of a feed, in evaluation mode."""
    feed.network.eval()
    with torch.no_grad():
        logits = torch.cat([feed.logits(batch) for batch in feed.in_order()]).cpu().numpy()
    if len(logits) > 1 and np.ptp(logits) == 0:
        log.warning("all %d scores are equal: the network does not discriminate, AUC is 0.5", len(logits))
    return logits

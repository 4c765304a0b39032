"""The optimiser and the schedule of its learning rate."""

import inspect
import math
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import nn

from strokeclock.training.adabound import AdaBound
from strokeclock.training.settings import TrainingSettings

WARM_UP = 0.15  # of the steps of one cycle


class Optimiser(Protocol):
    """What a training needs of an optimiser: what those of torch and `AdaBound` share."""

    param_groups: list[dict[str, Any]]

    def zero_grad(self) -> None: ...
    def step(self) -> None: ...
    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state: dict[str, Any], /) -> None: ...


def make_optimiser(network: nn.Module, settings: TrainingSettings) -> Optimiser:
    """Make the optimiser ``optimizer`` (`TrainingSettings`) of the parameters that are not frozen."""
    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    match settings.optimizer:
        case "adabound" if settings.final_lr is not None:
            return AdaBound(
                learning, lr=settings.lr, final_lr=settings.final_lr, weight_decay=settings.weight_decay
            )
        case "adamw":
            return _light(torch.optim.AdamW)(learning, lr=settings.lr, weight_decay=settings.weight_decay)
        case "adam":
            return _light(torch.optim.Adam)(learning, lr=settings.lr)
        case "sgd":
            return _light(torch.optim.SGD)(learning, lr=settings.lr, momentum=0.9)
    raise ValueError(f"optimizer {settings.optimizer!r} is unknown: use adabound, adamw, adam or sgd")


def _light(kind: type[torch.optim.Optimizer]) -> Callable[..., Optimiser]:
    """Return torch's optimiser without the wrappers of its methods, which load torch's compiler: 1 s."""
    names = ("add_param_group", "load_state_dict", "state_dict", "step", "zero_grad")
    methods = {name: inspect.unwrap(getattr(kind, name)) for name in names}
    methods["step"] = torch.no_grad()(methods["step"])  # as one of the wrappers does
    return type(kind.__name__, (kind,), methods)


def rate_at(settings: TrainingSettings, *, epoch: int, done: float) -> float:
    """Return the learning rate of a step of an epoch (from 1), of which the share ``done`` is done."""
    match settings.schedule:
        case "constant":
            return settings.lr
        case "one_cycle":
            return settings.lr * one_cycle((epoch - 1 + done) / settings.epochs)
        case "halving" if settings.patience is not None:
            return settings.lr * 0.5 ** ((epoch - 1) // max(1, int(0.8 * settings.patience)))
    raise ValueError(f"schedule {settings.schedule!r} is unknown: use constant, one_cycle or halving")


def one_cycle(done: float) -> float:
    """Return the factor of the learning rate when a share of the training is done (0 to 1).

    It rises linearly from 1/25 over the first 15 %, then falls to 0 as a cosine.

    >>> [round(one_cycle(done), 2) for done in (0, 0.15, 0.575, 1)]
    [0.04, 1.0, 0.5, 0.0]
    """
    if done < WARM_UP:
        return 0.04 + 0.96 * done / WARM_UP
    return (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2

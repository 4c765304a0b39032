"""AdaBound (Luo et al. 2019): Adam whose rate of each weight is bounded, by bounds that converge to one rate.

The operations are those of pytorch_optimizer's AdaBound in their order, so every digit is the same; one call
is for all tensors. The class is no `torch.optim.Optimizer`: making one imports torch's compiler, which takes
a second, more than a small training.
"""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

BETAS = (0.9, 0.999)  # decay of the mean gradient and of the mean squared gradient
GAMMA = 1e-3  # how fast the bounds converge
SMALLEST_SQUARE, SMALLEST_ROOT = 1e-15, 1e-8  # added to the mean squared gradient and to its root


class AdaBound:
    """The optimiser of some parameters; called as `torch.optim.Optimizer` is.

    Parameters
    ----------
    parameters : that learn, on their device.
    lr : learning rate of Adam, above 0; ``param_groups[0]["lr"]`` may be changed before each step.
    final_lr : learning rate that the bounds converge to; it changes as the learning rate does.
    weight_decay : share of a weight that a step at rate 1 takes off, decoupled from the gradient.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, lr: float, final_lr: float, weight_decay: float = 0.0
    ):
        self._parameters = [*parameters]
        settings = {"lr": lr, "final_lr": final_lr, "weight_decay": weight_decay}
        self.param_groups: list[dict[str, Any]] = [{"params": self._parameters, **settings}]
        self._first_lr = lr
        self._steps = 0
        self._means = [torch.zeros_like(parameter) for parameter in self._parameters]
        self._squares = [torch.zeros_like(parameter) for parameter in self._parameters]

    def zero_grad(self) -> None:
        """Remove the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Change the parameters that have a gradient."""
        self._steps += 1
        learning = [
            (parameter, parameter.grad, mean, square)
            for parameter, mean, square in zip(self._parameters, self._means, self._squares, strict=True)
            if parameter.grad is not None
        ]
        if not learning:
            return
        parameters, gradients, means, squares = ([*tensors] for tensors in zip(*learning, strict=True))
        group = self.param_groups[0]
        if group["weight_decay"]:
            torch._foreach_mul_(parameters, 1 - group["weight_decay"] * group["lr"])
        torch._foreach_lerp_(means, gradients, weight=1 - BETAS[0])
        torch._foreach_mul_(squares, BETAS[1])
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - BETAS[1])

        roots = torch._foreach_add(squares, SMALLEST_SQUARE)
        torch._foreach_sqrt_(roots)
        torch._foreach_add_(roots, SMALLEST_ROOT)
        rate, low, high = self._rates()
        # The rate over each root: torch divides no number by many tensors, so tensors that hold it are made.
        rates = torch._foreach_clamp_min(roots, rate)
        torch._foreach_clamp_max_(rates, rate)
        torch._foreach_div_(rates, roots)
        torch._foreach_clamp_min_(rates, low)
        torch._foreach_clamp_max_(rates, high)
        torch._foreach_mul_(rates, means)
        torch._foreach_sub_(parameters, rates)

    def _rates(self) -> tuple[float, float, float]:
        """Return Adam's rate of this step, corrected for its start, and the lowest and the highest rate."""
        first, second = (1 - math.pow(beta, self._steps) for beta in BETAS)
        lr, final_lr = self.param_groups[0]["lr"], self.param_groups[0]["final_lr"]
        final = final_lr * lr / self._first_lr
        return (
            lr * math.sqrt(second) / first,
            final * (1 - 1 / (GAMMA * self._steps + 1)),
            final * (1 + 1 / (GAMMA * self._steps)),
        )

    def state_dict(self) -> dict[str, Any]:
        """Return all that the next steps depend on, except the parameters."""
        settings = {name: value for name, value in self.param_groups[0].items() if name != "params"}
        return {
            "settings": settings,
            "first_lr": self._first_lr,
            "steps": self._steps,
            "means": self._means,
            "squares": self._squares,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state (`state_dict`) of an optimiser of parameters of the same shapes."""
        self.param_groups[0].update(state["settings"])
        self._first_lr, self._steps = state["first_lr"], state["steps"]
        for own, given in ((self._means, state["means"]), (self._squares, state["squares"])):
            for tensor, value in zip(own, given, strict=True):
                tensor.copy_(value)

"""AdaBound: its closed form, the digits of pytorch_optimizer's, and the state that a resumed training has."""

import io
import math

import numpy as np
import pytest
import pytorch_optimizer
import torch
from torch import nn

from strokeclock.training.adabound import AdaBound

RATES = {"lr": 5e-4, "final_lr": 1e-2}


def _network():
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(64, 2)
    )
    network[0].bias.requires_grad_(False)  # has no gradient
    return network.to(memory_format=torch.channels_last)


def _take_step(network, optimiser, number, *, lr=RATES["lr"]):
    torch.manual_seed(number)
    optimiser.param_groups[0]["lr"] = lr
    loss = nn.functional.cross_entropy(network(torch.randn(5, 3, 8, 8)), torch.randint(2, (5,)))
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def _assert_equal(network, other):
    for parameter, expected in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(parameter, expected)


@pytest.mark.parametrize(("lr", "final_lr"), [(5e-4, 1e-2), (1e-5, 1e-3)])
def test_a_step_equals_its_closed_form(lr, final_lr):
    """Luo et al. 2019 with bias correction; the paper's rates for phase 1 and for phases 2 to 4."""
    generator = np.random.default_rng(0)
    start, gradients = generator.normal(size=5), generator.normal(size=(300, 5))
    weight = nn.Parameter(torch.tensor(start))
    optimiser = AdaBound([weight], lr=lr, final_lr=final_lr)
    x, m, v = start.copy(), np.zeros(5), np.zeros(5)
    for t, gradient in enumerate(gradients, start=1):
        weight.grad = torch.tensor(gradient)
        optimiser.step()
        m = 0.9 * m + 0.1 * gradient
        v = 0.999 * v + 0.001 * gradient**2
        rate = lr * math.sqrt(1 - 0.999**t) / (1 - 0.9**t) / (np.sqrt(v) + 1e-8)
        low, high = final_lr * (1 - 1 / (1e-3 * t + 1)), final_lr * (1 + 1 / (1e-3 * t))
        x -= np.clip(rate, low, high) * m
        np.testing.assert_allclose(weight.detach().numpy(), x, rtol=1e-9)


@pytest.mark.parametrize("weight_decay", [0, 0.01])
def test_every_digit_is_that_of_pytorch_optimizer(weight_decay):
    """With a rate that changes at every step."""
    ours, theirs = _network(), _network()
    pairs = (
        (ours, AdaBound(ours.parameters(), **RATES, weight_decay=weight_decay)),
        (theirs, pytorch_optimizer.AdaBound(theirs.parameters(), **RATES, weight_decay=weight_decay)),
    )
    for number in range(100):
        for network, optimiser in pairs:
            _take_step(network, optimiser, number, lr=RATES["lr"] * (1 - number / 150))
    _assert_equal(ours, theirs)
    assert not torch.equal(ours[0].weight, _network()[0].weight)
    assert torch.equal(ours[0].bias, _network()[0].bias)


def test_a_resumed_training_equals_an_unbroken_one():
    """The rate has changed by then, and the optimiser that goes on was made with other settings."""
    unbroken, resumed = _network(), _network()
    first = AdaBound(resumed.parameters(), **RATES, weight_decay=0.01)
    whole = AdaBound(unbroken.parameters(), **RATES, weight_decay=0.01)
    for number in range(20):
        _take_step(unbroken, whole, number, lr=1e-4)
        _take_step(resumed, first, number, lr=1e-4)
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    second = AdaBound(resumed.parameters(), lr=1e-4, final_lr=1.0)
    second.load_state_dict(torch.load(file, weights_only=True))
    assert second.param_groups[0]["lr"] == 1e-4
    for number in range(20, 40):
        _take_step(unbroken, whole, number, lr=2e-4)
        _take_step(resumed, second, number, lr=2e-4)
    _assert_equal(resumed, unbroken)
    assert second.state_dict()["steps"] == 40


def test_a_state_of_other_parameters_is_refused():
    network = _network()
    optimiser = AdaBound(network.parameters(), **RATES)
    with pytest.raises(ValueError, match="shorter"):
        optimiser.load_state_dict(AdaBound([network[0].weight], **RATES).state_dict())


def test_at_a_rate_of_0_no_parameter_changes():
    network = _network()
    _take_step(network, AdaBound(network.parameters(), **RATES), 0, lr=0.0)
    _assert_equal(network, _network())

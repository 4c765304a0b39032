import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from strokeclock.training.adabound import AdaBound
from strokeclock.training.optimisation import make_optimiser, one_cycle, rate_at

SETTINGS = {"lr": 1e-3, "final_lr": 0.1, "weight_decay": 0.01, "epochs": 10, "patience": 5}


def _settings(**changes):
    return SimpleNamespace(**SETTINGS | changes)


@pytest.mark.parametrize(
    ("optimizer", "kind", "given"),
    [
        ("adabound", AdaBound, {"final_lr": 0.1, "weight_decay": 0.01}),
        ("adamw", torch.optim.AdamW, {"weight_decay": 0.01}),
        ("adam", torch.optim.Adam, {"weight_decay": 0}),
        ("sgd", torch.optim.SGD, {"momentum": 0.9, "weight_decay": 0}),
    ],
)
def test_the_optimiser_is_the_named_one_of_what_learns(optimizer, kind, given):
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    network[0].requires_grad_(False)
    optimiser = make_optimiser(network, _settings(optimizer=optimizer))
    assert isinstance(optimiser, kind)
    (group,) = optimiser.param_groups
    assert group["params"] == [*network[1].parameters()]
    assert {name: group[name] for name in ("lr", *given)} == {"lr": 1e-3, **given}


@pytest.mark.parametrize(
    ("schedule", "epoch", "done", "share"),
    [
        ("constant", 7, 0.5, 1),
        ("one_cycle", 1, 0.0, 0.04),
        ("one_cycle", 2, 0.5, 1),  # 15 % of ten epochs
        ("one_cycle", 10, 0.9, one_cycle(0.99)),
        ("halving", 4, 0.9, 1),
        ("halving", 5, 0.0, 0.5),  # after 0.8 x 5 epochs
        ("halving", 9, 0.0, 0.25),
    ],
)
def test_the_rate_follows_its_schedule(schedule, epoch, done, share):
    rate = rate_at(_settings(schedule=schedule), epoch=epoch, done=done)
    assert rate == pytest.approx(1e-3 * share, rel=1e-12)


@pytest.mark.parametrize(
    ("optimizer", "make"),
    [
        ("adamw", lambda learning: torch.optim.AdamW(learning, lr=1e-3, weight_decay=0.01)),
        ("adam", lambda learning: torch.optim.Adam(learning, lr=1e-3)),
        ("sgd", lambda learning: torch.optim.SGD(learning, lr=1e-3, momentum=0.9)),
    ],
)
def test_every_digit_is_that_of_torchs_optimiser(optimizer, make):
    """Also where another optimiser goes on from the state."""

    def build():
        torch.manual_seed(0)
        return nn.Linear(4, 3)

    ours, theirs = build(), build()
    own, other = make_optimiser(ours, _settings(optimizer=optimizer)), make(theirs.parameters())
    for number in range(20):
        for network, optimiser in ((ours, own), (theirs, other)):
            torch.manual_seed(number)
            optimiser.param_groups[0]["lr"] = 1e-3 / (1 + number)
            optimiser.zero_grad()
            network(torch.randn(5, 4)).square().sum().backward()
            optimiser.step()
        if number == 10:
            state, own = own.state_dict(), make_optimiser(ours, _settings(optimizer=optimizer))
            own.load_state_dict(state)
    assert torch.equal(ours.weight, theirs.weight)
    assert not torch.equal(ours.weight, build().weight)
    assert ours.weight.requires_grad


@pytest.mark.parametrize(
    ("module", "optimizer"),
    [
        ("training.classifier", "adabound"),
        ("training.prediction", "adabound"),
        ("pretraining.medical", "adam"),
        ("pretraining.restoration", "sgd"),
        ("segmentation.training", "adamw"),
    ],
)
def test_a_training_loads_nothing_slow_that_it_does_not_use(module, optimizer):
    """scikit-learn takes 2 s, torch's compiler 1 s."""
    code = f"""
import sys, torch, strokeclock.{module}
from types import SimpleNamespace
from strokeclock.training.device import choose_device
from strokeclock.training.optimisation import make_optimiser

choose_device("cpu", threads=1)
network = torch.nn.Linear(2, 1)
optimiser = make_optimiser(network, SimpleNamespace(optimizer="{optimizer}", **{SETTINGS}))
optimiser.zero_grad()
network(torch.ones(3, 2)).sum().backward()
optimiser.step()
optimiser.load_state_dict(optimiser.state_dict())
assert not {{"sklearn", "torch._dynamo", "torch._inductor"}} & {{*sys.modules}}
"""
    subprocess.run([sys.executable, "-c", code], check=True)

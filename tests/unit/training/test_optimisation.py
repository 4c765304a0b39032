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
    assert type(optimiser) is kind
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
    "module",
    ["pretraining.restoration", "training.classifier", "training.prediction", "segmentation.training"],
)
def test_a_training_loads_nothing_slow_that_it_does_not_use(module):
    """scikit-learn takes 2 s, torch's compiler, which making one of torch's optimisers loads, 1 s."""
    code = f"""
import sys, torch, strokeclock.{module}
from strokeclock.training.adabound import AdaBound
from strokeclock.training.device import choose_device

choose_device("cpu", threads=1)
network = torch.nn.Linear(2, 1)
optimiser = AdaBound(network.parameters(), lr=1e-3, final_lr=0.1)
optimiser.zero_grad()
network(torch.ones(3, 2)).sum().backward()
optimiser.step()
assert not {{"sklearn", "torch._dynamo", "torch._inductor"}} & {{*sys.modules}}
"""
    subprocess.run([sys.executable, "-c", code], check=True)

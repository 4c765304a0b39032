import itertools
import logging
import sys

import numpy as np
import pytest
import torch
from torch import nn

from strokeclock.errors import MissingSoftwareError
from strokeclock.training import loop
from strokeclock.training.cost import Meter
from strokeclock.training.device import choose_device
from strokeclock.training.loop import TrainingError, batches, fit, freeze, take_steps, train_mode
from strokeclock.training.record import TrainingRecord

RECORD = TrainingRecord(
    **{"net": "2d", "phase": "phase1_stroke", "start": "random", "seed": 0, "channels": ()},
    **{"architecture": {}, "participants": {}, "data": {}, "versions": {}},
)


def _auc(row):
    return row["validation_auc"]


def _fit(tmp_path, measures, *, patience=10, train_loss=0.5, measure=_auc, **settings):
    """Fit a single weight that counts the epochs, while the validation gives the measures one by one."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)

    def train_epoch(epoch):
        with torch.no_grad():
            network.weight.fill_(epoch)
        return train_loss

    fit(
        network,
        optimiser,
        train_epoch=train_epoch,
        validate=lambda: {"validation_auc": measures[int(network.weight.item()) - 1]},
        measure=measure,
        epochs=len(measures),
        patience=patience,
        **settings,
        record=RECORD,
        identity={},
        meter=Meter(),
        output=tmp_path,
    )
    weights = torch.load(tmp_path / "model.pt", weights_only=True)["weights"]
    history = (tmp_path / "history.tsv").read_text().splitlines()
    return int(weights["weight"].item()), len(history) - 1


@pytest.mark.parametrize(
    ("measures", "patience", "best", "epochs"),
    [
        ([0.5, 0.7, 0.6], 10, 2, 3),
        ([0.5, 0.7, 0.7], 10, 2, 3),  # the first of equals
        ([0.9, 0.5, 0.6, 1.0], 2, 1, 3),
        ([0.5, 0.6, 0.6, 0.7, 0.1, 0.1, 0.1], 2, 4, 6),
    ],
)
def test_keeps_the_best_epoch_and_stops_early(tmp_path, measures, patience, best, epochs):
    assert _fit(tmp_path, measures, patience=patience) == (best, epochs)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("cost.json", "history.tsv", "model.pt", "run.json")
    ]


@pytest.mark.parametrize(("min_epochs", "epochs"), [(0, 3), (1, 3), (4, 6), (6, 7)])
def test_patience_counts_after_the_least_epochs(tmp_path, min_epochs, epochs):
    measures = [0.9, 0.5, 0.6, 0.5, 0.5, 0.5, 0.5]
    assert _fit(tmp_path, measures, patience=2, min_epochs=min_epochs) == (1, epochs)


def test_a_better_epoch_after_the_least_is_waited_for(tmp_path):
    measures = [0.9, 0.5, 0.6, 0.5, 1.0, 0.5, 0.5, 0.5]
    assert _fit(tmp_path, measures, patience=2, min_epochs=4) == (5, 7)


def test_a_measure_that_is_the_epoch_keeps_the_last(tmp_path):
    measures = [0.9, 0.5, 0.6, 0.5]
    assert _fit(tmp_path, measures, patience=1, measure=lambda row: row["epoch"]) == (4, 4)


def test_without_patience_all_epochs_are_trained(tmp_path):
    assert _fit(tmp_path, [0.9, 0.5, 0.6, 0.5], patience=None) == (1, 4)


@pytest.mark.parametrize(
    ("train_loss", "auc", "name"),
    [
        (float("nan"), 0.5, "train loss"),
        (float("inf"), 0.5, "train loss"),
        (0.5, float("nan"), "validation AUC"),
    ],
)
def test_loss_that_is_not_finite_stops(tmp_path, train_loss, auc, name):
    with pytest.raises(
        TrainingError, match=f"^phase1_stroke: the {name} of epoch 1 .* training.phase1_stroke.lr"
    ):
        _fit(tmp_path, [auc], train_loss=train_loss)


def test_each_epoch_is_logged(tmp_path, caplog, monkeypatch):
    clock = itertools.count(0, 45)  # read twice an epoch: 45 s each
    monkeypatch.setattr(loop.time, "perf_counter", lambda: next(clock))
    with caplog.at_level(logging.INFO):
        _fit(tmp_path, [0.5, 0.75, 0.25, 0.5])
    lines = [line for line in caplog.messages if line.startswith("epoch")]
    assert lines[0] == (
        "epoch 1 of 4: train loss 0.5000, validation AUC 0.5000; best epoch 1; at most 2 min left"
    )
    assert lines[2] == (
        "epoch 3 of 4: train loss 0.5000, validation AUC 0.2500; best epoch 2; at most 45 s left"
    )


@pytest.mark.parametrize(("seconds", "saved"), [(0.05, [*range(1, 13)]), (1, [1, 10])])
def test_a_state_that_is_slow_to_write_is_written_more_rarely(tmp_path, monkeypatch, seconds, saved):
    """Epochs of 1 s: a state that takes .05 s is written after each, one of 1 s not for the next 9 s."""
    now, after = [0.0], []

    def pass_by(duration):
        now[0] += duration
        return now[0]

    def save(folder, state):
        after.append(len(state["progress"]["history"]))
        pass_by(seconds)

    monkeypatch.setattr(loop.time, "perf_counter", lambda: pass_by(0.5))  # read twice an epoch
    monkeypatch.setattr(loop.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(loop, "save_state", save)
    _fit(tmp_path, [0.5] * 12, patience=20)
    assert after == saved


def test_the_mean_loss_is_a_units_and_each_batch_a_step():
    weight = torch.nn.Parameter(torch.zeros(()))
    order = [np.arange(3), np.arange(1)]
    seen = []

    def loss_of(step, batch):
        seen.append((step, len(batch), weight.item()))
        return weight + [2.0, 6.5][step]

    loss = take_steps(torch.optim.SGD([weight], lr=0.5), order, loss_of)
    assert seen == [(0, 3, 0.0), (1, 1, -0.5)]
    assert loss == (3 * 2.0 + 1 * 6.0) / 4


def test_tensorboard_that_is_absent_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    with pytest.raises(MissingSoftwareError, match=r"training\.tensorboard .* pip install tensorboard"):
        _fit(tmp_path, [0.5], events=tmp_path / "events")
    assert not (tmp_path / "latest.pt").exists()  # raised before the first epoch


def test_tensorboard_shows_the_history_once(tmp_path):
    """Also after a kill: what the killed training had written is there, and not twice."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    for measures in ([0.5, 0.75], [0.25, 0.5, 1.0]):  # the second as if resumed without a state
        _fit(tmp_path, measures, events=tmp_path / "events")
    found = accumulator.EventAccumulator(str(tmp_path / "events")).Reload()
    values = [(event.step, event.value) for event in found.Scalars("validation_auc")]
    assert values == [(1, 0.25), (2, 0.5), (3, 1.0)]


@pytest.mark.parametrize(
    ("count", "size", "expected"),
    [(8, 4, [4, 4]), (9, 4, [4, 5]), (10, 4, [4, 4, 2]), (3, 4, [3]), (1, 4, [1]), (5, 4, [5])],
)
def test_no_batch_of_one(count, size, expected):
    order = np.random.default_rng(0).permutation(count)
    cut = list(batches(order, size))
    assert [len(batch) for batch in cut] == expected
    np.testing.assert_array_equal(np.concatenate(cut), order)


def test_frozen_modules_have_no_gradient_and_keep_their_statistics():
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    freeze(network, ("0", "1"))
    train_mode(network, frozen=("0", "1"))
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network(torch.randn(8, 3)).sum().backward()
    assert network[0].weight.grad is None
    assert network[2].weight.grad is not None
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_cuda_that_is_absent_is_one_sentence(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(TrainingError, match=r"training\.device is cuda"):
        choose_device("cuda", threads=1)
    assert choose_device("auto", threads=1).type == "cpu"

import numpy as np
import pytest
import torch
from torch import nn

from strokeclock.training.loop import TrainingError, batches, choose_device, fit, freeze, train_mode


def _fit(tmp_path, measures, *, patience=10, train_loss=0.5):
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
        measure=lambda values: values["validation_auc"],
        epochs=len(measures),
        patience=patience,
        record={},
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
    assert sorted(path.name for path in tmp_path.iterdir()) == ["history.tsv", "model.pt", "run.json"]


@pytest.mark.parametrize(
    ("train_loss", "auc"), [(float("nan"), 0.5), (float("inf"), 0.5), (0.5, float("nan"))]
)
def test_loss_that_is_no_number_stops(tmp_path, train_loss, auc):
    with pytest.raises(TrainingError, match="loss of epoch 1 is no number"):
        _fit(tmp_path, [auc], train_loss=train_loss)


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

import copy
import logging
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from strokeclock.errors import ConfigurationError
from strokeclock.models.architecture import Architecture
from strokeclock.models.volumetric import VolumetricNetwork
from strokeclock.training.checkpoint import read_checkpoint, write_checkpoint
from strokeclock.training.classifier import train_phase
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.feed import Feed, count_frozen_stages, logits_of
from strokeclock.training.loop import TrainingError, freeze, train_mode
from strokeclock.training.store import Hemispheres, Stack

CPU = torch.device("cpu")
EARLY = {
    "2d": ("backbone.conv1", "backbone.bn1", "backbone.layer1"),
    "3d": ("encoder.down_tr64", "encoder.down_tr128"),
}
GRID = (24, 32, 9)


@pytest.fixture(scope="module")
def units():
    generator = np.random.default_rng(0)
    values = generator.uniform(0.3, 0.7, (11, 3, *GRID)).astype(np.float16)
    values[:, :, :3] = 0
    names = tuple(f"p{number}" for number in range(11))
    labels = np.arange(11, dtype=np.float32) % 2
    return Hemispheres(names, ("left",) * 11, Stack(tuple(values)), labels, 600 - 500 * labels)


def _network(net, *, attention=True):
    choose_device("cpu", threads=1)
    torch.manual_seed(0)
    own = {"attention_map": "native", "slice_aggregation": "softmax_logit"} if net == "2d" else {}
    shared = {"width": 4, "attention_norm": "sigmoid", "standardise": True}
    architecture = Architecture.flat(net=net, grid=GRID, attention=attention, **shared, **own)
    network = architecture.build()
    for name, buffer in network.named_buffers():  # running statistics as after some training
        if name.endswith("running_mean"):
            buffer.uniform_(-0.1, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.05, 0.2)
    return on_device(network, CPU)


class ColumnOfLogits(VolumetricNetwork):
    def finish(self, maps, *, stages):
        return super().finish(maps, stages=stages)[:, None]


def test_logits_of_another_shape_are_one_sentence(units):
    network = ColumnOfLogits(width=4, attention=False, attention_norm="sigmoid", standardised=True)
    sentence = (
        r"^The network ColumnOfLogits gives logits of shape \(2, 1\), torch\.float32, for 2 hemispheres, "
        r"not \(2,\), torch\.float32: correct its finish \(strokeclock check-network\)\.$"
    )
    for cache_gb in (0.0, 1.0):
        feed = Feed(network, units, device=CPU, precision="fp32", cache_gb=cache_gb)
        with pytest.raises(TrainingError, match=sentence):
            feed.logits([0, 1])


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("attention", [False, True])
@pytest.mark.parametrize(
    ("net", "frozen", "stages"),
    [
        ("2d", EARLY["2d"], 2),
        ("3d", EARLY["3d"], 2),
        ("2d", ("backbone",), 5),
        ("3d", ("encoder",), 4),
        ("2d", (), 0),
        ("3d", (), 0),
    ],
)
def test_kept_maps_change_no_bit(units, net, frozen, stages, attention, precision):
    """Losses, gradients, batch norm's statistics: as where the whole network is run each time."""
    plain = _network(net, attention=attention)
    freeze(plain, frozen)
    kept = copy.deepcopy(plain)
    feeds = [
        Feed(network, units, device=CPU, precision=precision, cache_gb=gigabytes)
        for network, gigabytes in ((plain, 0), (kept, 1))
    ]
    assert [feed.stages for feed in feeds] == [0, stages]
    assert [feed.keeps for feed in feeds] == [False, True]
    for batch in ([0, 1, 2, 3], [4, 1, 0]):  # some for the first time, some again
        losses = []
        for feed in feeds:
            train_mode(feed.network, frozen=frozen)
            losses.append(feed.logits(batch).square().sum())
            losses[-1].backward()
        assert losses[0] == losses[1]
    state = kept.state_dict()
    assert all(torch.equal(tensor, state[name]) for name, tensor in plain.state_dict().items())
    for (name, before), after in zip(plain.named_parameters(), kept.parameters(), strict=True):
        if not before.requires_grad:
            assert after.grad is None
        else:
            assert torch.equal(before.grad, after.grad), name
    assert (logits_of(feeds[0]) == logits_of(feeds[1])).all()


@pytest.mark.parametrize("net", ["2d", "3d"])
def test_training_that_keeps_maps_equals_one_that_does_not(toys, tmp_path, net):
    def train(output, **changes):
        train_phase(
            "phase1_stroke" if changes.get("parent_model") is None else "phase2_tss3h",
            net=net,
            seed=0,
            models=toys.models(net),
            training=toys.training(cache_gb=changes.pop("cache_gb", 1)),
            output=tmp_path / output,
            **changes,
            **toys.inputs(),
        )
        return tmp_path / output / "model.pt"

    first = train("phase1", start="random", parent_model=None)
    if net == "3d":  # the chain's phase 1 starts from phase 0: so does this one here
        record, weights, _ = read_checkpoint(first)
        write_checkpoint(first, weights=weights, record=replace(record, start="genesis"))
        first.with_name("run.json").unlink()  # which names the former file
    kept, plain = (
        read_checkpoint(train(str(size), start="phase1", parent_model=first, cache_gb=size))[1]
        for size in (1, 0)
    )
    assert all(torch.equal(tensor, plain[name]) for name, tensor in kept.items())


def test_maps_of_fewer_stages_are_kept_where_memory_ends(units, caplog):
    network = _network("3d")
    freeze(network, ("encoder",))

    def size(stages):
        with torch.no_grad():
            maps = network.eval().begin(torch.rand(1, 3, *GRID), stages=stages)
        return len(units) * sum(part.nbytes for part in maps) / 1e9

    sizes = [size(stages) for stages in (1, 2, 3, 4)]
    assert sizes == sorted(sizes)
    with caplog.at_level(logging.INFO):
        for gigabytes, stages in ((sizes[1], 2), (sizes[1] * 0.999, 1), (sizes[0] * 0.999, 0)):
            feed = Feed(network, units, device=CPU, precision="fp32", cache_gb=gigabytes)
            assert feed.stages == stages
    assert "keeping the maps of 2 of 4 frozen stages" in caplog.text
    assert "keeping no maps" in caplog.text


def test_frozen_stages_are_counted_from_the_input():
    network = _network("2d")
    assert count_frozen_stages(network) == 0
    freeze(network, ("backbone.layer1", "backbone.layer3", "attention"))
    assert count_frozen_stages(network) == 0
    freeze(network, ("backbone.conv1", "backbone.bn1"))
    assert count_frozen_stages(network) == 2


def test_feeds_what_is_stored(units):
    feed = Feed(_network("2d"), units, device=CPU, precision="fp32")
    fed = feed.see([7, 2])
    assert fed.dtype == torch.float32
    np.testing.assert_array_equal(fed.numpy(), units.values[[7, 2]].astype(np.float32))
    assert feed.labels.tolist() == units.labels.tolist()
    assert [len(batch) for batch in feed.in_order()] == [8, 3]


def test_changed_hemispheres_go_through_the_whole_network(units):
    network = _network("2d")
    freeze(network, EARLY["2d"])
    feed = Feed(network, units, device=CPU, precision="fp32", cache_gb=1)
    assert feed.stages == 2
    assert torch.equal(feed.logits([3, 5], change=lambda values: values), feed.logits([3, 5]))
    flipped = feed.logits([3, 5], change=lambda values: values.flip(3))
    torch.testing.assert_close(flipped, network(torch.from_numpy(units.values[[3, 5]]).float().flip(3)))
    assert not torch.equal(flipped, feed.logits([3, 5]))


@pytest.mark.parametrize("net", ["2d", "3d"])
def test_bf16_is_rounded_fp32(units, net):
    network = _network(net)
    fp32, bf16 = (
        logits_of(Feed(network, units, device=CPU, precision=precision)) for precision in ("fp32", "bf16")
    )
    assert bf16.dtype == np.float32
    assert 0 < np.abs(fp32 - bf16).max() < 0.05 * np.abs(fp32).max()
    rounded = torch.from_numpy(bf16).bfloat16().float().numpy()
    assert (rounded != bf16).any()  # the classifier is not


@pytest.mark.parametrize("net", ["2d", "3d"])
def test_bf16_gradients_are_those_of_fp32_and_repeat(units, net):
    network = _network(net).eval()
    gradients = []
    for precision in ("fp32", "bf16", "bf16"):
        network.zero_grad()
        logits = Feed(network, units, device=CPU, precision=precision).logits(range(8))
        functional.binary_cross_entropy_with_logits(logits, torch.arange(8.0) % 2).backward()
        assert all(parameter.grad.dtype == torch.float32 for parameter in network.parameters())
        gradients.append(torch.cat([parameter.grad.flatten() for parameter in network.parameters()]))
        junk = [torch.full((10**size,), math.nan) for size in (3, 4, 5, 6)]  # what freed memory may hold
        del junk
    assert torch.equal(gradients[1], gradients[2])
    assert functional.cosine_similarity(*gradients[:2], dim=0) > 0.99


def test_bf16_on_cpu_is_refused_where_gradients_are_wrong(units):
    narrow = replace(units, values=Stack(tuple(units.values[:][:, :, :23])))
    with pytest.raises(ConfigurationError, match=r"training\.precision: bf16 gives wrong gradients"):
        Feed(_network("2d"), narrow, device=CPU, precision="bf16")
    Feed(_network("2d"), narrow, device=CPU, precision="fp32")

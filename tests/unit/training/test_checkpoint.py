import hashlib

import pytest
import torch

from strokeclock.models.architecture import Architecture
from strokeclock.training.checkpoint import (
    CheckpointError,
    architecture_of,
    inherit,
    load_state,
    read_checkpoint,
    read_network,
    remove_state,
    save_state,
    write_checkpoint,
)
from strokeclock.training.phases import PAPER

SHARED = {
    "grid": (16, 32, 9),
    "width": 4,
    "attention_norm": "sigmoid",
    "standardise": True,
    "channels": ("dwi", "t2w", "flair"),
}
OWN = {
    "2d": {"attention_map": "native", "slice_aggregation": "softmax_logit"},
    "3d": {},
}


def _network(net, *, attention=False, seed=0, **changes):
    torch.manual_seed(seed)
    network = Architecture.flat(net=net, attention=attention, **OWN[net], **SHARED | changes).build()
    with torch.no_grad():  # as if trained: no batch norm at its start
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
        for name, buffer in network.named_buffers():
            if name.endswith("running_var"):
                buffer.uniform_(0.5, 2)
    return network.eval()


def test_same_content_same_bytes_whatever_the_name_and_the_objects(tmp_path, make_record):
    weights = {"a": torch.arange(6.0).view(2, 3), "b": torch.ones(2)}
    one = make_record(phase="text", data={"x": "text", "y": ["text", 1, None]})
    data = {"y": ("te" + "xt"[:2], 1, None), "x": "".join(["t", "ext"])}
    other = make_record(data=data, phase="text")
    first = write_checkpoint(tmp_path / "one.pt", weights=weights, record=one)
    copies = {name: tensor.clone() for name, tensor in weights.items()}
    copies["a"] = copies["a"].t().contiguous().t()  # another layout in memory
    second = write_checkpoint(tmp_path / "deeper" / "other.pt", weights=copies, record=other)
    assert first == second == hashlib.sha256((tmp_path / "one.pt").read_bytes()).hexdigest()
    record, read, sha256 = read_checkpoint(tmp_path / "one.pt")
    assert record == one
    assert sha256 == first
    assert all(torch.equal(read[name], weights[name]) for name in weights)


def test_same_bytes_whatever_the_strides_of_a_dimension_of_one(tmp_path, make_record):
    """A 1 x 1 convolution's weights are contiguous in either memory format, with other strides."""
    weight = torch.arange(6.0).view(2, 3, 1, 1)
    other = weight.to(memory_format=torch.channels_last)
    assert weight.stride() != other.stride()
    one = write_checkpoint(tmp_path / "one.pt", weights={"a": weight}, record=make_record())
    assert one == write_checkpoint(tmp_path / "other.pt", weights={"a": other}, record=make_record())


def test_no_checkpoint_is_one_sentence(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"excluded")
    with pytest.raises(CheckpointError, match=r"model\.pt is no checkpoint of strokeclock"):
        read_checkpoint(tmp_path / "model.pt")


@pytest.mark.parametrize("net", ["2d", "3d"])
def test_network_is_rebuilt_from_its_record(tmp_path, make_record, net):
    network = _network(net, attention=True)
    task = PAPER["phase4_attention"]
    architecture = Architecture.flat(net=net, attention=True, **OWN[net], **SHARED)
    written = make_record(
        **{"net": net, "phase": task.phase, "task": task, "channels": architecture.channels},
        architecture=architecture.record,
    )
    write_checkpoint(tmp_path / "model.pt", weights=network.state_dict(), record=written)
    rebuilt, record = read_network(tmp_path / "model.pt")
    assert record.to_json() == written.to_json()
    assert architecture_of(record) == architecture
    hemispheres = torch.rand(2, 3, 16, 32, 9)
    with torch.inference_mode():
        torch.testing.assert_close(rebuilt(hemispheres), network(hemispheres), rtol=0, atol=0)


def test_phase_0_is_no_classifier(tmp_path, make_record):
    write_checkpoint(tmp_path / "model.pt", weights={}, record=make_record(phase="phase0_genesis"))
    with pytest.raises(CheckpointError, match="not a classifier"):
        read_network(tmp_path / "model.pt")


@pytest.mark.parametrize("net", ["2d", "3d"])
def test_gates_enter_without_changing_the_output(net):
    """Phase 4's first logits are phase 3's: the classifier's new columns are zero."""
    before, after = _network(net), _network(net, attention=True, seed=1)
    inherit(after, parent=before.state_dict())
    hemispheres = torch.rand(3, 3, 16, 32, 9)
    with torch.inference_mode():
        torch.testing.assert_close(after(hemispheres), before(hemispheres), rtol=1e-6, atol=1e-6)
    shared = before.fc.in_features
    assert torch.equal(after.fc.weight[:, :shared], before.fc.weight)
    assert not after.fc.weight[:, shared:].any()
    after(hemispheres).sum().backward()
    assert after.fc.weight.grad[:, shared:].abs().sum() > 0


def test_weights_of_another_width_are_refused():
    with pytest.raises(CheckpointError, match="do not fit the network at backbone"):
        inherit(_network("2d"), parent=_network("2d", width=8).state_dict())


def test_missing_weights_are_refused():
    with pytest.raises(CheckpointError, match=r"do not fit the network at encoder\."):
        inherit(_network("3d"), parent={})


@pytest.fixture
def states(tmp_path):
    """A folder with the states of epochs 2 and 1."""
    for epoch in (1, 2):
        save_state(tmp_path, {"epoch": epoch, "weights": torch.full((50,), float(epoch))})
    return tmp_path


def _cut(path):
    path.write_bytes(path.read_bytes()[:-100])


def _flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _empty(path):
    path.write_bytes(b"")


def test_the_newest_state_is_read(states, caplog):
    assert load_state(states)["epoch"] == 2
    assert not caplog.messages


def test_no_state_is_none(tmp_path, caplog):
    assert load_state(tmp_path) is None
    assert not caplog.messages


@pytest.mark.parametrize("damage", [_cut, _flip, _empty])
def test_instead_of_a_damaged_state_the_one_before_is_read(states, caplog, damage):
    damage(states / "latest.pt")
    assert load_state(states)["epoch"] == 1
    assert len(caplog.messages) == 1
    assert "latest.pt is damaged" in caplog.text
    save_state(states, {"epoch": 2})  # must not move the damaged one over the undamaged one
    _cut(states / "latest.pt")
    assert load_state(states)["epoch"] == 1


def test_a_kill_between_the_two_renames_loses_one_epoch(states, caplog):
    (states / "latest.pt").unlink()
    assert load_state(states)["epoch"] == 1


def test_two_damaged_states_start_anew(states, caplog):
    _flip(states / "latest.pt")
    _cut(states / "previous.pt")
    assert load_state(states) is None
    assert "starts anew" in caplog.messages[-1]
    assert not list(states.iterdir())


def test_nothing_is_left_of_a_complete_training(states):
    remove_state(states)
    assert not list(states.iterdir())

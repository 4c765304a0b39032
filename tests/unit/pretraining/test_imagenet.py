import hashlib
import logging
from dataclasses import replace

import pytest
import torch

from strokeclock.errors import ConfigurationError
from strokeclock.pretraining.imagenet import import_imagenet
from strokeclock.training.checkpoint import read_checkpoint
from strokeclock.training.phases import list_trainings, parent
from strokeclock.training.record import read_record


def torchvision_names_and_shapes():
    """ResNet-18's state dict as torchvision 0.13 and later publishes it, written out by hand."""
    shapes = {"conv1.weight": (64, 3, 7, 7)}

    def norm(name, channels):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (channels,)
        shapes[f"{name}.num_batches_tracked"] = ()

    norm("bn1", 64)
    inputs = 64
    for stage, channels in enumerate((64, 128, 256, 512), start=1):
        for block in (0, 1):
            name = f"layer{stage}.{block}"
            shapes[f"{name}.conv1.weight"] = (channels, inputs, 3, 3)
            norm(f"{name}.bn1", channels)
            shapes[f"{name}.conv2.weight"] = (channels, channels, 3, 3)
            norm(f"{name}.bn2", channels)
            if block == 0 and stage > 1:
                shapes[f"{name}.downsample.0.weight"] = (channels, inputs, 1, 1)
                norm(f"{name}.downsample.1", channels)
            inputs = channels
    return shapes | {"fc.weight": (1000, 512), "fc.bias": (1000,)}


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return {
        name: torch.randn(shape) if shape else torch.tensor(7)
        for name, shape in torchvision_names_and_shapes().items()
    }


@pytest.fixture
def write(tmp_path):
    """Save a state dict under torchvision's kind of name, and return its path."""

    def save(state):
        torch.save(state, tmp_path / "new.pth")
        digest = hashlib.sha256((tmp_path / "new.pth").read_bytes()).hexdigest()
        return (tmp_path / "new.pth").rename(tmp_path / f"resnet18-{digest[:8]}.pth")

    return save


def _bring(file, output, **changes):
    import_imagenet(file, **{"sha256": None, "width": 64, "seed": 0} | changes, output=output)
    return read_checkpoint(output / "model.pt")


def test_there_are_122_tensors(state):
    assert len(state) == 122  # torchvision's number


def test_every_tensor_of_the_trunk_is_loaded(state, write, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        record, weights, sha256 = _bring(write(state), tmp_path / "out")
    assert set(weights) == {f"backbone.{name}" for name in state if not name.startswith("fc.")}
    for name, tensor in weights.items():
        assert tensor.equal(state[name.removeprefix("backbone.")]), name
    assert (record.net, record.phase, record.start) == ("2d", "phase0_imagenet", "torchvision")
    assert read_record(tmp_path / "out/run.json") == replace(record, model_sha256=sha256)
    assert "120 tensors loaded; ignored: fc.weight, fc.bias" in caplog.text


def test_counts_of_batches_may_be_absent(state, write, tmp_path):
    older = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    assert len(_bring(write(older), tmp_path / "out")[1]) == 120


def test_the_checksum_of_the_name_or_of_the_configuration_must_hold(state, write, tmp_path):
    file = write(state)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    _bring(file, tmp_path / "out", sha256=digest)
    with pytest.raises(ConfigurationError, match="which does not begin with 0000"):
        _bring(file, tmp_path / "no", sha256=64 * "0")
    published = file.rename(tmp_path / "resnet18-f37072fd.pth")
    with pytest.raises(ConfigurationError, match="which does not begin with f37072fd: fetch it anew"):
        _bring(published, tmp_path / "no")
    plain = published.rename(tmp_path / "resnet18.pth")
    with pytest.raises(ConfigurationError, match=r"the name resnet18\.pth holds no checksum"):
        _bring(plain, tmp_path / "no")
    assert not (tmp_path / "no").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda state: state.pop("layer4.1.conv2.weight"), r"lacks layer4\.1\.conv2\.weight and 0 more"),
        (
            lambda state: state.update({"conv1.weight": torch.zeros(64, 1, 7, 7)}),
            r"conv1\.weight has the shape \(64, 1, 7, 7\), and that of ResNet-18 has \(64, 3, 7, 7\)",
        ),
    ],
)
def test_a_state_dict_of_another_network_is_one_sentence(state, write, tmp_path, change, sentence):
    other = dict(state)
    change(other)
    with pytest.raises(ConfigurationError, match=sentence):
        _bring(write(other), tmp_path / "out")


def test_a_file_of_another_kind_is_one_sentence(tmp_path):
    file = tmp_path / "weights.pth"
    file.write_text("no weights")
    with pytest.raises(ConfigurationError, match="is not a state dict of torch"):
        _bring(file, tmp_path / "out", sha256=hashlib.sha256(b"no weights").hexdigest())


def test_a_narrower_network_is_one_sentence(state, write, tmp_path):
    with pytest.raises(ConfigurationError, match=r"of width 64, and models\.2d\.width is 16"):
        _bring(write(state), tmp_path / "out", width=16)


def test_a_3d_network_is_one_sentence():
    with pytest.raises(ValueError, match="only the 2D network has ImageNet weights"):
        parent("3d", "phase2_tss3h", "imagenet")
    with pytest.raises(ConfigurationError, match="only the 2D network has ImageNet weights"):
        list_trainings(["3d"], ["imagenet"], [0])

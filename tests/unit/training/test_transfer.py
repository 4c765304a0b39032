"""Initial weights from other images are loaded into the network."""

import dataclasses

import numpy as np
import pytest
import torch

from strokeclock.models.channels import has_contralateral
from strokeclock.models.resnet import ResNet18
from strokeclock.models.sliceclassifier import SliceClassifier
from strokeclock.models.unet3d import UNet
from strokeclock.training.checkpoint import read_checkpoint, write_checkpoint
from strokeclock.training.classifier import train_phase
from strokeclock.training.transfer import spread_channels

PARENTS = {
    ("2d", "medical"): ("phase0_medical", "random"),
    ("3d", "medical"): ("phase0_medical", "random"),
    ("2d", "imagenet"): ("phase0_imagenet", "torchvision"),
}


def test_as_many_channels_keep_their_filters():
    weights = {"backbone.conv1.weight": torch.randn(4, 3, 7, 7)}
    assert spread_channels(weights, net="2d", channels=3) is weights


@pytest.mark.parametrize("channels", [1, 2, 4, 6])
def test_a_grey_picture_gives_what_it_gave(channels):
    backbone = ResNet18(width=4, channels=3).eval()
    weights = {f"backbone.{name}": tensor for name, tensor in backbone.state_dict().items()}
    other = ResNet18(width=4, channels=channels).eval()
    spread = spread_channels(weights, net="2d", channels=channels)
    other.load_state_dict({name.removeprefix("backbone."): tensor for name, tensor in spread.items()})
    grey = torch.rand(2, 1, 32, 16)
    with torch.inference_mode():
        for found, expected in zip(
            other(grey.expand(-1, channels, -1, -1)), backbone(grey.expand(-1, 3, -1, -1)), strict=True
        ):
            torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    "channels",
    [
        ("dwi", "t2w", "flair"),
        ("dwi", "flair"),
        ("dwi", "t2w", "flair", "adc"),
        ("dwi", "flair", "contralateral_dwi", "contralateral_flair"),
    ],
)
@pytest.mark.parametrize(("net", "start"), PARENTS)
def test_early_layers_are_loaded_and_stay(toys, tmp_path, make_record, net, start, channels):
    for path in toys.hemispheres.glob("*.npy"):
        values = np.load(path)
        series = len(channels) // (1 + has_contralateral(channels))
        np.save(path, np.concatenate([values, values[:, :1]], axis=1)[:, :series])
    toys = dataclasses.replace(toys, channels=channels)
    torch.manual_seed(1)
    if net == "3d":
        network = UNet(width=4, standardised=True, channels=3, outputs=1)
    else:
        network = SliceClassifier(width=4, standardised=True, channels=3, classes=3)
    phase, before = PARENTS[net, start]
    record = make_record(net=net, phase=phase, start=before, channels=("a", "b", "c"))
    write_checkpoint(tmp_path / "parent.pt", weights=network.state_dict(), record=record)
    train_phase(
        "phase3_tss4h5",
        net=net,
        start=start,
        seed=0,
        models=toys.models(net),
        training=toys.training(epochs=1, freeze=True),
        parent_model=tmp_path / "parent.pt",
        output=tmp_path / "out",
        **toys.inputs(),
    )
    found, state, _ = read_checkpoint(tmp_path / "out/model.pt")
    assert found.parent.phase == phase
    expected = spread_channels(network.state_dict(), net=net, channels=len(channels))
    early = {"2d": ("backbone.conv1", "backbone.bn1", "backbone.layer1"), "3d": ("encoder.down_tr64",)}[net]
    frozen = [name for name in state if name.startswith(early)]
    assert frozen
    for name in frozen:
        assert state[name].equal(expected[name]), name
    late = {"2d": "backbone.layer4.1.conv2.weight", "3d": "encoder.down_tr512.3.weight"}[net]
    moved = (state[late] - expected[late]).abs().max()
    assert 0 < moved < 0.1 * expected[late].abs().max()  # from there on, not anew

"""On CUDA a training is deterministic only without the operations whose gradient torch refuses there."""

from contextlib import nullcontext

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from strokeclock.models.architecture import Architecture
from strokeclock.models.unet3d import UNet

# torch.use_deterministic_algorithms: what raises on CUDA
REFUSED = {
    "max_pool3d_with_indices_backward",
    "avg_pool3d_backward",
    "_adaptive_avg_pool2d_backward",
    "_adaptive_avg_pool3d_backward",
    "adaptive_max_pool2d_backward",
    "fractional_max_pool2d_backward",
    "fractional_max_pool3d_backward",
    "upsample_linear1d_backward",
    "upsample_bilinear2d_backward",
    "upsample_bicubic2d_backward",
    "upsample_trilinear3d_backward",
    "reflection_pad2d_backward",
    "replication_pad3d_backward",
    "grid_sampler_2d_backward",
    "grid_sampler_3d_backward",
    "cumsum",
    "scatter_reduce",
    "put_",
}


class Noted(TorchDispatchMode):
    """Notes the name of every operation."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.overloadpacket.__name__)
        return func(*args, **(kwargs or {}))


@pytest.fixture
def deterministic():
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def build(name):
    if name == "U-Net":
        return UNet(width=2, standardised=False)
    net, _, attention_map = name.partition(" ")
    own = {"attention_map": attention_map, "slice_aggregation": "softmax_logit"} if net == "2d" else {}
    return Architecture.flat(
        net=net,
        grid=(16, 32, 16),
        width=4,
        attention=True,
        attention_norm="sigmoid",
        standardise=False,
        **own,
    ).build()


@pytest.mark.parametrize("name", ["2d native", "2d upsample", "2d layer3_stride1", "3d", "U-Net"])
def test_no_refused_operation_away_from_the_cpu(deterministic, monkeypatch, name):
    """The device "meta" computes nothing, but takes the operations that are not the CPU's."""
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())  # meta has none
    network = build(name).to("meta")
    hemispheres = torch.empty(2, 3, 16, 32, 16, device="meta")
    with Noted() as noted:
        network(hemispheres).sum().backward()
    assert "convolution_backward" in noted.names
    assert not noted.names & REFUSED


def test_the_list_holds_operations_of_the_cpu(deterministic):
    with Noted() as noted:
        build("3d")(torch.rand(2, 3, 16, 32, 16)).sum().backward()
    assert noted.names & REFUSED == {"max_pool3d_with_indices_backward"}

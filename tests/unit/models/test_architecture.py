import dataclasses

import pytest
import torch

from strokeclock.models.architecture import Architecture
from strokeclock.models.slicewise import SliceWiseNetwork
from strokeclock.models.volumetric import VolumetricNetwork

SHARED = {"grid": (16, 32, 9), "width": 4, "attention_norm": "sigmoid", "standardise": True}
TWO_D = Architecture(
    net="2d", attention=True, attention_map="native", slice_aggregation="softmax_logit", **SHARED
)
THREE_D = Architecture(net="3d", attention=True, **SHARED)


@pytest.mark.parametrize(("architecture", "kind"), [(TWO_D, SliceWiseNetwork), (THREE_D, VolumetricNetwork)])
def test_builds_for_its_own_grid(architecture, kind):
    network = architecture.build().eval()
    assert isinstance(network, kind)
    with torch.inference_mode():
        assert network(torch.rand(2, 3, *architecture.grid)).shape == (2,)


def test_gates_are_there_only_where_asked_for():
    for architecture in (TWO_D, THREE_D):
        without = dataclasses.replace(architecture, attention=False).build()
        assert without.attention is None
        assert without.fc.in_features < architecture.build().fc.in_features

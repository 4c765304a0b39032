import dataclasses

import pytest
import torch

from strokeclock.errors import ConfigurationError
from strokeclock.models.architecture import Architecture
from strokeclock.models.slicewise import SliceWiseNetwork
from strokeclock.models.view import View
from strokeclock.models.volumetric import VolumetricNetwork

SHARED = {"grid": (16, 32, 9), "width": 4, "attention_norm": "sigmoid", "standardise": True}
TWO_D = Architecture.flat(
    net="2d", attention=True, attention_map="native", slice_aggregation="softmax_logit", **SHARED
)
THREE_D = Architecture.flat(net="3d", attention=True, **SHARED)


@pytest.mark.parametrize(("architecture", "kind"), [(TWO_D, SliceWiseNetwork), (THREE_D, VolumetricNetwork)])
def test_builds_for_its_own_grid(architecture, kind):
    network = architecture.build().eval()
    assert isinstance(network, kind)
    with torch.inference_mode():
        assert network(torch.rand(2, 3, *architecture.grid)).shape == (2,)


@pytest.mark.parametrize("architecture", [TWO_D, THREE_D], ids=["2d", "3d"])
def test_a_view_is_what_the_network_sees(architecture):
    """Its logit for a hemisphere is the same network's logit for the part that was cut out."""
    view = View(((4, 16), (8, 30), (1, 9)))
    network = dataclasses.replace(architecture, view=view).build().eval()
    of_parts = dataclasses.replace(architecture, grid=(12, 22, 8)).build().eval()
    of_parts.load_state_dict(network.state_dict())
    hemispheres = torch.rand(2, 3, *architecture.grid)
    with torch.inference_mode():
        assert torch.equal(network(hemispheres), of_parts(hemispheres[..., 4:16, 8:30, 1:9]))


def test_averages_that_leave_the_3d_network_nothing_are_one_sentence():
    with pytest.raises(ConfigurationError, match=r"sees 16 × 32 × 5 voxels and needs 8 .* models\.average"):
        dataclasses.replace(THREE_D, view=View(average=(1, 1, 2))).build()
    dataclasses.replace(TWO_D, view=View(average=(1, 1, 2))).build()


def test_gates_are_there_only_where_asked_for():
    for architecture in (TWO_D, THREE_D):
        without = dataclasses.replace(architecture, attention=False).build()
        assert without.attention is None
        assert without.fc.in_features < architecture.build().fc.in_features

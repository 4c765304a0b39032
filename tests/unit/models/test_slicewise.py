import pytest
import torch

from strokeclock.models.slicewise import SLICE_AGGREGATIONS, SliceWiseNetwork
from strokeclock.models.standardisation import standardise


def _network(**changes) -> SliceWiseNetwork:
    settings = {
        "width": 4,
        "slices": 5,
        "attention": True,
        "attention_map": "native",
        "attention_norm": "sigmoid",
        "slice_aggregation": "softmax_logit",
        "standardised": True,
    }
    torch.manual_seed(0)
    network = SliceWiseNetwork(**settings | changes).eval()
    torch.nn.init.normal_(network.slice_scores)
    return network


def _by_slices(network, hemisphere):
    """The hemisphere's logit, one slice after another."""
    scores, maps = network.slice_scores, []
    for z in range(hemisphere.shape[-1]):
        image = standardise(hemisphere[None])[0, :, :, :, z].transpose(1, 2)  # rows are y
        maps.append(network.backbone(image[None]))

    def logit(middle, last):
        features = torch.cat([last.mean((2, 3)), network.attention(middle, last)], dim=1)
        return network.fc(features)[0, 0]

    softmax = scores.exp() / scores.exp().sum()
    if network.slice_aggregation == "softmax_logit":
        return sum(w * logit(*m) for w, m in zip(softmax, maps, strict=True))
    if network.slice_aggregation == "softmax_prob":
        probability = sum(w / (1 + torch.exp(-logit(*m))) for w, m in zip(softmax, maps, strict=True))
        return torch.log(probability / (1 - probability))
    if network.slice_aggregation == "sigmoid_norm":
        gates = 1 / (1 + torch.exp(-scores))
        return sum(w * logit(*m) for w, m in zip(gates, maps, strict=True)) / gates.sum()
    middle = sum(w * m[0] for w, m in zip(softmax, maps, strict=True))
    last = sum(w * m[1] for w, m in zip(softmax, maps, strict=True))
    return logit(middle, last)


@pytest.mark.parametrize("aggregation", SLICE_AGGREGATIONS)
def test_aggregation_equals_a_plain_loop(aggregation):
    network = _network(slice_aggregation=aggregation)
    hemispheres = torch.rand(2, 3, 32, 48, 5)
    with torch.inference_mode():
        expected = torch.stack([_by_slices(network, hemisphere) for hemisphere in hemispheres])
        torch.testing.assert_close(network(hemispheres), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("aggregation", SLICE_AGGREGATIONS)
def test_slice_weights_are_shares(aggregation):
    weights = _network(slice_aggregation=aggregation).slice_weights
    assert ((weights > 0) & (weights < 1)).all()
    torch.testing.assert_close(weights.sum(), torch.tensor(1.0))


@pytest.mark.parametrize("attention_map", ["native", "upsample", "layer3_stride1"])
def test_every_attention_map_learns(attention_map):
    network = _network(attention_map=attention_map).train()
    network(torch.rand(2, 3, 32, 48, 5)).sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.attention.parameters())


def test_upsampled_attention_equals_native():
    """Twofold bilinear upsampling keeps the mean: each voxel's weights sum to 4, at the border too."""
    hemispheres = torch.rand(2, 3, 112, 112, 5)
    with torch.inference_mode():
        native, upsampled = (_network(attention_map=name)(hemispheres) for name in ("native", "upsample"))
    torch.testing.assert_close(native, upsampled)


def test_full_size():
    network = SliceWiseNetwork(
        width=64,
        slices=26,
        attention=True,
        attention_map="native",
        attention_norm="sigmoid",
        slice_aggregation="softmax_logit",
        standardised=True,
    ).eval()
    assert network.fc.in_features == 768
    assert network.slice_weights.shape == (26,)
    shapes = {}
    for name in ("backbone.layer3", "backbone.layer4", "attention"):
        network.get_submodule(name).register_forward_hook(
            lambda _module, _inputs, output, name=name: shapes.update({name: tuple(output.shape)})
        )
    with torch.inference_mode():
        assert network(torch.rand(1, 3, 112, 224, 26)).shape == (1,)
    assert shapes == {
        "backbone.layer3": (26, 256, 14, 7),
        "backbone.layer4": (26, 512, 7, 4),
        "attention": (26, 256),
    }


@pytest.mark.parametrize("key", ["attention_map", "slice_aggregation"])
def test_unknown_switch_is_refused(key):
    with pytest.raises(ValueError, match="mean"):
        _network(**{key: "mean"})

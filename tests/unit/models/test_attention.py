import pytest
import torch
from torch.nn import functional

from strokeclock.models.attention import GridAttention


@pytest.mark.parametrize(("dimensions", "fine", "coarse"), [(2, (14, 7), (7, 4)), (3, (8, 6, 4), (4, 3, 2))])
@pytest.mark.parametrize("norm", ["sigmoid", "mean_flow"])
def test_equals_the_definition(dimensions, fine, coarse, norm):
    torch.manual_seed(0)
    gate = GridAttention(dimensions=dimensions, channels=6, gate_channels=10, norm=norm)
    x, g = torch.randn(2, 6, *fine), torch.randn(2, 10, *coarse)

    def pointwise(layer, map_):  # a 1 x 1 convolution as a product of matrices
        bias = 0 if layer.bias is None else layer.bias.view(-1, *[1] * dimensions)
        return torch.einsum("oi,ni...->no...", layer.weight.flatten(1), map_) + bias

    mode = "bilinear" if dimensions == 2 else "trilinear"
    up = functional.interpolate(pointwise(gate.phi, g), size=fine, mode=mode)
    scores = pointwise(gate.psi, torch.relu(pointwise(gate.theta, x) + up)).flatten(1)
    if norm == "sigmoid":
        expected = (torch.sigmoid(scores)[:, None] * x.flatten(2)).mean(2)
    else:
        shifted = scores - scores.min(1, keepdim=True).values
        expected = ((shifted / shifted.sum(1, keepdim=True))[:, None] * x.flatten(2)).sum(2)
    torch.testing.assert_close(gate(x, g), expected)


def test_sigmoid_gate_starts_open():
    gate = GridAttention(dimensions=2, channels=4, gate_channels=4, norm="sigmoid")
    attention = gate.attention(torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 4, 4))
    torch.testing.assert_close(attention, torch.full((1, 1, 8, 8), 1 / (1 + torch.e**-3)))


def test_mean_flow_of_a_flat_map_is_finite():
    gate = GridAttention(dimensions=2, channels=4, gate_channels=4, norm="mean_flow")
    assert torch.isfinite(gate(torch.zeros(1, 4, 8, 8), torch.zeros(1, 4, 4, 4))).all()


def test_unknown_norm_is_refused():
    with pytest.raises(ValueError, match="softmax"):
        GridAttention(dimensions=2, channels=4, gate_channels=4, norm="softmax")

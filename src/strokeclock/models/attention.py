"""The grid attention gate (Schlemper et al. 2019, sononet variant), in two and three dimensions."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

NORMS = ("sigmoid", "mean_flow")


def resize(maps: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Interpolate maps (n, channels, *space) linearly to another size, as `functional.interpolate` does.

    Each axis is a product with a matrix: its gradient on CUDA is deterministic and fast. The gradient of
    `functional.interpolate` takes six times as long as the rest of phase 4.
    """
    with torch.autocast(maps.device.type, enabled=False):
        for axis, side in enumerate(size, start=2):
            identity = torch.eye(maps.shape[axis], device=maps.device)[None]
            weights = functional.interpolate(identity, size=side, mode="linear", align_corners=False)[0]
            maps = (maps.movedim(axis, -1) @ weights.to(maps.dtype)).movedim(-1, axis)
    return maps


class GridAttention(nn.Module):
    """Weight a fine map with coefficients that depend on a coarser map too, and pool it.

    It is called with x (n, channels, *space) and g (n, gate_channels, *coarser space), and returns
    (n, channels). The sizes of x need not be multiples of those of g.

    With x the finer map and g the coarse one, both convolved 1 x 1 to a common number of channels,
    a = norm(psi(ReLU(theta x + upsampled phi g))), and the result pools a * x over space.

    Parameters
    ----------
    dimensions : 2 or 3, spatial.
    channels, gate_channels : of x and of g; the common number is half of ``channels``.
    norm : as models.attention_norm: ``sigmoid`` pools by the mean, and starts near a = 0.95 (bias 3);
        ``mean_flow`` (minus the minimum, divided by the sum over space) pools by the sum.
    upsample : upsample the attended map twofold before it is pooled.
    """

    def __init__(
        self, *, dimensions: int, channels: int, gate_channels: int, norm: str, upsample: bool = False
    ):
        super().__init__()
        if norm not in NORMS:
            raise ValueError(f"attention norm {norm!r} is unknown: use {' or '.join(NORMS)}")
        conv = {2: nn.Conv2d, 3: nn.Conv3d}[dimensions]
        self.space = tuple(range(2, 2 + dimensions))
        self.norm = norm
        self.upsample = upsample
        self.theta = conv(channels, channels // 2, 1, bias=False)
        self.phi = conv(gate_channels, channels // 2, 1, bias=False)
        self.psi = conv(channels // 2, 1, 1)
        for layer in (self.theta, self.phi, self.psi):
            nn.init.kaiming_normal_(layer.weight)
        assert self.psi.bias is not None  # a convolution has one unless told otherwise
        nn.init.constant_(self.psi.bias, 3.0 if norm == "sigmoid" else 0.0)

    def attention(self, x: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        """Return the attention coefficients (n, 1, *space of x), float32."""
        gate = resize(self.phi(g), x.shape[2:])
        scores = self.psi(functional.relu(self.theta(x) + gate)).float()
        if self.norm == "sigmoid":
            return torch.sigmoid(scores)
        flow = scores - scores.amin(self.space, keepdim=True)
        return flow / flow.sum(self.space, keepdim=True).clamp_min(1e-12)

    def forward(self, x: torch.Tensor, g: torch.Tensor) -> torch.Tensor:
        """Return the attended vector (n, channels of x), float32."""
        attended = self.attention(x, g).to(x.dtype) * x
        if self.upsample:
            attended = resize(attended, [2 * side for side in x.shape[2:]])
        pool = torch.mean if self.norm == "sigmoid" else torch.sum
        return pool(attended, self.space, dtype=torch.float32)

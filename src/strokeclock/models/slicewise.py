"""The 2D network: ResNet-18 on each axial slice, attention gate, learnable slice weights (paper, Fig. 4)."""

import torch
from torch import nn

from strokeclock.models.attention import GridAttention
from strokeclock.models.classifier import Classifier
from strokeclock.models.resnet import ResNet18
from strokeclock.models.standardisation import prepare
from strokeclock.models.view import WHOLE, View

ATTENTION_MAPS = ("native", "upsample", "layer3_stride1")
SLICE_AGGREGATIONS = ("softmax_logit", "softmax_prob", "sigmoid_norm", "feature")


class SliceWiseNetwork(Classifier):
    """One logit for a hemisphere from the logits of its axial slices.

    Parameters
    ----------
    width : channels of ResNet-18's first stage; 64 in the paper.
    slices : number of axial slices in the view, each with a weight of its own.
    attention : whether the gate stands beside the global average; the classifier takes 12 x ``width``
        features with it (768), 8 x ``width`` without.
    attention_map : the gate's x: ``native`` layer3's map (256 x 14 x 7), ``upsample`` the same with the
        attended map upsampled twofold (pooled by the mean: the same logit), ``layer3_stride1`` a layer3
        of stride 1 (256 x 28 x 14).
    attention_norm : `GridAttention`'s.
    slice_aggregation : with weights w that sum to 1: ``softmax_logit`` w = softmax(a), the sum of
        w * logit; ``softmax_prob`` the logit of the sum of w * probability; ``sigmoid_norm``
        w = sigmoid(a) / its sum, the sum of w * logit; ``feature`` w = softmax(a) sums the feature maps,
        which are gated, pooled and classified once (without a gate the same as softmax_logit).
    standardised : standardise the input (`prepare`).
    channels : number of a hemisphere's, with those of the contralateral one.
    sides : `prepare`'s.
    view : of a hemisphere.
    """

    def __init__(
        self,
        *,
        width: int,
        slices: int,
        attention: bool,
        attention_map: str,
        attention_norm: str,
        slice_aggregation: str,
        standardised: bool,
        channels: int = 3,
        sides: int = 1,
        view: View = WHOLE,
    ):
        super().__init__()
        if attention_map not in ATTENTION_MAPS:
            raise ValueError(f"attention map {attention_map!r} is unknown: use {', '.join(ATTENTION_MAPS)}")
        if slice_aggregation not in SLICE_AGGREGATIONS:
            raise ValueError(
                f"slice aggregation {slice_aggregation!r} is unknown: use {', '.join(SLICE_AGGREGATIONS)}"
            )
        self.standardised = standardised
        self.sides = sides
        self.view = view
        self.slice_aggregation = slice_aggregation
        self.backbone = ResNet18(
            width=width, layer3_stride=1 if attention_map == "layer3_stride1" else 2, channels=channels
        )
        self.attention = None
        if attention:
            self.attention = GridAttention(
                dimensions=2,
                channels=4 * width,
                gate_channels=8 * width,
                norm=attention_norm,
                upsample=attention_map == "upsample",
            )
        self.fc = nn.Linear(12 * width if attention else 8 * width, 1)
        self.slice_scores = nn.Parameter(torch.zeros(slices))

    @property
    def slice_weights(self) -> torch.Tensor:
        """The weights of the slices (slices,): 0 to 1, their sum is 1."""
        if self.slice_aggregation == "sigmoid_norm":
            gates = torch.sigmoid(self.slice_scores)
            return gates / gates.sum()
        return torch.softmax(self.slice_scores, 0)

    @property
    def trunk(self) -> ResNet18:
        """The layers before gate and classifier."""
        return self.backbone

    def begin(self, seen: torch.Tensor, *, stages: int) -> tuple[torch.Tensor, ...]:
        """Return the maps (n * slices, ...) after so many stages of the trunk.

        ``seen`` is the view, (n, channels, x, y, z).
        """
        seen = prepare(seen, standardised=self.standardised, sides=self.sides)
        images = seen.permute(0, 4, 1, 3, 2)  # n, slice, channel, y (rows), x (columns)
        images = images.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        return self.backbone.run((images,), range(stages))

    def finish(self, maps: tuple[torch.Tensor, ...], *, stages: int) -> torch.Tensor:
        """Return logits (n,) for the maps that `begin` returned after so many stages."""
        maps = self.backbone.run(maps, range(stages, 5))
        weights = self.slice_weights
        by_hemisphere = (-1, len(weights))
        if self.slice_aggregation == "feature":
            maps = tuple(torch.einsum("s,ns...->n...", weights, m.unflatten(0, by_hemisphere)) for m in maps)
        middle, last = maps
        features = last.mean((2, 3), dtype=torch.float32)
        if self.attention is not None:
            features = torch.cat([features, self.attention(middle, last)], dim=1)
        with torch.autocast(features.device.type, enabled=False):  # cheap, so always in float32
            logits = self.fc(features).squeeze(1)
            if self.slice_aggregation == "feature":
                return logits
            logits = logits.view(by_hemisphere)
            if self.slice_aggregation == "softmax_prob":
                return torch.logit(torch.sigmoid(logits) @ weights, eps=1e-6)
            return logits @ weights

    def forward(self, hemispheres: torch.Tensor) -> torch.Tensor:
        """Return logits (n,) for hemispheres (n, channels, x, y, z)."""
        return self.finish(self.begin(self.view.see(hemispheres), stages=0), stages=0)

"""The 2D network of the paper (Fig. 4): ResNet-18 on each axial slice, attention gate, slice weights."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from strokeclock.models.spec import NetworkSpec, Setting, StepCost

if TYPE_CHECKING:
    from strokeclock.models.architecture import Architecture
    from strokeclock.models.classifier import Classifier

_EARLY = ("conv1", "bn1", "layer1")
_AGGREGATION = {
    "softmax_logit": "logits summed with softmax weights",
    "softmax_prob": "probabilities summed with softmax weights",
    "sigmoid_norm": "outputs summed with normalised sigmoid weights",
    "feature": "features summed with slice weights before the classifier",
}


def build(architecture: "Architecture") -> "Classifier":
    from strokeclock.models.slicewise import SliceWiseNetwork

    return SliceWiseNetwork(
        slices=architecture.view.size(architecture.grid)[2], **architecture.shared, **architecture.own
    )


def describe(own: Mapping[str, Any]) -> str:
    return (
        f"the 2D network is a ResNet-18 ({own['width']} channels in its first stage) on each axial "
        f"slice, with soft attention ({own['attention_map']} map) and learned slice weights: "
        f"{_AGGREGATION[own['slice_aggregation']]}"
    )


SPEC = NetworkSpec(
    name="2d",
    title="2D",
    summary="ResNet-18 on each slice, attention gate, learnable slice weights",
    build=build,
    describe=describe,
    settings=(
        Setting("width", 64, "channels of the first stage", source="P", minimum=1),
        Setting(
            "attention_map",
            "native",
            "map of layer3 that the attention gate gets",
            source="D",
            meanings={
                "native": "its own",
                "upsample": "its own, the attended map upsampled twofold",
                "layer3_stride1": "of a layer3 without stride, twice as fine",
            },
            choices=("native", "upsample", "layer3_stride1"),
        ),
        Setting(
            "slice_aggregation",
            "softmax_logit",
            "how slices become one answer",
            source="D",
            choices=tuple(_AGGREGATION),
        ),
    ),
    trunk="backbone",
    early=_EARLY,
    early_by_choice={"conv2_x": _EARLY, "stage2": (*_EARLY, "layer2")},
    head=("fc.", "slice_scores"),
    first_convolution="backbone.conv1.weight",
    cam_layers={"penultimate": "backbone.layer3", "last": "backbone.layer4"},
    starts={"imagenet": "imagenet", "medical": "medical_2d"},
    of_the_paper=True,
    paper_gb={8: 4, 16: 6},
    step=StepCost(0.41, 2.0),
    frozen_step=StepCost(0.27, 1.6),
    line="--",
)

"""A third network, small enough for a test: two convolutions of the mean over slices, and one gate."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from strokeclock.models.spec import NetworkSpec, Setting

if TYPE_CHECKING:
    from strokeclock.models.architecture import Architecture
    from strokeclock.models.classifier import Classifier


def build(architecture: "Architecture") -> "Classifier":
    import torch
    from torch import nn

    from strokeclock.models.attention import GridAttention
    from strokeclock.models.classifier import Classifier, Trunk
    from strokeclock.models.standardisation import prepare
    from strokeclock.models.view import View

    def stage(inputs: int, outputs: int) -> nn.Sequential:
        convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())

    class TwoStages(Trunk):
        def __init__(self, *, width: int, channels: int):
            super().__init__()
            self.first = stage(channels, width)
            self.second = stage(width, 2 * width)

        @property
        def stages(self) -> tuple[tuple[nn.Module, ...], ...]:
            return (self.first,), (self.second,)

        def run(self, maps: tuple[torch.Tensor, ...], stages: Iterable[int]) -> tuple[torch.Tensor, ...]:
            for number in stages:
                maps = (self.first(maps[0]),) if number == 0 else (maps[0], self.second(maps[0]))
            return maps

    class Tiny(Classifier):
        trunk: TwoStages

        def __init__(
            self,
            *,
            width: int,
            attention: bool,
            attention_norm: str,
            standardised: bool,
            channels: int,
            sides: int,
            view: View,
        ):
            super().__init__()
            self.standardised, self.sides, self.view = standardised, sides, view
            self.trunk = TwoStages(width=width, channels=channels)
            self.attention = None
            if attention:
                self.attention = GridAttention(
                    dimensions=2, channels=width, gate_channels=2 * width, norm=attention_norm
                )
            self.fc = nn.Linear(3 * width if attention else 2 * width, 1)

        def begin(self, seen: torch.Tensor, *, stages: int) -> tuple[torch.Tensor, ...]:
            seen = prepare(seen, standardised=self.standardised, sides=self.sides)
            images = seen.mean(-1).transpose(2, 3)  # rows y, columns x
            return self.trunk.run((images,), range(stages))

        def finish(self, maps: tuple[torch.Tensor, ...], *, stages: int) -> torch.Tensor:
            middle, last = self.trunk.run(maps, range(stages, 2))
            features = last.mean((2, 3), dtype=torch.float32)
            if self.attention is not None:
                features = torch.cat([features, self.attention(middle, last)], dim=1)
            with torch.autocast(features.device.type, enabled=False):
                return self.fc(features).squeeze(1)

        def forward(self, hemispheres: torch.Tensor) -> torch.Tensor:
            return self.finish(self.begin(self.view.see(hemispheres), stages=0), stages=0)

    return Tiny(**architecture.shared, **architecture.own)


def describe(own: Mapping[str, Any]) -> str:
    return f"the Tiny network has two convolutions ({own['width']} channels in its first)"


SPEC = NetworkSpec(
    name="tiny",
    title="Tiny",
    summary="two convolutions of the mean over slices, one attention gate",
    build=build,
    describe=describe,
    settings=(Setting("width", 8, "channels of the first convolution", minimum=1),),
    trunk="trunk",
    early=("first",),
    first_convolution="trunk.first.0.weight",
    cam_layers={"penultimate": "trunk.first", "last": "trunk.second"},
)

"""Settings of the networks and of what they start from: models, starting_weights."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model

from strokeclock.models.registry import networks
from strokeclock.models.spec import NetworkSpec, Setting
from strokeclock.series import CHANNELS, SERIES
from strokeclock.settings.group import (
    AS_WRITTEN,
    Group,
    Natural,
    PathName,
    Unique,
    missing_file,
    section,
    setting,
)

if TYPE_CHECKING:
    Channel = str
else:
    Channel = Literal[tuple(SERIES)]  # what series.py says, whatever it is
Sha256 = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]


def _type_of(own: Setting) -> Any:
    """The type of a network's own setting, within its limits."""
    if own.choices:
        return Literal[own.choices]
    if isinstance(own.default, float):
        return Annotated[float, Field(ge=own.minimum), AS_WRITTEN]
    return type(own.default) if own.minimum is None else Annotated[int, Field(ge=own.minimum)]


def group_of_network(spec: NetworkSpec) -> type[Group]:
    """Make the group of a network's own settings, models.<name>, of what the network says of itself."""
    fields: dict[str, Any] = {
        own.name: (
            _type_of(own),
            setting(own.default, own.description, unit=own.unit, source=own.source, meanings=own.meanings),
        )
        for own in spec.settings
    }
    return create_model(f"Network{spec.title}", __base__=NetworkSettings, **fields)


class NetworkSettings(Group):
    """A network's own settings. What a configuration leaves out has its default."""

    is_whole = False


class _Seen(Group):
    channels: Annotated[list[Channel], Field(min_length=1), Unique()] = setting(
        [*CHANNELS],
        "of a hemisphere, in order; adc in mm2/s / 3e-3, clipped at 1",
        source="P",
    )
    other_hemisphere: bool = setting(
        False,
        "true: differences from the mirrored other hemisphere as further channels behind them",
        source="D",
    )
    field: Literal["hemisphere", "brain"] = setting(
        "hemisphere",
        "what networks see of a hemisphere",
        source="P",
        meanings={"hemisphere": "all of it", "brain": "the box around the atlas's brain"},
    )
    average: Annotated[list[Natural], Field(min_length=3, max_length=3)] = setting(
        [1, 1, 1],
        "averaged into one; many scans are coarser in plane than the atlas grid",
        unit="voxels",
        source="D",
        names=("x", "y", "z"),
    )


def _sections() -> dict[str, tuple[type[Group], Any]]:
    """Field -> type and section of each network's own settings."""
    groups = {name: group_of_network(spec) for name, spec in networks().items()}
    return {
        f"network_{name}": (group, section(group, networks()[name].summary, alias=name))
        for name, group in groups.items()
    }


if TYPE_CHECKING:
    _Networks = _Seen
else:
    _Networks = create_model("_Networks", __base__=_Seen, **_sections())


class Models(_Networks):
    may_lack = frozenset(networks())

    attention_norm: Literal["sigmoid", "mean_flow"] = setting(
        "sigmoid", source="D", meanings={"sigmoid": "pooled by mean", "mean_flow": "pooled by sum"}
    )
    standardise: bool = setting(True, "(v / brain median - 1) / 0.32 as the network's first step", source="D")

    def network(self, name: str) -> NetworkSettings:
        """Return a network's own settings."""
        return getattr(self, f"network_{name}")


class ImageNet(Group):
    file: PathName | None = setting(
        None, "torchvision's ResNet-18, resnet18-f37072fd.pth; 2D of width 64 alone"
    )
    sha256: Sha256 | None = setting(
        None,
        "of that file; null: the checksum that its name holds",
        kind="64 hexadecimal digits",
    )

    def faults(self) -> Iterator[str]:
        yield from missing_file("starting_weights.imagenet.file", self.file)


class DataSet(Group):
    source: Literal["folder", "phantom"] | None = setting(
        None,
        meanings={"phantom": "a few small files made from phantom tumours, for a phantom cohort"},
    )
    folder: PathName | None = setting(None, "source folder: where the files lie")


class StartingWeights(Group):
    imagenet: ImageNet = section(ImageNet)
    medical_2d: DataSet = section(
        DataSet,
        "ResNet-18 tells brain tumours apart: Cheng 2015, figshare 1512427; folder: of 1.mat, 2.mat, …",
        source="P",
    )
    medical_3d: DataSet = section(
        DataSet,
        "the 3D U-Net finds low-grade gliomas: Buda 2019; folder: kaggle_3m, which holds TCGA_…",
        source="P",
    )

    def faults(self) -> Iterator[str]:
        for name, data in (("medical_2d", self.medical_2d), ("medical_3d", self.medical_3d)):
            key = f"Configuration key starting_weights.{name}"
            if data.folder and data.source != "folder":
                yield (
                    f"{key}.folder is named, and its source is {data.source or 'null'}: set source: folder."
                )
            if data.source == "folder" and not (data.folder and Path(data.folder).is_dir()):
                yield (
                    f"{key}.folder is {data.folder or 'null'}, not a folder: name the data set's, "
                    "or source: null."
                )

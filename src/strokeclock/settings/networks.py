"""Settings of the networks and of their initial weights: models, initial_weights."""

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model

from strokeclock.models.registry import networks
from strokeclock.models.spec import NetworkError, NetworkSpec, Setting
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
    Channel = Literal[tuple(SERIES)]  # the series of series.py
Sha256 = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]


def _type_of(own: Setting) -> Any:
    """Return the type of a network's own setting, with its limits."""
    if own.choices:
        return Literal[own.choices]
    if isinstance(own.default, float):
        return Annotated[float, Field(ge=own.minimum, le=own.maximum), AS_WRITTEN]
    if own.minimum is own.maximum is None:
        return type(own.default)
    return Annotated[int, Field(ge=own.minimum, le=own.maximum)]


def group_of_network(spec: NetworkSpec) -> type[Group]:
    """Make the group of a network's own settings, models.<name>, from the network's specification.

    Raises
    ------
    NetworkError
        A setting has the name of something that all groups have.
    """
    if taken := [own.name for own in spec.settings if hasattr(NetworkSettings, own.name)]:
        raise NetworkError(f"The network {spec.name} cannot have a setting {taken[0]}: choose another name.")
    fields: dict[str, Any] = {
        own.name: (
            _type_of(own),
            setting(own.default, own.description, unit=own.unit, source=own.source, meanings=own.meanings),
        )
        for own in spec.settings
    }
    return create_model(f"Network{spec.title}", __base__=NetworkSettings, **fields)


class NetworkSettings(Group):
    """A network's own settings. Keys that a configuration leaves out have their defaults."""

    is_whole = False


class _Seen(Group):
    channels: Annotated[list[Channel], Field(min_length=1), Unique()] = setting(
        [*CHANNELS],
        "series that networks get, in order; adc is divided by 3e-3 mm2/s and clipped at 1",
        source="P",
    )
    contralateral: bool = setting(
        False,
        "true: further channels hold the differences from the contralateral hemisphere",
        source="D",
    )
    view: Literal["hemisphere", "brain"] = setting(
        "hemisphere",
        "part of a hemisphere that networks get",
        source="P",
        meanings={"hemisphere": "all of it", "brain": "the box around the atlas's brain"},
    )
    average: Annotated[list[Natural], Field(min_length=3, max_length=3)] = setting(
        [1, 1, 1],
        "box that is averaged into one voxel; many scans are coarser in plane than the atlas grid",
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
        "sigmoid",
        "normalisation of attention maps",
        source="D",
        meanings={"sigmoid": "pooled by mean", "mean_flow": "pooled by sum"},
    )
    standardise: bool = setting(
        True, "true: (v / brain median - 1) / 0.32 is a network's first step", source="D"
    )

    def network(self, name: str) -> NetworkSettings:
        """Return a network's own settings."""
        return getattr(self, f"network_{name}")


class ImageNet(Group):
    file: PathName | None = setting(
        None, "torchvision's ResNet-18, resnet18-f37072fd.pth; for models.2d.width: 64 only"
    )
    sha256: Sha256 | None = setting(
        None,
        "sha256 of that file; null: the checksum in its name counts",
        kind="64 hexadecimal digits",
    )

    def faults(self) -> Iterator[str]:
        yield from missing_file("initial_weights.imagenet.file", self.file)


class DataSet(Group):
    source: Literal["folder", "phantom"] | None = setting(
        None,
        "where the data set comes from",
        meanings={"phantom": "a few small files made from phantom tumours, for a phantom cohort"},
    )
    folder: PathName | None = setting(None, "for source folder: where the files are")


class InitialWeights(Group):
    imagenet: ImageNet = section(ImageNet)
    medical_2d: DataSet = section(
        DataSet,
        "brain tumours for a ResNet-18 to classify (Cheng 2015, figshare 1512427); folder: of 1.mat, …",
        source="P",
    )
    medical_3d: DataSet = section(
        DataSet,
        "low-grade gliomas for a 3D U-Net to segment (Buda 2019); folder: kaggle_3m, which holds TCGA_…",
        source="P",
    )

    def faults(self) -> Iterator[str]:
        for name, data in (("medical_2d", self.medical_2d), ("medical_3d", self.medical_3d)):
            key = f"Configuration key initial_weights.{name}"
            if data.folder and data.source != "folder":
                yield (f"{key}.folder is set, and its source is {data.source or 'null'}: set source: folder.")
            if data.source == "folder" and not (data.folder and os.path.isdir(data.folder)):
                yield (
                    f"{key}.folder is {data.folder or 'null'}, not a folder: name the data set's "
                    "folder, or set source: null."
                )

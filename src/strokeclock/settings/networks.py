"""Settings of the networks and of what they start from: models, starting_weights."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from strokeclock.series import CHANNELS, SERIES
from strokeclock.settings.group import Group, Natural, PathName, Unique, missing_file, section, setting

Channel = Literal[tuple(SERIES)]  # type: ignore[valid-type]  # what series.py says, whatever it is
Sha256 = Annotated[str, Field(pattern="^[0-9a-fA-F]{64}$")]


class Network2D(Group):
    width: Natural = setting(64, "channels of the first stage", source="P")
    attention_map: Literal["native", "upsample", "layer3_stride1"] = setting(
        "native", source="D", meanings={"native": "layer3's own map as the gate's x"}
    )
    slice_aggregation: Literal["softmax_logit", "softmax_prob", "sigmoid_norm", "feature"] = setting(
        "softmax_logit", "how slices become one answer", source="D"
    )


class Network3D(Group):
    width: Natural = setting(32, "channels of the first convolution", source="P")


class Models(Group):
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
    network_2d: Network2D = section(
        Network2D, "ResNet-18 on each slice, attention gate, learnable slice weights", alias="2d"
    )
    network_3d: Network3D = section(Network3D, "3D U-Net encoder, two attention gates", alias="3d")
    attention_norm: Literal["sigmoid", "mean_flow"] = setting(
        "sigmoid", source="D", meanings={"sigmoid": "pooled by mean", "mean_flow": "pooled by sum"}
    )
    standardise: bool = setting(True, "(v / brain median - 1) / 0.32 as the network's first step", source="D")


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

"""The 3D network of the paper (Fig. 4): the encoder of a 3D U-Net with two attention gates."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from strokeclock.errors import ConfigurationError
from strokeclock.models.spec import NetworkSpec, Setting

if TYPE_CHECKING:
    from strokeclock.models.architecture import Architecture
    from strokeclock.models.classifier import Classifier


def build(architecture: "Architecture") -> "Classifier":
    """Build the network.

    Raises
    ------
    ConfigurationError
        The view has too few voxels for three halvings.
    """
    from strokeclock.models.unet3d import STEP
    from strokeclock.models.volumetric import VolumetricNetwork

    if min(seen := architecture.view.size(architecture.grid)) < STEP:
        raise ConfigurationError(
            f"The 3D network sees {' × '.join(map(str, seen))} voxels and needs {STEP} along each "
            "axis: lower models.average or raise preprocessing.grid."
        )
    return VolumetricNetwork(**architecture.shared, **architecture.own)


def describe(own: Mapping[str, Any]) -> str:
    return (
        f"the 3D network is the encoder of a 3D U-Net ({own['width']} channels in its first "
        "convolution) with two attention gates"
    )


SPEC = NetworkSpec(
    name="3d",
    title="3D",
    summary="3D U-Net encoder, two attention gates",
    build=build,
    describe=describe,
    settings=(Setting("width", 32, "channels of the first convolution", source="P", minimum=1),),
    trunk="encoder",
    early=("down_tr64", "down_tr128"),
    first_convolution="encoder.down_tr64.0.weight",
    cam_layers={"penultimate": "encoder.down_tr256", "last": "encoder.down_tr512"},
    starts={"genesis": "phase0_genesis", "medical": "medical_3d"},
    segments=True,
    of_the_paper=True,
    paper_gb={8: 7, 16: 12},
    line=":",
)

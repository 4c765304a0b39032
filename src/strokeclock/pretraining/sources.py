"""What starting weights are learned from, and which of it is not there.

Imports nothing heavy: the machine that runs Snakemake reads it.
"""

from collections.abc import Mapping
from typing import Any

from strokeclock.models.registry import networks

# Data set of medical images -> folder of the phantom one
_PHANTOM_TUMOURS = {"medical_2d": "cheng", "medical_3d": "kaggle_3m"}


def list_data_sets(starting_weights: Mapping[str, Any], *, folder: str) -> dict[str, str | None]:
    """Name the folder of each data set of medical images; None: it is not there.

    Parameters
    ----------
    starting_weights : section of the configuration.
    folder : results/<run>, where the phantom tumours lie.
    """
    return {
        name: {
            "folder": starting_weights[name]["folder"],
            "phantom": f"{folder}/phantom/tumours/{files}",
        }.get(starting_weights[name]["source"])
        for name, files in _PHANTOM_TUMOURS.items()
    }


def list_missing_starts(
    starting_weights: Mapping[str, Any], *, data_sets: Mapping[str, str | None]
) -> dict[tuple[str, str], str]:
    """Say for each (network, arm) without starting weights which key of the configuration would give them."""
    absent = {name: f"{name}.source" for name, found in data_sets.items() if not found}
    if not starting_weights["imagenet"]["file"]:
        absent["imagenet"] = "imagenet.file"
    return {
        (net, arm): f"set starting_weights.{absent[source]}"
        for net, spec in networks().items()
        for arm, source in spec.starts.items()
        if source in absent
    }

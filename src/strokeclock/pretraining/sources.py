"""The sources of initial weights, and those that are missing.

Imports no torch: the workflow imports this module.
"""

from collections.abc import Mapping
from typing import Any

from strokeclock.models.registry import networks

# Data set of medical images -> folder of its phantom version
_PHANTOM_TUMOURS = {"medical_2d": "cheng", "medical_3d": "kaggle_3m"}


def list_data_sets(initial_weights: Mapping[str, Any], *, folder: str) -> dict[str, str | None]:
    """Name the folder of each data set of medical images; None: there is none.

    Parameters
    ----------
    initial_weights : section of the configuration.
    folder : results/<run>, which holds the phantom tumours.
    """
    return {
        name: {
            "folder": initial_weights[name]["folder"],
            "phantom": f"{folder}/phantom/tumours/{files}",
        }.get(initial_weights[name]["source"])
        for name, files in _PHANTOM_TUMOURS.items()
    }


def list_missing_starts(
    initial_weights: Mapping[str, Any], *, data_sets: Mapping[str, str | None]
) -> dict[tuple[str, str], str]:
    """Name the configuration key to set for each (network, start) whose initial weights are missing."""
    absent = {name: f"{name}.source" for name, found in data_sets.items() if not found}
    if not initial_weights["imagenet"]["file"]:
        absent["imagenet"] = "imagenet.file"
    return {
        (net, start): f"set initial_weights.{absent[source]}"
        for net, spec in networks().items()
        for start, source in spec.starts.items()
        if source in absent
    }

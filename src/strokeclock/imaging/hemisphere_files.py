"""The files of hemispheres, compared with the digests of their manifest when a job opens them."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from strokeclock.cohort.cells import read_columns
from strokeclock.errors import StrokeclockError
from strokeclock.provenance import digest_file


class HemisphereError(StrokeclockError):
    """A file of hemispheres is missing or is not the one that the manifest names."""


def open_hemispheres(manifest: str | Path, patients: Iterable[str]) -> dict[str, np.ndarray]:
    """Open patients' hemispheres without reading them into memory: patient -> (2, channels, x, y, z) float16.

    Each file is read once to be compared with its digest; what is indexed later is read from the file again.

    Parameters
    ----------
    manifest : hemispheres/manifest.tsv; beside it <patient>.npy: left, then right mirrored.

    Raises
    ------
    HemisphereError
        A patient is not in the manifest, or the file is missing, damaged or another one.
    """
    rows = read_columns(manifest, "patient", "sha256", error=HemisphereError)
    digests = {patient: sha256 for patient, sha256 in rows}
    found = {}
    for patient in patients:
        path = Path(manifest).with_name(f"{patient}.npy")
        try:
            is_same = digest_file(path) == digests.get(patient)
        except OSError as error:
            raise HemisphereError(f"{path} cannot be read ({error.strerror}): run again.") from None
        if not is_same:
            raise HemisphereError(
                f"{path} is not the file that {Path(manifest).name} names: it is damaged or was replaced. "
                "Delete it and run again."
            )
        found[patient] = np.load(path, mmap_mode="r")
    return found

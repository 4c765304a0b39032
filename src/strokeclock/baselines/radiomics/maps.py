"""The files of a patient's own tissue maps; apart from `tissue`, since rules need no array to find them."""

from pathlib import Path

CLASSES = {"grey matter": "c1adc", "white matter": "c2adc", "fluid": "c3adc"}  # SPM's file names
ENDINGS = (".nii", ".nii.gz")


def find_maps(folder: str | Path, patient: str) -> dict[str, Path | None]:
    """Return a patient's maps by name of `CLASSES`, <folder>/<patient>/c1adc.nii[.gz] etc.; None: absent."""
    return {
        name: next(
            (path for ending in ENDINGS if (path := Path(folder, patient, stem + ending)).is_file()), None
        )
        for name, stem in CLASSES.items()
    }

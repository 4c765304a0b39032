"""The end of `make demo`: a phantom whom no run has seen, read from its DICOM study with a bundle.

python -m strokeclock.reading.demo MODEL FOLDER
"""

import sys
from pathlib import Path

from strokeclock.phantom.patient import make_batch
from strokeclock.phantom.signal import SERIES
from strokeclock.phantom.studies import write_studies
from strokeclock.reading.command import read_to_folder
from strokeclock.settings.patients import Phantom

NEW = "phantom-9001"  # cohorts count from 1


def write_new_study(folder: Path) -> Path:
    """Write a phantom's DICOM study, with its truth beside it; return the study's folder."""
    settings = Phantom().model_dump()
    names = (*SERIES, "lesion", "brain_mask")
    files = {name: str(folder / f"{name}.nii.gz") for name in names}
    files |= {f"{name}_sidecar": str(folder / f"{name}.json") for name in SERIES}
    files |= {name: str(folder / f"{name}.json") for name in ("record", "truth")}
    study = folder / "dicom"
    make_batch({NEW: files}, folder / "made.tsv", settings=settings)
    write_studies(folder / "made.tsv", folder / "studies.tsv", folders={NEW: str(study)}, settings=settings)
    return study


def main(model: str, folder: str) -> None:
    """Make the study, read it and say where the page is."""
    study = write_new_study(Path(folder, "study"))
    lines = read_to_folder(
        study,
        Path(model),
        Path(folder, "reading"),
        files={},
        side="auto",
        device="auto",
        threads=1,
        as_dicom=True,
    )
    print("A new phantom is read from its DICOM study:")
    print("\n".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:3])

"""Write the cohort sheet of the phantom study's last run: known onsets, and 1,000 unknown ones.

    python benchmarks/study_sheet.py results

It joins the phantoms of the runs study and study_more to results/study_more/sheet.tsv, each with its true
lesion as mask. Those of study_more are renamed, and lose their onset.
"""

import argparse
import os
from pathlib import Path

import pandas as pd

SERIES = ("t2w", "dwi", "flair")
MASK, ONSET = "lesion_mask", "onset_to_mri_min"


def read_phantoms(run: Path, *, folder: Path) -> pd.DataFrame:
    """Read a run's cohort sheet, with lesion masks and with paths relative to the folder."""
    sheet = pd.read_csv(run / "phantom/cohort.tsv", sep="\t", dtype=str)
    for name in SERIES:
        sheet[name] = [os.path.relpath(run / "phantom" / path, folder) for path in sheet[name]]
    truth = run / "derivatives/truth"
    sheet[MASK] = [os.path.relpath(truth / patient / "lesion.nii.gz", folder) for patient in sheet["patient"]]
    return sheet


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of the runs")
    results = parser.parse_args().results
    folder = results / "study_more"
    known, unknown = (read_phantoms(results / run, folder=folder) for run in ("study", "study_more"))
    unknown["patient"] = unknown["patient"].str.replace("phantom", "unknown")
    unknown[ONSET] = ""
    pd.concat([known, unknown]).to_csv(folder / "sheet.tsv", sep="\t", index=False)


if __name__ == "__main__":
    main()

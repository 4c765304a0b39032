"""Which of a run's own patients a reading would refuse."""

import numpy as np
import pandas as pd
import pytest

from strokeclock.cohort.cells import read_columns
from strokeclock.reading.own_patients import find_unlike

SERIES = ("dwi", "flair")
RANGE = np.linspace(0.40, 0.60, 41)  # of the training patients; 5th to 95th percentile .41 to .59


@pytest.fixture
def run(tmp_path, manifest_of):
    """Forty-one training patients of even brightness; of test and in no part, some bright ones."""
    bright = {f"l{number:02d}": value for number, value in enumerate(RANGE)}
    bright |= {"t-inside": 0.5, "t-bright": 1.0, "t-quality": 0.5, "u-bright": 1.2, "v-bright": 1.2, "x": 1.2}
    parts = {patient: "train" for patient in bright if patient.startswith("l")}
    parts |= {"t-inside": "test", "t-bright": "test", "t-quality": "test", "v-bright": "validation"}
    for patient, value in bright.items():
        np.save(tmp_path / f"{patient}.npy", np.full((2, 2, 2, 2, 2), value, np.float16))
    manifest_of(tmp_path)
    rows = [
        {"patient": one, "lesion_side": "none" if one == "u-bright" else "left", "onset_to_mri_min": 100}
        for one in bright
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "cohort.tsv", sep="\t", index=False)
    pd.DataFrame(parts.items(), columns=["patient", "part"]).to_csv(
        tmp_path / "split.tsv", sep="\t", index=False
    )
    (tmp_path / "exclusions.tsv").write_text("patient\tstage\nx\tquality\n")
    tilt = {one: 1 + value for one, value in bright.items()} | {"t-bright": 1.5, "t-quality": 9.0}
    infarct = dict.fromkeys(bright, 1.0) | {"t-inside": 1e6}  # of the lesion, not of the scan
    lines = ["patient\tmidplane_tilt_deg\tinfarct_left_ml"]
    lines += [f"{one}\t{tilt[one]}\t{infarct[one]}" for one in bright if one != "u-bright"]
    (tmp_path / "quality.tsv").write_text("\n".join([*lines, "u-bright\t\t1"]) + "\n")
    return tmp_path


def test_images_far_outside_the_training_patients_are_named(run):
    names = ("cohort", "split", "exclusions", "quality", "manifest")
    find_unlike(run / "unlike.tsv", series=SERIES, **{name: run / f"{name}.tsv" for name in names})
    found = dict(read_columns(run / "unlike.tsv", "patient", "reason"))
    assert found.keys() == {"t-bright", "t-quality", "u-bright"}  # of test, and in no part
    assert found["t-quality"] == "tilt of the mid-sagittal plane, °"
    assert "percentile 1 of DWI" in found["t-bright"]
    assert "tilt" not in found["t-bright"] + found["u-bright"]

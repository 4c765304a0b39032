"""A reading treats a patient as the run treats its own: whom it would refuse, what it finds and scores."""

import numpy as np
import pandas as pd
import pytest
from small_bundle import make_checkpoints

from strokeclock.bundle.model import open_bundle
from strokeclock.cohort.cells import read_columns
from strokeclock.found_sides import FoundSide, write_found_sides
from strokeclock.predictions import read_predictions, write_predictions
from strokeclock.reading.own_patients import find_unlike
from strokeclock.reading.scoring import Scoring
from strokeclock.series import SIDES
from strokeclock.training.prediction import detect_undivided, predict_found

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


def test_a_reading_finds_and_scores_as_the_run_does(tmp_path, bundle_path, manifest_of):
    """The networks of a bundle, and those of the run that it was made from, on the same hemispheres."""
    models = make_checkpoints(tmp_path)
    rng = np.random.default_rng(0)
    patients = ["new-1", "new-2"]
    folder = tmp_path / "hemispheres"
    folder.mkdir()
    for patient in patients:
        brain = rng.uniform(0.2, 0.9, (2, 3, 28, 56, 26))
        brain[..., :3] = 0
        np.save(folder / f"{patient}.npy", brain.astype(np.float16))
    manifest = manifest_of(folder)
    lesions = dict.fromkeys(patients, "none") | dict.fromkeys(("DOE-JOHN", "ROE-JANE"), "left")
    pd.DataFrame(lesions.items(), columns=["patient", "lesion_side"]).to_csv(
        tmp_path / "cohort.tsv", sep="\t", index=False
    )
    (tmp_path / "split.tsv").write_text("patient\tpart\nDOE-JOHN\ttrain\nROE-JANE\tvalidation\n")
    (tmp_path / "exclusions.tsv").write_text("patient\tstage\n")
    given = {"manifest": manifest, "split": tmp_path / "split.tsv", "channels": ("dwi", "t2w", "flair")}
    given |= {"threads": 1, "device": "cpu"}
    detect_undivided(
        [path for (_, phase, _, _), path in models.items() if phase == "phase1_stroke"],
        tmp_path / "detected.tsv",
        cohort=tmp_path / "cohort.tsv",
        exclusions=tmp_path / "exclusions.tsv",
        **given,
    )
    bundle = open_bundle(bundle_path)
    scorings = {one: Scoring(bundle, np.load(folder / f"{one}.npy")) for one in patients}
    for patient, *pair in read_columns(tmp_path / "detected.tsv", "patient", *SIDES):
        wanted, _ = scorings[patient].find_lesion()
        assert [*map(float, pair)] == pytest.approx([wanted[side] for side in SIDES], abs=1e-6)
    told = {"new-1": "left", "new-2": "right"}
    write_found_sides(
        tmp_path / "sides.tsv", {one: FoundSide("", side, 1.0, "", "") for one, side in told.items()}
    )
    network = bundle.recipe.rows[0].network
    scores = [tmp_path / f"end_to_end/seed-{seed}.tsv" for seed in network.seeds]
    for path in (empty := [tmp_path / f"predictions/seed-{seed}.tsv" for seed in network.seeds]):
        write_predictions(path, [])
    predict_found(
        [models[(*network.scorer, seed)] for seed in network.seeds],
        scores,
        predictions=empty,
        sides=tmp_path / "sides.tsv",
        **given,
    )
    row = bundle.recipe.rows[0].model_copy(update={"row": network, "regression": None})
    found = [read_predictions(path, unlabelled=True).set_index("patient")["score"] for path in scores]
    for patient, side in told.items():
        own = [one[patient] for one in found]
        assert own == pytest.approx(scorings[patient].score(row, (side,)).tolist(), abs=1e-6)
        assert len({*own}) == 2

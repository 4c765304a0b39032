"""`strokeclock estimate`: its arithmetic by hand, and what it says of a sheet."""

import nibabel
import numpy as np
import pytest
import yaml

from strokeclock.cli import main
from strokeclock.cohort.patients import read_patients
from strokeclock.errors import ConfigurationError
from strokeclock.estimate import cost_networks, cost_patients, estimate, merge_configuration
from strokeclock.plan.plan import make_plan


@pytest.fixture
def sheet(tmp_path):
    """A sheet of ten patients, whose series are one small file."""
    nibabel.save(
        nibabel.Nifti1Image(np.ones((8, 8, 4), np.int16), np.diag([2, 2, 5, 1])), tmp_path / "a.nii.gz"
    )
    rows = [f"p{number}\ta.nii.gz\ta.nii.gz\ta.nii.gz\t100\tleft" for number in range(10)]
    lines = ["patient\tdwi\tflair\tt2w\tonset_to_mri_min\tlesion_side", *rows]
    (tmp_path / "cohort.tsv").write_text("\n".join(lines) + "\n")
    return tmp_path / "cohort.tsv"


def write(folder, **config):
    config = {"run": "r", "split": {"counts": None, "fractions": [0.6, 0.2, 0.2]}} | config
    (folder / "own.yaml").write_text(yaml.safe_dump(config))
    return folder / "own.yaml"


def costs(sheet, **config):
    merged = merge_configuration(sheet, [write(sheet.parent, **config)])
    patients = read_patients(merged, folder="results/r")
    networks = cost_networks(make_plan(merged, folder="results/r"), patients)
    return {cost.what: cost for cost in [*cost_patients(patients), *networks]}


def test_patients_cost_what_was_measured_of_each(sheet):
    found = costs(sheet, preprocessing={"toolchain": "open", "patients_per_job": 16})
    assert found["preprocessing (open)"].cpu_h == pytest.approx(10 * 1.1 / 3600)
    assert found["hemispheres"].disk_gb == pytest.approx(10 * 224 * 224 * 26 * 3 * 2 / 1e9)
    assert found["starts of 6 jobs"].cpu_h == pytest.approx(6 * 0.7 / 3600)


def test_fsl_costs_more(sheet):
    assert costs(sheet)["preprocessing (fsl)"].cpu_h == pytest.approx(10 * 85 / 3600)


def test_a_training_counts_epochs_hemispheres_and_seeds(sheet):
    """6 train, 2 validate, 10 are scored. A step that does not learn counts a third."""
    found = costs(sheet, training={"seeds": [0, 1, 2]})
    detection = 3 * 2 * (100 * (6 + 2 / 3) + 10 / 3)  # both hemispheres
    assert found["3d phase1_stroke"].cpu_h == pytest.approx(detection * 1.5 / 3600)
    assert found["3d phase1_stroke"].gpu_h == pytest.approx(detection * 4.5e-3 / 3600)
    time = 3 * (100 * (6 + 2 / 3) + 10 / 3)  # random weights, and the chain's, whose first stages are frozen
    assert found["3d phase2_tss3h"].cpu_h == pytest.approx(time * (1.5 + 0.33) / 3600)
    restoring = 3 * 2 * 100 * (6 + 2 / 3)
    assert found["3d phase0_genesis"].cpu_h == pytest.approx(restoring * 11 / 3600)
    segmenting = (
        3 * 2 * (12 * (6 * 5 + 6 * 2 / 3) + 10 / 3)
    )  # five folds: one network of all, five of four folds
    assert found["3d phase0_segmentation"].cpu_h == pytest.approx(segmenting * 11 / 3600)


def test_a_search_is_a_training_a_candidate_and_repeats_are_all_of_it_again(sheet):
    search = {"phase1_stroke": {"epochs": [10, 40], "lr": [1e-4, 1e-3, 1e-2]}}
    found = costs(sheet, training={"seeds": [0, 1], "search": search})
    once = costs(sheet, training={"seeds": [0]})["3d phase1_stroke"].cpu_h
    scored = 2 * 10 / 3 * 1.5 / 3600
    assert found["search of 3d phase1_stroke"].cpu_h == pytest.approx(
        3 * (0.1 + 0.4) * (once - scored) + 6 * scored
    )
    split = {"counts": None, "fractions": [0.6, 0.2, 0.2], "repeats": 3}
    repeated = costs(sheet, training={"seeds": [0, 1], "search": search}, split=split)
    trained = sum(cost.cpu_h for what, cost in found.items() if "phase" in what)
    assert repeated["2 further splits"].cpu_h == pytest.approx(2 * trained)
    assert repeated["preprocessing (fsl)"] == found["preprocessing (fsl)"]


@pytest.mark.parametrize(
    ("change", "share"),
    [
        ({"preprocessing": {"grid": [112, 112, 26]}}, 1 / 4),
        ({"models": {"2d": {"width": 16}}}, 1 / 16),
        ({"models": {"view": "brain"}}, 1 / 2),
        ({"models": {"average": [2, 2, 1]}}, 1 / 4),
    ],
    ids=str,
)
def test_grid_view_and_width_scale_a_training(sheet, change, share):
    whole = costs(sheet)["2d phase1_stroke"].cpu_h
    assert costs(sheet, **change)["2d phase1_stroke"].cpu_h == pytest.approx(whole * share)


def test_the_sums_are_those_of_the_lines(sheet):
    lines = [*estimate(sheet, [write(sheet.parent)])]
    assert lines[:2] == [
        "10 patients, 10 of known onset and side.", "Of these about 6 train, 2 validate and 2 test."
    ]  # fmt: skip
    table = lines[4 : lines.index("", 4)]
    for columns in (slice(40, 50), slice(50, 60), slice(60, 70)):
        *parts, together = [float(line[columns].strip(" <") or 0) for line in table]
        assert sum(parts) == pytest.approx(together, abs=0.05 * len(parts))


def test_less_than_an_hour_is_not_told_as_none(sheet):
    """Ten patients of 85 s each."""
    lines = [*estimate(sheet, [write(sheet.parent, preprocessing={"toolchain": "fsl"})])]
    assert lines[4].split() == ["preprocessing", "(fsl)", "0.24", "0.04"]
    assert lines[5].split()[-2:] == ["<0.01", "<0.01"]


def test_without_a_gpu_none_is_counted(sheet):
    found = costs(sheet, training={"device": "cpu"})
    assert found["2d phase1_stroke"].gpu_h is None


def test_the_sheet_replaces_the_phantoms_of_a_configuration(sheet):
    """As config/demo.yaml has them, also with the initial weights from phantom tumours."""
    chain = {"starts": ["random", "medical", "chain"]}
    weights = {name: {"source": "phantom"} for name in ("medical_2d", "medical_3d")}
    own = {"phantom": {"patients": 40}, "initial_weights": weights, "training": chain}
    lines = [*estimate(sheet, [write(sheet.parent, **own)])]
    assert lines[0] == "10 patients, 10 of known onset and side."
    without = costs(sheet, training=chain)["3d phase2_tss3h"].cpu_h
    # further starts of a task are counted: frozen first stages, as in the chain
    more = 100 * (6 + 2 / 3) + 10 / 3
    seeds = len(merge_configuration(sheet, [])["training"]["seeds"])
    assert costs(sheet, **own)["3d phase2_tss3h"].cpu_h == pytest.approx(without + seeds * more * 0.33 / 3600)


def test_the_command_refuses_what_a_run_refuses(sheet, capsys):
    assert main(["estimate", str(sheet), "--configfile", str(write(sheet.parent, trainings={}))]) == 2
    assert "trainings" in capsys.readouterr().err
    assert main(["estimate", str(sheet.parent / "none.tsv")]) == 2
    assert "There is no cohort sheet" in capsys.readouterr().err


def test_a_file_that_is_no_yaml_is_named(sheet):
    (sheet.parent / "own.yaml").write_text("a: [1")
    with pytest.raises(ConfigurationError, match=r"own\.yaml"):
        merge_configuration(sheet, [sheet.parent / "own.yaml"])

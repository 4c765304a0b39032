"""A series added by one entry in series.py comes from the sheet to the hemispheres, nothing else touched."""

import csv
import json
import shutil

import nibabel as nib
import numpy as np
import pytest
import yaml
from scipy.ndimage import gaussian_filter

from strokeclock.imaging.alignment import rotation
from strokeclock.phantom.patient import SERIES, make_patient, write_patient
from strokeclock.phantom.scanner import write_nifti

pytestmark = [pytest.mark.integration, pytest.mark.slow]

ENTRY = """    Series(
        name="swi",
        label="SWI",
        title="SWI",
        place="own",
        bias_field="own",
        min_coverage=0.9,
        min_fit=0.5,
    ),
"""
TEXTURE = 0.12  # SD
CHANNELS = ["dwi", "t2w", "flair", "swi"]
PARTS = {"with": "train", "second": "validation", "third": "test", "without": "train"}
BASE = {
    "preprocessing": {
        "toolchain": "open",
        "grid": [64, 64, 16],
        "patients_per_job": 1,
        "intensity": {"normalisation": "zscore", "matching": "landmarks", "percentiles": [0.1, 99.9]},
    },
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, root):
    """A copy of this checkout with one entry more in series.py."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("src", "workflow", "config", "envs", "resources"):
        shutil.copytree(root / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "Snakefile", copy)
    table = copy / "src/strokeclock/series.py"
    before, entries, after = table.read_text().partition("\n)\n\n\ndef index(")
    assert entries
    table.write_text(before + "\n" + ENTRY.rstrip() + entries + after)
    return copy


@pytest.fixture(scope="module")
def moved():
    """What carries the head from where FLAIR saw it to where the further series did, (4, 4) world mm."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(yaw=4, pitch=2)
    matrix[:3, 3] = 3, -2, 4
    return matrix


@pytest.fixture(scope="module")
def sheet(tmp_path_factory, root, moved):
    """Heads of `PARTS`; all but one have the further series, FLAIR in another contrast and another place."""
    folder = tmp_path_factory.mktemp("raw")
    settings = yaml.safe_load((root / "config/config.yaml").read_text())["phantom"]
    lines = ["patient\tt2w\tdwi\tflair\tswi\tonset_to_mri_min\tlesion_side"]
    for number, patient in enumerate(PARTS, start=3):
        write_patient(
            make_patient(number, seed=settings["seed"], settings=settings),
            scans={name: folder / f"{patient}-{name}.nii.gz" for name in SERIES},
            lesion=folder / f"{patient}-lesion.nii.gz",
            brain_mask=folder / f"{patient}-brain.nii.gz",
        )
        files = [f"{patient}-{name}.nii.gz" for name in SERIES]
        further = f"{patient}-swi.nii.gz" * (patient != "without")
        lines.append("\t".join([patient, *files, further, "120", "left"]))
        if further:
            flair = nib.load(folder / f"{patient}-flair.nii.gz")
            texture = gaussian_filter(np.random.default_rng(number).normal(size=flair.shape), (4, 4, 1))
            texture = 1 + TEXTURE * texture / texture.std()  # else it would be FLAIR under another name
            swi = np.round(40 * texture * np.sqrt(np.asanyarray(flair.dataobj))).astype(np.int16)
            write_nifti(folder / further, swi, moved @ flair.affine)
    path = folder / "cohort.tsv"
    path.write_text("\n".join(lines) + "\n")
    rows = "".join(f"{patient}\t{part}\n" for patient, part in PARTS.items())
    path.with_name("split.tsv").write_text(f"patient\tpart\n{rows}")
    return path


@pytest.fixture(scope="module")
def go(tmp_path_factory, run_snakemake, checkout, sheet):
    """Run the copied checkout; returns the folder of the run's results."""

    def run(name, *arguments, **models):
        folder = tmp_path_factory.mktemp(name)
        process = run_snakemake(
            folder,
            *arguments,
            config=BASE
            | {
                "run": name,
                "cohort": {"sheet": str(sheet)},
                "split": {"file": str(sheet.with_name("split.tsv"))},
                "models": models,
            },
            snakefile=checkout / "Snakefile",
        )
        assert process.returncode == 0, process.stdout
        return folder / "results" / name

    return run


@pytest.fixture(scope="module")
def asked(go):
    return go("asked", "quality", "--quiet", "rules", "host", channels=CHANNELS)


@pytest.fixture(scope="module")
def not_asked(go):
    return go("not_asked", "quality", "--quiet", "rules", "host")


def read(path):
    return np.asanyarray(nib.load(path).dataobj).astype(float)


def test_it_is_registered_to_the_t2w_for_itself(asked, moved):
    """Its matrix is FLAIR's after the known motion is undone, to a millimetre where the brain is."""
    folder = asked / "preprocessed/with/transforms"
    flair, swi, to_atlas = (
        np.loadtxt(folder / f"{name}.txt") for name in ("flair_to_t2w", "swi_to_t2w", "t2w_to_atlas")
    )
    mask = nib.load(asked / "preprocessed/with/brain_mask.nii.gz")
    index = np.argwhere(np.asanyarray(mask.dataobj) > 0)[::7]
    points = mask.affine @ np.c_[index, np.ones(len(index))].T
    in_flair = np.linalg.inv(to_atlas @ flair) @ points
    missed = (swi @ moved @ in_flair - flair @ in_flair)[:3]
    unmoved = (moved @ in_flair - in_flair)[:3]
    assert np.linalg.norm(unmoved, axis=0).mean() > 4
    assert np.linalg.norm(missed, axis=0).mean() < 1


def test_it_shows_on_the_atlas_grid_what_it_was_made_from(asked):
    volumes = {name: read(asked / f"preprocessed/with/{name}.nii.gz") for name in ("flair", "swi")}
    inside = read(asked / "preprocessed/with/brain_mask.nii.gz") > 0
    assert np.corrcoef(np.sqrt(volumes["flair"][inside]), volumes["swi"][inside])[0, 1] > 0.8
    assert not volumes["swi"][~inside].any()


def test_hemispheres_have_it_as_their_fourth_channel(asked):
    hemispheres = np.load(asked / "hemispheres/with.npy").astype(float)
    assert hemispheres.shape == (2, 4, 32, 64, 16)
    brain = hemispheres[:, 2] > 0
    channels = hemispheres.swapaxes(0, 1)
    together = [np.corrcoef(channel[brain], channels[3][brain])[0, 1] for channel in channels]
    assert together[2] > 0.8
    assert max(together[:2]) < together[2] - 0.05
    inside = hemispheres[:, 3][brain]
    assert inside.min() == 0
    assert inside.max() == 1


def test_it_is_matched_to_the_histogram_reference(asked):
    with np.load(asked / "hemispheres/reference.npz") as reference:
        assert reference["patient"] == "with"
        assert [name for name in reference if name.startswith("targets")] == [
            f"targets_{name}" for name in CHANNELS
        ]
    assert json.loads((asked / "quality/matching/with.json").read_text()).keys() == set(CHANNELS)


def test_it_is_checked_and_shown(asked):
    record = json.loads((asked / "quality/with.json").read_text())
    assert record["numbers"]["swi_coverage"] > 0.9
    assert record["numbers"]["swi_fit"] > 0.5
    page = (asked / "quality/index.html").read_text()
    assert "SWI shows" in page
    assert "SWI fit" in page


def test_who_lacks_it_is_excluded_with_a_sentence(asked):
    with open(asked / "cohort/exclusions.tsv", newline="") as file:
        assert [*csv.DictReader(file, delimiter="\t")] == [
            {
                "patient": "without",
                "stage": "entry",
                "reason": "no SWI series: name its file in column swi, or take it out of models.channels",
            }
        ]
    assert not (asked / "preprocessed/without").exists()


def test_where_no_network_sees_it_everyone_goes_through_and_nothing_is_done_with_it(asked, not_asked):
    for patient in PARTS:
        assert np.load(not_asked / f"hemispheres/{patient}.npy").shape == (2, 3, 32, 64, 16)
    assert not [*not_asked.rglob("*swi*")]
    assert (not_asked / "cohort/exclusions.tsv").read_text() == "patient\tstage\treason\n"
    for name in ("t2w", "dwi", "flair", "adc", "brain_mask"):
        file = f"preprocessed/with/{name}.nii.gz"
        assert (not_asked / file).read_bytes() == (asked / file).read_bytes()
    assert "swi_fit" not in json.loads((not_asked / "quality/with.json").read_text())["numbers"]


def test_the_fsl_toolchain_takes_it_too(tmp_path, run_snakemake, checkout, sheet):
    process = run_snakemake(
        tmp_path,
        "-n",
        "quality",
        config={
            "run": "fsl",
            "cohort": {"sheet": str(sheet)},
            "models": {"channels": CHANNELS},
            "split": {"counts": None},
        },
        snakefile=checkout / "Snakefile",
    )
    assert process.returncode == 0, process.stdout


def test_phantoms_do_not_have_it(tmp_path, run_snakemake, checkout):
    process = run_snakemake(
        tmp_path,
        "-n",
        config={"phantom": {"patients": 4}, "models": {"channels": CHANNELS}, "split": {"counts": None}},
        snakefile=checkout / "Snakefile",
    )
    assert process.returncode != 0
    assert "models.channels names swi, which phantoms do not have" in process.stdout

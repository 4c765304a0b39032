"""Features of a simple body against closed forms, and what happens to patients whose core cannot be used."""

import logging
import math

import numpy as np
import pytest

from strokeclock.baselines.radiomics.features import (
    FAMILIES,
    SERIES,
    SHAPE,
    describe,
    measure_batch,
    measure_patient,
)
from strokeclock.baselines.radiomics.table import read_features
from strokeclock.batches import read_batches, write_batch
from strokeclock.imaging.exclusion import read_exclusion, write_exclusion
from strokeclock.imaging.volume import Volume, read_volume, write_volume

GRID = (40, 40, 12)
SPACING = np.array([2.0, 2.0, 6.0])
BOX = np.s_[4:14, 10:20, 3:7]  # 10 x 10 x 4 voxels: 20 x 20 x 24 mm


def affine():
    matrix = np.diag([*SPACING, 1.0])
    matrix[0, 3] = -SPACING[0] * (GRID[0] - 1) / 2
    return matrix


def write(folder, name, data):
    path = folder / f"{name}.nii.gz"
    write_volume(path, Volume(data.astype(np.float32), affine()), dtype=data.dtype.type)
    return path


def brain():
    mask = np.ones(GRID, np.uint8)
    mask[:, :, -1] = 0
    return mask


@pytest.fixture(scope="module")
def box(tmp_path_factory):
    """Values 1 and 2 in turn along x inside a box, 9 outside."""
    folder = tmp_path_factory.mktemp("box")
    region = np.zeros(GRID, np.uint8)
    region[BOX] = 1
    values = np.full(GRID, 9, np.float32)
    values[BOX] = 1 + (np.arange(10) % 2)[:, None, None]
    return write(folder, "values", values), write(folder, "region", region)


def test_shape_of_a_box(box):
    shape = describe(box[1], box[1], families=["morphological"])
    sides, half = np.array([20, 20, 24]), SPACING / 2
    assert shape["morph_vol_approx"] == pytest.approx(sides.prod())
    # the mesh bevels the box by half a voxel: of an edge's rest half is kept, of a corner's a sixth
    edges = sum(4 * (half.prod() / half[i]) * (sides - 2 * half)[i] / 2 for i in range(3))
    assert shape["morph_volume"] == pytest.approx(sides.prod() - edges - 8 * half.prod() * 5 / 6)
    # 4 SD of evenly spaced points, the variance over n - 1 = 399
    axes = [4 * size * math.sqrt((n**2 - 1) / 12 * 400 / 399) for n, size in ((4, 6), (10, 2))]
    assert shape["morph_pca_maj_axis"] == pytest.approx(axes[0])
    assert shape["morph_pca_min_axis"] == pytest.approx(axes[1])
    assert shape["morph_pca_least_axis"] == pytest.approx(axes[1])
    assert {f"morph_{name}" for name in SHAPE} <= set(shape)


def test_first_order_and_texture_of_stripes(box):
    found = describe(*box, families=FAMILIES, scale=10.0)
    assert found["stat_mean"] == pytest.approx(15)
    assert found["stat_var"] == pytest.approx(25)
    assert found["stat_kurt"] == pytest.approx(-2)
    # Neighbours in the same plane of x have the same level, 1 or 32; all others the other one. Pairs by their
    # step along x: 26 directions, 8 within the plane.
    nx, ny, nz = 10, 10, 4

    def pairs(*step):
        return math.prod(n - abs(s) for n, s in zip((nx, ny, nz), step, strict=True))

    steps = [(i, j, k) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1) if (i, j, k) != (0, 0, 0)]
    same = sum(pairs(*step) for step in steps if step[0] == 0)
    other = sum(pairs(*step) for step in steps if step[0] != 0)
    assert found["cm_contrast"] == pytest.approx(31**2 * other / (same + other))
    assert found["cm_joint_max"] == pytest.approx(max(same / 2, other / 2) / (same + other))
    # ten zones, one a plane of 40 voxels
    assert found["szm_z_perc"] == pytest.approx(10 / 400)
    assert found["szm_lze"] == pytest.approx(40**2)


def test_textures_do_not_depend_on_the_unit(box):
    one, ten = (describe(*box, families=FAMILIES, scale=scale) for scale in (1.0, 10.0))
    for name in one:
        if not name.startswith("stat_"):
            assert ten[name] == one[name]


@pytest.fixture
def patient(tmp_path):
    """A patient with an infarct on the left, and what `measure_patient` takes."""
    rng = np.random.default_rng(3)
    volumes = {
        "adc": np.full(GRID, 800e-6),
        "dwi": 100 + 5 * rng.standard_normal(GRID),
        "flair": 50 + 2 * rng.standard_normal(GRID),
    }
    volumes["adc"][BOX] = 500e-6
    volumes["dwi"][BOX] *= 2
    volumes["flair"][BOX] *= 1.2
    np.savetxt(tmp_path / "transform.txt", np.diag([1.25, 1, 1, 1]))
    return {
        "patient": "one",
        "series": {name: write(tmp_path, name, data.astype(np.float32)) for name, data in volumes.items()},
        "brain_mask": write(tmp_path, "brain_mask", brain()),
        "transform": tmp_path / "transform.txt",
        "side": "left",
        "adc_max": 620e-6,
        "min_roi_ml": 3.0,
        "region": tmp_path / "region.nii.gz",
    }


def test_a_core_is_measured_on_each_series(patient):
    found = measure_patient(**patient)
    written = read_volume(patient["region"], patient="one", series="lesion")
    voxels = 4 * (100 - 4)  # the opening cuts the edges along z
    assert written.data.sum() == voxels
    assert found.region_ml == pytest.approx(voxels * 0.024 / 1.25)  # in the patient's own brain
    assert found.reason == ""
    assert len(found.features) == 14 + 2 * 75  # 89 a series, the shape once
    for name in SERIES:
        assert sum(key.startswith(f"{name}_") for key in found.features) == 18 + 24 + 16 + 16 + 1
    assert found.features["flair_ratio"] == pytest.approx(1.2, abs=0.01)
    assert found.features["dwi_stat_mean"] == pytest.approx(2, abs=0.02)  # of the contralateral side's mean
    assert found.features["shape_vol_approx"] == pytest.approx(voxels * 24)
    assert all(math.isfinite(value) for value in found.features.values())


def test_mirps_log_is_off_and_the_log_is_on_afterwards(patient, caplog):
    caplog.set_level(logging.INFO)
    measure_patient(**patient)
    assert [record.message for record in caplog.records] == ["patient one"]


def test_a_small_core_is_not_measured(patient):
    patient["min_roi_ml"] = 8.0
    found = measure_patient(**patient)
    assert found.reason == "region under 8 mL"
    assert found.features == {}
    assert found.region_ml > 7


def test_a_core_without_tissue_on_the_contralateral_side_is_not_measured(patient, tmp_path):
    mask = brain()
    mask[::-1][BOX] = 0
    patient["brain_mask"] = write(tmp_path, "brain_mask", mask)
    assert measure_patient(**patient).reason == "too little tissue on the contralateral side"


def test_what_the_flair_does_not_show_is_left_out(patient, tmp_path):
    flair = read_volume(patient["series"]["flair"], patient="one", series="flair").data
    flair[:, :, 6:] = 0
    patient["series"]["flair"] = write(tmp_path, "flair", flair)
    found = measure_patient(**patient)
    assert found.region_ml == pytest.approx(3 * 96 * 0.024 / 1.25)
    assert found.features["flair_stat_min"] > 0


def test_an_excluded_patient_stays_excluded(patient):
    write_exclusion([patient["series"]["dwi"]], "dwi file x is damaged; copy it again")
    found = measure_patient(**patient)
    assert found.region_ml is None
    assert "damaged" in found.reason
    assert "damaged" in read_exclusion(patient["region"])


def test_a_batch_has_a_row_and_a_region_of_each_patient(patient, tmp_path):
    files = patient["series"] | {"brain_mask": patient["brain_mask"], "t2w_to_atlas": patient["transform"]}
    write_exclusion([tmp_path / "note"], "no brain")
    write_batch(tmp_path / "preprocessed.tsv", {"one": files, "two": dict.fromkeys(files, tmp_path / "note")})
    (tmp_path / "cohort.tsv").write_text("patient\tlesion_side\none\tleft\ntwo\tleft\n")
    measure_batch(
        tmp_path / "preprocessed.tsv",
        tmp_path / "regions.tsv",
        tmp_path / "features.tsv",
        regions={name: {"region": tmp_path / f"{name}.nii.gz"} for name in ("one", "two")},
        cohort=tmp_path / "cohort.tsv",
        sides=None,
        adc_max=patient["adc_max"],
        min_roi_ml=patient["min_roi_ml"],
    )
    table = read_features([tmp_path / "features.tsv"])
    assert table["reason"].to_dict() == {"one": "", "two": "no brain"}
    assert table.loc["one", "flair_ratio"] == pytest.approx(1.2, abs=0.01)
    assert set(read_batches(tmp_path / "regions.tsv")) == {"one", "two"}

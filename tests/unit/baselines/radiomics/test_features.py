"""Maps and their numbers in closed form, and what happens to patients whose infarct cannot be used."""

import collections

import numpy as np
import pytest
from scipy import ndimage, stats

from strokeclock.baselines.radiomics.features import (
    SERIES,
    describe_map,
    describe_values,
    map_ratio,
    measure_batch,
    measure_patient,
    quantise,
)
from strokeclock.baselines.radiomics.table import read_features
from strokeclock.batches import read_batches, write_batch
from strokeclock.errors import ConfigurationError
from strokeclock.imaging.exclusion import read_exclusion, write_exclusion
from strokeclock.imaging.volume import Volume, read_volume, write_volume

GRID = (40, 40, 12)
SPACING = np.array([2.0, 2.0, 6.0])
SETTINGS = (
    *("white_matter_share", "tissue_maps", "adc_share", "dwi_sd", "min_infarct_ml", "flair_ratio_below"),
)
VOXEL_ML = 0.024 / 1.25  # in the patient's own brain
TISSUE = 800e-6 + 1e-3 * (np.linspace(0, 1, np.prod(GRID)) - 0.35) ** 3  # ADC, mm2/s
BOX = np.s_[4:14, 10:20, 3:7]  # 10 x 10 x 4 voxels


def affine():
    matrix = np.diag([*SPACING, 1.0])
    matrix[0, 3] = -SPACING[0] * (GRID[0] - 1) / 2
    return matrix


def write(folder, name, data):
    path = folder / f"{name}.nii.gz"
    write_volume(path, Volume(data.astype(np.float32), affine()), dtype=data.dtype.type)
    return path


def test_a_ratio_is_to_the_mirrored_voxel():
    values = np.array([1.0, 2, 0, 0, 3, 0, 8, 2]).reshape(8, 1, 1)
    #                  mirrored: 2, 8, 0, 3, 0, 0, 2, 1; 0/0 and 3/0 are 1; 0/3 is clipped
    expected = [0.5, 0.25, 1, 0.25, 1, 1, 4, 2]
    assert map_ratio(values, 0.25, 4, below=0.25)[:, 0, 0].tolist() == expected
    assert map_ratio(values, 0.45, 2, below=0.45)[:, 0, 0].tolist() == [0.5, 0.45, 1, 0.45, 1, 1, 2, 2]
    assert map_ratio(values, 0.45, 2, below=0.25)[:, 0, 0].tolist() == [0.5, 0.25, 1, 0.25, 1, 1, 2, 2]


def test_levels_have_equal_width_and_open_ends():
    values = np.array([-3, 0.25, 0.3671, 0.3672, 2.0, 3.99, 4, 9])
    assert quantise(values, 0.25, 4, levels=32).tolist() == [1, 1, 1, 2, 15, 32, 32, 32]
    assert quantise(values, 2.0, 2.0, levels=32).tolist() == [1] * 8


def test_moments_are_those_of_the_ibsis_digital_phantom():
    """50 voxels of 1, 16 of 4, one of 3 and 7 of 6: published 2.15, 3.05, 1.08, -.355."""
    found = describe_values(np.repeat([1, 3, 4, 6], [50, 1, 16, 7]))
    assert found["mean"] == pytest.approx(2.15, abs=0.005)
    assert found["sd"] ** 2 == pytest.approx(3.05, abs=0.005)
    assert found["skewness"] == pytest.approx(1.08, abs=0.005)
    assert found["kurtosis"] == pytest.approx(-0.355, abs=0.0005)


def test_moments_are_scipys():
    values = np.random.default_rng(0).gamma(2, size=500)
    found = describe_values(values)
    assert found["skewness"] == pytest.approx(stats.skew(values))
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(values))


def test_equal_values_have_no_skewness():
    found = describe_values(np.full(5, 3.0))
    assert (found["mean"], found["sd"]) == (3, 0)
    assert np.isnan([found["skewness"], found["kurtosis"]]).all()


@pytest.fixture
def ramp():
    """A map that rises by 3 per mm along x and by 4 per mm along y; each slice starts elsewhere."""
    x, y, z = np.indices((8, 9, 3))
    values = 3 * 2.0 * x + 4 * 0.5 * y + 100 * z
    region = np.zeros(values.shape, bool)
    region[2:6, 2:6] = True
    return {
        "values": values,
        "region": region,
        "levels": np.ones(values.shape, int),
        "white": np.array([10.0, 30.0]),
        "patterns": values.astype(int),
        "spacing": np.array([2.0, 0.5, 6.0]),
    }


def test_the_gradient_of_a_ramp_is_its_slope_per_mm_in_plane(ramp):
    found = describe_map(**ramp)
    assert found["gradient_mean"] == pytest.approx(5)
    assert found["gradient_sd"] == pytest.approx(0, abs=1e-12)


def test_the_mean_over_white_matters(ramp):
    found = describe_map(**ramp)
    assert found["mean_to_white_matter"] == pytest.approx(found["mean"] / 20)
    assert np.isnan(describe_map(**ramp | {"white": np.array([])})["mean_to_white_matter"])


def test_a_ramp_has_one_binary_pattern(ramp):
    """Five of the eight points around a voxel are as bright or brighter, or four, all in a row."""
    found = describe_map(**ramp)
    assert found["lbp_mean"] in (0b1111, 0b11111)
    assert found["lbp_sd"] == 0


@pytest.fixture
def patient(tmp_path):
    """A patient with an infarct on the left, and what `measure_patient` takes: FLAIR has two values."""
    rng = np.random.default_rng(3)
    volumes = {
        "adc": rng.permutation(TISSUE).reshape(GRID),
        "dwi": 100 + 5 * rng.standard_normal(GRID),
        "flair": np.full(GRID, 50.0),
    }
    volumes["adc"][BOX] = 500e-6
    volumes["dwi"][BOX] *= 2
    volumes["flair"][BOX] = 60
    np.savetxt(tmp_path / "transform.txt", np.diag([1.25, 1, 1, 1]))
    return {
        "patient": "one",
        "series": {name: write(tmp_path, name, data.astype(np.float32)) for name, data in volumes.items()},
        "brain_mask": write(tmp_path, "brain_mask", brain()),
        "transform": tmp_path / "transform.txt",
        "white_matter": Volume(np.ones(GRID, np.float32), affine()),
        "white_matter_share": 0.7,
        "tissue_maps": None,
        "adc_share": 0.835,
        "dwi_sd": 1.5,
        "min_infarct_ml": 3.0,
        "flair_ratio_below": 0.45,
        "infarct": tmp_path / "infarct.nii.gz",
    }


def brain():
    mask = np.ones(GRID, np.uint8)
    mask[:, :, -1] = 0
    return mask


def dilated():
    """The box and two voxels around it in plane: a diamond."""
    mask = np.zeros(GRID, bool)
    mask[BOX] = True
    x, y = np.indices((5, 5)) - 2
    return ndimage.binary_dilation(mask, (abs(x) + abs(y) <= 2)[:, :, None])


def test_an_infarct_is_measured_on_each_series(patient):
    found = measure_patient(**patient)
    written = read_volume(patient["infarct"], patient="one", series="lesion")
    expected = np.zeros(GRID, bool)
    expected[BOX] = True
    assert np.array_equal(written.data > 0, expected)
    assert found.infarct_ml == pytest.approx(400 * VOXEL_ML)
    assert found.reason == ""
    region = dilated()
    for name in SERIES:
        assert found.features[f"{name}_size_ml"] == pytest.approx(region.sum() * VOXEL_ML)
    share = 400 / region.sum()  # of the region that is infarct, 1.2 times as bright as its other side
    assert found.features["flair_ratio_mean"] == pytest.approx(1 + 0.2 * share)
    assert found.features["flair_ratio_mean_to_white_matter"] > 1


def test_low_flair_ratios_become_what_is_set(patient, tmp_path):
    """In a tenth of the region FLAIR is a fifth of the other side: its ratio is set, its intensity stays."""
    flair = np.full(GRID, 50.0, np.float32)
    low = np.zeros(GRID, bool)
    low[4:14, 10:11, 3:7] = True
    flair[low] = 10
    patient["series"]["flair"] = write(tmp_path, "flair", flair)
    usual, slip = (measure_patient(**patient | {"flair_ratio_below": low}).features for low in (0.45, 0.25))
    share = 40 / dilated().sum()
    assert usual["flair_ratio_mean"] == pytest.approx(1 - 0.55 * share)
    assert slip["flair_ratio_mean"] == pytest.approx(1 - 0.75 * share)
    for name in usual:
        if not name.startswith("flair_ratio"):
            assert slip[name] == pytest.approx(usual[name], nan_ok=True)


FAMILIES = ("size", "intensity", "ratio", "gradient", "glcm", "glrlm", "lbp")


def test_there_are_91_features_a_series_in_five_families(patient):
    features = measure_patient(**patient).features
    assert len(features) == 273
    families = collections.Counter(
        "_".join(part for part in name.split("_")[1:3] if part in FAMILIES)
        for name in features
        if name.startswith("flair_")
    )
    assert families == {
        "size": 1,
        "intensity": 5,
        "intensity_gradient": 4,
        "intensity_glcm": 21,
        "intensity_glrlm": 11,
        "intensity_lbp": 4,
        "ratio": 5,
        "ratio_gradient": 4,
        "ratio_glcm": 21,
        "ratio_glrlm": 11,
        "ratio_lbp": 4,
    }


def test_intensities_have_256_levels_between_the_brains_percentiles(patient):
    """FLAIR has 50 and 60 alone: these are the 1st and 99th percentile, so levels 1 and 256."""
    found = measure_patient(**patient).features
    share = 400 / dilated().sum()
    assert found["flair_intensity_mean"] == pytest.approx(1 + 255 * share)
    assert found["flair_intensity_mean_to_white_matter"] == pytest.approx(1 + 255 * share)


def test_features_do_not_depend_on_the_unit(patient, tmp_path):
    first = measure_patient(**patient).features
    for name in SERIES:
        data = read_volume(patient["series"][name], patient="one", series=name).data
        patient["series"][name] = write(tmp_path, f"{name}_other", data * np.float32(4))
    assert measure_patient(**patient).features == pytest.approx(first, nan_ok=True)


def test_left_and_right_are_alike_but_for_patterns_whose_turn_counts(patient, tmp_path):
    first = measure_patient(**patient).features
    for name in SERIES:
        data = read_volume(patient["series"][name], patient="one", series=name).data
        patient["series"][name] = write(tmp_path, f"{name}_other", data[::-1])
    mirrored = measure_patient(**patient).features
    assert len(first) == 273
    for name in first:
        if "_lbp_" not in name:
            assert mirrored[name] == pytest.approx(first[name], nan_ok=True)


def test_a_small_infarct_is_not_measured(patient):
    patient["min_infarct_ml"] = 8.0
    found = measure_patient(**patient)
    assert found.reason == "infarct under 8 mL"
    assert found.features == {}
    assert found.infarct_ml == pytest.approx(400 * VOXEL_ML)


def test_what_a_series_does_not_show_is_not_measured(patient, tmp_path):
    flair = read_volume(patient["series"]["flair"], patient="one", series="flair").data
    flair[:, :, 6:] = 0
    patient["series"]["flair"] = write(tmp_path, "flair", flair)
    found = measure_patient(**patient)
    assert found.infarct_ml == pytest.approx(300 * VOXEL_ML)
    assert found.features["flair_size_ml"] == pytest.approx(dilated()[:, :, :6].sum() * VOXEL_ML)


def test_the_region_ends_at_the_brain_mask(patient, tmp_path):
    mask = brain()
    mask[:3] = 0  # the box begins at 4, and the brain is eroded by one voxel
    patient["brain_mask"] = write(tmp_path, "brain_mask", mask)
    found = measure_patient(**patient)
    assert found.infarct_ml == pytest.approx(400 * VOXEL_ML)
    assert found.features["adc_size_ml"] == pytest.approx(dilated()[3:].sum() * VOXEL_ML)


def test_a_grid_that_is_not_symmetric_is_refused(patient, tmp_path):
    shifted = affine()
    shifted[0, 3] += 5
    path = tmp_path / "shifted.nii.gz"
    write_volume(path, Volume(brain().astype(np.float32), shifted), dtype=np.uint8)
    with pytest.raises(ConfigurationError, match="x = 0 in the middle"):
        measure_patient(**patient | {"brain_mask": path})


def test_a_patient_without_white_matter_is_left_out_with_the_reason(patient):
    nothing = Volume(np.zeros(GRID, np.float32), affine())
    found = measure_patient(**patient | {"white_matter": nothing})
    assert found.infarct_ml is None
    assert found.reason.endswith("check the registration to the atlas")


def test_own_tissue_maps_give_brain_and_white_matter(patient, tmp_path):
    """They show the brain from x = 9 on; eroded by a voxel it holds 4 of the infarct's 10 columns."""
    (tmp_path / "maps/one").mkdir(parents=True)
    patient["tissue_maps"] = tmp_path / "maps"
    patient["white_matter"] = Volume(np.zeros(GRID, np.float32), affine())
    assert "holds no map of grey matter" in measure_patient(**patient).reason
    solid = np.zeros(GRID, np.uint8)
    solid[9:] = 1
    for name in ("c1adc", "c2adc", "c3adc"):
        write(tmp_path / "maps/one", name, solid)
    found = measure_patient(**patient)
    assert found.reason == ""
    assert found.infarct_ml == pytest.approx(160 * VOXEL_ML)


def test_an_excluded_patient_stays_excluded(patient):
    write_exclusion([patient["series"]["dwi"]], "dwi file x is damaged; copy it again")
    found = measure_patient(**patient)
    assert found.infarct_ml is None
    assert "damaged" in found.reason
    assert "damaged" in read_exclusion(patient["infarct"])


def test_a_batch_has_a_row_and_an_infarct_of_each_patient(patient, tmp_path):
    files = patient["series"] | {"brain_mask": patient["brain_mask"], "t2w_to_atlas": patient["transform"]}
    write_exclusion([tmp_path / "note"], "no brain")
    write_batch(tmp_path / "preprocessed.tsv", {"one": files, "two": dict.fromkeys(files, tmp_path / "note")})
    share = np.linspace(0, 1, np.prod(GRID)).reshape(GRID)
    measure_batch(
        tmp_path / "preprocessed.tsv",
        tmp_path / "infarcts.tsv",
        tmp_path / "features.tsv",
        infarcts={name: {"infarct": tmp_path / f"{name}.nii.gz"} for name in ("one", "two")},
        white_matter=write(tmp_path, "white_matter", share.astype(np.float32)),
        **{key: patient[key] for key in SETTINGS},
    )
    table = read_features([tmp_path / "features.tsv"])
    assert table["reason"].to_dict() == {"one": "", "two": "no brain"}
    patient["white_matter"] = Volume(share, affine())
    expected = measure_patient(**patient).features
    found = table.loc["one"].drop(["infarct_ml", "reason"]).astype(float)
    assert found.to_dict() == pytest.approx(expected, rel=1e-8, nan_ok=True)
    assert set(read_batches(tmp_path / "infarcts.tsv")) == {"one", "two"}

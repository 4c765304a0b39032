"""The infarct core on a constructed head: what belongs to it, and what does not."""

import numpy as np
import pytest

from strokeclock.baselines.radiomics.region import find_region
from strokeclock.imaging.volume import Volume

SHAPE, SPACING = (40, 40, 12), np.array([2.0, 2.0, 6.0])  # a voxel is 0.024 mL
CORE, TISSUE, CSF = 500e-6, 800e-6, 3e-3


def head():
    """A brain of tissue with noise on DWI; two columns of CSF at the midline."""
    rng = np.random.default_rng(1)
    affine = np.diag([*SPACING, 1.0])
    affine[0, 3] = -SPACING[0] * (SHAPE[0] - 1) / 2
    adc = np.full(SHAPE, TISSUE, np.float32)
    adc[19:21] = CSF
    dwi = (100 + 5 * rng.standard_normal(SHAPE)).astype(np.float32)
    return {
        "adc": Volume(adc, affine),
        "dwi": Volume(dwi, affine),
        "brain_mask": Volume(np.ones(SHAPE, np.float32), affine),
    }


def put_core(volumes, where, *, adc=CORE, dwi=200):
    volumes["adc"].data[where] = adc
    volumes["dwi"].data[where] = dwi


LEFT = np.s_[5:12, 10:18, 4:7]


def find(volumes, side="left", adc_max=620e-6):
    return find_region(**volumes, side=side, adc_max=adc_max)


def marked(*places):
    mask = np.zeros(SHAPE, bool)
    for place in places:
        mask[place] = True
    return mask


def opened(place):
    """A box opened by a disc of one voxel's radius loses its edges along z, never more."""
    mask = marked(place)
    x, y, z = place
    for i in (x.start, x.stop - 1):
        for j in (y.start, y.stop - 1):
            mask[i, j, z] = False
    return mask


def test_a_core_is_found_and_its_contralateral_side():
    volumes = head()
    put_core(volumes, LEFT)
    region, contralateral = find(volumes)
    assert np.array_equal(region, opened(LEFT))
    assert np.array_equal(contralateral, opened(LEFT)[::-1])


@pytest.mark.parametrize(
    "change",
    [
        {"adc": 700e-6},  # dark enough on neither
        {"dwi": 105},  # within 2 SD of the other side
    ],
)
def test_both_signs_are_needed(change):
    volumes = head()
    put_core(volumes, LEFT, **change)
    assert not find(volumes)[0].any()


def test_the_threshold_of_the_adc_is_inclusive_and_a_setting():
    volumes = head()
    put_core(volumes, LEFT, adc=620e-6)
    assert find(volumes, adc_max=float(np.float32(620e-6)))[0].any()
    assert not find(volumes, adc_max=600e-6)[0].any()


def test_small_parts_and_thin_ones_are_dropped():
    volumes = head()
    put_core(volumes, LEFT)
    put_core(volumes, np.s_[5:8, 30:33, 9:10])  # 9 voxels, 5 after opening: 0.12 mL
    put_core(volumes, np.s_[2:3, 2:38, 0:2])  # one voxel wide
    assert np.array_equal(find(volumes)[0], opened(LEFT))


def test_what_touches_csf_is_no_core():
    volumes = head()
    beside = np.s_[14:19, 10:18, 4:7]  # up to the midline's CSF
    put_core(volumes, beside)
    region, _ = find(volumes)
    assert region.any()
    assert not region[18].any()


def test_only_the_side_of_the_lesion_is_searched():
    volumes = head()
    right = np.s_[28:35, 10:18, 4:7]
    put_core(volumes, right)
    assert not find(volumes)[0].any()
    assert np.array_equal(find(volumes, side="right")[0], opened(right))


def test_two_sides_are_never_each_others_mirror():
    volumes = head()
    right = np.s_[28:35, 22:30, 4:7]
    for place in (LEFT, right):
        put_core(volumes, place)
    region, contralateral = find(volumes, side="both")
    assert np.array_equal(region, opened(LEFT) | opened(right))
    assert not (region & contralateral).any()


def test_the_contralateral_side_is_brain_without_csf():
    volumes = head()
    put_core(volumes, LEFT)
    volumes["adc"].data[28:30] = CSF
    volumes["brain_mask"].data[34] = 0
    _, contralateral = find(volumes)
    assert contralateral.any()
    assert not contralateral[28:30].any()
    assert not contralateral[34].any()


def test_the_opening_is_flat_where_slices_are_thick():
    volumes = head()
    put_core(volumes, np.s_[5:12, 10:18, 4:5])  # one slice
    assert find(volumes)[0].any()

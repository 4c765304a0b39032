"""Lesions grow on a real brain, at the coarse grid of the fast path."""

import numpy as np
import pytest

from strokeclock.phantom.anatomy import draw_registered_shape, place_brain
from strokeclock.phantom.clinic import TERRITORIES
from strokeclock.phantom.infarct import grow_hyperintensities, grow_infarct, grow_old_infarct
from strokeclock.phantom.registered import subslice_frame

FRAME = subslice_frame((112, 112, 26))
POINT_ML = float(np.prod(FRAME.spacing)) / 1000


@pytest.fixture(scope="module")
def brain():
    shape = draw_registered_shape(np.random.default_rng(8), age=65, sex="F", residue=np.eye(4))
    return place_brain(shape, FRAME)[1]


def volume(brain, share):
    return float((share * (brain.gm + brain.wm)).sum() * POINT_ML)


@pytest.mark.parametrize("territory", TERRITORIES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_an_infarct_lies_on_its_side_in_tissue_and_has_its_volume(brain, territory, side):
    asked = 4.0 if territory == "brainstem" else 30.0 if territory == "mca_large" else 9.0
    share = grow_infarct(
        np.random.default_rng(5), brain, territory=territory, side=side, volume_ml=asked, point_ml=POINT_ML
    )
    ill = share > 0
    assert np.all((brain.template[0, ill] < 0) == (side == "left"))
    assert np.all((brain.gm + brain.wm)[ill] > 0.4)
    assert volume(brain, share) == pytest.approx(asked, rel=0.15)


@pytest.mark.parametrize("territory", ["cerebellum", "brainstem"])
def test_infratentorial_infarcts_stay_below_the_tentorium(brain, territory):
    share = grow_infarct(
        np.random.default_rng(6), brain, territory=territory, side="left", volume_ml=3.0, point_ml=POINT_ML
    )
    assert getattr(brain, territory)[share > 0.5].min() > 0.5


def test_cortical_infarcts_keep_to_their_arteries(brain):
    """An anterior infarct lies near the middle, a posterior one behind, a middle one lateral."""
    centres = {}
    for territory in ("aca", "mca_branch", "pca"):
        rng = np.random.default_rng(7)
        drawn = [
            grow_infarct(rng, brain, territory=territory, side="right", volume_ml=6.0, point_ml=POINT_ML)
            for _ in range(5)
        ]
        centres[territory] = np.average(brain.template, axis=1, weights=sum(drawn))
    assert centres["aca"][0] + 8 < centres["mca_branch"][0]
    assert centres["pca"][1] + 15 < min(centres["mca_branch"][1], centres["aca"][1])


def test_hyperintensities_lie_in_both_hemispheres_near_the_ventricles(brain):
    share = grow_hyperintensities(np.random.default_rng(8), brain, volume_ml=12.0, point_ml=POINT_ML)
    ill = share > 0.5
    assert (share * brain.wm).sum() * POINT_ML == pytest.approx(12.0, rel=0.15)
    left = share[brain.template[0] < 0].sum() / share.sum()
    assert 0.3 < left < 0.7
    assert np.median(brain.ventricle[ill]) < np.median(brain.ventricle[brain.wm > 0.6]) - 3


@pytest.mark.parametrize("asked", [0.8, 6.0])
def test_an_old_infarct_has_a_core_and_a_rim_on_its_side(brain, asked):
    core, rim = grow_old_infarct(
        np.random.default_rng(9), brain, side="right", volume_ml=asked, point_ml=POINT_ML
    )
    assert volume(brain, core + rim) == pytest.approx(asked, rel=0.25)
    assert 0.3 < volume(brain, core) / volume(brain, core + rim) < 0.8
    assert brain.template[0, (core + rim) > 0].min() > 0
    assert (core + rim).max() <= 1 + 1e-6


def test_foci_that_find_their_compartment_full_are_left_out(brain):
    """Both foci go to the cerebellum here, and the first takes all of it."""
    share = grow_infarct(
        np.random.default_rng(23), brain, territory="multi", side="left", volume_ml=400.0, point_ml=POINT_ML
    )
    assert volume(brain, share) < 400
    assert np.isfinite(share).all()

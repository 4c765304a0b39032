"""Augmentation: the plane moves as it should in millimetres, and the lesion's contrast stays."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from strokeclock.models.view import IN_PLANE_MM
from strokeclock.training.augmentation import augment, move_masks

STILL = {"rotation_deg": 0.0, "scale": 0.0, "shift_mm": 0.0, "gain": 0.0, "noise": 0.0}


@pytest.fixture
def hemispheres():
    """Four hemispheres, 3 x 28 x 56 x 5: a smooth brain, a lesion half as bright again, background 0."""
    x, y = np.meshgrid(np.linspace(-1, 1, 28), np.linspace(-1, 1, 56), indexing="ij")
    brain = x**2 + y**2 < 0.7
    lesion = (x - 0.1) ** 2 + (y - 0.2) ** 2 < 0.08
    plane = np.where(lesion, 0.6, 0.4) * brain
    return torch.from_numpy(np.tile(plane[None, None, :, :, None], (4, 3, 1, 1, 5)).astype(np.float32))


def draw(hemispheres, seed=0, **change):
    return augment(hemispheres, np.random.default_rng(seed), **STILL | change)


def test_without_strength_nothing_changes(hemispheres):
    assert torch.allclose(draw(hemispheres), hemispheres, atol=1e-6)


def test_each_hemisphere_keeps_its_own_background(hemispheres):
    own, other = hemispheres, hemispheres.clone()
    other[:, :, :, 40:] = 0  # a smaller brain
    change = {"rotation_deg": 10, "shift_mm": 4, "noise": 0.01}
    moved = draw(torch.cat([own, other], dim=1), sides=2, **change)
    plain = draw(torch.cat([own, other], dim=1), sides=2, **change | {"noise": 0})
    expected = draw(own, **change | {"noise": 0}), draw(other, **change | {"noise": 0})
    assert torch.equal(plain, torch.cat(expected, dim=1))  # moved alike, cut apart
    assert torch.equal(moved != 0, plain != 0)
    assert (moved[:, 3:] != 0).sum() < (moved[:, :3] != 0).sum()


def test_masks_move_with_their_hemispheres(hemispheres):
    strength = {"rotation_deg": 10, "scale": 0.1, "shift_mm": 4}
    moved = draw(hemispheres, **strength, gain=0.2, noise=0.01)
    masks = move_masks((hemispheres[:, :1] > 0.5).float(), np.random.default_rng(0), **strength)
    lesion = (moved / moved.flatten(2).quantile(0.7, dim=2)[..., None, None, None])[:, 0] > 1.25
    assert (lesion != (masks[:, 0] > 0.5)).float().mean() < 0.004
    assert 0.8 < float(masks.sum() / (hemispheres[:, 0] > 0.5).sum()) < 1.25
    assert not torch.equal(masks[0], masks[1])


class Fixed:
    """A generator whose every draw is the most it may be."""

    def uniform(self, low, high, size):
        return np.full(size, high)

    def integers(self, high):
        return 0  # the seed of the noise


@pytest.mark.parametrize("change", [{"rotation_deg": 20}, {"scale": 0.2}, {"shift_mm": 15}])
def test_moves_in_millimetres_as_scipy_does(change):
    generator = np.random.default_rng(3)
    smooth = ndimage.gaussian_filter(generator.random((28, 56)), 3) + 1
    moved = augment(
        torch.from_numpy(smooth[None, None, :, :, None].astype(np.float32)), Fixed(), **STILL | change
    )

    mm = np.diag(IN_PLANE_MM / np.array(smooth.shape))  # a voxel in mm
    angle = np.radians(change.get("rotation_deg", 0))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    matrix = np.linalg.inv(mm) @ turn / (1 + change.get("scale", 0)) @ mm
    centre = (np.array(smooth.shape) - 1) / 2
    offset = centre - matrix @ centre + np.linalg.inv(mm) @ np.full(2, float(change.get("shift_mm", 0)))
    expected = ndimage.affine_transform(smooth, matrix, offset, order=1)
    inner = (slice(9, 19), slice(16, 40))
    assert np.allclose(moved[0, 0, :, :, 0].numpy()[inner], expected[inner], atol=1e-4)


def test_gain_and_motion_leave_the_contrast(hemispheres):
    moved = draw(hemispheres, rotation_deg=6, scale=0.07, shift_mm=4, gain=0.2)
    assert not torch.allclose(moved, hemispheres, atol=0.02)
    for channel in moved.flatten(0, 1):
        levels = channel[channel > 0]
        assert float(levels.max() / levels.median()) == pytest.approx(1.5, rel=1e-3)


def test_border_is_brain_or_background_not_between(hemispheres):
    moved = draw(hemispheres, rotation_deg=6, scale=0.07, shift_mm=4)
    assert float(moved[moved > 0].min()) == pytest.approx(0.4, abs=1e-4)
    assert ((moved > 0).sum() / (hemispheres > 0).sum() - 1).abs() < 0.1


def test_channels_move_together_and_hemispheres_do_not(hemispheres):
    moved = draw(hemispheres, rotation_deg=6, shift_mm=4)
    assert torch.equal(moved[:, 0], moved[:, 1])
    assert not torch.equal(moved[0], moved[1])


def test_noise_has_its_sd_and_leaves_the_background(hemispheres):
    noisy = draw(hemispheres, noise=0.03)
    brain = hemispheres > 0
    assert float((noisy - hemispheres)[brain].std()) == pytest.approx(0.03, rel=0.05)
    assert torch.equal(noisy > 0, brain)


def test_same_generator_same_result(hemispheres):
    strong = {"rotation_deg": 6, "scale": 0.07, "shift_mm": 4, "gain": 0.1, "noise": 0.02}
    assert torch.equal(draw(hemispheres, **strong), draw(hemispheres, **strong))
    assert not torch.equal(draw(hemispheres, **strong), draw(hemispheres, seed=1, **strong))

"""Augmentation of training hemispheres by motion, brightness and noise; the lesion's contrast stays."""

import math

import numpy as np
import torch
from torch.nn import functional

from strokeclock.models.view import IN_PLANE_MM
from strokeclock.training.device import noise_source, send


def augment(
    hemispheres: torch.Tensor,
    generator: np.random.Generator,
    *,
    rotation_deg: float,
    scale: float,
    shift_mm: float,
    gain: float,
    noise: float,
    extent_mm: tuple[float, float] = IN_PLANE_MM,
    sides: int = 1,
) -> torch.Tensor:
    """Turn, scale and shift hemispheres in the axial plane, then vary their brightness and add noise.

    All channels of a hemisphere move together. The ratio of a lesion's signal to that of its surroundings
    depends on TSS and stays: intensities are scaled linearly, and brain and background do not mix.

    Parameters
    ----------
    hemispheres : float32 (n, channels, x, y, z)
        Values 0 to 1, background exactly 0.
    generator
        The only source of randomness.
    rotation_deg, scale : float
        Largest rotation (degrees) and change of size (fraction) of a hemisphere, uniform.
    shift_mm : float
        Largest shift along x and along y, uniform.
    gain : float
        Largest change of a channel's brightness (fraction), uniform.
    noise : float
        SD of Gaussian noise inside the brain, in units of the values.
    extent_mm : float, float
        Extent of the given hemispheres along x and y.
    sides : int
        2 where the second half of the channels is the contralateral hemisphere, which has its own background.

    Returns
    -------
    Same shape; background 0.
    """
    n, channels, *plane, slices = hemispheres.shape
    motion = _draw_motion(
        n, generator, rotation_deg=rotation_deg, scale=scale, shift_mm=shift_mm, extent_mm=extent_mm
    )

    # slices before x and y: one image of (channels + sides) * slices a hemisphere
    images = hemispheres.new_empty(n, channels + sides, slices, *plane)
    images[:, :channels] = hemispheres.permute(0, 1, 4, 2, 3)
    images[:, channels:] = (images[:, :channels].unflatten(1, (sides, -1)) != 0).any(2)
    moved = _move(images, motion)
    covered = moved[:, channels:].unsqueeze(2)
    drawn = 1 + generator.uniform(-gain, gain, size=(n, channels)).astype(np.float32)
    brightness = send(drawn, images.device).view(n, sides, -1, 1, 1, 1)
    # a voxel on the border keeps the brain's signal, not a mixture with the background
    values = moved[:, :channels].unflatten(1, (sides, -1)) * brightness / covered.clamp_min(0.5)

    source = noise_source(generator, values.device)
    noisy = values + noise * torch.randn(values.shape, generator=source, device=values.device)
    # exactly 0 is background
    values = torch.where(covered > 0.5, noisy.clamp_min(math.ulp(1.0)), 0)
    return values.flatten(1, 2).permute(0, 1, 3, 4, 2)


def move_masks(
    masks: torch.Tensor,
    generator: np.random.Generator,
    *,
    rotation_deg: float,
    scale: float,
    shift_mm: float,
    extent_mm: tuple[float, float] = IN_PLANE_MM,
) -> torch.Tensor:
    """Move masks (n, 1, x, y, z) as `augment` moves their hemispheres with a generator in the same state."""
    motion = _draw_motion(
        len(masks), generator, rotation_deg=rotation_deg, scale=scale, shift_mm=shift_mm, extent_mm=extent_mm
    )
    return _move(masks.permute(0, 1, 4, 2, 3).contiguous(), motion).permute(0, 1, 3, 4, 2)


def _draw_motion(
    n: int,
    generator: np.random.Generator,
    *,
    rotation_deg: float,
    scale: float,
    shift_mm: float,
    extent_mm: tuple[float, float],
) -> np.ndarray:
    """Draw a motion for each hemisphere: affine matrices (n, 2, 3) of `affine_grid`."""

    def uniform(most: float, *shape: int) -> np.ndarray:
        return generator.uniform(-most, most, size=shape)

    angle, growth = np.radians(uniform(rotation_deg, n)), 1 + uniform(scale, n)
    aspect = extent_mm[1] / extent_mm[0]
    motion = np.zeros((n, 2, 3), dtype=np.float32)  # grid_sample counts y (the last axis) first
    motion[:, 0, 0] = motion[:, 1, 1] = np.cos(angle) / growth
    motion[:, 0, 1] = -np.sin(angle) / growth / aspect
    motion[:, 1, 0] = np.sin(angle) / growth * aspect
    motion[:, :, 2] = uniform(shift_mm, n, 2) * 2 / np.array(extent_mm[::-1])
    return motion


def _move(images: torch.Tensor, motion: np.ndarray) -> torch.Tensor:
    """Move images (n, channels, slices, x, y), linearly interpolated, with 0 outside."""
    n, _, _, *plane = images.shape
    grid = functional.affine_grid(send(motion, images.device), [n, 1, *plane], align_corners=False)
    return functional.grid_sample(
        images.flatten(1, 2), grid, mode="bilinear", padding_mode="zeros", align_corners=False
    ).view_as(images)

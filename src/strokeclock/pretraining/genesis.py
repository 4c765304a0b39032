"""The corruptions of Models Genesis (Zhou et al. 2021), which a network is trained to undo.

Written from the published description, with its values. A hemisphere is float32 (channels, x, y, z), values 0
to 1; every function returns one of the same shape and range on the same device. All its randomness follows
from the given generator.
"""

from dataclasses import dataclass

import numpy as np
import torch

from strokeclock.training.device import noise_source, send

_CURVE_SAMPLES = 10_000  # of the Bézier curve
_LEVELS = 65_536  # of its table: finer than the float16 of hemispheres
_WINDOWS = 10_000
_BOXES = 5
_BOX_RATE = 0.95  # each further box is drawn with this probability
_BORDER = 3  # voxels between boxes and the border


@dataclass(frozen=True)
class Rates:
    """How often each corruption happens; inpaint is the share of paintings that are in-paintings."""

    flip: float = 0.4
    shuffle: float = 0.5
    nonlinear: float = 0.9
    paint: float = 0.9
    inpaint: float = 0.2


def corrupt(
    hemisphere: torch.Tensor, generator: np.random.Generator, *, rates: Rates | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a corrupted hemisphere and the original to restore, flipped in the same way.

    In this order: flip, local shuffling, non-linear intensities, in-painting or out-painting.
    """
    rates = rates or Rates()
    original = flip(hemisphere, generator, rate=rates.flip)
    corrupted = original
    if generator.random() < rates.shuffle:
        corrupted = shuffle_locally(corrupted, generator)
    if generator.random() < rates.nonlinear:
        corrupted = distort_intensities(corrupted, generator)
    if generator.random() < rates.paint:
        paint = paint_inside if generator.random() < rates.inpaint else paint_outside
        corrupted = paint(corrupted, generator)
    return corrupted, original


def flip(hemisphere: torch.Tensor, generator: np.random.Generator, *, rate: float) -> torch.Tensor:
    """Flip a random axis up to three times, as long as a draw stays under the rate."""
    for _ in range(3):
        if generator.random() >= rate:
            break
        hemisphere = hemisphere.flip(1 + int(generator.integers(3)))
    return hemisphere


def shuffle_locally(
    hemisphere: torch.Tensor, generator: np.random.Generator, *, windows: int = _WINDOWS
) -> torch.Tensor:
    """Permute the voxels inside many small windows, whose sides are up to a tenth of the volume's.

    Every window permutes the original, and later windows overwrite earlier ones. The windows are the same
    for all channels, the permutations differ.
    """
    device = hemisphere.device
    shape = np.array(hemisphere.shape[1:])
    sides = generator.integers(1, np.maximum(shape // 10, 1) + 1, size=(windows, 3))
    corners = generator.integers(0, shape - sides + 1)
    volumes = sides.prod(axis=1)

    # all windows at once: one entry a voxel of a window, window after window
    count = int(volumes.sum())
    window = torch.repeat_interleave(send(volumes, device), output_size=count)
    starts = send(volumes.cumsum() - volumes, device)
    within = torch.arange(count, device=device) - starts[window]
    x, y, z = send(corners, device)[window].unbind(1)
    _, side_y, side_z = send(sides, device)[window].unbind(1)
    x, y, z = x + within // (side_y * side_z), y + within // side_z % side_y, z + within % side_z
    target = (x * hemisphere.shape[2] + y) * hemisphere.shape[3] + z

    source = noise_source(generator, device)
    shuffled = hemisphere.flatten(1).clone()
    for channel, voxels in zip(hemisphere.flatten(1), shuffled, strict=True):
        key = window + torch.rand(count, generator=source, device=device, dtype=torch.float64)
        order = torch.argsort(key)  # random inside each window
        voxels[target] = channel[target[order]]  # of equal targets the last one stays
    return shuffled.view_as(hemisphere)


def distort_intensities(hemisphere: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Map intensities through a random cubic Bézier curve from 0 to 1, in half of the cases from 1 to 0."""
    points = np.array([[0.0, 0.0], *generator.random((2, 2)), [1.0, 1.0]])
    t = np.linspace(1, 0, _CURVE_SAMPLES)
    bernstein = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    x, y = points.T @ bernstein  # both run from 1 to 0
    if generator.random() >= 0.5:
        y = np.sort(y)
    curve = np.interp(np.linspace(0, 1, _LEVELS), np.sort(x), y).astype(np.float32)
    return send(curve, hemisphere.device)[(hemisphere * (_LEVELS - 1)).round().int()]


def paint_inside(hemisphere: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Fill up to five boxes, whose sides are a sixth to a third of the volume's, with uniform noise."""
    painted = hemisphere.clone()
    shape = np.array(hemisphere.shape[1:])
    source = noise_source(generator, hemisphere.device)
    for _ in range(_BOXES):
        if generator.random() >= _BOX_RATE:
            break
        box = _box(shape, generator.integers(shape // 6, shape // 3 + 1), generator)
        # the same noise in each channel
        painted[box] = torch.rand(painted[box].shape[1:], generator=source, device=painted.device)
    return painted


def paint_outside(hemisphere: torch.Tensor, generator: np.random.Generator) -> torch.Tensor:
    """Replace all but one to five boxes, whose sides are 3/7 to 4/7 of the volume's, by uniform noise."""
    shape = np.array(hemisphere.shape[1:])
    source = noise_source(generator, hemisphere.device)
    noise = torch.rand(hemisphere.shape[1:], generator=source, device=hemisphere.device)
    painted = noise.repeat(len(hemisphere), 1, 1, 1)
    for number in range(_BOXES):
        if number and generator.random() >= _BOX_RATE:
            break
        box = _box(shape, shape - generator.integers(3 * shape // 7, 4 * shape // 7 + 1), generator)
        painted[box] = hemisphere[box]
    return painted


def _box(shape: np.ndarray, sides: np.ndarray, generator: np.random.Generator) -> tuple[slice, ...]:
    border = np.minimum(_BORDER, (shape - sides) // 2)  # a volume of few slices has no room for three
    corner = generator.integers(border, shape - sides - border + 1)
    return (slice(None), *(slice(first, first + side) for first, side in zip(corner, sides, strict=True)))

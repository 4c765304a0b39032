"""The corruptions of Models Genesis (Zhou et al. 2021), which a network learns to undo.

Written from the published description, with its values. A hemisphere is (channels, x, y, z), values 0 to 1;
every function returns an array of the same shape and range and draws from the given generator alone.
"""

from dataclasses import dataclass

import numpy as np

_CURVE_SAMPLES = 10_000  # of the Bézier curve: finer than float16 can tell
_WINDOWS = 10_000
_BOXES = 5
_BOX_RATE = 0.95  # each further box is drawn with this probability
_BORDER = 3  # voxels that boxes stay away from the border


@dataclass(frozen=True)
class Rates:
    """How often each corruption happens; inpaint is the share of paintings that are in-paintings."""

    flip: float = 0.4
    shuffle: float = 0.5
    nonlinear: float = 0.9
    paint: float = 0.9
    inpaint: float = 0.2


def corrupt(
    hemisphere: np.ndarray, generator: np.random.Generator, *, rates: Rates | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return a corrupted hemisphere and the original that is to be restored (flipped alike), float32.

    In this order: flip, local shuffling, non-linear intensities, in-painting or out-painting.
    """
    rates = rates or Rates()
    original = flip(hemisphere.astype(np.float32), generator, rate=rates.flip)
    corrupted = original
    if generator.random() < rates.shuffle:
        corrupted = shuffle_locally(corrupted, generator)
    if generator.random() < rates.nonlinear:
        corrupted = distort_intensities(corrupted, generator)
    if generator.random() < rates.paint:
        paint = paint_inside if generator.random() < rates.inpaint else paint_outside
        corrupted = paint(corrupted, generator)
    return corrupted, original


def flip(hemisphere: np.ndarray, generator: np.random.Generator, *, rate: float) -> np.ndarray:
    """Flip a random axis up to three times, as long as a draw stays under the rate."""
    for _ in range(3):
        if generator.random() >= rate:
            break
        hemisphere = np.flip(hemisphere, axis=1 + generator.integers(3))
    return hemisphere


def shuffle_locally(
    hemisphere: np.ndarray, generator: np.random.Generator, *, windows: int = _WINDOWS
) -> np.ndarray:
    """Permute the voxels inside many small windows, whose sides are up to a tenth of the volume's.

    Every window reads the original, and later windows overwrite earlier ones. The windows are the same for
    each channel, the permutations its own.
    """
    shape = np.array(hemisphere.shape[1:])
    sides = generator.integers(1, np.maximum(shape // 10, 1) + 1, size=(windows, 3))
    corners = generator.integers(0, shape - sides + 1)

    # all windows at once: one row a voxel of a window, window after window
    volumes = sides.prod(axis=1)
    window = np.repeat(np.arange(windows), volumes)
    within = np.arange(volumes.sum()) - np.repeat(volumes.cumsum() - volumes, volumes)
    _, side_y, side_z = sides[window].T
    offsets = np.stack([within // (side_y * side_z), within // side_z % side_y, within % side_z])
    target = np.ravel_multi_index(tuple(corners[window].T + offsets), tuple(shape))

    shuffled = hemisphere.copy().reshape(len(hemisphere), -1)
    for channel, voxels in zip(hemisphere.reshape(len(hemisphere), -1), shuffled, strict=True):
        order = np.argsort(window + generator.random(len(window)))  # random inside each window
        voxels[target] = channel[target[order]]
    return shuffled.reshape(hemisphere.shape)


def distort_intensities(hemisphere: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Map intensities through a random cubic Bézier curve from 0 to 1, in half of the cases from 1 to 0."""
    points = np.array([[0.0, 0.0], *generator.random((2, 2)), [1.0, 1.0]])
    t = np.linspace(1, 0, _CURVE_SAMPLES)
    bernstein = np.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    x, y = points.T @ bernstein  # both run from 1 to 0
    if generator.random() >= 0.5:
        y = np.sort(y)
    return np.interp(hemisphere, np.sort(x), y).astype(hemisphere.dtype)


def paint_inside(hemisphere: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Fill up to five boxes, whose sides are a sixth to a third of the volume's, with uniform noise."""
    painted = hemisphere.copy()
    shape = np.array(hemisphere.shape[1:])
    for _ in range(_BOXES):
        if generator.random() >= _BOX_RATE:
            break
        box = _box(shape, generator.integers(shape // 6, shape // 3 + 1), generator)
        painted[box] = generator.random(painted[box].shape[1:])  # the same noise in each channel
    return painted


def paint_outside(hemisphere: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Replace all but one to five boxes, whose sides are 3/7 to 4/7 of the volume's, by uniform noise."""
    painted = np.empty_like(hemisphere)
    painted[:] = generator.random(hemisphere.shape[1:])
    shape = np.array(hemisphere.shape[1:])
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

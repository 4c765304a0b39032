"""The corruptions of Models Genesis (Zhou et al. 2021), which a network is trained to undo.

Written from the published description, with its values. Hemispheres are float32 (n, channels, x, y, z), with
values of 0 to 1, and each has a generator of its own, from which all its randomness follows. Every function
returns hemispheres of the same shape and range on the same device. A batch is corrupted at once: many small
operations on a GPU cost more than a few large ones.
"""

from collections.abc import Callable, Sequence
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


Generators = Sequence[np.random.Generator]


def corrupt(
    hemispheres: torch.Tensor, generators: Generators, *, rates: Rates | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return corrupted hemispheres and the originals to restore, flipped in the same way.

    In this order: flip, local shuffling, non-linear intensities, in-painting or out-painting.
    """
    rates = rates or Rates()
    pairs = zip(hemispheres, generators, strict=True)
    originals = [flip(hemisphere, generator, rate=rates.flip) for hemisphere, generator in pairs]
    corrupted = list(originals)

    def apply(corruption: Callable[[torch.Tensor, Generators], torch.Tensor], chosen: Sequence[int]) -> None:
        if chosen:
            volumes = torch.stack([corrupted[number] for number in chosen])
            changed = corruption(volumes, [generators[number] for number in chosen])
            for number, hemisphere in zip(chosen, changed, strict=True):
                corrupted[number] = hemisphere

    def draw(rate: float, among: Sequence[int]) -> list[int]:
        return [number for number in among if generators[number].random() < rate]

    everyone = range(len(originals))
    apply(shuffle_locally, draw(rates.shuffle, everyone))
    apply(distort_intensities, draw(rates.nonlinear, everyone))
    painted = draw(rates.paint, everyone)
    inside = draw(rates.inpaint, painted)
    apply(paint_inside, inside)
    apply(paint_outside, [number for number in painted if number not in inside])
    return torch.stack(corrupted), torch.stack(originals)


def flip(hemisphere: torch.Tensor, generator: np.random.Generator, *, rate: float) -> torch.Tensor:
    """Flip a random axis of one hemisphere up to three times, as long as a draw stays under the rate."""
    for _ in range(3):
        if generator.random() >= rate:
            break
        hemisphere = hemisphere.flip(1 + int(generator.integers(3)))
    return hemisphere


def shuffle_locally(
    hemispheres: torch.Tensor, generators: Generators, *, windows: int = _WINDOWS
) -> torch.Tensor:
    """Permute the voxels inside many small windows, whose sides are up to a tenth of the volume's.

    Every window permutes the original, and later windows overwrite earlier ones. The windows are the same
    for all channels of a hemisphere, the permutations differ.
    """
    device = hemispheres.device
    n, channels, *grid = hemispheres.shape
    shape = np.array(grid)
    drawn = []  # of each hemisphere: its windows' sides and corners, and its noise
    for generator in generators:
        sides = generator.integers(1, np.maximum(shape // 10, 1) + 1, size=(windows, 3))
        corners = generator.integers(0, shape - sides + 1)
        source = noise_source(generator, device)
        drawn.append((sides, corners, source))
    sides, corners = (np.concatenate([draws[kind] for draws in drawn]) for kind in (0, 1))
    volumes = sides.prod(axis=1)

    # all windows of all hemispheres at once: one entry a voxel of a window, window after window
    count = int(volumes.sum())
    window = torch.repeat_interleave(send(volumes, device), output_size=count)
    starts = send(volumes.cumsum() - volumes, device)
    within = torch.arange(count, device=device) - starts[window]
    corner, (_, side_y, side_z) = send(corners, device)[window], send(sides, device)[window].unbind(1)
    x, y, z = corner.unbind(1)
    x, y, z = x + within // (side_y * side_z), y + within // side_z % side_y, z + within % side_z
    target = (((window // windows) * grid[0] + x) * grid[1] + y) * grid[2] + z

    counts = volumes.reshape(n, windows).sum(axis=1)
    noise = [
        torch.rand(channels, int(own), generator=source, device=device, dtype=torch.float64)
        for own, (*_, source) in zip(counts, drawn, strict=True)
    ]
    order = torch.argsort(window + torch.cat(noise, dim=1), dim=1)  # random inside each window
    voxels = hemispheres.transpose(0, 1).flatten(1)  # channels, hemispheres * x * y * z
    moved = voxels.gather(1, target[order])
    last = torch.full_like(voxels[0], -1, dtype=torch.long)
    last[target] = torch.arange(count, device=device)  # of equal targets the last one stays
    shuffled = torch.where(last < 0, voxels, moved.index_select(1, last.clamp_min(0)))
    return shuffled.unflatten(1, (n, *grid)).transpose(0, 1)


def distort_intensities(hemispheres: torch.Tensor, generators: Generators) -> torch.Tensor:
    """Map intensities through a random cubic Bézier curve from 0 to 1, in half of the cases from 1 to 0."""
    device = hemispheres.device
    points = np.zeros((len(generators), 4, 2))
    points[:, 3] = 1
    rises = np.zeros((len(generators), 1), bool)
    for number, generator in enumerate(generators):
        points[number, 1:3] = generator.random((2, 2))
        rises[number] = generator.random() >= 0.5
    t = torch.linspace(1, 0, _CURVE_SAMPLES, dtype=torch.float64, device=device)
    bernstein = torch.stack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    x, y = (send(points, device).permute(2, 0, 1) @ bernstein).unbind()  # both run from 1 to 0
    x, y = x.sort(dim=1).values, torch.where(send(rises, device), y.sort(dim=1).values, y)

    levels = torch.linspace(0, 1, _LEVELS, dtype=torch.float64, device=device).repeat(len(points), 1)
    above = torch.searchsorted(x, levels).clamp(1, _CURVE_SAMPLES - 1)
    (low, high), (first, second) = ((of.gather(1, above - 1), of.gather(1, above)) for of in (x, y))
    share = ((levels - low) / (high - low).clamp_min(1e-300)).clamp(0, 1)
    curve = torch.lerp(first, second, share).float()
    level = (hemispheres * (_LEVELS - 1)).round().long()
    return curve.gather(1, level.flatten(1)).view_as(hemispheres)


def paint_inside(hemispheres: torch.Tensor, generators: Generators) -> torch.Tensor:
    """Fill up to five boxes, whose sides are a sixth to a third of the volume's, with uniform noise."""
    painted = hemispheres.clone()
    shape = np.array(hemispheres.shape[2:])
    for hemisphere, generator in zip(painted, generators, strict=True):
        source = noise_source(generator, hemispheres.device)
        for _ in range(_BOXES):
            if generator.random() >= _BOX_RATE:
                break
            box = _box(shape, generator.integers(shape // 6, shape // 3 + 1), generator)
            # the same noise in each channel
            hemisphere[box] = torch.rand(hemisphere[box].shape[1:], generator=source, device=painted.device)
    return painted


def paint_outside(hemispheres: torch.Tensor, generators: Generators) -> torch.Tensor:
    """Replace all but one to five boxes, whose sides are 3/7 to 4/7 of the volume's, by uniform noise."""
    painted = torch.empty_like(hemispheres)
    shape = np.array(hemispheres.shape[2:])
    for whole, hemisphere, generator in zip(hemispheres, painted, generators, strict=True):
        source = noise_source(generator, hemispheres.device)
        hemisphere[:] = torch.rand(hemisphere.shape[1:], generator=source, device=painted.device)
        for number in range(_BOXES):
            if number and generator.random() >= _BOX_RATE:
                break
            box = _box(shape, shape - generator.integers(3 * shape // 7, 4 * shape // 7 + 1), generator)
            hemisphere[box] = whole[box]
    return painted


def _box(shape: np.ndarray, sides: np.ndarray, generator: np.random.Generator) -> tuple[slice, ...]:
    border = np.minimum(_BORDER, (shape - sides) // 2)  # a volume of few slices has no room for three
    corner = generator.integers(border, shape - sides - border + 1)
    return (slice(None), *(slice(first, first + side) for first, side in zip(corner, sides, strict=True)))

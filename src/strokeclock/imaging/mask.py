"""The brain mask, made once on the T2w (b0) and used for every series."""

import logging
from functools import lru_cache

import numpy as np
from scipy import ndimage

from strokeclock.errors import PatientError
from strokeclock.imaging.resample import resample, resample_mask
from strokeclock.imaging.separable import smooth
from strokeclock.imaging.volume import Volume

log = logging.getLogger(__name__)

DEEP, NEAR = 8.0, 7.0  # mm: inside the atlas mask, certain; outside it, possible
FAR = 20.0  # mm outside: larger distances are not needed
DARK = 0.4  # share of the local brain mean below which a voxel on the atlas' border is bone, muscle or air
LOCAL = 15.0  # mm, SD of the Gaussian that makes the local mean
OPENING, CLOSING = 3.0, 4.0  # mm, radii
ISLAND = 6.0  # mm: a piece of a stripped slice up to twice as wide is a remnant of nose or bone
IN_PLANE = 2.0  # mm, at which the mask is drawn where the T2w is finer
BEYOND = 16.0  # mm outside the atlas's brain lie scalp, eyes and neck of a whole head
BESIDE = 8.0  # mm outside it lies what is a piece of its own in a slice, such as the scalp where bone is 0
LEAST_HEAD = 0.009  # share of a whole head's voxels that are either, at least (docs/methods/preprocessing.md)
SAMPLED = 3.0  # mm, at which voxels are looked at


def is_stripped(series: Volume, atlas_mask: Volume, transform: np.ndarray) -> bool:
    """Whether a series shows a stripped brain: nearly nothing of it lies outside the brain (`outside_brain`).

    A brain mask that is some mm too large does not make it a head; a head is one also where air and bone were
    set to 0.
    """
    return outside_brain(series, atlas_mask, transform) < LEAST_HEAD


def outside_brain(series: Volume, atlas_mask: Volume, transform: np.ndarray) -> float:
    """The share of a series' voxels above 0 that lie outside the atlas's brain.

    Outside means farther than `BEYOND`, or farther than `BESIDE` and in a piece of its own of a slice that
    shows the brain: thick slices join what bone separates.

    Parameters
    ----------
    series : Volume
        Any series; a background of another constant than 0 was cleared (`clear_background`).
    atlas_mask : Volume
        On the atlas' grid.
    transform : (4, 4)
        World of the series to atlas world, mm.
    """
    every = np.maximum(SAMPLED // series.spacing, 1).astype(int)
    tissue = series.data[:: every[0], :: every[1], :: every[2]] > 0
    spacing = series.spacing * every
    from_atlas = _signed_distance(atlas_mask)
    grid = {"shape": tissue.shape, "affine": series.affine @ np.diag([*every, 1.0])}
    depth = resample(from_atlas, **grid, transform=np.linalg.inv(transform), inside=tissue).data - FAR
    disc = ball(SAMPLED, np.array([*spacing[:2], 2 * SAMPLED]))
    core = _dilate(_join(_erode(tissue, disc), depth > 0), disc)
    beside = (depth < -BESIDE) & ~core & (depth > 0).any(axis=(0, 1))
    outside = (depth < -BEYOND) | beside
    return float(outside[tissue].mean())


def strip_by_zeros(t2w: Volume) -> Volume:
    """The brain mask of a volume that is already stripped: what is above 0, closed, filled, no islands."""
    tissue = _close(_largest(t2w.data > 0), t2w.spacing)
    return Volume(_largest(_without_islands(tissue, t2w.spacing)).astype(np.float32), t2w.affine)


def refine_mask(t2w: Volume, atlas_mask: Volume, transform: np.ndarray, *, patient: str) -> Volume:
    """Carry the atlas' brain mask back to the T2w and correct its border by the T2w's intensities.

    Voxels deeper than 8 mm inside stay. From there to 7 mm outside a voxel stays if it reaches a share of the
    local brain mean: 0.4 on the atlas' border, more outside, less inside, 0 at a depth of 8 mm. The result is
    opened by 3 mm, reduced to the part joined to the core, closed and filled.

    Parameters
    ----------
    t2w : Volume
        b0, whole head.
    atlas_mask : Volume
        On the atlas' grid.
    transform : (4, 4)
        T2w world to atlas world, mm.

    Returns
    -------
    Volume
        0 or 1 on the T2w's grid.

    Raises
    ------
    PatientError
        No brain lies in the field of view.
    """
    from_atlas = _signed_distance(atlas_mask)
    work = _work_grid(t2w)
    image = resample(t2w, **work).data
    depth = resample(from_atlas, transform=np.linalg.inv(transform), **work).data - FAR
    core, near = depth > DEEP, depth > -NEAR
    if not core.any():
        raise PatientError(patient, "no brain found in the T2w; look at the series and its orientation")
    box = ndimage.find_objects(near.astype(np.int8))[0]
    image, depth, core, near = image[box], depth[box], core[box], near[box]

    spacing = np.linalg.norm(work["affine"][:3, :3], axis=0)
    inside = (depth > 0).astype(np.float32)
    ceiling = np.percentile(image[core], 99)
    total, weight = (
        smooth(x, LOCAL / spacing, truncate=2.5) for x in (np.minimum(image, ceiling) * inside, inside)
    )
    tissue = core | (near & (image * weight > DARK * (1 - depth / DEEP) * total))
    sphere = ball(OPENING, spacing)
    opened = _dilate(_erode(tissue, sphere), sphere) & tissue | core
    labels, _ = ndimage.label(opened)
    joined = np.isin(labels, np.unique(labels[core]))
    result = np.zeros(work["shape"], dtype=np.float32)
    result[box] = _close(joined, spacing) & near
    return resample_mask(Volume(result, work["affine"]), shape=t2w.shape, affine=t2w.affine)


@lru_cache(maxsize=1)  # one atlas for many patients
def _signed_distance(mask: Volume) -> Volume:
    """Depth inside the mask in mm, negative outside, plus FAR: 0 is what `resample` gives off the grid."""
    inside = mask.data > 0.5
    margin = np.ceil(FAR / mask.spacing).astype(int)
    box = tuple(
        slice(max(s.start - m, 0), s.stop + m)
        for s, m in zip(ndimage.find_objects(inside.astype(np.int8))[0], margin, strict=True)
    )
    near = inside[box]
    depth = ndimage.distance_transform_edt(near, sampling=mask.spacing)
    depth -= ndimage.distance_transform_edt(~near, sampling=mask.spacing)
    affine = mask.affine.copy()
    affine[:3, 3] += mask.affine[:3, :3] @ [s.start for s in box]
    return Volume(np.maximum(depth + FAR, 0).astype(np.float32), affine)


def _work_grid(t2w: Volume) -> dict:
    """The T2w's own grid, coarsened in plane to 2 mm where it is finer: shape and affine."""
    shape = np.minimum(t2w.shape, np.ceil(t2w.spacing * t2w.shape / IN_PLANE)).astype(int)
    scale = np.array(t2w.shape) / shape
    affine = t2w.affine @ np.diag([*scale, 1.0])
    affine[:3, 3] = t2w.affine[:3, :3] @ ((scale - 1) / 2) + t2w.affine[:3, 3]
    return {"shape": tuple(shape), "affine": affine}


def ball(radius: float, spacing: np.ndarray) -> np.ndarray:
    """The voxels within a radius in mm: of thick slices only the middle one, if they are thicker than it."""
    reach = np.floor(radius / spacing).astype(int)
    offsets = np.meshgrid(
        *[np.arange(-n, n + 1) * step for n, step in zip(reach, spacing, strict=True)], indexing="ij"
    )
    return sum(offset**2 for offset in offsets) <= radius**2


def _erode(mask: np.ndarray, sphere: np.ndarray) -> np.ndarray:
    return ndimage.binary_erosion(mask, sphere, border_value=1)


def _dilate(mask: np.ndarray, sphere: np.ndarray) -> np.ndarray:
    return ndimage.binary_dilation(mask, sphere)


def _close(mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Closed by 4 mm, then filled slice by slice: a ventricle may be open at the field of view's edge."""
    sphere = ball(CLOSING, spacing)
    margin = np.array(sphere.shape) // 2 + 1
    closed = _erode(_dilate(np.pad(mask, [(m, m) for m in margin]), sphere), sphere)
    closed = closed[tuple(slice(m, -m) for m in margin)] | mask
    return np.stack([ndimage.binary_fill_holes(plane) for plane in np.moveaxis(closed, 2, 0)], axis=2)


def _join(mask: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Of each slice the pieces that hold a seed."""
    in_plane = ndimage.generate_binary_structure(3, 1)
    in_plane[:, :, [0, 2]] = False
    labels, _ = ndimage.label(mask, in_plane)
    held = np.unique(labels[mask & seeds])
    return np.isin(labels, held) & mask


def _without_islands(mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Without the pieces of a slice that are narrow; the border of the others stays as it is."""
    kept = np.zeros_like(mask)
    for z in range(mask.shape[2]):
        plane = np.pad(mask[:, :, z], 1)
        labels, _ = ndimage.label(plane)
        wide = ndimage.distance_transform_edt(plane, sampling=spacing[:2]) > ISLAND
        kept[:, :, z] = np.isin(labels, np.unique(labels[wide]))[1:-1, 1:-1]
    return kept


def _largest(mask: np.ndarray) -> np.ndarray:
    labels, _ = ndimage.label(mask)
    return labels == np.argmax(np.bincount(labels[mask]))

"""The brain mask, made once on the T2w (b0) and used for every series."""

import logging

import numpy as np
from scipy import ndimage

from strokeclock.errors import PatientError
from strokeclock.imaging.resample import resample, resample_mask
from strokeclock.imaging.volume import Volume

log = logging.getLogger(__name__)

DEEP, NEAR = 8.0, 7.0  # mm: inside the atlas mask, certain; outside it, possible
FAR = 20.0  # mm outside, beyond which distance does not matter
DARK = 0.3  # share of the local brain mean below which a voxel is bone or air
LOCAL = 15.0  # mm, SD of the Gaussian that makes the local mean
OPENING, CLOSING = 3.0, 4.0  # mm
IN_PLANE = 2.0  # mm, at which the mask is drawn where the T2w is finer
BRAIN_LITRES = 2.3  # no brain is larger, every whole head is


def is_stripped(t2w: Volume) -> bool:
    """Whether the skull was taken off before: air is exactly 0, and what is not would be a small head."""
    tissue = t2w.data > 0
    litres = np.count_nonzero(tissue) * np.prod(t2w.spacing) / 1e6
    return bool(tissue.mean() < 0.7 and litres < BRAIN_LITRES)


def strip_by_zeros(t2w: Volume) -> Volume:
    """The brain mask of a volume that was stripped before: what is not 0, closed and filled."""
    tissue = _largest(t2w.data > 0)
    return Volume(_close(tissue, t2w.spacing).astype(np.float32), t2w.affine)


def refine_mask(t2w: Volume, atlas_mask: Volume, transform: np.ndarray, *, patient: str) -> Volume:
    """Carry the atlas' brain mask back to the T2w and let the T2w's own intensities move its border.

    Everything deeper than 8 mm inside stays; from there to 7 mm outside voxels brighter than 0.3 of the local
    brain mean stay; opened by 3 mm, the part joined to the core, closed, filled.

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
    depth = _signed_distance(atlas_mask)
    work = _work_grid(t2w)
    image = resample(t2w, **work).data
    depth = resample(depth, transform=np.linalg.inv(transform), **work).data - FAR
    core, near = depth > DEEP, depth > -NEAR
    if not core.any():
        raise PatientError(patient, "no brain found in the T2w; look at the series and its orientation")
    box = ndimage.find_objects(near.astype(np.int8))[0]
    image, depth, core, near = image[box], depth[box], core[box], near[box]

    spacing = np.linalg.norm(work["affine"][:3, :3], axis=0)
    inside = (depth > 0).astype(np.float32)
    ceiling = np.percentile(image[core], 99)
    total, weight = (
        ndimage.gaussian_filter(x, LOCAL / spacing, truncate=2.5)
        for x in (np.minimum(image, ceiling) * inside, inside)
    )
    tissue = core | (near & (image * weight > DARK * total))
    opened = _erode(tissue, OPENING, spacing)
    opened = _dilate(opened, OPENING, spacing) & tissue | core
    labels, _ = ndimage.label(opened)
    joined = np.isin(labels, np.unique(labels[core]))
    result = np.zeros(work["shape"], dtype=np.float32)
    result[box] = _close(joined, spacing) & near
    return resample_mask(Volume(result, work["affine"]), shape=t2w.shape, affine=t2w.affine)


def _signed_distance(mask: Volume) -> Volume:
    """Depth inside the mask in mm, negative outside, plus FAR: 0 is what `resample` gives off the grid."""
    inside = mask.data > 0.5
    depth = ndimage.distance_transform_edt(inside, sampling=mask.spacing)
    depth -= ndimage.distance_transform_edt(~inside, sampling=mask.spacing)
    return Volume(np.maximum(depth + FAR, 0).astype(np.float32), mask.affine)


def _work_grid(t2w: Volume) -> dict:
    """The T2w's own grid, coarsened in plane to 2 mm where it is finer: shape and affine."""
    shape = np.minimum(t2w.shape, np.ceil(t2w.spacing * t2w.shape / IN_PLANE)).astype(int)
    scale = np.array(t2w.shape) / shape
    affine = t2w.affine @ np.diag([*scale, 1.0])
    affine[:3, 3] = t2w.affine[:3, :3] @ ((scale - 1) / 2) + t2w.affine[:3, 3]
    return {"shape": tuple(shape), "affine": affine}


def _erode(mask: np.ndarray, radius: float, spacing: np.ndarray) -> np.ndarray:
    return ndimage.distance_transform_edt(mask, sampling=spacing) > radius


def _dilate(mask: np.ndarray, radius: float, spacing: np.ndarray) -> np.ndarray:
    return ndimage.distance_transform_edt(~mask, sampling=spacing) <= radius


def _close(mask: np.ndarray, spacing: np.ndarray) -> np.ndarray:
    """Closed by 4 mm, then filled slice by slice: a ventricle may be open at the field of view's edge."""
    margin = np.ceil(CLOSING / spacing).astype(int) + 1
    padded = np.pad(mask, [(m, m) for m in margin])
    closed = _erode(_dilate(padded, CLOSING, spacing), CLOSING, spacing)
    closed = closed[tuple(slice(m, -m) for m in margin)] | mask
    return np.stack([ndimage.binary_fill_holes(plane) for plane in np.moveaxis(closed, 2, 0)], axis=2)


def _largest(mask: np.ndarray) -> np.ndarray:
    labels, _ = ndimage.label(mask)
    return labels == np.argmax(np.bincount(labels[mask]))

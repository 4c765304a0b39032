"""The phantom's brains: symmetric ICBM-2009a tissue maps, warped and folded into one individual a patient.

The maps of grey and white matter (Fonov et al. 2009, 1 mm, part of nilearn) are moved by an affine and a
smooth warp. Ventricles and sulci widen with age, and every patient has individual sulci.
Template and head coordinates are RAS+ mm with the mid-sagittal plane near x = 0.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_closing,
    binary_fill_holes,
    distance_transform_edt,
    gaussian_filter,
    label,
)

from strokeclock.phantom.lattice import Lattice, draw_lattice, frame_lattice

MAPS = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"  # nilearn's

BOX_LOW, BOX_HIGH = (-98.0, -134.0, -112.0), (98.0, 110.0, 108.0)  # mm, of every head
COARSE_MM = (3.0, 3.0, 3.0)  # spacing of distances that vary slowly
FOLD_SMOOTHING_MM = 3.6  # folds lie 4.4 times this apart: 16 mm
RIBBON_MM = 2.6  # thickness of the cortex


@dataclass(frozen=True)
class Template:
    """The common brain. Distances in mm, signed: negative inside.

    gm, wm        probability · 255, 1 mm
    hull          distance to the closed surface of the brain, 2 mm
    ventricle     distance to the wall of the ventricles; grows twice as fast around the third and fourth
    cerebellum    share, 0 to 1, of cerebellum; brainstem likewise
    iron          share of iron-rich nuclei (pallidum, red nucleus, substantia nigra, dentate nucleus)
    """

    gm: Lattice
    wm: Lattice
    hull: Lattice
    ventricle: Lattice
    cerebellum: Lattice
    brainstem: Lattice
    iron: Lattice


@dataclass(frozen=True)
class Brain:
    """Tissue shares at n points of one patient's brain; the rest to 1 lies outside the brain.

    template   (3, n) float32, position in template coordinates, mm
    gm, wm, csf  (n,) float32 shares of volume
    depth      distance below the hull, mm
    ventricle  distance from the ventricular wall, mm
    cerebellum, brainstem, iron  shares
    """

    template: NDArray
    gm: NDArray
    wm: NDArray
    csf: NDArray
    depth: NDArray
    ventricle: NDArray
    cerebellum: NDArray
    brainstem: NDArray
    iron: NDArray


def sigmoid(x: NDArray) -> NDArray:
    """Return 1 / (1 + exp(-x)) without overflow."""
    return 0.5 * (1 + np.tanh(0.5 * x))


def ellipsoid(points: NDArray, centre: tuple, radii: tuple) -> NDArray:
    """Return a signed distance (approximate, mm; negative inside) to an ellipsoid at `points` (3, ...)."""
    scaled = [(p - c) / r for p, c, r in zip(points, centre, radii, strict=True)]
    return (np.sqrt(sum(s * s for s in scaled)) - 1) * np.float32(min(radii))


def both_sides(points: NDArray) -> NDArray:
    """Return `points` (3, ...) with x replaced by its magnitude: shapes on the right count on both sides."""
    return np.stack([np.abs(points[0]), points[1], points[2]])


@cache
def load_template() -> Template:
    """Build the template from nilearn's maps; kept in memory for the other patients of the process."""
    nilearn = find_spec("nilearn")
    if nilearn is None or nilearn.origin is None:
        raise ModuleNotFoundError("nilearn holds the maps of the phantoms: pip install nilearn")
    folder = Path(nilearn.origin).parent / "datasets/data"
    origin = (-98.0, -134.0, -72.0)
    gm, wm, t1 = (
        np.asarray(nib.Nifti1Image.from_filename(folder / MAPS.format(name)).dataobj)
        for name in ("gm", "wm", "t1")
    )
    # Distances are computed at 2 mm in a box that reaches to the neck; the cord is continued below the maps.
    step = 2
    coarse = [m[::step, ::step, ::step].astype(np.float32) / 255 for m in (gm, wm)]
    pad = [(0, 6), (0, 12), (20, 0)]
    shape = tuple(n + a + b for n, (a, b) in zip(coarse[0].shape, pad, strict=True))
    frame = Lattice(np.empty(shape, np.uint8), (-98.0, -134.0, -112.0), (2.0,) * 3)
    g, w = (np.pad(m, pad) for m in coarse)
    tissue = np.pad(t1[::step, ::step, ::step] > 0, pad)
    points = frame.points()
    x, y, z = points
    cord = np.hypot(x, y + 45 - 0.25 * (z + 70)) < 11
    tissue |= (z < -62) & cord
    closed = binary_fill_holes(binary_closing(tissue, iterations=3))
    hull = _signed_distance(closed)

    # Distances to the ventricles are needed near them only; beyond this box its edge values go on.
    middle = tuple(
        slice(*np.searchsorted(axis, ends))
        for axis, ends in ((x[:, 0, 0], (-60, 61)), (y[0, :, 0], (-90, 61)), (z[0, 0, :], (-66, 61)))
    )
    near = points[(slice(None), *middle)]
    ventricle = _find_ventricles((g + w)[middle], near)
    ventricle *= np.where((np.abs(near[0]) < 5) & (near[2] < 12), 2.0, 1.0)
    return Template(
        gm=Lattice(gm, origin, (1.0,) * 3),
        wm=Lattice(wm, origin, (1.0,) * 3),
        hull=frame.hold(hull),
        ventricle=Lattice(ventricle.astype(np.float32), _place(near[:, 0, 0, 0]), frame.spacing),
        cerebellum=frame.hold(gaussian_filter(_mark_cerebellum(points).astype(np.float32), 0.7)),
        brainstem=frame.hold(gaussian_filter(_mark_brainstem(points).astype(np.float32), 0.7)),
        iron=frame.hold(_mark_iron(points)),
    )


def _signed_distance(inside: NDArray) -> NDArray:
    """Return the distance to the border of `inside` on a 2 mm lattice, mm, negative inside."""
    distance = distance_transform_edt(~inside) - distance_transform_edt(inside)
    return gaussian_filter(2.0 * (distance - 0.5 * np.sign(distance)), 0.7)


def _find_ventricles(tissue: NDArray, points: NDArray) -> NDArray:
    """Signed distance to the ventricles: holes of the tissue map near the middle, without the cisterns."""
    x, y, z = points
    lateral = (np.abs(x) < 40) & (np.abs(y + 15) < 55) & (z > -22) & (z < 38)
    lateral &= ~((y < -38) & (np.abs(x) < 10 - 0.1 * (y + 38)) & (z < 12))  # quadrigeminal cistern, vermis
    lateral &= ~((z < 2) & (np.abs(x) > 6) & (y > -25) & (np.abs(x) < 24))  # suprasellar, ambient cisterns
    lateral &= ~((z < 14) & (np.abs(x) > 26) & (y > -28))  # insula
    lateral &= ~((np.abs(x) < 7) & (z > 22)) & ~((np.abs(x) < 12) & (y > 32))  # interhemispheric fissure
    third = (np.abs(x) < 5) & (y > -28) & (y < 8) & (z > -10)
    fourth = (np.abs(x) < 12) & (y > -50) & (y < -34) & (z > -46) & (z < -22)
    holes = (tissue < 0.5) & (lateral | third | fourth)
    pieces, _ = label(holes)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    return _signed_distance((sizes > 25)[pieces])


def _mark_cerebellum(points: NDArray) -> NDArray:
    x, y, z = points
    tentorium = -2 - 0.55 * np.abs(x) - 0.6 * np.maximum(0, -62 - y)
    return (z < tentorium) & (y < -36 - 0.25 * np.maximum(0, np.abs(x) - 20)) & ~_mark_brainstem(points)


def _mark_brainstem(points: NDArray) -> NDArray:
    x, y, z = points
    axis = -27 + 0.28 * (z + 25)  # the stem leans backwards as it descends
    half_width = np.where(z > -18, 17, np.where(z > -45, 16, 9))
    return (z < -4) & (np.abs(x) < half_width) & (np.abs(y - axis) < np.where(z > -45, 13, 9))


def _mark_iron(points: NDArray) -> NDArray:
    near = both_sides(points)
    nuclei = (
        ((19, -5, -1), (6, 9, 6)),  # pallidum
        ((4.5, -21, -9), (3, 3, 4)),  # red nucleus
        ((10, -17, -11), (5, 4, 3)),  # substantia nigra
        ((16, -57, -34), (6, 8, 4)),  # dentate nucleus
        ((27, 2, 2), (5, 14, 10)),  # putamen, less
    )
    strength = (1.0, 0.8, 0.9, 0.8, 0.35)
    share = np.zeros(points.shape[1:], np.float32)
    for (centre, radii), s in zip(nuclei, strength, strict=True):
        share = np.maximum(share, s * sigmoid(-ellipsoid(near, centre, radii) / 0.9))
    return share


@dataclass(frozen=True)
class Shape:
    """One patient's brain shape: where in the template each point of the head lies, and what was added.

    affine        (4, 4), template to head coordinates, mm
    warp          three lattices in head coordinates: displacement in the template, mm
    folds         signed distance to the patient's own sulci, mm, in template coordinates
    fold_depth    how deep those sulci reach, mm, in template coordinates
    detail        roughness of the tissue borders, SD 1, in template coordinates
    ventricle_mm  how far the ventricular wall is moved outwards, left and right
    sulcus_mm     half width of the sulci at the surface
    rim_mm        fluid between hull and cortex
    """

    affine: NDArray
    warp: tuple[Lattice, Lattice, Lattice]
    folds: tuple[Lattice, Lattice]
    fold_depth: Lattice
    detail: Lattice
    ventricle_mm: tuple[float, float]
    sulcus_mm: float
    rim_mm: float

    def to_template(self, points: NDArray) -> NDArray[np.float32]:
        """Map head coordinates (3, ...) mm to template coordinates."""
        inverse = np.linalg.inv(self.affine).astype(np.float32)
        moved = np.tensordot(inverse[:3, :3], points, axes=1)
        moved += inverse[:3, 3].reshape((3,) + (1,) * (points.ndim - 1))
        return moved + np.stack([w.sample(points) for w in self.warp])

    def warp_rms_mm(self) -> float:
        """Root mean square of the warp's displacement inside the box, mm."""
        return float(np.sqrt(sum((w.values.astype(float) ** 2).mean() for w in self.warp)))


def box_frame(spacing: tuple[float, float, float]) -> Lattice:
    """Return the frame of every head, BOX_LOW to BOX_HIGH, at that spacing, mm."""
    shape = [int((h - lo) / s) + 1 for lo, h, s in zip(BOX_LOW, BOX_HIGH, spacing, strict=True)]
    return frame_lattice(shape, BOX_LOW, spacing)


def _place(point: Iterable[float]) -> tuple[float, float, float]:
    x, y, z = map(float, point)
    return x, y, z


def draw_shape(rng: np.random.Generator, *, age: float, sex: str) -> Shape:
    """Draw one patient's brain shape; atrophy (ventricles, sulci, rim) grows with `age` in years.

    The template is a large brain: with its fluid 1.89 L; a patient's is 1.45 L (F) or 1.57 L (M) on average.
    """
    atrophy = np.clip((age - 30) / 60, 0, 1.1) + rng.normal(0, 0.15)
    scales = (0.915 if sex == "F" else 0.945) + rng.normal(0, 0.02) + rng.normal(0, 0.015, 3)
    linear = np.diag(scales)
    linear[1, 2], linear[0, 1], linear[0, 2] = rng.normal(0, (0.03, 0.01, 0.01))
    affine = np.eye(4)
    affine[:3, :3] = linear
    broad = [draw_lattice(rng, BOX_LOW, BOX_HIGH, spacing=12, smoothing=24) for _ in range(3)]
    fine = [draw_lattice(rng, BOX_LOW, BOX_HIGH, spacing=12, smoothing=12) for _ in range(3)]
    x, y, z = (
        b.hold(amount * (2.2 * b.values + 1.5 * f.values))
        for amount, b, f in zip((0.55, 1.0, 1.0), broad, fine, strict=True)  # the falx holds the middle
    )
    return Shape(
        affine=affine,
        warp=(x, y, z),
        folds=(_draw_folds(rng, side=-1), _draw_folds(rng, side=1)),
        fold_depth=draw_lattice(rng, BOX_LOW, BOX_HIGH, spacing=8, smoothing=8),
        detail=draw_lattice(rng, BOX_LOW, BOX_HIGH, spacing=2.5, smoothing=2.5),
        ventricle_mm=_draw_ventricles(rng, atrophy),
        sulcus_mm=float(np.clip(0.3 + 0.4 * atrophy + rng.normal(0, 0.08), 0.2, 1.0)),
        rim_mm=float(np.clip(0.1 + 0.5 * atrophy + rng.normal(0, 0.15), 0.05, 1.5)),
    )


def _draw_ventricles(rng: np.random.Generator, atrophy: float) -> tuple[float, float]:
    both = -0.8 + 3.2 * atrophy + rng.normal(0, 0.5)
    left, right = np.clip(both + rng.normal(0, 0.4) * np.array([-1, 1]), -1.2, 4.0).tolist()
    return left, right


def draw_registered_shape(rng: np.random.Generator, *, age: float, sex: str, residue: NDArray) -> Shape:
    """Draw the shape of `draw_shape` as it is after affine registration to the template with this residue.

    residue  (4, 4), template to head coordinates, mm: how the registration is wrong
    """
    return replace(draw_shape(rng, age=age, sex=sex), affine=residue)


def _draw_folds(rng: np.random.Generator, *, side: int) -> Lattice:
    """Signed distance to the sulci of one hemisphere, mm, on a 3 mm lattice in template coordinates.

    Sulci are the zero set of a random field that varies with the direction from the hemisphere's middle and
    hardly with the distance: sheets upright on the surface that meander over it.
    """
    spacing = 2.5
    field = draw_lattice(rng, (-85,) * 3, (85,) * 3, spacing=spacing, smoothing=FOLD_SMOOTHING_MM)
    low, high = ((-98, -112, -50), (2, 80, 90)) if side < 0 else ((-2, -112, -50), (98, 80, 90))
    shape = tuple(int((h - lo) / 3) + 1 for lo, h in zip(low, high, strict=True))
    frame = Lattice(np.empty(shape, np.uint8), _place(low), (3.0,) * 3)
    offset = frame.points() - np.array([side * 24, -18, 10], np.float32).reshape(3, 1, 1, 1)
    radius = np.sqrt((offset**2).sum(0)) + 1e-3
    value = field.sample(offset * ((56 + 0.25 * radius) / radius))
    slope = np.sqrt(sum(g**2 for g in np.gradient(value, 3.0)))
    return Lattice((value / (slope + 0.05)).astype(np.float32), frame.origin, frame.spacing)


def place_brain(shape: Shape, frame: Lattice) -> tuple[NDArray, Brain]:
    """Form the brain of `shape` at the points of a lattice.

    Returns
    -------
    index : (n,) flat indices, in C order, of the points within the hull.
    brain : their tissue.
    """
    coarse = box_frame(COARSE_MM)
    template_points = shape.to_template(coarse.points())
    hull = coarse.hold(load_template().hull.sample(template_points))
    return form_within(shape, frame, np.flatnonzero(hull.refine(frame) < 0.5), coarse, template_points)


def form_within(
    shape: Shape, frame: Lattice, index: NDArray, coarse: Lattice, coarse_points: NDArray
) -> tuple[NDArray, Brain]:
    """Form the brain at those points of a lattice that lie within the hull.

    frame, index            the lattice, and the flat indices of its points that may lie within
    coarse, coarse_points   a coarser lattice, and its template coordinates (3, X, Y, Z), mm: they vary slowly
    """
    template_points = np.stack([coarse.hold(p).refine(frame).ravel()[index] for p in coarse_points])
    depth = -load_template().hull.sample(template_points)
    within = depth > 0
    return index[within], form_brain(shape, np.ascontiguousarray(template_points[:, within]), depth[within])


def form_brain(shape: Shape, template_points: NDArray, depth: NDArray) -> Brain:
    """Return the tissue shares at points of the brain.

    template_points  (3, n) template coordinates of points within the hull
    depth            (n,) how deep they lie below it, mm
    """
    t = load_template()
    gm = t.gm.sample(template_points, outside=0) / 255
    wm = t.wm.sample(template_points, outside=0) / 255
    ventricle = t.ventricle.sample(template_points)
    cerebellum = t.cerebellum.sample(template_points)
    brainstem = t.brainstem.sample(template_points)
    detail = shape.detail.sample(template_points)
    x, y, z = template_points

    # The cord below the maps: white matter around a little grey, in its sac of fluid.
    below = z < -68
    cord = np.hypot(x, y + 45 - 0.25 * (z + 70))
    wm = np.where(below, 0.75 * sigmoid((6.5 - cord) / 0.6), wm)
    gm = np.where(below, 0.25 * sigmoid((6.5 - cord) / 0.6), gm)

    cerebrum = np.clip(1 - cerebellum - brainstem, 0, 1)
    left = x < 0
    fold = np.empty_like(x)
    for field, here in zip(shape.folds, (left, ~left), strict=True):
        fold[here] = field.sample(template_points[:, here])
    reach = 20 + 6 * shape.fold_depth.sample(template_points)
    # In the fissure between the hemispheres, above the callosum, depth counts from the midline.
    medial = np.where((z > -12) & (gm > wm), np.abs(x), 99) + np.clip(4 - z, 0, 12)
    pial = np.minimum(depth - shape.rim_mm, medial - 0.6 * shape.sulcus_mm - 0.3)
    half_width = shape.sulcus_mm * np.clip(1 - depth / np.maximum(reach, 4), -1, 1)
    sulcal = np.where(depth < reach, np.abs(fold) - half_width, 9)
    cortical = cerebrum * sigmoid((26 - depth) / 3) * sigmoid((ventricle - 6) / 1.5)
    pial = np.where(cortical > 0.05, np.minimum(pial, sulcal), pial)

    # Average maps are blurred: sharpening and roughening gives them the borders of an individual.
    fluid = np.clip(1 - gm - wm, 0, 1)
    fluid = sigmoid((fluid - 0.52 + 0.08 * shape.sulcus_mm + 0.05 * detail) / 0.08)
    fluid = np.where(ventricle < 6, sigmoid((fluid - 0.6) / 0.1), fluid)
    csf = np.maximum(fluid, sigmoid(-pial / 0.45) * np.clip(cerebrum + cerebellum, 0, 1))
    wall = np.where(left, np.float32(shape.ventricle_mm[0]), np.float32(shape.ventricle_mm[1]))
    csf = np.maximum(csf, sigmoid((wall - ventricle) / 0.5))
    septum = sigmoid((0.9 - np.abs(x)) / 0.25) * ((y > -22) & (y < 26) & (z > 1) & (z < 26) & (ventricle < 4))
    csf *= 1 - 0.8 * septum
    folia = np.sin(np.sqrt((0.6 * x) ** 2 + (y + 42) ** 2 + (z + 22) ** 2) * (2 * np.pi / 6.5) + 0.8 * detail)
    csf = np.maximum(csf, 0.35 * cerebellum * sigmoid((folia - 0.85) / 0.1) * sigmoid((14 - depth) / 3))
    white = 2.2 * np.log((wm + 0.02) / (gm + 0.02)) + 0.5 * detail
    white -= 0.8 * cerebellum * folia
    white += cortical * np.clip(1.3 * (pial - RIBBON_MM), -4, 4)
    wm = (1 - csf) * sigmoid(white)
    # In places the brain touches the dura, without fluid between them.
    touching = np.where(depth < 4, sigmoid((depth - 1.0 - 0.7 * detail) / 0.35), 1)
    return Brain(
        template=template_points,
        gm=1 - csf - wm,
        wm=wm,
        csf=csf * touching,
        depth=depth,
        ventricle=ventricle,
        cerebellum=cerebellum,
        brainstem=brainstem,
        iron=t.iron.sample(template_points),
    )

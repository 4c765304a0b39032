"""A patient's whole head on one grid: the brain, and around it fluid, skull, scalp, face, eyes and air.

Everything outside the brain is drawn: layers over the brain's hull above, ellipsoids in the face and neck
below, with bone, marrow, fat and muscle mixed by random fields where anatomy is too fine to draw.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from strokeclock.phantom.anatomy import (
    BOX_HIGH,
    BOX_LOW,
    COARSE_MM,
    Brain,
    Shape,
    both_sides,
    box_frame,
    ellipsoid,
    form_within,
    load_template,
    sigmoid,
)
from strokeclock.phantom.lattice import Lattice, draw_lattice
from strokeclock.phantom.tissue import Tissue

GRID_MM = (1.0, 1.0, 2.0)  # slices are three times as thick as the grid

# PD, T1 and T2 (ms), ADC (mm²/s) by field strength (T): muscle after Stanisz 2005, the others typical.
OUTER_TISSUES = {
    1.5: {
        "fluid": Tissue(1.00, 4200.0, 1500.0, 3.0e-3),
        "bone": Tissue(0.05, 900.0, 15.0, 0.3e-3),
        "marrow": Tissue(0.45, 400.0, 60.0, 0.3e-3),
        "fat": Tissue(0.80, 290.0, 75.0, 0.1e-3),
        "muscle": Tissue(0.80, 1008.0, 44.0, 1.5e-3),
        "skin": Tissue(0.55, 800.0, 40.0, 1.0e-3),
        "vitreous": Tissue(1.00, 4000.0, 1400.0, 2.8e-3),
    },
    3.0: {
        "fluid": Tissue(1.00, 4200.0, 1500.0, 3.0e-3),
        "bone": Tissue(0.05, 1000.0, 15.0, 0.3e-3),
        "marrow": Tissue(0.45, 450.0, 55.0, 0.3e-3),
        "fat": Tissue(0.80, 370.0, 68.0, 0.1e-3),
        "muscle": Tissue(0.80, 1412.0, 50.0, 1.5e-3),
        "skin": Tissue(0.55, 1000.0, 40.0, 1.0e-3),
        "vitreous": Tissue(1.00, 4000.0, 1300.0, 2.8e-3),
    },
}


@dataclass(frozen=True)
class Head:
    """One patient's head on a grid in head coordinates (RAS+ mm).

    frame               the grid; flat indices below count in C order
    skin                distance to the skin, mm, negative inside
    brain_index, brain  grid points within the hull, and their tissue
    outer_index, outer  grid points between hull and skin; tissue name to share (m,)
    """

    frame: Lattice
    skin: Lattice
    brain_index: NDArray
    brain: Brain
    outer_index: NDArray
    outer: dict[str, NDArray]

    @property
    def point_ml(self) -> float:
        """Volume that a grid point stands for, mL."""
        return float(np.prod(self.frame.spacing)) / 1000

    def fill(self, brain_values: NDArray, outer_values: NDArray | float = 0.0) -> Lattice:
        """Return a volume of the whole grid from values at the points of the brain and around it."""
        values = np.zeros(self.frame.values.shape, np.float32)
        values.ravel()[self.outer_index] = outer_values
        values.ravel()[self.brain_index] = brain_values
        return self.frame.hold(values)


def form_head(rng: np.random.Generator, shape: Shape) -> Head:
    """Form the head of `shape`: its brain, skull, scalp and face."""
    template = load_template()
    frame, coarse = box_frame(GRID_MM), box_frame(COARSE_MM)
    template_points = shape.to_template(coarse.points())
    hull_map = coarse.hold(template.hull.sample(template_points))
    vault_map = coarse.hold(_smooth_vault(template_points, hull_map.values))
    skin_map = coarse.hold(_measure_skin(rng, template_points, vault_map.values))
    thickness = draw_lattice(rng, BOX_LOW, BOX_HIGH, spacing=20, smoothing=30)
    hull, vault, skin = (m.refine(frame).ravel() for m in (hull_map, vault_map, skin_map))

    brain_index, brain = form_within(shape, frame, np.flatnonzero(hull < 0.5), coarse, template_points)
    outer_index = np.flatnonzero((hull > -0.5) & (skin < 0.5))
    outer_points = frame.locate(outer_index)
    outer = _form_outer(
        rng,
        outer_points,
        hull=hull[outer_index],
        vault=vault[outer_index],
        skin=skin[outer_index],
        skull=6.5 + 1.2 * thickness.sample(outer_points),
    )
    return Head(
        frame=frame,
        skin=skin_map,
        brain_index=brain_index,
        brain=brain,
        outer_index=outer_index,
        outer=outer,
    )


def _smooth_vault(points: NDArray, hull: NDArray) -> NDArray:
    """Distance to the inner table of the skull: above, it does not follow the hull into the fissures."""
    above = sigmoid((points[2] - 4) / 6)
    return above * np.minimum(gaussian_filter(hull, 2.5) - 0.6, hull) + (1 - above) * hull


def _measure_skin(rng: np.random.Generator, points: NDArray, vault: NDArray) -> NDArray:
    """Signed distance to the skin, mm: the vault over the hull, joined smoothly to face, nose and neck."""
    scalp = 11.2 + rng.normal(0, 0.8) + 1.5 * sigmoid((-points[1] - 60) / 10)
    width = rng.normal(1, 0.04)
    parts = (
        vault - scalp,
        ellipsoid(points, (0, 22, -58), (66 * width, 84, 72)),
        ellipsoid(points, (0, 100, -52), (15, 18, 17)),
        ellipsoid(points, (0, -32, -120), (64 * width, 66, 90)),
    )
    softness = 5.0
    lowest = np.minimum.reduce(parts)
    return lowest - softness * np.log(sum(np.exp(-np.minimum((p - lowest) / softness, 30)) for p in parts))


def _form_outer(
    rng: np.random.Generator, points: NDArray, *, hull: NDArray, vault: NDArray, skin: NDArray, skull: NDArray
) -> dict[str, NDArray]:
    """Share of each outer tissue at `points` (3, m).

    hull, vault, skin  signed distances there, mm; skull  how far the outer table lies from the vault, mm
    """
    near = both_sides(points)
    z = points[2]

    def inside(distance: NDArray, fade: float = 0.5) -> NDArray:
        return sigmoid(-distance / fade)

    marbling = draw_lattice(rng, BOX_LOW, BOX_HIGH, spacing=3.5, smoothing=4.5).sample(points)
    strands = draw_lattice(rng, BOX_LOW, BOX_HIGH, spacing=2.5, smoothing=2.5).sample(points)

    shares = {name: np.zeros(len(z), np.float32) for name in OUTER_TISSUES[3.0]}

    def paint(name: str | None, share: NDArray) -> None:
        for other in shares.values():
            other *= 1 - share
        if name:
            shares[name] += share

    # From the inside of the scalp outwards everything is fat; face and neck are fat and muscle, marbled.
    shares["fat"] += inside(skin)
    low = sigmoid((-36 - z + 0.25 * points[1]) / 5) * sigmoid((hull - 6) / 2)
    temporal = inside(ellipsoid(near, (64, 18, -18), (16, 32, 36)), 1.0) * sigmoid((vault - skull) / 0.5)
    nuchal = inside(ellipsoid(near, (26, -84, -80), (38, 34, 48)), 1.0) * sigmoid((hull - 7) / 1)
    mixed = np.maximum(
        low * sigmoid((marbling + 0.4) / 0.25), np.maximum(temporal, nuchal * sigmoid((strands + 1) / 0.2))
    )
    paint("muscle", mixed * inside(skin + 5, 0.8))
    paint("skin", inside(skin) * sigmoid((skin + 1.6) / 0.4))

    # Bone: the vault with its marrow, and islands of it in the face and at the base.
    base = sigmoid((-28 - z + 0.1 * points[1]) / 4)
    paint("bone", sigmoid((vault - 1.2) / 0.4) * sigmoid((skull - vault) / 0.4))
    diploe = sigmoid((vault - 0.36 * skull) / 0.4) * sigmoid((0.74 * skull - vault) / 0.4)
    paint("marrow", diploe * (1 - 0.7 * base) * sigmoid((strands + 1.2) / 0.3))
    paint(
        "bone",
        base * inside(ellipsoid(near, (0, 8, -48), (62, 72, 34)), 1.5) * sigmoid((strands - 0.3) / 0.25),
    )
    paint("marrow", inside(ellipsoid(near, (0, -14, -44), (12, 7, 20)), 0.8) * 0.8)  # clivus
    paint("fluid", 0.5 * sigmoid((0.8 - vault) / 0.4))
    cord = np.hypot(points[0], points[1] + 45 - 0.25 * (z + 70))
    paint("marrow", inside(np.maximum(np.abs(cord - 17) - 3, z + 76), 0.6) * 0.7)  # vertebral arch

    # Orbits: fat, muscles around the nerve, the eye with its coats.
    orbit = ellipsoid(near, (31, 46, -37), (18, 32, 17))
    paint("fat", inside(orbit, 0.6) * sigmoid((hull - 4) / 0.8))
    cone = np.hypot(near[0] - 31 + 0.42 * np.maximum(58 - near[1], 0), near[2] + 37)
    behind = sigmoid((56 - near[1]) / 1) * sigmoid((near[1] - 22) / 2) * sigmoid((hull - 4) / 0.8)
    paint("muscle", behind * inside(cone - 2.2))
    paint("muscle", behind * inside(np.abs(cone - 10) - 1.4) * inside(orbit))
    eye = ellipsoid(near, (32, 63, -37), (12.2, 12.4, 12.0))
    paint("skin", inside(eye - 1.3, 0.4))
    paint("vitreous", inside(eye, 0.4))
    paint("muscle", inside(ellipsoid(near, (32, 72.5, -37), (4.6, 2.2, 4.6)), 0.4))

    # Air: nose, sinuses, mastoids, pharynx; lined with mucosa, crossed by septa.
    for centre, radii, porous in (
        ((0, 66, -52), (11, 34, 20), 0.25),
        ((31, 52, -60), (14, 17, 16), 2.5),
        ((0, 26, -36), (13, 12, 10), 2.5),
        ((9, 80, -8), (12, 5, 11), 2.5),
        ((54, -40, -42), (9, 13, 15), 0.2),
        ((0, 4, -86), (11, 10, 30), 2.5),
        ((62, -22, -40), (16, 4, 4), 2.5),
    ):
        cavity = ellipsoid(near, centre, radii)
        paint("skin", inside(np.abs(cavity) - 0.8) * 0.9)
        paint(None, inside(cavity) * sigmoid((strands + porous) / 0.3) * sigmoid((hull - 1.5) / 0.5))
    return shares

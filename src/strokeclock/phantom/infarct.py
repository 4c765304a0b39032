"""Place lesions: acute infarcts in vascular territories, white-matter hyperintensities, old infarcts.

A lesion grows from a seed until it has its volume: points are taken in the order of a score in mm, which is
the distance from the seed (a wedge that narrows inwards from the cortex, a column in the basal ganglia),
roughened by random fields and raised beyond the border of the artery's territory. Only grey and white matter
are taken.
"""

import numpy as np
from numpy.typing import NDArray

from strokeclock.phantom.anatomy import Brain, ellipsoid, sigmoid
from strokeclock.phantom.lattice import draw_lattice
from strokeclock.phantom.vessels import measure_margin, measure_watershed

EDGE_MM = 0.6  # a lesion's border fades over this length


def grow_infarct(
    rng: np.random.Generator, brain: Brain, *, territory: str, side: str, volume_ml: float, point_ml: float
) -> NDArray[np.float32]:
    """Return the share (n,) of each point of `brain` that is infarcted in one hemisphere (left: x < 0).

    territory  key of clinic.TERRITORIES; point_ml  volume that one point stands for.
    The lesion is smaller than `volume_ml` only where its territory ends.
    """
    sign = -1 if side == "left" else 1
    tissue = brain.gm + brain.wm
    allowed = (sign * brain.template[0] > 0.5) & (tissue > 0.4)
    shares = np.zeros(len(tissue), np.float32)
    parts = _split_volume(rng, territory, volume_ml)
    for name, part_ml in parts:
        member = np.flatnonzero(allowed & (shares < 0.5))
        member = member[_in_compartment(brain, member, name)]
        if not len(member):
            continue  # earlier parts have filled it
        points = brain.template[:, member]
        penalty = _penalise_territory(points, name)
        seed = _choose_seed(rng, brain, member, penalty, name)
        score = _score(rng, points, seed, name=name, radius=_radius(part_ml), sign=sign)
        score += penalty + _penalise_tissue(rng, brain, member, name) * _radius(part_ml)
        grown = _take(score, tissue[member], part_ml / point_ml)
        shares[member] = np.maximum(shares[member], grown)
    return shares


def grow_hyperintensities(
    rng: np.random.Generator, brain: Brain, *, volume_ml: float, point_ml: float
) -> NDArray[np.float32]:
    """Return the share (n,) of hyperintensity: caps and rims at the ventricles, points in deep white matter.

    Both hemispheres, mirror images but for a part of the roughness.
    """
    member = np.flatnonzero(
        (brain.wm > 0.6) & (brain.cerebellum < 0.2) & (brain.brainstem < 0.2) & (brain.depth > 6)
    )
    points = brain.template[:, member]
    mirrored = points * np.array([[-1], [1], [1]], np.float32)
    low, high = (-90, -115, -40), (90, 85, 90)
    rough = draw_lattice(rng, low, high, spacing=2.5, smoothing=4.0)
    dots = draw_lattice(rng, low, high, spacing=2.0, smoothing=2.2)
    score = brain.ventricle[member] - 1.5 * rough.sample(points) - 1.5 * rough.sample(mirrored)
    y = points[1]
    score -= 3.0 * np.exp(-(((y - 30) / 10) ** 2)) + 3.0 * np.exp(
        -(((y + 45) / 14) ** 2)
    )  # caps at the horns
    dotted = dots.sample(points) + 0.5 * dots.sample(mirrored)
    score = np.minimum(score, 9 - 4.0 * dotted + 0.15 * brain.ventricle[member])
    shares = np.zeros(len(brain.wm), np.float32)
    shares[member] = _take(score, brain.wm[member], volume_ml / point_ml)
    return shares


def grow_old_infarct(
    rng: np.random.Generator, brain: Brain, *, side: str, volume_ml: float, point_ml: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the shares (n,) of fluid core and gliotic rim: a lacune below 1.5 mL, else cortical."""
    territory = (
        "mca_perforator"
        if volume_ml < 1.5
        else str(rng.choice(["mca_branch", "pca", "aca"], p=[0.7, 0.2, 0.1]))
    )
    whole = grow_infarct(rng, brain, territory=territory, side=side, volume_ml=volume_ml, point_ml=point_ml)
    order = np.flatnonzero(whole > 0.02)
    centre = np.average(brain.template[:, order], axis=1, weights=whole[order])
    spread = np.sqrt(((brain.template[:, order] - centre[:, None]) ** 2).sum(0))
    core = np.zeros_like(whole)
    core[order] = _take(spread.astype(np.float32), whole[order], 0.55 * volume_ml / point_ml)
    return core, np.maximum(whole - core, 0)


def _split_volume(rng: np.random.Generator, territory: str, volume_ml: float) -> list[tuple[str, float]]:
    """Divide the volume among foci: several for watershed and multi, sometimes satellites for a branch."""
    if territory == "watershed":
        shares = rng.dirichlet(np.full(int(rng.integers(3, 7)), 1.5))
        return [("watershed", volume_ml * s) for s in shares]
    if territory == "multi":
        shares = rng.dirichlet(np.full(int(rng.integers(2, 6)), 1.0))
        names = rng.choice(["mca_branch", "pca", "aca", "cerebellum", "mca_perforator"], len(shares))
        return [(str(n), volume_ml * s) for n, s in zip(names, shares, strict=True)]
    if territory == "mca_branch" and rng.random() < 0.4:
        shares = rng.dirichlet([14.0, 1.5, 1.5])
        return [(territory, volume_ml * s) for s in shares]
    return [(territory, volume_ml)]


def _in_compartment(brain: Brain, member: NDArray, territory: str) -> NDArray[np.bool_]:
    """Mark the points `member` in the territory's compartment: cerebrum, cerebellum or brainstem."""
    if territory in ("cerebellum", "brainstem"):
        return getattr(brain, territory)[member] > 0.5
    return (brain.cerebellum[member] < 0.3) & (brain.brainstem[member] < 0.3)


def _penalise_territory(points: NDArray, territory: str) -> NDArray:
    """Penalty on the score (mm) of points outside the territory or near its border."""
    if territory in ("cerebellum", "brainstem"):
        return np.zeros(points.shape[1], np.float32)
    if territory == "watershed":
        return 1.5 * np.maximum(measure_watershed(points) - 3, 0)
    if territory == "mca_perforator":
        near = np.abs(points)[0], points[1], points[2]
        return 2.0 * np.maximum(ellipsoid(np.stack(near), (24, -2, 10), (13, 24, 22)), 0)
    artery = territory.split("_")[0]
    return 1.5 * np.maximum(3 - measure_margin(points, artery), 0)


def _choose_seed(
    rng: np.random.Generator, brain: Brain, member: NDArray, penalty: NDArray, territory: str
) -> NDArray[np.float32]:
    """Choose the lesion's first point: well inside the territory, at the depth where the artery ends."""
    inside = penalty < 0.5
    if territory in ("mca_branch", "pca", "aca"):
        inside &= (brain.depth[member] > 2) & (brain.depth[member] < 9)
    elif territory == "mca_large":
        near = np.stack([np.abs(brain.template[0, member]), *brain.template[1:, member]])
        inside &= ellipsoid(near, (42, -8, 12), (8, 18, 14)) < 0
    elif territory == "watershed":
        inside &= brain.depth[member] > 3
    pool = np.flatnonzero(inside) if inside.any() else np.arange(len(member))
    return brain.template[:, member[pool[rng.integers(len(pool))]]]


def _radius(volume_ml: float) -> float:
    """Radius of a ball of that volume, mm."""
    return float((volume_ml * 1000 * 3 / (4 * np.pi)) ** (1 / 3))


def _score(
    rng: np.random.Generator, points: NDArray, seed: NDArray, *, name: str, radius: float, sign: int
) -> NDArray[np.float32]:
    """Roughened distance (mm) of `points` (3, n) from the seed, in the shape of the territory's lesions."""
    offset = points - seed[:, None]
    if name == "mca_perforator":
        dx, dy, dz = offset
        distance = np.sqrt((1.25 * dx) ** 2 + (0.9 * dy) ** 2 + (0.75 * dz) ** 2)
    elif name == "brainstem":
        dx, dy, dz = offset  # paramedian: long from front to back
        distance = np.sqrt((1.3 * dx) ** 2 + (0.8 * dy) ** 2 + dz**2)
    else:
        target = [sign * 22, -18, 8] if name != "cerebellum" else [sign * 8, -52, -30]
        inward = np.array(target, np.float32) - seed
        inward /= np.linalg.norm(inward) + 1e-6
        along = inward @ offset
        across = np.sqrt(np.maximum((offset**2).sum(0) - along**2, 0))
        narrowing = 1 + 0.5 * np.clip(along / radius, -0.6, 2)
        distance = np.hypot(across * narrowing, 0.8 * along)
    reach = 3.0 * radius + 15
    low, high = tuple(seed - reach), tuple(seed + reach)
    coarse_mm = max(3.0, 0.45 * radius)
    coarse = draw_lattice(rng, low, high, spacing=coarse_mm, smoothing=coarse_mm)
    fine = draw_lattice(rng, low, high, spacing=2.0, smoothing=2.0)
    close = np.abs(offset).max(0) < reach
    rough = np.zeros(len(distance), np.float32)
    rough[close] = 0.3 * radius * coarse.sample(points[:, close])
    rough[close] += min(1.3, 0.2 * radius) * fine.sample(points[:, close])
    return (distance + rough + np.where(close, 0, 99)).astype(np.float32)


def _penalise_tissue(
    rng: np.random.Generator, brain: Brain, member: NDArray, territory: str
) -> NDArray[np.float32]:
    """Relative penalty of white matter against cortex, or its negative: branch infarcts follow the ribbon."""
    preference = rng.normal(0.25, 0.25) if territory in ("mca_branch", "pca", "aca", "mca_large") else 0.0
    return (preference * (brain.wm - brain.gm)[member]).astype(np.float32)


def _take(score: NDArray, tissue: NDArray, points: float) -> NDArray[np.float32]:
    """Take the lowest scores until `points` points of tissue are filled; the border fades over EDGE_MM."""
    order = np.argsort(score, kind="stable")
    filled = np.cumsum(tissue[order])
    last = min(int(np.searchsorted(filled, points)), len(order) - 1)
    threshold = score[order[last]]
    share = sigmoid((threshold - score) / EDGE_MM)
    return np.where(share > 0.02, share, 0).astype(np.float32)

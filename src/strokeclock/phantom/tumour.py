"""Phantom brain tumours, and small files of them in the formats of two public data sets.

The brains are the phantom's; a tumour displaces the tissue in its place. There are three kinds at three
places, as in Cheng's set: a meningioma under the skull, evenly enhancing; a glioma in the white matter, an
enhancing ring about a dead core, in oedema; a pituitary tumour in the sella. A glioma of low grade, as in
Buda's set, is bright on FLAIR and hardly enhances.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_erosion

from strokeclock.files import replacing_folder
from strokeclock.phantom.anatomy import (
    BOX_HIGH,
    BOX_LOW,
    Shape,
    draw_shape,
    ellipsoid,
    form_brain,
    load_template,
    sigmoid,
)
from strokeclock.phantom.head import OUTER_TISSUES
from strokeclock.phantom.lattice import Lattice, draw_lattice
from strokeclock.phantom.scanner import add_noise
from strokeclock.phantom.signal import diffusion_signal, flair_signal, null_inversion_time
from strokeclock.phantom.tissue import TISSUES, Tissue

KINDS = ("meningioma", "glioma", "pituitary")  # labels 1, 2, 3 of Cheng 2015
FIELD_T = 1.5
T1W = {"tr": 500.0, "te": 15.0, "b": 0.0}  # ms
FLAIR = {"tr": 9000.0, "te": 120.0, "ti": null_inversion_time(9000.0)}
# before and after contrast medium, which shortens T1 where the barrier is open
SOLID = Tissue(0.85, 1350.0, 115.0, 1.1e-3)
ENHANCED = SOLID._replace(t1=380.0)
LOW_GRADE = Tissue(0.86, 1500.0, 150.0, 1.4e-3)
LOW_GRADE_ENHANCED = LOW_GRADE._replace(t1=1300.0)
NECROSIS = Tissue(0.95, 2800.0, 350.0, 2.0e-3)
OEDEMA = Tissue(0.82, 1300.0, 140.0, 1.3e-3)
SPACE = 0.6  # share of the tumour's volume by which the tissue around it is displaced
SKULL_MM, SCALP_MM, OEDEMA_MM, RING_MM = (1.5, 8.0), 12.0, 14.0, 4.0
HEAD_MM = (95, 118, 400)  # radii of a column that contains every head
NOISE = 0.004  # SD, in the unit of the signals


@dataclass(frozen=True)
class Tumour:
    """A tumour: its kind (`KINDS`, or low_grade), centre and radius (mm), and the roughness of its border."""

    kind: str
    centre: NDArray
    radius: float
    rough: Lattice


def draw_tumour(rng: np.random.Generator, *, kind: str, shape: Shape) -> Tumour:
    """Draw a tumour at a place of its kind, in head coordinates (mm)."""
    side = rng.choice((-1.0, 1.0))
    if kind == "pituitary":
        centre, radius = np.array([0, 2, -34]) + rng.normal(0, 1.5, 3), rng.uniform(7, 13)
    elif kind == "meningioma":
        radius = rng.uniform(11, 20)
        direction = np.array([side * rng.uniform(0.3, 1), rng.uniform(-0.8, 0.8), rng.uniform(0.2, 0.9)])
        ray = np.array([0, -18, 10]) + np.arange(20.0, 110)[:, None] * direction / np.linalg.norm(direction)
        depth = -load_template().hull.sample(shape.to_template(ray.T.astype(np.float32)))
        centre = ray[np.argmax(depth < 0.7 * radius)]
    else:
        radius = rng.uniform(13, 22)
        centre = np.array([side * rng.uniform(22, 34), rng.uniform(-45, 25), rng.uniform(12, 32)])
    rough = draw_lattice(rng, BOX_LOW, BOX_HIGH, spacing=5, smoothing=6)
    return Tumour(kind, np.asarray(centre, float), float(radius), rough)


def paint(
    points: NDArray, *, shape: Shape, tumour: Tumour, texture: Lattice
) -> tuple[dict[str, NDArray], NDArray]:
    """Return the signals at head coordinates (3, n) mm, and where the tumour is (n,) bool.

    The signals, each (n,) float32: t1 and t1_enhanced (T1w before and after contrast medium), flair.
    """
    offset = points - tumour.centre[:, None].astype(np.float32)
    distance = np.sqrt((offset**2).sum(0)) + 1e-3
    uneven = {"glioma": 0.22, "low_grade": 0.28}.get(tumour.kind, 0.05)
    border = tumour.radius * (1 + uneven * tumour.rough.sample(points)) - distance  # mm inside
    healthy = tumour.centre[:, None].astype(np.float32) + offset * displace(distance, radius=tumour.radius)
    template_points = shape.to_template(healthy)
    depth = -load_template().hull.sample(template_points)

    shares = _form_outer(depth)
    inside = np.flatnonzero(depth > 0)
    brain = form_brain(shape, np.ascontiguousarray(template_points[:, inside]), depth[inside])
    for name in ("gm", "wm", "csf"):
        shares[name] = np.zeros(len(depth), np.float32)
        shares[name][inside] = getattr(brain, name)
    extent = sigmoid(border / 0.6) * (sigmoid(depth / 0.5) if tumour.kind != "pituitary" else 1)
    if tumour.kind in ("glioma", "low_grade"):
        halo = sigmoid((border + OEDEMA_MM * (1 if tumour.kind == "glioma" else 0.3)) / 2)
        _cover(shares, "oedema", 0.8 * halo * shares["wm"])
    _cover(shares, "tumour", extent)
    if tumour.kind == "glioma":
        core = sigmoid((border - RING_MM) / 0.8)
        _cover(shares, "necrosis", core * extent)

    solid = (LOW_GRADE, LOW_GRADE_ENHANCED) if tumour.kind == "low_grade" else (SOLID, ENHANCED)
    tissues = TISSUES[FIELD_T] | OUTER_TISSUES[FIELD_T] | {"oedema": OEDEMA, "necrosis": NECROSIS}
    grain = 1 + 0.05 * texture.sample(points)

    def measure(signal: Callable[[Tissue], NDArray], mass: Tissue) -> NDArray:
        known = tissues | {"tumour": mass}
        return sum(float(signal(known[name])) * share for name, share in shares.items()) * grain

    def weigh_t1(tissue: Tissue) -> NDArray:
        return diffusion_signal(*tissue[:4], **T1W)

    def weigh_flair(tissue: Tissue) -> NDArray:
        return flair_signal(*tissue[:3], **FLAIR)

    signals = {
        "t1": measure(weigh_t1, solid[0]),
        "flair": measure(weigh_flair, solid[0]),
        "t1_enhanced": measure(weigh_t1, solid[1]),
    }
    return signals, extent > 0.5


def displace(distance: NDArray, *, radius: float) -> NDArray:
    """Return the tissue's distance to the tumour's centre before displacement, as a share of `distance` (mm).

    Brain is not compressed: r³ was smaller by the displaced volume, in every direction alike.
    """
    return np.cbrt(np.maximum(distance**3 - SPACE * radius**3, 0)) / distance


def _form_outer(depth: NDArray) -> dict[str, NDArray]:
    """Shares of fluid, bone and scalp over the brain's hull, `depth` mm below it."""
    low, high = SKULL_MM
    above = -depth
    scalp = sigmoid((above - high) / 0.4) * sigmoid((SCALP_MM - above) / 0.4)
    bone = sigmoid((above - low) / 0.4) * sigmoid((high - above) / 0.4)
    return {"fluid": sigmoid(above / 0.3) * sigmoid((low - above) / 0.3), "bone": bone, "fat": scalp}


def _cover(shares: dict[str, NDArray], name: str, share: NDArray) -> None:
    for other in shares:
        shares[other] = shares[other] * (1 - share)
    shares[name] = share


def _scan(
    rng: np.random.Generator, kind: str, *, size: int, field_mm: float, heights: NDArray, about_tumour: bool
) -> tuple[dict[str, NDArray], NDArray]:
    """Scan a new patient with one tumour: signals (x, y, z) with noise, and where the tumour is.

    The slices lie at `heights` (z,) mm of the head, or above the tumour's centre.
    """
    shape = draw_shape(rng, age=rng.uniform(30, 75), sex=rng.choice(("F", "M")))
    tumour = draw_tumour(rng, kind=kind, shape=shape)
    texture = draw_lattice(rng, BOX_LOW, BOX_HIGH, spacing=4, smoothing=4)
    steps = ((np.arange(size) + 0.5) / size - 0.5) * field_mm
    levels = heights + tumour.centre[2] if about_tumour else heights
    points = np.stack(np.meshgrid(steps, steps - 18, levels, indexing="ij")).astype(np.float32)
    place = points.shape[1:]
    points = points.reshape(3, -1)
    near = np.flatnonzero(ellipsoid(points, (0, -18, 0), HEAD_MM) < 0)  # the rest is air
    painted, tumourous = paint(points[:, near], shape=shape, tumour=tumour, texture=texture)
    signals = {name: np.zeros(points.shape[1], np.float32) for name in painted}
    extent = np.zeros(points.shape[1], bool)
    extent[near] = tumourous
    for name, values in painted.items():
        signals[name][near] = values
    noisy = {name: add_noise(rng, values.reshape(place), sigma=NOISE) for name, values in signals.items()}
    return noisy, extent.reshape(place)


def write_cheng(folder: str | Path, *, patients: int, slices: int, seed: int) -> None:
    """Write T1w slices after contrast medium as the files of Cheng 2015 (figshare 1512427).

    1.mat … and cvind.mat (a fold of five each), MATLAB v7.3: a struct cjdata of label, PID, image (512 x 512
    int16, .49 mm), tumorBorder and tumorMask. Kinds alternate; `slices` a patient, about the tumour's middle.
    """
    heights = 4.0 * (np.arange(slices) - (slices - 1) / 2)
    with replacing_folder(folder) as beside:
        for patient in range(patients):
            rng = np.random.default_rng([seed, 2015, patient])
            kind = patient % len(KINDS)
            signals, mask = _scan(
                rng, KINDS[kind], size=512, field_mm=251.0, heights=heights, about_tumour=True
            )
            # The file's first axis is MATLAB's column, x here; rows run from front to back.
            images = np.round(12000 * signals["t1_enhanced"]).astype(np.int16)[:, ::-1]
            identifier = np.array([[ord(letter)] for letter in f"{100000 + patient}"], np.uint16)
            for z in range(slices):
                with _matlab(beside / f"{patient * slices + z + 1}.mat") as file:
                    struct = file.create_group("cjdata")
                    struct.attrs["MATLAB_class"] = np.bytes_("struct")
                    _put(struct, "label", np.array([[kind + 1]], np.float64), "double")
                    _put(struct, "PID", identifier, "char")
                    _put(struct, "image", images[:, :, z], "int16")
                    _put(struct, "tumorBorder", _outline(mask[:, ::-1, z]), "double")
                    _put(struct, "tumorMask", mask[:, ::-1, z].astype(np.uint8), "logical")
        with _matlab(beside / "cvind.mat") as file:
            folds = np.repeat(np.arange(patients) % 5 + 1, slices)
            _put(file, "cvind", folds[None].astype(np.float64), "double")


def write_lgg(folder: str | Path, *, patients: int, slices: int, seed: int) -> None:
    """Write volumes as the files of Buda 2019 (kaggle_3m): a folder a patient, two TIFF files a slice.

    TCGA_<site>_<id>_<date>_<slice>.tif is 256 x 256 RGB: T1w before contrast medium, FLAIR, T1w after;
    ..._mask.tif is 0 or 255.
    """
    with replacing_folder(folder) as beside:
        for patient in range(patients):
            rng = np.random.default_rng([seed, 2019, patient])
            heights = np.linspace(-50, 72, slices)
            signals, mask = _scan(
                rng, "low_grade", size=256, field_mm=240.0, heights=heights, about_tumour=False
            )
            channels = [signals[name] for name in ("t1", "flair", "t1_enhanced")]
            scaled = [np.clip(255 * values / np.quantile(values, 0.999), 0, 255) for values in channels]
            # rows from front to back, columns, colours; z
            pictures = np.stack(scaled, axis=-1).astype(np.uint8)[:, ::-1].transpose(1, 0, 3, 2)
            masks = np.uint8(255) * mask[:, ::-1].transpose(1, 0, 2)
            name = f"TCGA_PH_{1000 + patient}_20000101"
            (beside / name).mkdir()
            for z in range(slices):
                path = beside / name / f"{name}_{z + 1}"
                Image.fromarray(np.ascontiguousarray(pictures[..., z])).save(f"{path}.tif")
                Image.fromarray(np.ascontiguousarray(masks[..., z])).save(f"{path}_mask.tif")


@contextmanager
def _matlab(path: Path) -> Iterator[h5py.File]:
    """A MATLAB v7.3 file: HDF5 after a block of 512 bytes that names the format."""
    with h5py.File(path, "w", userblock_size=512) as file:
        yield file
    text = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: phantom HDF5 schema 1.00 ."
    with open(path, "r+b") as file:
        file.write(text.ljust(116) + bytes(8) + b"\x00\x02IM")


def _put(place: h5py.Group, name: str, values: NDArray, matlab_class: str) -> None:
    place.create_dataset(name, data=values).attrs["MATLAB_class"] = np.bytes_(matlab_class)


def _outline(mask: NDArray) -> NDArray:
    """The border of a mask as MATLAB's x1, y1, x2, y2, … (1, 2k), around its middle."""
    border = np.argwhere(mask & ~binary_erosion(mask))
    away = border - border.mean(0)
    ordered = border[np.argsort(np.arctan2(away[:, 1], away[:, 0]), kind="stable")]
    return (ordered + 1.0).reshape(1, -1)

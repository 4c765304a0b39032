"""The T2w MNI-152 atlas: its sources, and the final grid of every patient.

Paper: "T2-weighted MNI152 atlas resized to 224 × 224 × 26 with linear interpolation" (Fonov 2009).
"""

import logging
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import ndimage

from strokeclock.errors import ConfigurationError, MissingSoftwareError
from strokeclock.imaging.resample import fit_grid, resample, resample_mask
from strokeclock.imaging.volume import Volume, read_volume, write_volume

log = logging.getLogger(__name__)

ATLAS_FILES = ("t2w", "brain_mask", "grid", "brain_mask_grid", "white_matter_grid")  # what is written
SPACING = 2.0  # mm; registration works at 3 mm and coarser
# b0 signal of fluid, grey and white matter at 3 T, TE 95 ms, over that of fluid (docs/methods/phantoms.md)
CSF, GREY, WHITE = 1.0, 0.42, 0.24
SKULL, SCALP = 0.05, 0.35
SKULL_MM, SCALP_MM = 7.0, 6.0  # thickness around the brain
LEAST_INSIDE = 0.95  # share of the white matter that lies in the atlas's brain mask


class Atlas(NamedTuple):
    """What patients are registered to (T2w and brain mask, about 2 mm) and a volume on their final grid."""

    t2w: Volume
    brain_mask: Volume
    grid: Volume


def read_atlas(*, t2w: str | Path, brain_mask: str | Path, grid: str | Path) -> Atlas:
    """Read what `build_atlas` wrote."""
    paths = {"t2w": t2w, "brain_mask": brain_mask, "grid": grid}
    return Atlas(**{name: read_volume(path, patient="atlas", series=name) for name, path in paths.items()})


def build_atlas(
    *,
    source: str,
    grid: tuple[int, int, int],
    outputs: Mapping[str, str | Path],
    t2w: str | Path | None = None,
    brain_mask: str | Path | None = None,
    white_matter: str | Path | None = None,
) -> None:
    """Write atlas and brain mask twice: about 2 mm isotropic for registration, and on the final grid.

    The white matter's share of each voxel, 0 to 1, is written on the final grid alone. All are RAS with x
    symmetric about 0.

    Parameters
    ----------
    source
        nilearn: a T2w-like whole head from its symmetric ICBM-2009a tissue maps; files: ``t2w`` and
        ``brain_mask``; templateflow: MNI152NLin2009cSym.
    white_matter : path
        A map from 0 to 1 (or to 100 or 255) in the atlas's space; None: nilearn's ICBM-2009a map, which fits
        any atlas in MNI space.
    grid : (nx, ny, nz)
        Voxels of the final grid; nx even.
    t2w, brain_mask
        The two images, if the source is files.
    outputs
        Name -> path. t2w and brain_mask are written with voxels of about 2 mm; grid, brain_mask_grid and
        white_matter_grid on the final grid.

    Raises
    ------
    ConfigurationError
        The source is absent, or its mask does not lie on its T2w image, or the white matter not in its mask.
    """
    if source == "nilearn":
        head, brain = _from_tissue_maps()
    elif source == "files":
        if not t2w or not brain_mask:
            raise ConfigurationError(
                "preprocessing.atlas.source is files: give atlas.t2w and atlas.brain_mask"
            )
        head, brain = _read_pair(t2w, brain_mask)
    else:
        head, brain = _read_pair(*_fetch())
    white = _read_white_matter(white_matter, brain)

    x, y, z = (int(extent / SPACING + 1e-3) for extent in head.spacing * head.shape)
    fine = (x + x % 2, y, z)
    for shape, image_path, mask_path in (
        (fine, outputs["t2w"], outputs["brain_mask"]),
        ((*grid,), outputs["grid"], outputs["brain_mask_grid"]),
    ):
        affine = fit_grid(head, shape)
        write_volume(image_path, resample(head, shape=shape, affine=affine))
        write_volume(mask_path, resample_mask(brain, shape=shape, affine=affine), dtype=np.uint8)
    write_volume(outputs["white_matter_grid"], resample(white, shape=shape, affine=affine))


def _from_tissue_maps() -> tuple[Volume, Volume]:
    """A T2w-like head from the grey and white matter maps and the T1w brain in nilearn, at 1 mm.

    Inside the brain (where the T1w image is) what is neither grey nor white is fluid. Around it lie a dark
    skull and a scalp, because registration uses voxels a few millimetres outside the brain too.
    """
    maps = {tissue: _read_nilearn(tissue) for tissue in ("t1", "gm", "wm")}
    grey, white = maps["gm"].data / 255, maps["wm"].data / 255
    brain = ndimage.binary_fill_holes((maps["t1"].data > 0) | (grey + white > 0.5))
    fluid = np.clip(1 - grey - white, 0, 1)
    distance = ndimage.distance_transform_edt(~brain)  # 1 mm voxels
    head = np.where(distance <= SKULL_MM, SKULL, np.where(distance <= SKULL_MM + SCALP_MM, SCALP, 0))
    head = np.where(brain, CSF * fluid + GREY * grey + WHITE * white, head)
    affine = maps["t1"].affine
    return Volume(head.astype(np.float32), affine), Volume(brain.astype(np.float32), affine)


def _read_nilearn(tissue: str) -> Volume:
    """A symmetric ICBM-2009a map of nilearn at 1 mm: t1; or gm or wm, 0 to 255."""
    nilearn = find_spec("nilearn")
    if nilearn is None or nilearn.origin is None:
        raise MissingSoftwareError("nilearn holds the atlas and is not installed: pip install nilearn.")
    name = f"mni_icbm152_{tissue}_tal_nlin_sym_09a_converted.nii.gz"
    path = Path(nilearn.origin).parent / "datasets/data" / name
    if not path.exists():
        raise ConfigurationError(
            f"nilearn's {path.name} is absent: install nilearn 0.12 or later, or set atlas.source"
        )
    return read_volume(path, patient="atlas", series=tissue)


def _read_white_matter(path: str | Path | None, brain: Volume) -> Volume:
    """The white matter's share of each voxel, 0 to 1; refused where much of it lies outside the brain."""
    found = read_volume(path, patient="atlas", series="white_matter") if path else _read_nilearn("wm")
    white = Volume(found.data / found.data.max(), found.affine)
    core = white.data > 0.5
    inside = resample_mask(brain, shape=white.shape, affine=white.affine).data[core].mean()
    if inside < LEAST_INSIDE:
        raise ConfigurationError(
            f"only {inside:.0%} of the white matter of {Path(path).name if path else 'the ICBM-2009a atlas'} "
            "lies in the atlas's brain mask: name a map in the atlas's space in "
            "preprocessing.atlas.white_matter"
        )
    return white


def _read_pair(t2w: str | Path, brain_mask: str | Path) -> tuple[Volume, Volume]:
    """The atlas and its mask from files; the mask may have another grid in the same world."""
    head = read_volume(t2w, patient="atlas", series="t2w")
    mask = read_volume(brain_mask, patient="atlas", series="brain_mask")
    mask = Volume((mask.data > 0.5).astype(np.float32), mask.affine)
    litres = mask.data.sum() * np.prod(mask.spacing) / 1e6
    on_head = resample_mask(mask, shape=head.shape, affine=head.affine).data > 0
    if not 0.8 < litres < 2.5 or not on_head.any() or np.median(head.data[on_head]) <= 0:
        raise ConfigurationError(
            f"atlas mask {Path(brain_mask).name} ({litres:.2f} L) does not lie on {Path(t2w).name}: "
            "give the brain mask of the same template space"
        )
    return head, mask


def _fetch() -> tuple[Path, Path]:
    """MNI152NLin2009cSym, 1 mm, through templateflow's cache; downloaded once."""
    try:
        from templateflow import api

        found = [
            api.get("MNI152NLin2009cSym", resolution=1, desc=desc, suffix=suffix, extension=".nii.gz")
            for desc, suffix in ((None, "T2w"), ("brain", "mask"))
        ]
    except Exception as error:  # network and cache fail in many ways
        log.debug("templateflow", exc_info=True)
        found = [error]
    if not all(isinstance(item, Path) and item.stat().st_size for item in found):
        raise ConfigurationError(
            "templateflow has no MNI152NLin2009cSym here: connect to the internet once, or set "
            "preprocessing.atlas.source to nilearn, or to files with atlas.t2w and atlas.brain_mask"
        )
    return tuple(found)

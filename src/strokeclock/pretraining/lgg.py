"""Medical weights of the 3D network: a 3D U-Net is trained to segment low-grade gliomas (Buda et al. 2019).

The data set (kaggle_3m): a folder a patient of TCGA, for each slice a TIFF file of three channels (T1w before
contrast medium, FLAIR, T1w after) and one of the tumour's mask. The published network is 2D; this one is 3D,
as the paper's must have been, and its encoder is used. A volume is cut into two halves, like hemispheres.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch.nn import functional

from strokeclock.models.registry import network_started_from
from strokeclock.models.unet3d import UNet
from strokeclock.pretraining.medical import TumourMaterial, TumourObjective, name_run
from strokeclock.pretraining.pictures import DataSetError, digest, halve, resize, scale_to_one
from strokeclock.training.dice import measure_dice
from strokeclock.training.precision import autocast
from strokeclock.training.settings import MedicalSettings
from strokeclock.training.trainer import train

CHANNELS = ("T1w", "FLAIR", "T1w after contrast medium")


@dataclass(frozen=True)
class HalfHeads:
    """Halves of heads with their tumours.

    Attributes
    ----------
    patients : of each; two a patient.
    values : (n, 3, x, y, z) float16; 0 to 1, background 0; x from lateral to medial, y to the front.
    masks : (n, 1, x, y, z) float16; the tumour's share of each voxel.
    """

    patients: tuple[str, ...]
    values: np.ndarray
    masks: np.ndarray


def read_lgg(folder: str | Path, *, grid: Sequence[int]) -> HalfHeads:
    """Read all patients' volumes, their slices stacked by number, on a hemisphere's grid (x, y, z).

    Raises
    ------
    DataSetError
        There are none, or a file is missing or invalid.
    """
    folders = sorted(path for path in Path(folder).glob("TCGA_*") if path.is_dir())
    if not folders:
        raise DataSetError(f"{folder} holds no folders TCGA_…: name the data set's folder kaggle_3m.")
    values = np.empty((2 * len(folders), len(CHANNELS), *grid), np.float16)
    masks = np.empty((2 * len(folders), 1, *grid), np.float16)
    for number, path in enumerate(folders):
        volume, mask = _read_patient(path)
        channels = np.stack([scale_to_one(channel) for channel in volume])
        for side, (half, tumour) in enumerate(zip(halve(channels), halve(mask), strict=True)):
            values[2 * number + side] = [_regrid(channel, grid=grid) for channel in half]
            masks[2 * number + side, 0] = _regrid(tumour, grid=grid)
    return HalfHeads(tuple(path.name for path in folders for _ in range(2)), values, masks)


def _read_patient(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the volume (3, z, x, y) and the mask (z, x, y), 0 or 1; y to the front."""
    numbered = {}
    for path in folder.glob("*.tif"):
        if found := re.fullmatch(rf"{re.escape(folder.name)}_(\d+)\.tif", path.name):
            numbered[int(found[1])] = path
    if not numbered:
        raise DataSetError(f"{folder} holds no files {folder.name}_<slice>.tif: copy the folder anew.")
    paths = [numbered[number] for number in sorted(numbered)]
    pictures = [_read_tiff(path, mode="RGB") for path in paths]
    masks = [_read_tiff(path.with_name(f"{path.stem}_mask.tif"), mode="L") for path in paths]
    shapes = {picture.shape[:2] for picture in (*pictures, *masks)}
    if len(shapes) > 1:
        raise DataSetError(f"{folder} holds slices of different sizes: copy the folder anew.")
    # rows run from front to back: x, then y to the front
    volume = np.stack(pictures)[:, ::-1].transpose(3, 0, 2, 1)
    return volume.astype(np.float32), (np.stack(masks)[:, ::-1].transpose(0, 2, 1) > 127).astype(np.float32)


def _read_tiff(path: Path, *, mode: str) -> np.ndarray:
    try:
        with Image.open(path) as picture:
            if picture.mode != mode:
                wanted = {"RGB": "three channels", "L": "one channel"}[mode]
                raise DataSetError(
                    f"{path} has the mode {picture.mode}, not {wanted} of 8 bits: copy it anew."
                )
            return np.asarray(picture)
    except FileNotFoundError as error:
        raise DataSetError(f"{path} is missing: copy the patient's folder anew.") from error
    except (UnidentifiedImageError, OSError) as error:
        raise DataSetError(f"{path} is not a TIFF picture, or is damaged: copy it anew.") from error


def _regrid(volume: np.ndarray, *, grid: Sequence[int]) -> np.ndarray:
    """Interpolate (z, x, y) to the grid (x, y, z): each slice, then linearly between slices."""
    slices = resize(volume, grid=grid[:2]).transpose(1, 2, 0)
    tensor = torch.from_numpy(np.ascontiguousarray(slices))
    return functional.interpolate(tensor, size=grid[2], mode="linear", align_corners=False).numpy()


def train_segmentation(
    *,
    seed: int,
    width: int,
    standardise: bool,
    grid: Sequence[int],
    training: Mapping,
    folder: str | Path,
    output: str | Path,
) -> None:
    """Train the 3D U-Net to segment tumours; 1 - soft Dice + binary cross-entropy. See `TumourObjective`.

    Parameters
    ----------
    seed : of initial weights and order.
    width, standardise : of the 3D network.
    grid : voxels of a hemisphere, x y z.
    training : the fields of `MedicalSettings`.
    folder : of the data set.
    output : folder for the files of `trainer.train`.
    """
    objective = TumourVoxels(
        run=name_run(network_started_from("medical_3d"), seed),
        settings=MedicalSettings(**training),
        channels=CHANNELS,
        width=width,
        standardise=standardise,
        grid=tuple(grid),
        folder=folder,
    )
    train(objective, output=output)


class TumourVoxels(TumourObjective[UNet]):
    """1 - soft Dice of a batch's tumours + binary cross-entropy of their voxels."""

    measured = "dice"

    def read(self) -> TumourMaterial:
        heads = read_lgg(self.folder, grid=self.grid)
        data = {"half heads": len(heads.patients), "sha256": digest(heads.values, heads.masks)}
        return TumourMaterial(self.grid, data, {}, heads, heads.patients)

    def describe(self, grid: Sequence[int]) -> dict[str, Any]:
        return {"width": self.width, "standardise": self.standardise}

    def build(self, grid: Sequence[int]) -> UNet:
        return UNet(width=self.width, standardised=self.standardise, channels=len(self.channels), outputs=1)

    def measure(
        self,
        network: UNet,
        batch: np.ndarray,
        material: TumourMaterial,
        *,
        precision: str,
        device: torch.device,
    ) -> tuple[torch.Tensor, float]:
        heads = material.pictures
        values, truth = (
            torch.from_numpy(array[batch]).to(device).float() for array in (heads.values, heads.masks)
        )
        with autocast(precision, device):
            found = network(values).float()
        (overlap,) = measure_dice(found[None], truth[None])  # of the whole batch
        return 1 - overlap + functional.binary_cross_entropy(found, truth), overlap.item()

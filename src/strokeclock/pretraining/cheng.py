"""Medical weights of the 2D network: ResNet-18 is trained to classify brain tumours (Cheng et al. 2015).

The data set (figshare 1512427): 3064 T1w slices after contrast medium of 233 patients, one MATLAB v7.3 file
each, with a meningioma (1), a glioma (2) or a pituitary tumour (3). Of a slice the half of the head with more
of the tumour is used, so that it has the hemispheres' proportions on their grid.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch.nn import functional

from strokeclock.models.registry import network_started_from
from strokeclock.models.sliceclassifier import SliceClassifier
from strokeclock.pretraining.medical import TumourMaterial, TumourObjective, name_run
from strokeclock.pretraining.pictures import DataSetError, digest, halve, resize, scale_to_one
from strokeclock.training.precision import autocast
from strokeclock.training.settings import MedicalSettings
from strokeclock.training.trainer import train

log = logging.getLogger(__name__)

KINDS = ("meningioma", "glioma", "pituitary tumour")  # labels 1, 2, 3


@dataclass(frozen=True)
class Slices:
    """Half slices with a tumour.

    Attributes
    ----------
    patients : of each.
    values : (n, x, y) float16; 0 to 1, background 0; x from lateral to medial, y to the front.
    labels : (n,) int64, 0 to 2 (`KINDS`).
    """

    patients: tuple[str, ...]
    values: np.ndarray
    labels: np.ndarray


def read_cheng(folder: str | Path, *, grid: Sequence[int]) -> Slices:
    """Read the data set's numbered files on a hemisphere's slice grid (x, y).

    Raises
    ------
    DataSetError
        There are none, or a file is invalid.
    """
    files = sorted(
        (path for path in Path(folder).rglob("*.mat") if path.stem.isdigit()),
        key=lambda path: int(path.stem),
    )
    if not files:
        raise DataSetError(
            f"{folder} holds no files 1.mat, 2.mat, …: unpack the data set there (figshare 1512427)."
        )
    patients, labels = [], []
    values = np.empty((len(files), *grid), np.float16)
    for number, path in enumerate(files):
        patient, label, image, mask = _read_file(path)
        sides = zip(halve(scale_to_one(image)), halve(mask), strict=True)
        half, _ = max(sides, key=lambda side: side[1].sum())
        values[number] = resize(half[None], grid=grid)[0]
        patients.append(patient)
        labels.append(label - 1)
    return Slices(tuple(patients), values, np.array(labels))


def _read_file(path: Path) -> tuple[str, int, np.ndarray, np.ndarray]:
    """Return patient, label, image and tumour mask, both (x, y) with y to the front."""
    try:
        with h5py.File(path) as file:
            struct = file["cjdata"]
            label = int(struct["label"][()].item())
            patient = "".join(map(chr, struct["PID"][()].ravel()))
            image, mask = struct["image"][()], struct["tumorMask"][()] > 0
    except OSError as error:
        raise DataSetError(f"{path} is not a MATLAB v7.3 file, or is damaged: unpack it anew.") from error
    except (KeyError, ValueError, TypeError) as error:
        raise DataSetError(
            f"{path} holds no cjdata with label, PID, image and tumorMask: use the files of Cheng's data set."
        ) from error
    if label not in (1, 2, 3):
        raise DataSetError(
            f"{path} has the label {label}, and the data set's are 1, 2 and 3: unpack it anew."
        )
    if image.ndim != 2 or image.shape != mask.shape or not mask.any():
        raise DataSetError(
            f"{path}: image {image.shape} and tumorMask {mask.shape} do not mark a tumour: unpack it anew."
        )
    # HDF5 shows MATLAB's columns first: x is the first axis already; rows run from front to back
    return patient, label, image[:, ::-1].astype(np.float32), mask[:, ::-1]


def train_classification(
    *,
    seed: int,
    channels: Sequence[str],
    width: int,
    standardise: bool,
    grid: Sequence[int],
    training: Mapping,
    folder: str | Path,
    output: str | Path,
) -> None:
    """Train ResNet-18 on the slices, repeated in every channel; cross-entropy. See `TumourObjective`.

    Parameters
    ----------
    seed : of initial weights and order.
    channels, width, standardise : of the 2D network.
    grid : voxels of a hemisphere, x y z.
    training : the fields of `MedicalSettings`.
    folder : of the data set.
    output : folder for the files of `trainer.train`.
    """
    objective = TumourKinds(
        run=name_run(network_started_from("medical_2d"), seed),
        settings=MedicalSettings(**training),
        channels=len(channels) * ("T1w after contrast medium",),
        width=width,
        standardise=standardise,
        grid=tuple(grid),
        folder=folder,
    )
    train(objective, output=output)


class TumourKinds(TumourObjective[SliceClassifier]):
    """Cross-entropy of a slice's kind of tumour."""

    measured = "accuracy"

    def read(self) -> TumourMaterial:
        slices = read_cheng(self.folder, grid=self.grid[:2])
        counts = dict(zip(KINDS, np.bincount(slices.labels, minlength=3).tolist(), strict=True))
        log.info("slices: %s", ", ".join(f"{count} {kind}" for kind, count in counts.items()))
        data = {"slices": counts, "sha256": digest(slices.values, slices.labels)}
        return TumourMaterial(self.grid, data, {}, slices, slices.patients)

    def describe(self, grid: Sequence[int]) -> dict[str, Any]:
        return {"width": self.width, "standardise": self.standardise, "classes": len(KINDS)}

    def build(self, grid: Sequence[int]) -> SliceClassifier:
        return SliceClassifier(
            width=self.width,
            standardised=self.standardise,
            channels=len(self.channels),
            classes=len(KINDS),
        )

    def measure(
        self,
        network: SliceClassifier,
        batch: np.ndarray,
        material: TumourMaterial,
        *,
        precision: str,
        device: torch.device,
    ) -> tuple[torch.Tensor, float]:
        slices = material.pictures
        grey = torch.from_numpy(slices.values[batch]).to(device).float()[:, None]
        labels = torch.from_numpy(slices.labels[batch]).to(device)
        with autocast(precision, device):
            logits = network(grey.expand(-1, len(self.channels), -1, -1)).float()
        return functional.cross_entropy(logits, labels), (logits.argmax(1) == labels).float().mean().item()

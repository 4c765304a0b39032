"""Training of the segmentation network on the training patients' lesions (lesions/<patient>.nii.gz).

The lesions are masks that people drew and, where there are none, lesions found on DWI on the lesion's side.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from strokeclock.cohort.folds import read_folds
from strokeclock.cohort.parts import SplitError
from strokeclock.models.channels import channel_names
from strokeclock.models.registry import segmenting_network
from strokeclock.models.unet3d import UNet
from strokeclock.models.view import View, read_box
from strokeclock.segmentation.network import FULL, make_segmenter, read_masks
from strokeclock.training.augmentation import augment, move_masks
from strokeclock.training.device import Stored
from strokeclock.training.dice import measure_dice
from strokeclock.training.loop import batches
from strokeclock.training.material import CohortFiles, CohortMaterial
from strokeclock.training.objective import Lesson, Objective, Step
from strokeclock.training.phases import SEGMENTATION, Run
from strokeclock.training.precision import autocast
from strokeclock.training.settings import SegmentationSettings
from strokeclock.training.trainer import train

log = logging.getLogger(__name__)

LESION_WEIGHT = 45  # of the cross-entropy, relative to the Dice loss: a lesion is some 2 % of a hemisphere
RARE = -4.0  # the initial bias, for lesion voxels are rare


def train_segmenter(
    *,
    seed: int,
    series: Sequence[str],
    average: Sequence[int],
    width: int,
    standardise: bool,
    training: Mapping,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    volumes: str | Path,
    box: str | Path | None = None,
    fold: Sequence[int] | None = None,
    output: str | Path,
    events: Path | None = None,
) -> None:
    """Train the U-Net; 1 - soft Dice of each lesion + binary cross-entropy.

    The loss on the validation part is recorded, but does not stop the training or select its epoch.

    Parameters
    ----------
    seed : of initial weights, order and augmentation.
    series : of a hemisphere; the input is these and their differences from the contralateral hemisphere.
    average, width, standardise : of the 3D network.
    training : the fields of `SegmentationSettings`.
    manifest : hemispheres/manifest.tsv, the hemispheres beside it.
    volumes : lesions/volumes.tsv, the lesions beside it.
    box : brain_box.json, the box of a hemisphere that the network sees; None: the whole hemisphere.
    fold : (number, of how many), numbered from 1: the training patients of this fold (`folds.read_folds`,
        with ``seed``) are left out; None: all are learned from.
    output : folder for the files of `trainer.train`.
    events : folder of TensorBoard's events; None: none are written.

    Raises
    ------
    SplitError
        A part has no known lesion, or the training part is too small for the folds.
    TrainingError
        The loss is not finite.
    """
    objective = LesionSegmentation(
        run=Run(segmenting_network(), SEGMENTATION, "random", seed),
        settings=SegmentationSettings(**training),
        channels=tuple(series),
        view=View.of({"box": read_box(box), "average": average}),
        width=width,
        standardise=standardise,
        files=CohortFiles(manifest, cohort, split),
        volumes=volumes,
        fold=None if fold is None else (fold[0], fold[1]),
    )
    train(objective, output=output, events=events)


@dataclass(frozen=True)
class LesionMaterial(CohortMaterial):
    """Hemispheres with their lesions.

    Attributes
    ----------
    masks : part -> (n, 1, x, y, z) uint8, see `read_masks`.
    known : part -> numbers of the hemispheres whose lesion is known, or which have none.
    """

    masks: Mapping[str, np.ndarray]
    known: Mapping[str, np.ndarray]


@dataclass(frozen=True, kw_only=True)
class LesionSegmentation(Objective[UNet, LesionMaterial]):
    """1 - soft Dice of each lesion + binary cross-entropy; see `train_segmenter` for the attributes."""

    settings: SegmentationSettings
    view: View
    width: int
    standardise: bool
    files: CohortFiles
    volumes: str | Path
    fold: tuple[int, int] | None = None

    def read(self) -> LesionMaterial:
        seen = channel_names(self.channels, contralateral=True)
        left_out, place = self._leave_out()
        material = self.files.read(("train", "validation"), channels=seen, left_out=left_out)
        masks, known = {}, {}
        for part, units in material.parts.items():
            masks[part], is_known = read_masks(
                units, cohort=self.files.cohort, volumes=self.volumes, view=self.view
            )
            if not masks[part].any():
                raise SplitError(
                    f"{SEGMENTATION}: no lesion of the {part} part is known ({self.volumes}): name masks in "
                    "column lesion_mask of the cohort sheet, or set training.phase0_segmentation to null."
                )
            known[part] = np.flatnonzero(is_known)
            lesions = masks[part].any(axis=(1, 2, 3, 4)).sum()
            log.info(
                "%s: %d hemispheres, %d with a lesion, of %d", part, len(known[part]), lesions, len(units)
            )
        digests = {f"{part} lesions": hashlib.sha256(found.data).hexdigest() for part, found in masks.items()}
        data = {**material.data, **digests, **place}
        return LesionMaterial(material.grid, data, material.participants, material.parts, masks, known)

    def _leave_out(self) -> tuple[list[str], dict[str, int]]:
        """Return the training patients who are left out, and for the record, which fold they are."""
        if self.fold is None:
            return [], {}
        number, folds = self.fold
        divided = read_folds(self.files.cohort, self.files.split, folds=folds, seed=self.run.seed)
        return divided[number - 1], {"fold": number, "folds": folds}

    def describe(self, grid: Sequence[int]) -> dict[str, Any]:
        return {"width": self.width, "standardise": self.standardise}

    def build(self, grid: Sequence[int]) -> UNet:
        network = make_segmenter(self.channels, width=self.width, standardise=self.standardise)
        assert network.out.bias is not None  # a convolution has one unless told otherwise
        torch.nn.init.constant_(network.out.bias, RARE)
        return network

    def prepare(
        self, network: UNet, material: LesionMaterial, *, precision: str, device: torch.device
    ) -> Lesson:
        settings = self.settings
        stored = {
            part: (Stored(units.values, device), Stored(material.masks[part], device))
            for part, units in material.parts.items()
        }
        extent_mm = self.view.extent_mm(material.grid)
        motion = {name: settings.augmentation[name] for name in ("rotation_deg", "scale", "shift_mm")}

        def measure(
            part: str, batch: np.ndarray, generators: Sequence[np.random.Generator] = ()
        ) -> tuple[torch.Tensor, torch.Tensor]:
            """Return the loss of a batch, augmented if generators are given, and its lesions' summed Dice."""
            values, shares = stored[part]
            seen, truth = self.view.see(values[batch]), shares[batch] / FULL
            if generators:
                changed, moved = generators
                seen = augment(seen, changed, sides=2, extent_mm=extent_mm, **settings.augmentation)
                truth = move_masks(truth, moved, extent_mm=extent_mm, **motion)
            with autocast(precision, device):
                found = network(seen)
            overlaps = measure_dice(found, truth)
            has_lesion = truth.flatten(1).any(1)
            entropy = functional.binary_cross_entropy(found, truth)
            loss = ((1 - overlaps) * has_lesion).mean() + LESION_WEIGHT * entropy
            return loss, (overlaps * has_lesion).sum()

        def loss(batch: np.ndarray, step: Step) -> torch.Tensor:
            if not settings.augments:
                return measure("train", batch)[0]
            stream = [self.run.seed, 1, step.epoch, step.number]
            return measure("train", batch, [np.random.default_rng(stream) for _ in range(2)])[0]

        def validate() -> dict[str, float]:
            network.eval()
            validation = material.known["validation"]
            with torch.inference_mode():
                order = [*batches(validation, settings.batch)]
                found = [(len(batch), *measure("validation", batch)) for batch in order]
            lesions = int(material.masks["validation"][validation].any(axis=(1, 2, 3, 4)).sum())
            return {
                "validation_loss": sum(count * loss.item() for count, loss, _ in found) / len(validation),
                "validation_dice": sum(overlap.item() for *_, overlap in found) / lesions,
            }

        return Lesson(material.known["train"], loss, validate)

"""The segmentation network: a 3D U-Net that segments the lesion, and the masks that it is trained on.

baselines/segmented.py estimates TSS from the segmented lesion.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from strokeclock.cohort.parts import check_leakage, read_split
from strokeclock.cohort.tables import read_cohort
from strokeclock.models.unet3d import UNet
from strokeclock.models.view import View
from strokeclock.segmentation.lesion import NONE, read_lesion, read_volumes
from strokeclock.series import BOTH, SIDES
from strokeclock.training.checkpoint import CheckpointError, check_learned_series, read_checkpoint
from strokeclock.training.phases import SEGMENTATION
from strokeclock.training.store import Hemispheres

FULL = 255  # the number that stands for a share of 1 in masks


def make_segmenter(series: Sequence[str], *, width: int, standardise: bool) -> UNet:
    """Return the U-Net that segments the lesion; its input is both hemispheres."""
    return UNet(width=width, standardised=standardise, channels=2 * len(series), outputs=1, sides=2)


class Segmenter(NamedTuple):
    """A trained segmentation network.

    Attributes
    ----------
    network : takes the view of both hemispheres (n, 2 x series, x, y, z).
    view : of a hemisphere.
    learned_from : the patients that it was trained on or validated on.
    """

    network: UNet
    view: View
    learned_from: frozenset[str]


def read_segmenter(path: str | Path, *, series: Sequence[str], split: str | Path) -> Segmenter:
    """Rebuild a checkpoint's segmentation network, in evaluation mode, to test on ``split``'s test part.

    Raises
    ------
    CheckpointError
        The file is no checkpoint of strokeclock, of another phase, or was trained on other series.
    SplitError
        It was trained on a patient of the test part.
    """
    record, weights, _ = read_checkpoint(path)
    if record.phase != SEGMENTATION:
        raise CheckpointError(f"{path} holds {record.phase}: name a checkpoint of {SEGMENTATION}.")
    check_learned_series(path, record, channels=series)
    check_leakage(record.participants, read_split(split))
    network = make_segmenter(series, **record.architecture)
    network.load_state_dict(weights)
    learned_from = frozenset(
        patient for part in ("train", "validation") for patient in record.participants[part]
    )
    return Segmenter(network.eval(), View.of(record.view), learned_from)


def read_masks(
    units: Hemispheres, *, cohort: str | Path, volumes: str | Path, view: View
) -> tuple[np.ndarray, np.ndarray]:
    """Read the lesions of a part's hemispheres, in the network's view.

    Returns
    -------
    masks : (n, 1, x, y, z) uint8, the lesion's share of each voxel in units of 1 / `FULL`.
    known : (n,) bool; False where the lesion's hemisphere has no mask, so that its voxels have no label.
    """
    sides = read_cohort(cohort).set_index("patient")["lesion_side"]
    sizes = read_volumes(volumes)
    size = view.size(units.values.shape[2:])
    masks, known = np.zeros((len(units), 1, *size), np.uint8), np.ones(len(units), bool)
    for patient, numbers in groupby(range(len(units)), key=units.patients.__getitem__):
        lesion = None
        if patient in sizes and sizes[patient].source != NONE:
            lesion = read_lesion(Path(volumes).parent / f"{patient}.nii.gz", patient=patient)
        for number in numbers:
            side = units.sides[number]
            if lesion is not None:
                share = view.share(torch.from_numpy(lesion[SIDES.index(side)])[None, None])
                masks[number] = (share * FULL).round().to(torch.uint8)
            known[number] = masks[number].any() or sides[patient] not in (side, BOTH)
    return masks, known

"""The outliner: a 3D U-Net that finds the lesion's voxels, and the masks that it learns from.

Where it finds the lesion, baselines/segmented.py reads its age.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from strokeclock.cohort.parts import check_leakage, read_split
from strokeclock.cohort.split import read_cohort
from strokeclock.models.field import Field
from strokeclock.models.unet3d import UNet
from strokeclock.segmentation.lesion import NONE, read_lesion, read_volumes
from strokeclock.series import BOTH, SIDES
from strokeclock.training.checkpoint import CheckpointError, check_learned_series, read_checkpoint
from strokeclock.training.phases import OUTLINE
from strokeclock.training.store import Hemispheres

FULL = 255  # a share of 1, as masks are kept


def make_outliner(series: Sequence[str], *, width: int, standardise: bool) -> UNet:
    """The U-Net that says of each voxel whether it is the lesion's; it takes both hemispheres."""
    return UNet(width=width, standardised=standardise, channels=2 * len(series), outputs=1, sides=2)


def read_outliner(path: str | Path, *, series: Sequence[str], split: str | Path) -> tuple[UNet, Field]:
    """Rebuild the outliner of a checkpoint, in evaluation mode, to be tested on the test part of ``split``.

    Returns
    -------
    network : takes what the field shows of both hemispheres (n, 2 x series, x, y, z).
    field : what is seen of a hemisphere.

    Raises
    ------
    CheckpointError
        The file is no checkpoint of strokeclock, of another phase, or has learned from other series.
    SplitError
        It was trained on a patient who is now to be tested.
    """
    record, weights, _ = read_checkpoint(path)
    if record.phase != OUTLINE:
        raise CheckpointError(f"{path} holds {record.phase}: name a checkpoint of {OUTLINE}.")
    check_learned_series(path, record, channels=series)
    check_leakage(record.participants, read_split(split))
    network = make_outliner(series, **record.architecture)
    network.load_state_dict(weights)
    return network.eval(), Field.of(record.field)


def read_masks(
    units: Hemispheres, *, cohort: str | Path, volumes: str | Path, field: Field
) -> tuple[np.ndarray, np.ndarray]:
    """Read the lesions of a part's hemispheres, as they are seen.

    Returns
    -------
    masks : (n, 1, x, y, z) uint8, the lesion's share of each voxel in units of 1 / `FULL`.
    known : (n,) bool; False where the lesion's hemisphere has no mask, so that nothing can be said of it.
    """
    sides = read_cohort(cohort).set_index("patient")["lesion_side"]
    sizes = read_volumes(volumes)
    size = field.size(units.values.shape[2:])
    masks, known = np.zeros((len(units), 1, *size), np.uint8), np.ones(len(units), bool)
    for patient, numbers in groupby(range(len(units)), key=units.patients.__getitem__):
        lesion = None
        if patient in sizes and sizes[patient].source != NONE:
            lesion = read_lesion(Path(volumes).parent / f"{patient}.nii.gz", patient=patient)
        for number in numbers:
            side = units.sides[number]
            if lesion is not None:
                share = field.share(torch.from_numpy(lesion[SIDES.index(side)])[None, None])
                masks[number] = (share * FULL).round().to(torch.uint8)
            known[number] = masks[number].any() or sides[patient] not in (side, BOTH)
    return masks, known

"""The lesion's age where the outliner finds the lesion: log ratios to the other hemisphere, and its size.

A network that is given hemispheres and ages alone must learn from a few hundred of them where to look as well
as what to see there. Here the two are apart: training/outline.py learns where, from every voxel; what is seen
there is four numbers, which a logistic regression weighs.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch

from strokeclock.evaluation.measured import score_measured
from strokeclock.evaluation.ratio import measure_ratios
from strokeclock.models.field import Field
from strokeclock.models.unet3d import UNet
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.loop import batches
from strokeclock.training.outline import read_outliner
from strokeclock.training.phases import Task
from strokeclock.training.store import Hemispheres

FAINTEST = 0.1  # share of a voxel that still counts
OF_GREATEST = 0.7  # where none reaches it, a share counts that is so much of the greatest
STRENGTH = 0.1  # of the regression (scikit-learn's C): 14 terms are weighed
_BATCH = 8  # hemispheres at once


def predict_outlined(
    model: str | Path,
    output: str | Path,
    *,
    hemispheres: str | Path,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    task: Task,
    threads: int,
    device: str,
) -> None:
    """Write scores of the validation and test parts, fitted on the training part.

    A logistic regression on each series' log ratio and the log of the lesion's size, with their squares and
    products: the smaller the lesion, the less its ratios say.

    Parameters
    ----------
    model : path
        The outliner's checkpoint (`train_outliner`).
    output : path
        predictions/outline/<phase>/ratios/seed-<n>.tsv.
    hemispheres : path
        Folder of <patient>.npy.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    channels : names
        The series of a hemisphere, in order (models.channels).
    task : Task
        A time task, whose units are the lesion's hemispheres.
    threads, device
        Of torch.

    Raises
    ------
    SplitError
        The training part has one class only, the hemispheres hold other series, or the outliner was trained
        on a patient who is now to be tested.
    CheckpointError
        The model is no outliner, or has learned from other series.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import PolynomialFeatures

    place = choose_device(device, threads=threads)
    network, field = read_outliner(model, series=channels, split=split)
    network = on_device(network, place)
    score_measured(
        lambda units, _: measure_outlined(network, units, field=field, device=place),
        [PolynomialFeatures(2, include_bias=False), LogisticRegression(C=STRENGTH, max_iter=1000)],
        hemispheres=hemispheres,
        output=output,
        cohort=cohort,
        split=split,
        channels=channels,
        task=task,
    )


def measure_outlined(network: UNet, units: Hemispheres, *, field: Field, device: torch.device) -> np.ndarray:
    """Return `measure_ratios` of each hemisphere where the network finds the lesion, (n, series + 1)."""
    spacing = field.spacing_mm(units.values.shape[2:])
    found = find_lesions(network, units, field=field, device=device)
    return np.array(
        [
            measure_ratios(own, other, settle(share, own=own, other=other), spacing=spacing)
            for own, other, share in found
        ]
    )


def find_lesions(
    network: UNet, units: Hemispheres, *, field: Field, device: torch.device
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield of each hemisphere what is seen of it and of the other one, (series, x, y, z), and the lesion.

    The lesion is its share of each voxel (x, y, z), 0 to 1.
    """
    for batch in batches(np.arange(len(units)), _BATCH):
        seen = field.see(torch.from_numpy(units.values[batch]).to(device).float())
        with torch.inference_mode():
            found = network(seen)
        for both, share in zip(seen.cpu().numpy(), found[:, 0].cpu().numpy(), strict=True):
            yield *np.split(both, 2), share


def settle(share: np.ndarray, *, own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return which share of a voxel counts, where there is brain on both sides.

    Parameters
    ----------
    share : (x, y, z), as the outliner says.
    own, other : (series, x, y, z), background 0.

    Returns
    -------
    (x, y, z)
        0 below `FAINTEST`. A hemisphere that is timed holds a lesion: where none is found, the likeliest
        voxels are taken for it.
    """
    share = np.where((own != 0).all(0) & (other != 0).all(0), share, 0)
    return np.where(share >= min(FAINTEST, OF_GREATEST * share.max()), share, 0)

"""The lesion's age where the outliner finds the lesion: a logistic regression on its ratios and its size.

A network that is given hemispheres and ages alone must learn from a few hundred of them where to look as well
as what to see there. Here the two are apart: segmentation/network.py learns where, from every voxel; what is
seen there is four numbers, which a logistic regression weighs.
"""

from collections.abc import Sequence
from pathlib import Path

from strokeclock.baselines.regression import score_measured
from strokeclock.segmentation.network import read_outliner
from strokeclock.segmentation.ratios import measure_outlined
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.phases import Task

STRENGTH = 0.1  # of the regression (scikit-learn's C): 14 terms are weighed


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

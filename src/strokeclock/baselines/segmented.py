"""The lesion's age where the outliner finds the lesion: a logistic regression on its ratios and its size.

A network that is given hemispheres and ages alone must learn from a few hundred of them where to look as well
as what to see there. Here the two are apart: segmentation/network.py learns where, from every voxel; what is
seen there is four numbers, which a logistic regression weighs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from strokeclock.baselines.measured import Measure, fit_measured, predict_measured
from strokeclock.predictions import OUTLINED, Arm
from strokeclock.provenance import digest_file
from strokeclock.segmentation.network import read_outliner
from strokeclock.segmentation.ratios import measure_outlined, name_measures
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.material import CohortFiles

RATIOS = "ratios"  # the row of Table 2 without a network beside it
STRENGTH = 0.1  # of the regression (scikit-learn's C): 14 terms are weighed


def fit_segmented(
    model: str | Path,
    fitted: str | Path,
    *,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    phase: str,
    below_min: float,
    threads: int,
    device: str,
) -> None:
    """Fit the regression on the training part and write it, with the digest of the segmenting network.

    A logistic regression on each series' log ratio and the log of the lesion's size, with their squares and
    products: the smaller the lesion, the less its ratios say.

    Parameters
    ----------
    model : path
        The checkpoint of the network that segments the lesion (`train_outliner`).
    fitted : path
        fitted/outline/<phase>/ratios/seed-<n>.json.
    manifest : path
        hemispheres/manifest.tsv, the hemispheres beside it.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    channels : names
        The series of a hemisphere, in order (models.channels).
    phase, below_min : str, float
        A time task: the label of a lesion's hemisphere is 1 where TSS is below so many minutes.
    threads, device
        Of torch.

    Raises
    ------
    SplitError
        The training part has one class only, the hemispheres hold other series, or the network was trained
        on a patient who is now to be tested.
    CheckpointError
        The model segments no lesion, or has learned from other series.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import PolynomialFeatures

    fit_measured(
        _measure(model, channels=channels, split=split, threads=threads, device=device),
        [PolynomialFeatures(2, include_bias=False), LogisticRegression(C=STRENGTH, max_iter=1000)],
        fitted=fitted,
        files=CohortFiles(manifest, cohort, split),
        channels=channels,
        below_min=below_min,
        **_identify(model, channels=channels, phase=phase),
    )


def predict_outlined(
    fitted: str | Path,
    predictions: str | Path,
    *,
    model: str | Path,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    phase: str,
    below_min: float,
    threads: int,
    device: str,
) -> None:
    """Write scores of the validation and test parts by a fitted regression.

    Parameters
    ----------
    fitted : path
        What `fit_segmented` wrote, with the same network, channels and task.
    predictions : path
        predictions/outline/<phase>/ratios/seed-<n>.tsv.
    model, manifest, cohort, split, channels, phase, below_min, threads, device
        As of `fit_segmented`.

    Raises
    ------
    FittedError
        The file was fitted for something else, with another network, or on other patients than today's
        training part.
    SplitError
        The hemispheres hold other series, or the network was trained on a patient who is now to be tested.
    CheckpointError
        The model segments no lesion, or has learned from other series.
    """
    predict_measured(
        _measure(model, channels=channels, split=split, threads=threads, device=device),
        fitted,
        predictions,
        files=CohortFiles(manifest, cohort, split),
        channels=channels,
        below_min=below_min,
        **_identify(model, channels=channels, phase=phase),
    )


def _measure(
    model: str | Path, *, channels: Sequence[str], split: str | Path, threads: int, device: str
) -> Measure:
    place = choose_device(device, threads=threads)
    network, field = read_outliner(model, series=channels, split=split)
    network = on_device(network, place)
    return lambda units, _: measure_outlined(network, units, field=field, device=place)


def _identify(model: str | Path, *, channels: Sequence[str], phase: str) -> dict[str, Any]:
    """What a fitted file is for; the measures are those of one network."""
    return {
        "row": Arm(OUTLINED, phase, RATIOS),
        "inputs": name_measures(channels),
        "segmentation_sha256": digest_file(model),
    }

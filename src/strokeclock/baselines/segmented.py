"""Time since onset from the segmented lesion: a logistic regression on its ratios and its size.

A network that is trained on hemispheres and labels has a few hundred examples for both the lesion's place and
its age. Here the two are separate: segmentation/network.py is trained on every voxel to segment the lesion,
and a logistic regression is fitted on four numbers of the segmented lesion.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from strokeclock.baselines.measured import Measure, fit_measured, predict_measured
from strokeclock.predictions import SEGMENTED, Scorer
from strokeclock.provenance import digest_file
from strokeclock.segmentation.network import read_segmenter
from strokeclock.segmentation.ratios import measure_segmented, name_measures
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.material import CohortFiles

RATIOS = "ratios"  # the row of Table 2 without a network of the chain
STRENGTH = 0.1  # of the regression (scikit-learn's C), for 14 terms


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
    """Fit the regression on the training part and write it, with the digest of the segmentation network.

    A logistic regression on each series' log ratio and the log of the lesion's size, with their squares and
    products, for ratios of a small lesion are less informative.

    Parameters
    ----------
    model : path
        The checkpoint of the segmentation network (`train_segmenter`).
    fitted : path
        fitted/segmentation/<phase>/ratios/seed-<n>.json.
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
        on a patient of the test part.
    CheckpointError
        The model is no segmentation network, or was trained on other series.
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


def predict_segmented(
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
        predictions/segmentation/<phase>/ratios/seed-<n>.tsv.
    model, manifest, cohort, split, channels, phase, below_min, threads, device
        As of `fit_segmented`.

    Raises
    ------
    FittedError
        The file was fitted for something else, with another network, or on other patients than the
        present training part.
    SplitError
        The hemispheres hold other series, or the network was trained on a patient of the test part.
    CheckpointError
        The model is no segmentation network, or was trained on other series.
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
    network, view = read_segmenter(model, series=channels, split=split)
    network = on_device(network, place)
    return lambda units, _: measure_segmented(network, units, view=view, device=place)


def _identify(model: str | Path, *, channels: Sequence[str], phase: str) -> dict[str, Any]:
    """Return the facts that identify a fitted file; its measures are those of one network."""
    return {
        "row": Scorer(SEGMENTED, phase, RATIOS),
        "inputs": name_measures(channels),
        "segmentation_sha256": digest_file(model),
    }

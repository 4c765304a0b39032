"""Time since onset from the segmented lesion: a regression on its ratios and its size.

A network that is trained on hemispheres and labels has a few hundred examples for both the lesion's place and
its age. Here the two are separate: segmentation/network.py is trained on every voxel to segment the lesion,
and a regression of log time is fitted on four numbers of the segmented lesion.

A network segments the patients that it learned from better than others. The regression is applied to others,
so it is fitted on cross-fitted segmentations: each training patient's lesion is segmented by a network that
left out the patient's fold (`folds.divide_folds`).
"""

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from strokeclock.baselines.log_time import fit_log_time
from strokeclock.baselines.measured import (
    Measure,
    fit_measured,
    measure_once,
    predict_measured,
    predict_measured_found,
)
from strokeclock.baselines.regression import Regression
from strokeclock.cohort.parts import SplitError
from strokeclock.predictions import SEGMENTED, Scorer, Tasks, parse_path, time_limit
from strokeclock.provenance import digest_file
from strokeclock.segmentation.network import read_segmenter
from strokeclock.segmentation.ratios import measure_segmented, name_measures
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.material import CohortFiles
from strokeclock.training.store import Hemispheres

RATIOS = "ratios"  # the row of Table 2 without a network of the chain


def fit_segmented(
    fold_models: Sequence[str | Path],
    fitted: Sequence[str | Path],
    *,
    model: str | Path,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    tasks: Tasks,
    threads: int,
    device: str,
) -> None:
    """Fit a regression for each task on the training part; write it with the segmentation networks' digests.

    A regression of log time (`fit_log_time`) on each series' log ratio and the log of the lesion's size, with
    their squares and products, for ratios of a small lesion are less informative.

    Parameters
    ----------
    fold_models : paths
        The checkpoints of the segmentation networks that segment the training part (`train_segmenter`), each
        trained without one fold of it.
    fitted : paths
        Files to write, fitted/segmentation/<phase>/ratios/seed-<n>.json.
    model : path
        The checkpoint of the segmentation network that the regressions are applied with.
    manifest : path
        hemispheres/manifest.tsv, the hemispheres beside it.
    cohort, split : paths
        cohort/cohort.tsv and split.tsv.
    channels : names
        The series of a hemisphere, in order (models.channels).
    tasks : mapping of phase -> minutes
        The label of a lesion's hemisphere is 1 where TSS is below.
    threads, device
        Of torch.

    Raises
    ------
    SplitError
        A training patient was left out by none of the networks of the folds, or by several; the training
        part has one class only, the hemispheres hold other series, or a network was trained on a patient of
        the test part.
    CheckpointError
        A model is no segmentation network, or was trained on other series.
    """
    measure = measure_once(
        _measure_folds(fold_models, channels=channels, split=split, threads=threads, device=device)
    )
    for path in map(Path, fitted):
        phase = path.parts[-3]
        below_min = time_limit(Scorer(SEGMENTED, phase, RATIOS), tasks)
        fit_measured(
            measure,
            partial(_fit, below_min=below_min),
            fitted=path,
            files=CohortFiles(manifest, cohort, split),
            channels=channels,
            below_min=below_min,
            **_identify(model, channels=channels, phase=phase),
            fold_segmentations_sha256=[digest_file(fold) for fold in fold_models],
        )


def predict_segmented(
    fitted: Sequence[str | Path],
    predictions: Sequence[str | Path],
    *,
    model: str | Path,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    tasks: Tasks,
    threads: int,
    device: str,
) -> None:
    """Write scores of the validation and test parts by the fitted regression of each task.

    Parameters
    ----------
    fitted : paths
        What `fit_segmented` wrote, with the same network, channels and tasks.
    predictions : paths
        Files to write, predictions/segmentation/<phase>/ratios/seed-<n>.tsv, in the order of ``fitted``.
    model : path
        The segmentation network, trained on the whole training part.
    manifest, cohort, split, channels, tasks, threads, device
        As of `fit_segmented`.

    Raises
    ------
    FittedError
        A file was fitted for something else, with another network, or on other patients than the present
        training part.
    SplitError
        The hemispheres hold other series, or the network was trained on a patient of the test part.
    CheckpointError
        The model is no segmentation network, or was trained on other series.
    """
    measure = measure_once(_measure(model, channels=channels, split=split, threads=threads, device=device))
    for file, path in zip(fitted, predictions, strict=True):
        row, _ = parse_path(path)
        predict_measured(
            measure,
            file,
            path,
            files=CohortFiles(manifest, cohort, split),
            channels=channels,
            below_min=time_limit(row, tasks),
            **_identify(model, channels=channels, phase=row.phase),
        )


def predict_segmented_found(
    fitted: Sequence[str | Path],
    scores: Sequence[str | Path],
    *,
    models: Sequence[str | Path],
    predictions: Sequence[str | Path],
    sides: str | Path,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    channels: Sequence[str],
    tasks: Tasks,
    threads: int,
    device: str,
) -> None:
    """Write the scores of the hemisphere that was found, of several tasks and seeds.

    Parameters
    ----------
    fitted : paths
        What `fit_segmented` wrote, for the same channels.
    scores, models, predictions : paths
        Files to write (`found_sides.write_found_scores`), segmentation networks, and what `predict_segmented`
        wrote, in the order of ``fitted``.
    sides : path
        end_to_end/sides.tsv.
    manifest, cohort, split, channels, threads, device
        As of `fit_segmented`.
    tasks : mapping of phase -> minutes
        The label is 1 where TSS is below.

    Raises
    ------
    FittedError, SplitError, CheckpointError, PredictionError
        As `predict_segmented`; a file is damaged.
    """
    for file, model, given, path in zip(fitted, models, predictions, scores, strict=True):
        row, _ = parse_path(given)
        predict_measured_found(
            _measure(model, channels=channels, split=split, threads=threads, device=device),
            file,
            path,
            predictions=given,
            sides=sides,
            files=CohortFiles(manifest, cohort, split),
            channels=channels,
            below_min=time_limit(row, tasks),
            **_identify(model, channels=channels, phase=row.phase),
        )


def _fit(measured: np.ndarray, units: Hemispheres, inputs: Sequence[str], *, below_min: float) -> Regression:
    return fit_log_time(measured, units.minutes, units.labels, below_min=below_min, inputs=inputs)


def _measure(
    model: str | Path, *, channels: Sequence[str], split: str | Path, threads: int, device: str
) -> Measure:
    place = choose_device(device, threads=threads)
    network, view, _ = read_segmenter(model, series=channels, split=split)
    network = on_device(network, place)
    return lambda units, _: measure_segmented(network, units, view=view, device=place)


def _measure_folds(
    models: Sequence[str | Path],
    *,
    channels: Sequence[str],
    split: str | Path,
    threads: int,
    device: str,
) -> Measure:
    place = choose_device(device, threads=threads)
    segmenters = [read_segmenter(model, series=channels, split=split) for model in models]
    folder = Path(models[0]).parents[1]

    def measure(units: Hemispheres, _: str) -> np.ndarray:
        chosen = choose_unseen(units.patients, [one.learned_from for one in segmenters], folder=folder)
        measured = np.full((len(units), len(name_measures(channels))), np.nan)
        for number in np.unique(chosen):
            own = np.flatnonzero(chosen == number).tolist()
            network, view, _ = segmenters[number]
            measured[own] = measure_segmented(
                on_device(network, place), units.select(own), view=view, device=place
            )
        return measured

    return measure


def choose_unseen(
    patients: Sequence[str], learned_from: Sequence[Collection[str]], *, folder: str | Path
) -> np.ndarray:
    """Return for each patient the number (n,) of the network that left it out.

    Parameters
    ----------
    patients : (n,), of units.
    learned_from : of each network, the patients that it was trained or validated on.
    folder : of the networks, for errors.

    Raises
    ------
    SplitError
        A patient was learned from by all networks, or left out by several: they are not one division.
    """
    unseen = np.array([[patient not in seen for seen in learned_from] for patient in patients])
    for patient, count in zip(patients, unseen.sum(1), strict=True):
        if count != 1:
            by = f"{count} of the" if count else "none of the"
            raise SplitError(
                f"patient {patient} of the train part was left out by {by} {len(learned_from)} segmentation "
                f"networks of the folds in {folder}, and must be by one: delete the folders fold-* there and "
                "train again."
            )
    return unseen.argmax(1)


def _identify(model: str | Path, *, channels: Sequence[str], phase: str) -> dict[str, Any]:
    """Return the facts that identify a fitted file; its measures are those of one network."""
    return {
        "row": Scorer(SEGMENTED, phase, RATIOS),
        "inputs": name_measures(channels),
        "segmentation_sha256": digest_file(model),
    }

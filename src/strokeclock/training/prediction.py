"""Trained networks' scores: of the validation and test parts, and of the hemispheres that a run finds."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from strokeclock.cohort.cells import write_cells
from strokeclock.cohort.parts import check_leakage
from strokeclock.cohort.tables import read_undivided
from strokeclock.found_sides import Hemisphere, read_found_sides, write_found_scores
from strokeclock.models.channels import has_contralateral
from strokeclock.models.classifier import Classifier
from strokeclock.predictions import write_predictions
from strokeclock.series import SIDES
from strokeclock.training.checkpoint import read_network_to_test
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.feed import Feed, logits_of
from strokeclock.training.phases import Task
from strokeclock.training.store import Hemispheres, check_channels, read_hemispheres, read_sides


def predict(
    models: Sequence[str | Path],
    *,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    predictions: Sequence[str | Path],
    channels: Sequence[str],
    threads: int,
    device: str,
) -> None:
    """Write scores of the validation and test parts (`predictions.write_predictions`), a file a network.

    Phase 1 scores both hemispheres of a patient, phases 2 to 4 only the lesion's.

    Parameters
    ----------
    models : checkpoints of phases 1 to 4.
    manifest : hemispheres/manifest.tsv, the hemispheres beside it.
    predictions : files to write, in the order of ``models``.
    channels : of a network's input, in order (`channel_names`).
    threads, device : of torch (configuration keys training.threads and training.device).

    Raises
    ------
    SplitError
        A network was trained or selected on a patient of the test part.
    CheckpointError
        A model is no such checkpoint, or was trained on other series.
    """
    place = choose_device(device, threads=threads)
    read: dict[Task | None, dict[str, Hemispheres]] = {}  # once for all networks
    for model, path in zip(models, predictions, strict=True):
        network, record = read_network_to_test(model, channels=channels, split=split)
        if record.task not in read:
            read[record.task] = {
                part: read_hemispheres(
                    manifest,
                    cohort=cohort,
                    split=split,
                    task=record.task,
                    part=part,
                    contralateral=has_contralateral(channels),
                )
                for part in ("validation", "test")
            }
        for units in read[record.task].values():
            check_channels(units, channels=channels)
        write_predictions(path, _score(on_device(network, place), read[record.task], place))


def predict_found(
    models: Sequence[str | Path],
    scores: Sequence[str | Path],
    *,
    predictions: Sequence[str | Path],
    sides: str | Path,
    manifest: str | Path,
    split: str | Path,
    channels: Sequence[str],
    threads: int,
    device: str,
) -> None:
    """Write networks' scores of the hemisphere that was found (`found_sides.write_found_scores`).

    Parameters
    ----------
    models : checkpoints of time tasks.
    scores, predictions : files to write, and what `predict` wrote, in the order of ``models``.
    sides : end_to_end/sides.tsv.
    manifest, split, channels, threads, device
        As of `predict`.

    Raises
    ------
    SplitError, CheckpointError, PredictionError
        As `predict`; a file is damaged.
    """
    place = choose_device(device, threads=threads)
    found = read_found_sides(sides)
    read: dict[tuple[Hemisphere, ...], Hemispheres] = {}  # tasks differ in who has their label
    for model, given, path in zip(models, predictions, scores, strict=True):

        def score(hemispheres: Sequence[Hemisphere], model: str | Path = model) -> np.ndarray:
            network, _ = read_network_to_test(model, channels=channels, split=split)
            chosen = tuple(hemispheres)
            if chosen not in read:
                read[chosen] = read_sides(manifest, chosen, contralateral=has_contralateral(channels))
            check_channels(read[chosen], channels=channels)
            return _probabilities(on_device(network, place), read[chosen], place)

        write_found_scores(path, predictions=given, sides=found, score=score)


def detect_undivided(
    models: Sequence[str | Path],
    detected: str | Path,
    *,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    exclusions: str | Path,
    channels: Sequence[str],
    threads: int,
    device: str,
) -> None:
    """Write the probability of a lesion in both hemispheres of the patients in no part.

    Parameters
    ----------
    models : checkpoints of lesion detection, models/<net>/<phase>/<start>/seed-<n>/model.pt.
    detected : path
        end_to_end/detected.tsv: patient, left, right; the mean over networks of the mean over seeds, as
        `evaluation.side` takes it. Without a line where nobody is in no part (`read_undivided`).
    manifest, cohort, split, channels, threads, device
        As of `predict`.
    exclusions : path
        cohort/exclusions.tsv.

    Raises
    ------
    SplitError, CheckpointError
        As `predict`; a network was trained or selected on one of these patients.
    """
    patients = [*map(str, read_undivided(cohort, split, exclusions=exclusions).index)]
    rows: list[tuple[str, ...]] = []
    if patients and models:
        place = choose_device(device, threads=threads)
        both = [(patient, side) for patient in patients for side in SIDES]
        units = read_sides(manifest, both, contralateral=has_contralateral(channels))
        check_channels(units, channels=channels)
        by_network: dict[Path, list[np.ndarray]] = {}
        for model in models:
            network, record = read_network_to_test(model, channels=channels, split=split)
            check_leakage(record.participants, {"test": patients})
            own = _probabilities(on_device(network, place), units, place)
            by_network.setdefault(Path(model).parents[1], []).append(own)
        mean = np.mean([np.mean(own, axis=0) for own in by_network.values()], axis=0)
        pairs = mean.reshape(-1, len(SIDES)).tolist()
        rows = [
            (patient, *(f"{score:.9g}" for score in pair))
            for patient, pair in zip(patients, pairs, strict=True)
        ]
    write_cells(detected, ("patient", *SIDES), rows)


def _score(
    network: Classifier, parts: Mapping[str, Hemispheres], place: torch.device
) -> list[tuple[str, str, str, float, float]]:
    rows: list[tuple[str, str, str, float, float]] = []
    for part, units in parts.items():
        scores = _probabilities(network, units, place)
        rows += zip(units.patients, units.sides, [part] * len(units), units.labels, scores, strict=True)
    return rows


def _probabilities(network: Classifier, units: Hemispheres, place: torch.device) -> np.ndarray:
    feed = Feed(network, units, device=place, precision="fp32")
    return 1 / (1 + np.exp(-logits_of(feed).astype(float)))

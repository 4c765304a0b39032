"""Trained networks' scores for the validation and test parts."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from strokeclock.models.channels import has_contralateral
from strokeclock.models.classifier import Classifier
from strokeclock.predictions import write_predictions
from strokeclock.training.checkpoint import read_network_to_test
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.feed import Feed, logits_of
from strokeclock.training.phases import Task
from strokeclock.training.store import Hemispheres, check_channels, read_hemispheres


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
    models : checkpoints of phases 1 to 4, the seeds of a row.
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
    read: dict[Task | None, dict[str, Hemispheres]] = {}  # once for all seeds
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


def _score(
    network: Classifier, parts: Mapping[str, Hemispheres], place: torch.device
) -> list[tuple[str, str, str, float, float]]:
    rows: list[tuple[str, str, str, float, float]] = []
    for part, units in parts.items():
        feed = Feed(network, units, device=place, precision="fp32")
        scores = 1 / (1 + np.exp(-logits_of(feed).astype(float)))
        rows += zip(units.patients, units.sides, [part] * len(units), units.labels, scores, strict=True)
    return rows

"""A trained network's scores for the validation and test parts."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from strokeclock.models.channels import has_contralateral
from strokeclock.predictions import write_predictions
from strokeclock.training.checkpoint import read_network_to_test
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.feed import Feed, logits_of
from strokeclock.training.store import check_channels, read_hemispheres


def predict_seeds(
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
    """Write the scores of each seed's network of a row; parameters as of `predict`.

    Parameters
    ----------
    models, predictions : of the seeds, in the same order.
    """
    for model, path in zip(models, predictions, strict=True):
        predict(
            model,
            manifest=manifest,
            cohort=cohort,
            split=split,
            predictions=path,
            channels=channels,
            threads=threads,
            device=device,
        )


def predict(
    model: str | Path,
    *,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    predictions: str | Path,
    channels: Sequence[str],
    threads: int,
    device: str,
) -> None:
    """Write scores of the validation and test parts (`predictions.write_predictions`).

    Phase 1 scores both hemispheres of a patient, phases 2 to 4 only the lesion's.

    Parameters
    ----------
    model : checkpoint of phases 1 to 4.
    manifest : hemispheres/manifest.tsv, the hemispheres beside it.
    channels : of a network's input, in order (`channel_names`).
    threads, device : of torch (configuration keys training.threads and training.device).

    Raises
    ------
    SplitError
        The network was trained or selected on a patient of the test part.
    CheckpointError
        The model is no such checkpoint, or was trained on other series.
    """
    place = choose_device(device, threads=threads)
    network, record = read_network_to_test(model, channels=channels, split=split)
    network = on_device(network, place)
    rows: list[tuple[str, str, str, float, float]] = []
    for part in ("validation", "test"):
        units = read_hemispheres(
            manifest,
            cohort=cohort,
            split=split,
            task=record.task,
            part=part,
            contralateral=has_contralateral(channels),
        )
        check_channels(units, channels=channels)
        feed = Feed(network, units, device=place, precision="fp32")
        scores = 1 / (1 + np.exp(-logits_of(feed).astype(float)))
        rows += zip(units.patients, units.sides, [part] * len(units), units.labels, scores, strict=True)
    write_predictions(predictions, rows)

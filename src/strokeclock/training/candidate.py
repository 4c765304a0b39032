"""One candidate of a search of hyper-parameters: a training of a phase with one point of the grid."""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from strokeclock.files import write_whole
from strokeclock.training.classifier import train_phase
from strokeclock.training.grid import name_point
from strokeclock.training.loop import DivergedError
from strokeclock.training.record import read_record
from strokeclock.training.search import describe_failure, describe_result

log = logging.getLogger(__name__)


def train_candidate(
    phase: str,
    result: str | Path,
    *,
    point: Mapping[str, Any],
    net: str,
    start: str,
    seed: int,
    models: Mapping,
    training: Mapping,
    manifest: str | Path,
    cohort: str | Path,
    split: str | Path,
    parent_model: str | Path | None = None,
    box: str | Path | None = None,
    tasks: Mapping[str, Mapping] | None = None,
) -> None:
    """Train a phase with a point of the grid, and write what it reached on the validation part.

    The training is that of `classifier.train_phase`: it resumes after a kill, and sees training and
    validation patients alone. Where its loss is not finite, the candidate has no AUC and a note.

    Parameters
    ----------
    result : path
        result.json (`search.describe_result`). The training writes its files beside it.
    point : mapping of setting -> value
        They replace those of ``training``.
    others
        As of `classifier.train_phase`.
    """
    folder = Path(result).parent
    log.info("candidate: %s", name_point(point))
    try:
        train_phase(
            phase,
            net=net,
            start=start,
            seed=seed,
            models=models,
            training={**training, **point},
            manifest=manifest,
            cohort=cohort,
            split=split,
            parent_model=parent_model,
            box=box,
            output=folder,
            tasks=tasks,
        )
    except DivergedError as error:
        content = describe_failure(str(error), point=point)
    else:
        content = describe_result(read_record(folder / "run.json"), point=point)
    write_whole(result, json.dumps(content, indent=1, allow_nan=False) + "\n")

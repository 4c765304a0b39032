"""Words for the short names in a run's files: phases, starts, rows, columns."""

import re
from collections.abc import Mapping

from strokeclock.evaluation.tables import name_target
from strokeclock.figures.rows import title_of
from strokeclock.training.phases import Task

_NUMBERED = re.compile(r"(phase|reader)(\d+)(_\w+)?")
_STARTS = {
    "random": "random weights",
    "imagenet": "ImageNet",
    "medical": "medical images",
    "genesis": "Models Genesis",
}
_PHASE_0 = {"genesis": "Models Genesis", "medical": "brain tumours", "segmentation": "lesion segmentation"}
_ABBREVIATED = {
    **{word: word.upper() for word in ("auc", "ece", "ppv", "npv", "tp", "fn", "tn", "fp", "sd", "smd")},
    "lr": "LR",
    **{word: word.upper() for word in ("nihss", "mri", "tr", "te", "ti", "gb", "gpu")},
    "ml": "mL",
    "brier": "Brier",
    "holm": "(Holm)",
}


def name_phase(phase: str, tasks: Mapping[str, Task]) -> str:
    """A phase with its target: "phase 2: TSS < 3 h"."""
    number, _, what = phase.removeprefix("phase").partition("_")
    if phase not in tasks:
        return f"phase {number}: {_PHASE_0.get(what, what)}"
    task = tasks[phase]
    return f"phase {number}{' with attention' if task.attention else ''}: {name_target(task.below_min)}"


def name_stage(stage: str) -> str:
    """A phase or a reader by its number alone: "phase 2"; any other text as it is."""
    return _NUMBERED.sub(r"\1 \2", stage)


def name_start(start: str) -> str:
    """What a training started from: "random weights", "phase 1"."""
    return _STARTS.get(start) or name_stage(start)


def name_row(model: str, start: str) -> str:
    """A row of Table 2 as the figures call it: "2D random start", "reader 1"."""
    return title_of(model, start) if start else name_stage(model)


def name_side(row: str) -> str:
    """A side of a comparison, as `name_row` calls it.

    >>> [name_side(row) for row in ("2d/phase2_tss3h/random", "readers/reader1")]
    ['2D random start', 'reader 1']
    """
    parts = row.split("/")
    return name_row(parts[0], parts[-1]) if len(parts) == 3 else name_stage(parts[-1])


def name_column(name: str) -> str:
    """A column's title; a letter stays.

    >>> [name_column(name) for name in ("auc_before", "mean_score", "n")]
    ['AUC before', 'Mean score', 'n']
    """
    title = " ".join(_ABBREVIATED.get(word, word) for word in name.split("_"))
    return title if len(title) == 1 or title[1] == " " else title[0].upper() + title[1:]

"""Figure 5: the phases of training: their order, tasks, patients, starts and settings."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from strokeclock.cohort.labels import has_label, label_time
from strokeclock.cohort.parts import PARTS
from strokeclock.cohort.tables import read_cohort, read_split_table
from strokeclock.evaluation.tables import name_target
from strokeclock.figures.sheet import Arrow, Row, draw_chain
from strokeclock.models.registry import find_network
from strokeclock.series import list_sides
from strokeclock.training.phases import (
    GENESIS,
    ORIGINS,
    Task,
    frozen_modules,
    has_attention,
    parent,
    read_tasks,
    rows_of,
    settings_of,
)

Start = tuple[str, str, str]  # network, phase, start
NOTHING = "–"
TITLES = ("task", *PARTS, "starts from", "how", "frozen", "classifier", "gates")
_TASKS = {
    GENESIS: "to restore hemispheres",
    ORIGINS["imagenet"][0]: "ImageNet’s classes",
    ORIGINS["medical"][0]: "brain tumours",
}
_OPTIMISERS = {"adabound": "AdaBound", "adamw": "AdamW", "adam": "Adam", "sgd": "SGD"}


def draw_phases(
    *,
    training: Mapping[str, object],
    recipe: str,
    starts: Collection[Start],
    cohort: str | Path,
    split: str | Path,
) -> Figure:
    """Draw a row for each phase, arrows from a phase to those that start from its weights.

    Parameters
    ----------
    training, starts : as of `tabulate_phases`.
    recipe : str
        The recipe's name.
    cohort, split : paths
        cohort.tsv and split.tsv.
    """
    patients = read_split_table(split).merge(read_cohort(cohort), on="patient", how="left")
    counts = patients["part"].value_counts()
    heads = [f"{title}\n{counts.get(title, 0)} patients" if title in PARTS else title for title in TITLES]
    return draw_chain(
        heads, *tabulate_phases(training, starts, patients), note=describe_recipe(recipe, training)
    )


def tabulate_phases(
    training: Mapping[str, Any], starts: Collection[Start], patients: pd.DataFrame
) -> tuple[list[Row], list[Arrow]]:
    """List the phases that are run, phase 0 first, and what starts from what, outside the chain dashed.

    Parameters
    ----------
    training : mapping
        The configuration's ``training``.
    starts : collection
        Of all trainings.
    patients : data frame
        part, lesion_side, onset_to_mri_min of each patient of the split.
    """
    tasks = read_tasks(training)
    chain = {(net, *row) for net, *_ in starts for row in rows_of("chain", net, tasks=tasks)}
    arrows = {
        Arrow(before[0], start[1], start not in chain)
        for start in starts
        if start[1] in tasks and (before := parent(*start, tasks))
    }
    origins = {phase for phase, _ in ORIGINS.values()} & {arrow.before for arrow in arrows}
    rows = [_describe_origin(phase, training.get(phase), patients) for phase in sorted(origins, reverse=True)]
    for task in tasks.values():
        own = {start for start in starts if start[1] == task.phase}
        if own:
            cells = (
                name_target(task.below_min),
                *(_count_hemispheres(patients[patients["part"] == part], task) for part in PARTS),
                _list_starts(own, chain),
                *_describe_training(task, own, tasks, training),
            )
            rows.append(Row(task.phase, cells))
    return rows, sorted(arrows)


def _describe_origin(phase: str, settings: Mapping | None, patients: pd.DataFrame) -> Row:
    trained = str(2 * (patients["part"] == "train").sum()) if phase == GENESIS else NOTHING
    how = NOTHING
    if settings:
        rate = f"{_OPTIMISERS[settings.get('optimizer', 'adam')]} {settings['lr']:g}"
        how = f"{_describe_epochs(settings, by='validation loss')}\n{rate}"
    return Row(phase, (_TASKS[phase], trained, *[NOTHING] * 3, how, *[NOTHING] * 3), dashed=True)


def _list_starts(starts: Collection[Start], chain: Collection[Start]) -> str:
    """The starts of a phase, the chain's first; with their networks where not all have them."""
    nets: dict[str, list[str]] = {}
    chained = {start for _, _, start in set(chain).intersection(starts)}
    for net, _, start in sorted(starts, key=lambda start: (start[2] not in chained, start[2], start[0])):
        nets.setdefault(start, []).append(net)
    every = sorted({net for net, *_ in starts})
    return "\n".join(
        start if own == every else f"{start} ({', '.join(find_network(net).title for net in own)})"
        for start, own in nets.items()
    )


def _describe_training(
    task: Task, starts: Collection[Start], tasks: Mapping[str, Task], training: Mapping
) -> tuple[str, str, str, str]:
    """How, frozen, classifier, gates."""
    settings = settings_of(task.phase, training)
    selection = settings["selection"].replace("auc", "AUC")
    how = _describe_epochs(settings, by=None if selection == "last" else f"validation {selection}")
    final = f", final {settings['final_lr']:g}" if training["optimizer"] == "adabound" else ""
    how += f"\n{_OPTIMISERS[training['optimizer']]} {settings['lr']:g}{final}"
    enter, gates_frozen, frozen = training["attention_enter"], False, []
    # random weights are never frozen: where a network has other starts, theirs stand
    start = {net: start for net, _, start in sorted(starts, key=lambda start: start[2] != "random")}
    for net in sorted(start):
        keys = ("freeze_2d", "attention_enter", "phase4_trainable")
        switches = {key: training[key] for key in keys} | {"freeze": settings["freeze"], "tasks": tasks}
        modules = frozen_modules(net, task.phase, start[net], **switches)
        gates_frozen |= "attention" in modules
        names = [module.rpartition(".")[2] for module in modules if module != "attention"]
        frozen += [f"{find_network(net).title}: {', '.join(names)}"] * bool(names)
    classifier = "inherited" if task.after and settings["head"] == "inherit" else "new"
    gates = NOTHING
    if has_attention(task.phase, attention_enter=enter, tasks=tasks):
        gates = "frozen" if gates_frozen else "added" if task.attention and enter == "phase4" else "trained"
    return how, "\n".join(frozen) or NOTHING, classifier, gates


def _count_hemispheres(patients: pd.DataFrame, task: Task) -> str:
    """How many hemispheres there are, and how many of them have label 1."""
    patients = patients[has_label(patients, below_min=task.below_min)]
    sides = patients["lesion_side"].map(lambda side: len(list_sides(side)))
    if task.both_hemispheres:
        return f"{2 * len(patients)}\n{sides.sum()} positive"
    short = label_time(patients, below_min=task.limit_min) == 1
    return f"{sides.sum()}\n{sides[short].sum()} positive"


def _describe_epochs(settings: Mapping, *, by: str | None) -> str:
    """by: the measure that selects the epoch and stops the training; None: the last epoch is kept."""
    epochs = f"{settings['epochs']} epochs, batch {settings['batch']}"
    if by is None:
        return f"{epochs}\nthe last epoch is kept"
    least = f" after {settings['min_epochs']}" if settings.get("min_epochs") else ""
    return f"≤ {epochs}\n{by}, patience {settings['patience']}{least}"


def describe_recipe(recipe: str, training: Mapping) -> str:
    """The settings that all phases share, in one sentence."""
    softness = training["label_softness"]
    augmented = ", ".join(f"{name} {value:g}" for name, value in training["augmentation"].items() if value)
    parts = (
        f"Recipe “{recipe}”: learning rate {training['schedule'].replace('_', ' ')}",
        f"weight decay {training['weight_decay']:g}",
        f"time labels softened over {softness:g} SD of log time" if softness else "hard labels",
        f"augmentation ({augmented})" if augmented else "no augmentation",
        f"seed{'s' * (len(training['seeds']) > 1)} {', '.join(map(str, training['seeds']))}.",
    )
    return "; ".join(parts)

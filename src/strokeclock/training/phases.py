"""The paper's training schema (Fig. 5): the task of each phase, and the weights that it starts from.

Imports no torch: the workflow imports this module, too.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from strokeclock.errors import ConfigurationError
from strokeclock.models.channels import channel_names
from strokeclock.models.registry import describe_owners, find_network, networks

STARTS = ("random", "imagenet", "medical", "chain")
# Initial weights that come from no task -> their (phase, start), a folder under models/<net>
GENESIS = "phase0_genesis"
SEGMENTATION = "phase0_segmentation"  # the segmentation network; no task starts from it
ORIGINS = {
    "genesis": (GENESIS, "random"),
    "imagenet": ("phase0_imagenet", "torchvision"),
    "medical": ("phase0_medical", "random"),
}

# Keys of the configuration's training: those of every training, those of phases 1 and higher besides, and
# those of a phase that define its task.
SHARED = ("precision", "threads", "device")
SCHEMA = (
    "freeze_2d",
    "attention_enter",
    "phase4_trainable",
    "optimizer",
    "weight_decay",
    "schedule",
    "label_softness",
    "augmentation",
    "cache_gb",
)
QUESTION = ("below_min", "after")


@dataclass(frozen=True)
class Task:
    """The task of a phase.

    Attributes
    ----------
    phase : its name, phase<number>_<what>; where that ends in attention, the attention gates are added, and
        only the chain has this phase.
    below_min : the label is 1 where the time since onset is below so many minutes;
        None: where the hemisphere holds a lesion.
    after : the phase whose weights the chain starts from; None: the chain begins with this task.
    genesis : whether a chain that begins here starts from Models Genesis, in networks that have such weights;
        else from random weights.
    """

    phase: str
    below_min: float | None
    after: str | None
    genesis: bool = True

    @property
    def number(self) -> int:
        """The phase's number, which no other phase has."""
        return int(self.phase.partition("_")[0].removeprefix("phase"))

    @property
    def as_start(self) -> str:
        """The name of the start that a further task has from this one: phase<number>."""
        return f"phase{self.number}"

    @property
    def limit_min(self) -> float:
        """``below_min`` of a time task; ValueError for lesion or not."""
        if self.below_min is None:
            raise ValueError(f"{self.phase} times no lesion")
        return self.below_min

    @property
    def both_hemispheres(self) -> bool:
        """Whether both hemispheres are units (lesion or not); a time task has the lesion's only."""
        return self.below_min is None

    @property
    def attention(self) -> bool:
        """Whether the attention gates are added at this phase."""
        return self.phase.endswith("_attention")


def read_tasks(training: Mapping[str, Any]) -> dict[str, Task]:
    """Read the tasks from the configuration's ``training``: its keys phase1_… and higher, by their numbers.

    Where ``phase0_genesis`` is null, no task starts from Models Genesis.

    Raises
    ------
    ConfigurationError
        Two phases have one number, or ``after`` names no phase of a lower number.
    """
    found = [
        Task(phase, settings["below_min"], settings["after"], genesis=training.get(GENESIS, {}) is not None)
        for phase, settings in training.items()
        if phase.startswith("phase") and settings and "below_min" in settings
    ]
    tasks = {task.phase: task for task in sorted(found, key=lambda task: task.number)}
    numbers = [task.number for task in tasks.values()]
    for task in tasks.values():
        key = f"Configuration key training.{task.phase}"
        if numbers.count(task.number) > 1:
            raise ConfigurationError(
                f"{key}: another phase has the number {task.number}: give this one another number."
            )
        if task.after is not None and (task.after not in tasks or tasks[task.after].number >= task.number):
            raise ConfigurationError(
                f"{key}.after is {task.after!r}: name a phase of training with a lower number, or null."
            )
    return tasks


def settings_of(phase: str, training: Mapping[str, Mapping]) -> dict[str, Any]:
    """Return a phase's settings; keys that it lacks are those of the phase that it comes after."""
    own = training[phase]
    return {**(settings_of(own["after"], training) if own["after"] else {}), **own}


def phase_settings(phase: str, training: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `settings.PhaseSettings`: a phase's own settings and the shared ones."""
    own = {key: value for key, value in settings_of(phase, training).items() if key not in QUESTION}
    return own | {key: training[key] for key in (*SHARED, *SCHEMA)}


def segmentation_settings(training: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of `settings.SegmentationSettings`, of each segmentation network alike."""
    own = {key: value for key, value in (training[SEGMENTATION] or {}).items() if key != "folds"}
    return own | {key: training[key] for key in (*SHARED, "augmentation")}


def network_settings(net: str, models: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ``models`` of `classifier.train_phase`: a network's own settings and the shared ones."""
    channels = channel_names(models["channels"], contralateral=models["contralateral"])
    shared = {key: models[key] for key in ("average", "attention_norm", "standardise")}
    own = find_network(net).defaults | models.get(net, {})
    return own | {"channels": list(channels)} | shared


PAPER = read_tasks(
    {
        "phase1_stroke": {"below_min": None, "after": None},
        "phase2_tss3h": {"below_min": 180, "after": "phase1_stroke"},
        "phase3_tss4h5": {"below_min": 270, "after": "phase2_tss3h"},
        "phase4_attention": {"below_min": 270, "after": "phase3_tss4h5"},
    }
)


def lineage(phase: str, tasks: Mapping[str, Task] = PAPER) -> list[Task]:
    """List the tasks of the chain up to and including a phase.

    >>> [task.phase for task in lineage("phase3_tss4h5")]
    ['phase1_stroke', 'phase2_tss3h', 'phase3_tss4h5']
    """
    task = tasks[phase]
    return [*(lineage(task.after, tasks) if task.after else []), task]


class Run(NamedTuple):
    """One training."""

    net: str
    phase: str
    start: str
    seed: int


def parent(net: str, phase: str, start: str, tasks: Mapping[str, Task] = PAPER) -> tuple[str, str] | None:
    """Return the (phase, start) that a run starts from; None for a random start.

    Raises
    ------
    ValueError
        The schema has no such run.

    Examples
    --------
    Only the 3D network has Models Genesis' weights to begin the chain with:

    >>> parent("3d", "phase2_tss3h", "phase1")
    ('phase1_stroke', 'genesis')
    >>> parent("2d", "phase2_tss3h", "phase1")
    ('phase1_stroke', 'random')
    """
    if phase in tasks:
        task = tasks[phase]
        timed = not task.both_hemispheres and not task.attention
        if start == "random" and (timed or task.after is None):
            return None
        if start == _chained(net, task, tasks):
            return (task.after, _chained(net, tasks[task.after], tasks)) if task.after else ORIGINS["genesis"]
        if timed and start in _pretrained(net):
            return ORIGINS[start]
    elif (phase, start) in ORIGINS.values():
        return None
    reason = f": {describe_owners(start)}" if start in ("imagenet", "medical") else ""
    raise ValueError(f"the {net} network has no {phase} from {start} weights{reason}")


def _pretrained(net: str) -> set[str]:
    """Return the starts of a network's time tasks besides random and the chain's."""
    return set(find_network(net).starts) - {"genesis"}


def _chained(net: str, task: Task, tasks: Mapping[str, Task]) -> str:
    """Return the start of a task in the chain."""
    if task.after:
        return tasks[task.after].as_start
    return "genesis" if task.genesis and "genesis" in find_network(net).starts else "random"


def list_trainings(
    networks: Collection[str],
    starts: Collection[str],
    seeds: Collection[int],
    *,
    tasks: Mapping[str, Task] = PAPER,
    missing: Mapping[tuple[str, str], str] | None = None,
) -> list[Run]:
    """List the trainings of the configured starts, each behind the one that it starts from.

    Starts ``random``, ``imagenet`` and ``medical`` start each time task from these weights, in networks that
    have them (`NetworkSpec.starts`). Start ``chain`` is the paper's proposal, from phase to phase.

    Parameters
    ----------
    missing : (net, start) -> why there are no such initial weights; their runs are left out.

    Raises
    ------
    ConfigurationError
        A start does not exist, or there is nothing to train.
    """
    chosen: dict[Run, None] = {}  # a dictionary keeps the order and drops what two starts share
    for start in starts:
        for net in networks:
            for last in rows_of(start, net, tasks=tasks):
                if (net, start) in (missing or {}):
                    continue
                runs = [last]
                while (before := parent(net, *runs[0], tasks)) not in (None, ORIGINS["imagenet"]):
                    runs.insert(0, before)
                chosen |= {Run(net, *run, seed): None for run in runs for seed in seeds}
    if not any(rows_of(start, net, tasks=tasks) for start in starts for net in networks):
        raise ConfigurationError(
            f"Configuration keys training.networks {list(networks)} and training.starts {list(starts)} leave "
            f"nothing to train: {'; '.join(map(describe_owners, starts))}."
        )
    return list(chosen)


def rows_of(start: str, net: str, *, tasks: Mapping[str, Task] = PAPER) -> list[tuple[str, str]]:
    """List a start's rows of Table 2, as (phase, start), for one network.

    Raises
    ------
    ConfigurationError
        The start does not exist.
    """
    if start not in STARTS:
        raise ConfigurationError(
            f"Configuration key training.starts: {start!r} is unknown, use {', '.join(STARTS)}."
        )
    if start == "chain":
        return [(task.phase, _chained(net, task, tasks)) for task in tasks.values()]
    if start != "random" and start not in _pretrained(net):
        return []
    return [
        (task.phase, start) for task in tasks.values() if not task.both_hemispheres and not task.attention
    ]


def list_not_run(
    runs: Iterable[Run],
    *,
    nets: Collection[str],
    starts: Collection[str],
    tasks: Mapping[str, Task],
    missing: Mapping[tuple[str, str], str],
) -> dict[tuple[str, str, str], str]:
    """Return the reason for each row (net, phase, start) of Table 2 that no run makes.

    The rows are those of the paper's networks and of other networks that are trained.

    Parameters
    ----------
    nets, starts : training.networks and training.starts, from which the runs were made.
    missing : see `list_trainings`.
    """
    made = {run[:3] for run in runs}

    def say(net: str, start: str) -> str:
        if net not in nets:
            return f"training.networks leaves out {net}"
        if start not in starts:
            return f"training.starts leaves out {start}"
        return missing[net, start]

    return {
        (net, *row): say(net, start)
        for start in STARTS
        for net, spec in networks().items()
        if spec.of_the_paper or net in nets
        for row in rows_of(start, net, tasks=tasks)
        if (net, *row) not in made
    }


def has_attention(phase: str, *, attention_enter: str, tasks: Mapping[str, Task] = PAPER) -> bool:
    """Whether the attention gates are in the network at this phase (``attention_enter``: phase1 | phase4)."""
    return attention_enter == "phase1" or any(task.attention for task in lineage(phase, tasks))


def frozen_modules(
    net: str,
    phase: str,
    start: str,
    *,
    freeze: bool,
    freeze_2d: str,
    attention_enter: str,
    phase4_trainable: str,
    tasks: Mapping[str, Task] = PAPER,
) -> tuple[str, ...]:
    """Name the modules of the network whose weights and batch-norm statistics a phase does not change.

    Parameters
    ----------
    freeze : the phase freezes the early layers that it inherits (paper: phases 2 to 4, and after medical
        images; here also after ImageNet). Random weights are never frozen.
    freeze_2d : which early layers these are, where the network has a choice (`NetworkSpec.frozen`).
    attention_enter : gates that are built at ``phase1`` are frozen until phase 4.
    phase4_trainable : at phase 4: ``attention+head+unfrozen_late``, ``attention+head`` or ``all``.
    """
    spec = find_network(net)
    attention = tasks[phase].attention
    if attention and phase4_trainable == "attention+head":
        return (spec.trunk,)
    frozen: list[str] = []
    if freeze and start != "random" and not (attention and phase4_trainable == "all"):
        frozen += spec.frozen(freeze_2d)
    if attention_enter == "phase1" and not has_attention(phase, attention_enter="phase4", tasks=tasks):
        frozen.append("attention")
    return tuple(frozen)

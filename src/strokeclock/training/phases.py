"""The paper's training schema (Fig. 5): which phase teaches what, and from which weights it starts.

Imports nothing heavy: the workflow reads this table too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from strokeclock.errors import ConfigurationError

NETWORKS = ("2d", "3d")
GENESIS = "phase0_genesis"


@dataclass(frozen=True)
class Task:
    """What a phase asks of a hemisphere.

    Attributes
    ----------
    number : of the phase, 1 to 4.
    below_min : the label is 1 where the time since onset is below so many minutes;
        None: where the hemisphere holds a lesion.
    """

    number: int
    below_min: float | None

    @property
    def both_hemispheres(self) -> bool:
        """Both hemispheres are units where the lesion is looked for, the lesion's alone where it is timed."""
        return self.below_min is None


TASKS = {
    "phase1_stroke": Task(1, None),
    "phase2_tss3h": Task(2, 180),
    "phase3_tss4h5": Task(3, 270),
    "phase4_attention": Task(4, 270),
}
PHASES = (GENESIS, *TASKS)


class Run(NamedTuple):
    """One training: ``weights`` is what it starts from."""

    net: str
    phase: str
    weights: str
    seed: int


def parent(net: str, phase: str, weights: str) -> tuple[str, str] | None:
    """Name the phase, and that phase's own weights, which a run starts from; None for a random start.

    Raises
    ------
    ValueError
        The schema has no such run.
    """
    first = "genesis" if net == "3d" else "random"
    parents = {
        ("3d", GENESIS, "random"): None,
        (net, "phase1_stroke", "random"): None,
        ("3d", "phase1_stroke", "genesis"): (GENESIS, "random"),
        (net, "phase2_tss3h", "random"): None,
        (net, "phase2_tss3h", "phase1"): ("phase1_stroke", first),
        (net, "phase3_tss4h5", "random"): None,
        (net, "phase3_tss4h5", "phase2"): ("phase2_tss3h", "phase1"),
        (net, "phase4_attention", "phase3"): ("phase3_tss4h5", "phase2"),
    }
    if net not in NETWORKS or (net, phase, weights) not in parents:
        raise ValueError(f"the {net} network has no {phase} from {weights} weights")
    return parents[net, phase, weights]


def arms_table(networks: Iterable[str], arms: Iterable[str], seeds: Iterable[int]) -> list[Run]:
    """List the runs of the configured arms, each after the run it starts from.

    Arm ``random`` starts each time task from random weights; arm ``chain`` is the paper's proposal,
    phase 1 (3D: after Models Genesis) to phase 4.

    Raises
    ------
    ConfigurationError
        An arm that does not exist.
    """
    chosen = {}  # a dictionary keeps the order and drops what two arms share
    for arm in arms:
        if arm not in ("random", "chain"):
            raise ConfigurationError(
                f"Configuration key training.arms: {arm!r} is unknown, use random or chain."
            )
        for net in networks:
            for phase, weights in _runs_of(arm, net):
                for seed in seeds:
                    chosen[Run(net, phase, weights, seed)] = None
    return list(chosen)


def _runs_of(arm: str, net: str) -> list[tuple[str, str]]:
    if arm == "random":
        return [("phase2_tss3h", "random"), ("phase3_tss4h5", "random")]
    last = ("phase4_attention", "phase3")
    runs = [last]
    while (before := parent(net, *runs[0])) is not None:
        runs.insert(0, before)
    return runs


def has_attention(phase: str, *, attention_enter: str) -> bool:
    """Whether the attention gates are in the network at this phase (``attention_enter``: phase1 | phase4)."""
    return attention_enter == "phase1" or phase == "phase4_attention"


def frozen_modules(
    net: str,
    phase: str,
    weights: str,
    *,
    freeze: bool,
    freeze_2d: str,
    attention_enter: str,
    phase4_trainable: str,
) -> tuple[str, ...]:
    """Name the modules of the network whose weights, and batch-norm statistics, a phase leaves as they are.

    Parameters
    ----------
    freeze : the phase freezes the early layers that it was given (paper: phases 2 to 4). Random weights
        are never frozen: nothing has been learned that would be worth keeping.
    freeze_2d : ``conv2_x`` conv1, bn1, layer1; ``stage2`` layer2 too. In 3D always the first two levels.
    attention_enter : gates that are there from ``phase1`` wait, frozen, for phase 4.
    phase4_trainable : ``attention+head+unfrozen_late``, ``attention+head`` or ``all``.
    """
    trunk = "backbone" if net == "2d" else "encoder"
    if phase == "phase4_attention" and phase4_trainable == "attention+head":
        return (trunk,)
    frozen = []
    if freeze and weights != "random" and not (phase == "phase4_attention" and phase4_trainable == "all"):
        if net == "3d":
            early = ("down_tr64", "down_tr128")
        else:
            early = ("conv1", "bn1", "layer1", "layer2")[: 4 if freeze_2d == "stage2" else 3]
        frozen += [f"{trunk}.{module}" for module in early]
    if attention_enter == "phase1" and phase != "phase4_attention":
        frozen.append("attention")
    return tuple(frozen)

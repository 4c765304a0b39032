"""The settings of each kind of training, from the configuration's ``training``. Imports no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from strokeclock.training.phases import GENESIS, ORIGINS, SEGMENTATION


def _fixed(value: object) -> Any:
    """A setting that the configuration cannot change."""
    return field(init=False, default=value)


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """The settings of every training.

    Attributes
    ----------
    epochs : the most that are trained.
    patience : epochs without a better validation, after which training stops; None: it does not stop early.
    min_epochs : the epoch from which patience counts.
    selection : the validation's measure that selects the epoch, ``auc`` or ``loss``; ``last`` is a fixed
        schedule, whose last epoch is kept.
    batch : hemispheres, half heads or slices per step.
    optimizer : ``adabound``, ``adamw``, ``adam``, or ``sgd`` with momentum 0.9.
    lr, final_lr : the learning rate, and that of the SGD that AdaBound converges to.
    weight_decay : of adabound and adamw; decoupled from the gradient with adamw.
    schedule : of the rate: ``constant``; ``one_cycle`` over all epochs (`optimisation.one_cycle`);
        ``halving`` after each 0.8 x patience epochs.
    precision : ``fp32`` or ``bf16``; in the configuration also ``auto`` (`precision.choose_precision`).
    threads, device : of torch.
    """

    epochs: int
    patience: int | None
    min_epochs: int
    selection: str
    batch: int
    optimizer: str
    lr: float
    final_lr: float | None
    weight_decay: float
    schedule: str
    precision: str
    threads: int
    device: str


@dataclass(frozen=True, kw_only=True)
class PhaseSettings(TrainingSettings):
    """Of phases 1 to 4.

    Attributes
    ----------
    label_softness : of time tasks, see `classifier.soften`; 0: labels are 0 or 1.
    augmentation : the keyword arguments of `augmentation.augment`; with all of them 0 there is none.
    head : ``inherit`` starts from the parent's classifier, ``fresh`` from one with random weights: phase 1's
        classifier scores plain lesions highest, and older lesions are plainer than recent ones.
    freeze, freeze_2d, attention_enter, phase4_trainable : see `phases.frozen_modules`.
    cache_gb : most memory for maps that are computed once (`Feed`).
    """

    label_softness: float
    augmentation: Mapping[str, float]
    head: str
    freeze: bool
    freeze_2d: str
    attention_enter: str
    phase4_trainable: str
    cache_gb: float

    @property
    def augments(self) -> bool:
        return any(self.augmentation.values())


@dataclass(frozen=True, kw_only=True)
class RestorationSettings(TrainingSettings):
    """Of Models Genesis; ``optimizer`` is ``adam``, or ``sgd``, whose rate is halved."""

    min_epochs: int = _fixed(0)
    selection: str = _fixed("loss")
    final_lr: None = _fixed(None)
    weight_decay: float = _fixed(0.0)
    schedule: str = _fixed("constant")

    def __post_init__(self) -> None:
        if self.optimizer == "sgd":
            object.__setattr__(self, "schedule", "halving")


@dataclass(frozen=True, kw_only=True)
class SegmentationSettings(TrainingSettings):
    """Of the lesion segmentation; ``augmentation`` as of `PhaseSettings`."""

    augmentation: Mapping[str, float]
    patience: None = _fixed(None)
    min_epochs: int = _fixed(0)
    selection: str = _fixed("last")
    optimizer: str = _fixed("adamw")
    final_lr: None = _fixed(None)
    schedule: str = _fixed("one_cycle")

    @property
    def augments(self) -> bool:
        return any(self.augmentation.values())


@dataclass(frozen=True, kw_only=True)
class MedicalSettings(TrainingSettings):
    """Of the two trainings on brain tumours."""

    min_epochs: int = _fixed(0)
    selection: str = _fixed("loss")
    optimizer: str = _fixed("adam")
    final_lr: None = _fixed(None)
    weight_decay: float = _fixed(0.0)
    schedule: str = _fixed("constant")


# Phases 1 and higher have `PhaseSettings`; imported weights have none.
PHASE_0 = {
    GENESIS: RestorationSettings,
    SEGMENTATION: SegmentationSettings,
    ORIGINS["medical"][0]: MedicalSettings,
}

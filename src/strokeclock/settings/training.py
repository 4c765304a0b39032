"""Settings of the training and its phases."""

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_serializer
from pydantic.fields import FieldInfo

from strokeclock.models.registry import describe_owners, find_network, networks
from strokeclock.settings.group import (
    AS_WRITTEN,
    BatchSize,
    Count,
    Group,
    Natural,
    NotNegative,
    Positive,
    Unique,
    section,
    setting,
)
from strokeclock.settings.search import list_search_faults

PHASE_PATTERN = r"^phase[1-9][0-9]*_(?!trainable$)[a-z0-9_]+$"  # of a phase's key


if TYPE_CHECKING:
    NetworkName = str
else:
    NetworkName = Literal[tuple(networks())]
Tried = Annotated[list[Any], Field(json_schema_extra={"x-kind": "a list of values"})]
Grid = Annotated[dict[str, Tried], Field(json_schema_extra={"x-kind": "pairs {setting: [values]}"})]
PAPERS_NETWORKS = [name for name, spec in networks().items() if spec.of_the_paper]


class Augmentation(Group):
    on_one_line = True

    rotation_deg: Annotated[float, Field(ge=0, le=45), AS_WRITTEN] = setting(
        0, "largest rotation", unit="degrees"
    )
    scale: Annotated[float, Field(ge=0, le=0.5), AS_WRITTEN] = setting(
        0, "largest change of size, as a share"
    )
    shift_mm: NotNegative = setting(0, "largest shift", unit="mm")
    gain: Annotated[float, Field(ge=0, le=0.9), AS_WRITTEN] = setting(
        0, "largest change of brightness, as a share"
    )
    noise: NotNegative = setting(0, "SD of added noise", unit="intensity")


class Genesis(Group):
    on_one_line = True

    epochs: Natural = setting(100, "at most", source="D")
    patience: Natural = setting(
        50, "training stops after so many epochs without a lower validation loss", source="D: Models Genesis"
    )
    batch: Natural = setting(6, "hemispheres a step", source="D: Models Genesis")
    optimizer: Literal["adam", "sgd"] = setting("adam", "method that changes the weights", source="D")
    lr: Positive = setting(1.0e-3, "learning rate", source="D")


class Segmentation(Group):
    on_one_line = True

    epochs: Natural = setting(12, "number, without early stopping", source="D")
    batch: BatchSize = setting(4, "hemispheres a step", source="D")
    lr: Positive = setting(2.0e-3, "highest learning rate of the cycle", source="D")
    weight_decay: NotNegative = setting(0.05, "of AdamW, decoupled from the gradient", source="D")
    folds: Annotated[int, Field(ge=2)] = setting(
        5,
        "number of folds of the training patients; for each fold a further network is trained without it and "
        "segments it, and the regression that predicts TSS is fitted on these segmentations",
        source="D",
    )


class Medical(Group):
    on_one_line = True

    epochs: Natural = setting(100, "at most", source="D")
    patience: Natural = setting(
        10, "training stops after so many epochs without a lower validation loss", source="D"
    )
    batch: BatchSize = setting(8, "images a step", source="D")
    lr: Positive = setting(1.0e-3, "learning rate", source="D")


class Phase(Group):
    """A phase of the chain. Missing keys are those of the phase `after`."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kind": "a phase's keys; what is run is chosen by training.networks and training.starts"
        }
    )
    is_whole = False
    on_one_line = True

    below_min: Positive | None = setting(
        ..., "the label is 1 where TSS is below it; null: where the hemisphere holds a lesion", unit="minutes"
    )
    after: str | None = setting(
        ..., "the phase whose weights the chain starts from; null: the chain begins here"
    )
    epochs: Natural = setting(None, "largest number")
    min_epochs: Count = setting(None, "epochs before patience begins to count")
    patience: Natural = setting(
        None, "training stops after so many epochs in which selection does not improve"
    )
    selection: Literal["auc", "loss", "last"] = setting(
        None,
        "the epoch whose weights are kept",
        meanings={
            "auc": "best validation AUC [P]",
            "loss": "lowest validation loss",
            "last": "the last one, without early stopping",
        },
    )
    batch: BatchSize = setting(None, "hemispheres a step, at least 2 (batch normalisation)")
    lr: Positive = setting(None, "learning rate")
    final_lr: Positive = setting(None, "final learning rate of AdaBound (SGD)")
    head: Literal["inherit", "fresh"] = setting(
        None,
        "classifier at the start",
        meanings={"inherit": "of the phase before [P]", "fresh": "random weights"},
    )
    freeze: bool = setting(None, "true: early layers that come from another training do not change")

    @property
    def given(self) -> dict[str, object]:
        """The keys that are set in the phase itself, in the order of the fields."""
        return {name: value for name, value in self if name in self.model_fields_set}

    @model_serializer
    def _dump(self) -> dict[str, object]:
        return self.given


def _paper(**settings: Any) -> Phase:
    """Return one of the paper's phases; keys that are not given have the value of most phases."""
    same: dict[str, Any] = {"epochs": 100, "min_epochs": 0, "patience": 10, "selection": "auc"}
    return Phase(
        **(
            same
            | {"batch": 8, "lr": 1.0e-5, "final_lr": 1.0e-3, "head": "inherit", "freeze": True}
            | settings
        )
    )


class Training(Group):
    """The trainings: the fields, and the phases that a configuration adds, by their names."""

    model_config = ConfigDict(extra="allow", regex_engine="python-re")  # for the pattern
    __pydantic_extra__: dict[Annotated[str, StringConstraints(pattern=PHASE_PATTERN)], Phase] = Field(
        init=False
    )

    networks: Annotated[list[NetworkName], Field(min_length=1), Unique()] = setting(
        PAPERS_NETWORKS, "networks to train", source="P"
    )
    starts: Annotated[
        list[Literal["random", "imagenet", "medical", "chain"]], Field(min_length=1), Unique()
    ] = setting(
        ["random", "imagenet", "medical", "chain"],
        "starts to compare; imagenet and medical need initial_weights",
        source="P",
        meanings={"chain": "each phase from the one before, as the paper proposes"},
    )
    seeds: Annotated[list[Count], Field(min_length=1), Unique()] = setting(
        [0, 1, 2, 3, 4], "all trainings are repeated with each"
    )
    threads: Natural = setting(
        1, "torch threads; they change the bytes of results, so --cores does not set them"
    )
    unknown_onset: bool = setting(
        False,
        "true: patients of unknown onset whose lesion has a side or a mask join the training part, in phases "
        "0 and 1 and the segmentation; so do patients without acute lesion; where fewer than three persons "
        "have a known onset, all are divided into training and validation; needs cohort.require_onset: false",
        source="P",
    )
    device: Literal["auto", "cpu", "cuda"] = setting("auto", "where networks are trained")
    precision: Literal["fp32", "bf16", "auto"] = setting(
        "fp32",
        "fixed when a training starts; predictions are always fp32",
        meanings={
            "bf16": "of convolutions and their maps; weights, batch norm's statistics and loss stay fp32",
            "auto": "bf16 if the processor or GPU has it",
        },
    )
    cache_gb: NotNegative = setting(
        8,
        "memory for maps of frozen layers or the networks' input, computed once; else they are recomputed",
        unit="GB",
    )
    freeze_2d: Literal["conv2_x", "stage2"] = setting(
        "conv2_x",
        "early layers of the 2D network, which phases freeze",
        source="P, D",
        meanings={"conv2_x": "conv1, bn1, layer1", "stage2": "layer2 too"},
    )
    attention_enter: Literal["phase4", "phase1"] = setting(
        "phase4",
        "when the attention gates are added",
        source="D",
        meanings={"phase4": "in phase 4", "phase1": "from phase 1 on"},
    )
    phase4_trainable: Literal["attention+head+unfrozen_late", "attention+head", "all"] = setting(
        "attention+head+unfrozen_late", "layers that phase 4 trains", source="D"
    )
    optimizer: Literal["adabound", "adamw"] = setting("adabound", "of phases 1 to 4", source="P")
    weight_decay: NotNegative = setting(0.0, "with adamw decoupled from the gradient")
    schedule: Literal["constant", "one_cycle"] = setting(
        "constant",
        "of the learning rate",
        source="P",
        meanings={"one_cycle": "over all epochs; use it with selection: last"},
    )
    label_softness: NotNegative = setting(
        0.0,
        "SD of the log of time over which time labels fall from 1 to 0; 0: hard labels",
        source="P",
    )
    augmentation: Augmentation = section(
        Augmentation,
        "random changes of training hemispheres (training/augmentation.py); the paper names none",
        source="P",
    )
    search: dict[str, Grid] = setting(
        {},
        "{phase: {setting: [values]}}, such as {phase1_stroke: {lr: [1.0e-4, 1.0e-3], batch: [8, 16]}}: all "
        "combinations are tried for each network and start of the phase, and the one with the highest "
        "validation AUC is used (docs/methods/evaluation.md); {}: no search",
        source="D; P: hyper-parameters were chosen on the validation part",
        kind="pairs {phase: {setting: [values]}}",
    )
    tensorboard: bool = setting(
        False, "true: write TensorBoard events to logs/<run>/models (needs the package tensorboard)"
    )
    phase0_genesis: Genesis | None = section(
        Genesis,
        "Models Genesis: the 3D network learns to restore corrupted hemispheres; null: without it, its "
        "phase 1 starts from random weights",
    )
    phase0_segmentation: Segmentation | None = section(
        Segmentation,
        "the segmentation network: a 3D U-Net that learns to segment the lesion (AdamW, one cycle); TSS is "
        "then predicted from the lesion's ratios to the contralateral side, alone and with the chain's "
        "networks; null: without it",
        source="D",
    )
    phase0_medical: Medical = section(
        Medical, "training on medical images for the start medical, in 2D and in 3D (Adam)", source="D"
    )
    phase1_stroke: Phase = section(
        partial(_paper, below_min=None, after=None, batch=16, lr=5.0e-4, final_lr=1.0e-2, freeze=False),
        source="P",
        above="The task of a phase is whether TSS is below a limit, or whether there is a lesion. In the "
        "chain a phase starts from the weights of the phase `after`. A further line adds a task, for example "
        "phase5_tss6h: {below_min: 360, after: phase3_tss4h5}; keys that it leaves out are those of `after`. "
        "Each start is trained on it, and Table 2 has its rows. If its name ends in attention, the attention "
        "gates are added and the chain alone is trained.",
    )
    phase2_tss3h: Phase = section(partial(_paper, below_min=180, after="phase1_stroke"), source="P")
    phase3_tss4h5: Phase = section(partial(_paper, below_min=270, after="phase2_tss3h"), source="P")
    phase4_attention: Phase = section(partial(_paper, below_min=270, after="phase3_tss4h5"), source="P")

    @classmethod
    def group_of_free_key(cls, key: object) -> type[Group] | None:
        return Phase if re.search(PHASE_PATTERN, str(key)) else None

    @property
    def phases(self) -> dict[str, Phase]:
        """The phases by their numbers, the paper's and those that were added."""
        phases = {name: value for name, value in self if isinstance(value, Phase)}
        return dict(sorted(phases.items(), key=lambda item: _number(item[0])))

    def whole_phase(self, name: str) -> dict[str, object]:
        """Return a phase's keys; missing keys are those of the phase `after`."""
        own = self.phases[name]
        return (self.whole_phase(own.after) if own.after else {}) | own.given

    def faults(self) -> Iterator[str]:
        phases = self.phases
        numbers = [_number(name) for name in phases]
        for name, phase in phases.items():
            key = f"Configuration key training.{name}"
            if numbers.count(_number(name)) > 1:
                yield f"{key}: another phase has the number {_number(name)}: give this one another number."
            before = phases.get(phase.after or "")
            if phase.after is None:
                for missing in Phase.model_fields:
                    if missing not in phase.given:
                        yield f"{key}.{missing} is missing: give it, or name a phase `after` that has it."
            elif before is None or _number(phase.after) >= _number(name):
                yield (
                    f"{key}.after is {phase.after!r}: name a phase of training with a lower number, or null."
                )
        yield from list_search_faults(self.search, phases=[*phases], fields=_searchable())
        if not self._trains_something:
            yield (
                f"Configuration keys training.networks {self.networks} and training.starts {self.starts} "
                f"leave nothing to train: {'; '.join(map(describe_owners, self.starts))}."
            )

    @property
    def _trains_something(self) -> bool:
        starts = {start for net in self.networks for start in find_network(net).starts}
        return not starts.union(("random", "chain")).isdisjoint(self.starts)


def _searchable() -> dict[str, FieldInfo]:
    """The settings that a search may choose -> their fields: a phase's own, and some that phases share."""
    own = {name: field for name, field in Phase.model_fields.items() if name not in ("below_min", "after")}
    shared = ("optimizer", "weight_decay", "schedule", "label_softness")
    return own | {name: Training.model_fields[name] for name in shared}


def _number(phase: str) -> int:
    return int(phase.partition("_")[0].removeprefix("phase"))

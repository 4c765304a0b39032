"""Settings of how the networks learn: training, its phases."""

import re
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints, model_serializer

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

PHASE_PATTERN = r"^phase[1-9][0-9]*_(?!trainable$)[a-z0-9_]+$"  # of a phase's key


if TYPE_CHECKING:
    NetworkName = str
else:
    NetworkName = Literal[tuple(networks())]
PAPERS_NETWORKS = [name for name, spec in networks().items() if spec.of_the_paper]


class Augmentation(Group):
    on_one_line = True

    rotation_deg: Annotated[float, Field(ge=0, le=45), AS_WRITTEN] = setting(
        0, "most rotation", unit="degrees"
    )
    scale: Annotated[float, Field(ge=0, le=0.5), AS_WRITTEN] = setting(0, "most change of size, as a share")
    shift_mm: NotNegative = setting(0, "most shift", unit="mm")
    gain: Annotated[float, Field(ge=0, le=0.9), AS_WRITTEN] = setting(
        0, "most change of brightness, as a share"
    )
    noise: NotNegative = setting(0, "SD of added noise", unit="intensity")


class Genesis(Group):
    on_one_line = True

    epochs: Natural = setting(100, "at most", source="D")
    patience: Natural = setting(
        50, "epochs without a lower validation loss, then it stops", source="D: Models Genesis"
    )
    batch: Natural = setting(6, "hemispheres a step", source="D: Models Genesis")
    optimizer: Literal["adam", "sgd"] = setting("adam", source="D")
    lr: Positive = setting(1.0e-3, "learning rate", source="D")


class Outline(Group):
    on_one_line = True

    epochs: Natural = setting(12, "all of them: a fixed schedule", source="D")
    batch: BatchSize = setting(4, "hemispheres a step", source="D")
    lr: Positive = setting(2.0e-3, "highest learning rate of the cycle", source="D")
    weight_decay: NotNegative = setting(0.05, "decoupled from the gradient", source="D")


class Medical(Group):
    on_one_line = True

    epochs: Natural = setting(100, "at most", source="D")
    patience: Natural = setting(10, "epochs without a lower validation loss, then it stops", source="D")
    batch: BatchSize = setting(8, "units a step", source="D")
    lr: Positive = setting(1.0e-3, "learning rate", source="D")


class Phase(Group):
    """A phase of the chain. A key that it does not give it takes from the phase that it comes after."""

    model_config = ConfigDict(
        json_schema_extra={
            "x-kind": "a phase's keys; what is run is chosen by training.networks and training.arms"
        }
    )
    is_whole = False
    on_one_line = True

    below_min: Positive | None = setting(
        ..., "the label is 1 where TSS is below it; null: where the hemisphere holds a lesion", unit="minutes"
    )
    after: str | None = setting(..., "the phase whose weights the chain starts from; null: it begins here")
    epochs: Natural = setting(None, "at most")
    min_epochs: Count = setting(None, "epochs before patience counts")
    patience: Natural = setting(None, "epochs without a better selection, then it stops")
    selection: Literal["auc", "loss", "last"] = setting(
        None,
        "which epoch is kept",
        meanings={
            "auc": "best on validation [P]",
            "loss": "lowest on validation",
            "last": "never stops earlier, a fixed schedule",
        },
    )
    batch: BatchSize = setting(None, "hemispheres a step, at least 2 (batch normalisation)")
    lr: Positive = setting(None, "learning rate")
    final_lr: Positive = setting(None, "of the SGD that AdaBound becomes")
    head: Literal["inherit", "fresh"] = setting(
        None,
        "the classifier it starts with",
        meanings={"inherit": "of the phase before [P]", "fresh": "new"},
    )
    freeze: bool = setting(None, "whether the early layers that it was given stay as they are")

    @property
    def given(self) -> dict[str, object]:
        """The keys that it gives itself, in the order of the fields."""
        return {name: value for name, value in self if name in self.model_fields_set}

    @model_serializer
    def _dump(self) -> dict[str, object]:
        return self.given


def _paper(**settings: Any) -> Phase:
    """Return one of the paper's phases; what is not given is the same in most."""
    same: dict[str, Any] = {"epochs": 100, "min_epochs": 0, "patience": 10, "selection": "auc"}
    return Phase(
        **(
            same
            | {"batch": 8, "lr": 1.0e-5, "final_lr": 1.0e-3, "head": "inherit", "freeze": True}
            | settings
        )
    )


class Training(Group):
    """The trainings. Beside its fields it holds the phases that a configuration adds, by their names."""

    model_config = ConfigDict(extra="allow", regex_engine="python-re")  # for the pattern
    __pydantic_extra__: dict[Annotated[str, StringConstraints(pattern=PHASE_PATTERN)], Phase] = Field(
        init=False
    )

    networks: Annotated[list[NetworkName], Field(min_length=1), Unique()] = setting(
        PAPERS_NETWORKS, source="P"
    )
    arms: Annotated[
        list[Literal["random", "imagenet", "medical", "chain"]], Field(min_length=1), Unique()
    ] = setting(
        ["random", "imagenet", "medical", "chain"],
        "for imagenet and medical see starting_weights",
        source="P",
        meanings={"chain": "the proposed"},
    )
    seeds: Annotated[list[Count], Field(min_length=1), Unique()] = setting(
        [0, 1, 2, 3, 4], "each trains all of it anew"
    )
    threads: Natural = setting(1, "torch threads; part of the result's bytes, so never taken from --cores")
    device: Literal["auto", "cpu", "cuda"] = setting("auto")
    precision: Literal["fp32", "bf16", "auto"] = setting(
        "fp32",
        "fixed when a training starts; predictions are fp32 always",
        meanings={
            "bf16": "convolutions and their maps, while weights, batch norm's statistics and loss stay fp32",
            "auto": "bf16 where processor or GPU has it",
        },
    )
    cache_gb: NotNegative = setting(
        8, "memory for the maps of frozen layers, made once; more than fits is recomputed", unit="GB"
    )
    freeze_2d: Literal["conv2_x", "stage2"] = setting(
        "conv2_x",
        "the early layers",
        source="P, D",
        meanings={"conv2_x": "conv1, bn1, layer1", "stage2": "layer2 too"},
    )
    attention_enter: Literal["phase4", "phase1"] = setting(
        "phase4",
        source="D",
        meanings={"phase4": "gates join at phase 4", "phase1": "there from the start"},
    )
    phase4_trainable: Literal["attention+head+unfrozen_late", "attention+head", "all"] = setting(
        "attention+head+unfrozen_late", source="D"
    )
    optimizer: Literal["adabound", "adamw"] = setting("adabound", "of phases 1 to 4", source="P")
    weight_decay: NotNegative = setting(0.0, "with adamw decoupled from the gradient")
    schedule: Literal["constant", "one_cycle"] = setting(
        "constant", source="P", meanings={"one_cycle": "over all epochs, best with selection: last"}
    )
    label_softness: NotNegative = setting(
        0.0,
        "SD of the log of time within which time labels fade from 1 to 0; 0: hard labels",
        source="P",
    )
    augmentation: Augmentation = section(
        Augmentation, "most of each (training/augmentation.py); the paper names none", source="P"
    )
    tensorboard: bool = setting(
        False, "true: events in logs/<run>/models, where the package tensorboard is installed"
    )
    phase0_genesis: Genesis | None = section(
        Genesis,
        "Models Genesis restores what was corrupted; null: without it, the 3D network's phase 1 starts from "
        "random weights",
    )
    phase0_outline: Outline | None = section(
        Outline,
        "the outliner: a 3D U-Net finds the lesion's voxels (AdamW, one cycle), where its age is read from "
        "ratios to the other hemisphere, alone and beside the chain's networks; null: without it",
        source="D",
    )
    phase0_medical: Medical = section(
        Medical, "medical images for the arm medical, in 2D and in 3D; Adam", source="D"
    )
    phase1_stroke: Phase = section(
        partial(_paper, below_min=None, after=None, batch=16, lr=5.0e-4, final_lr=1.0e-2, freeze=False),
        source="P",
        above="A phase asks whether TSS is below so many minutes, or whether there is a lesion; the chain "
        "comes to it from the weights of the phase `after`. A further task is a further line, say "
        "phase5_tss6h: {below_min: 360, after: phase3_tss4h5}; what it does not say it takes from `after`. "
        "Each arm learns it, and Table 2 has its rows. Where a name ends in attention, the gates join.",
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
        """Return a phase's keys; those that it does not give are of the phase that it comes after."""
        own = self.phases[name]
        return (self.whole_phase(own.after) if own.after else {}) | own.given

    def faults(self) -> Iterator[str]:
        phases = self.phases
        numbers = [_number(name) for name in phases]
        for name, phase in phases.items():
            key = f"Configuration key training.{name}"
            if numbers.count(_number(name)) > 1:
                yield f"{key}: another phase has the number {_number(name)}, give it one of its own."
            before = phases.get(phase.after or "")
            if phase.after is None:
                for missing in Phase.model_fields:
                    if missing not in phase.given:
                        yield f"{key}.{missing} is missing: give it, or name a phase `after` that has it."
            elif before is None or _number(phase.after) >= _number(name):
                yield (
                    f"{key}.after is {phase.after!r}: name a phase of training with a lower number, or null."
                )
        if not self._trains_something:
            yield (
                f"Configuration keys training.networks {self.networks} and training.arms {self.arms} leave "
                f"nothing to train: {'; '.join(map(describe_owners, self.arms))}."
            )

    @property
    def _trains_something(self) -> bool:
        starts = {start for net in self.networks for start in find_network(net).starts}
        return not starts.union(("random", "chain")).isdisjoint(self.arms)


def _number(phase: str) -> int:
    return int(phase.partition("_")[0].removeprefix("phase"))

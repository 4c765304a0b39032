"""One record for every training: what is written is read, and all else is refused."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from strokeclock.training.phases import GENESIS, PAPER, SEGMENTATION
from strokeclock.training.record import (
    CheckpointError,
    Parent,
    TrainingRecord,
    parse_record,
    read_record,
    write_record,
)
from strokeclock.training.settings import (
    MedicalSettings,
    PhaseSettings,
    RestorationSettings,
    SegmentationSettings,
)

TORCH = {"precision": "bf16", "threads": 2, "device": "cpu"}
SHARED = {"epochs": 3, "batch": 4, "lr": 1e-3, **TORCH}
STILL = {"gain": 0.1, "noise": 0}
RECORDS = {
    "classification": {
        "net": "2d",
        "phase": "phase2_tss3h",
        "start": "phase1",
        "task": PAPER["phase2_tss3h"],
        "parent": Parent("phase1_stroke", "random", "ab" * 32),
        "architecture": {"width": 4, "grid": (16, 32, 9)},
        "channels": ("dwi", "flair"),
        "view": {"box": ((0, 16), (0, 32), (0, 9)), "average": (2, 2, 1)},
        "frozen": ("backbone.conv1",),
        "participants": {"train": ["p1"], "validation": ["p2"], "test": []},
        "best": {"epoch": 2, "validation_auc": 1 / 3},
        "settings": PhaseSettings(
            **SHARED,
            **{"patience": 2, "min_epochs": 1, "selection": "auc", "optimizer": "adabound", "final_lr": 0.1},
            **{"weight_decay": 0.0, "schedule": "constant", "label_softness": 0.8, "augmentation": STILL},
            **{"head": "fresh", "freeze": True, "freeze_2d": "stage2", "attention_enter": "phase4"},
            **{"phase4_trainable": "all", "cache_gb": 1.0},
        ),
    },
    "restoration": {
        "net": "3d",
        "phase": GENESIS,
        "settings": RestorationSettings(patience=5, optimizer="sgd", **SHARED),
    },
    "segmentation": {
        "net": "3d",
        "phase": SEGMENTATION,
        "settings": SegmentationSettings(weight_decay=0.05, augmentation=STILL, **SHARED),
    },
    "tumours": {"phase": "phase0_medical", "settings": MedicalSettings(patience=5, **SHARED)},
    "imported": {"phase": "phase0_imagenet", "start": "torchvision"},
}


@pytest.fixture(params=RECORDS)
def record(request, make_record):
    return make_record(**RECORDS[request.param])


def test_what_is_written_is_read(tmp_path, record):
    written = replace(record, epochs=3, model_sha256="cd" * 32)
    write_record(tmp_path / "run.json", written)
    found = read_record(tmp_path / "run.json")
    assert found.to_json() == written.to_json()
    assert type(found.settings) is type(record.settings)
    for name in ("task", "parent", "channels", "frozen", "best", "participants"):
        assert getattr(found, name) == getattr(record, name)


def test_the_digest_of_the_weights_is_not_among_them(record):
    assert "model_sha256" not in record.to_json()
    assert record.to_json()["format"] == record.format


@pytest.mark.parametrize("value", [None, 1, 2, 4])
def test_another_format_is_refused(tmp_path, record, value):
    content = record.to_json() | {"format": value}
    if value is None:  # before records had one
        del content["format"]
    (tmp_path / "run.json").write_text(json.dumps(content))
    with pytest.raises(
        CheckpointError, match=rf"run\.json has a record of format {value or 1}, and .* reads 3"
    ):
        read_record(tmp_path / "run.json")


@pytest.mark.parametrize(
    "change",
    [
        {"seed": None, "further": 1},
        {"architecture": ...},
        {"task": {"phase": "phase1_stroke"}},
        {"parent": ["phase1_stroke"]},
        {"settings": {"precision": "fp32"}},
        {"settings": 3},
        {"channels": None},
    ],
    ids=str,
)
def test_another_shape_is_refused(record, change):
    content = record.to_json() | change
    content = {name: value for name, value in content.items() if value is not ...}
    with pytest.raises(CheckpointError, match=r"run\.json has a record of .* another shape: delete it"):
        parse_record(content, path="run.json")


def test_a_setting_too_many_is_refused(make_record):
    content = make_record(**RECORDS["restoration"]).to_json()
    content["settings"]["schedule"] = "one_cycle"  # is fixed
    with pytest.raises(CheckpointError, match="another shape"):
        parse_record(content, path="run.json")


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", "\x00"])
def test_no_record_is_one_sentence(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"run\.json holds no record of a training: delete it"):
        read_record(tmp_path / "run.json")


def test_reading_a_record_needs_no_torch():
    code = "import sys, strokeclock.training.record; assert not {'torch', 'numpy'} & {*sys.modules}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_records_are_alike_whatever_was_learned(make_record):
    keys = {tuple(make_record(**given).to_json()) for given in RECORDS.values()}
    assert len(keys) == 1
    assert {*keys.pop(), "model_sha256"} == set(TrainingRecord.__dataclass_fields__)

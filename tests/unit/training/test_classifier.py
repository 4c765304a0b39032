import hashlib
import json
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

import strokeclock.training.loop
from strokeclock.cohort.parts import SplitError
from strokeclock.models.channels import channel_names
from strokeclock.pretraining.restoration import train_restoration
from strokeclock.training import classifier, trainer
from strokeclock.training.checkpoint import CheckpointError, read_checkpoint
from strokeclock.training.classifier import train_phase
from strokeclock.training.loop import TrainingError
from strokeclock.training.material import CohortFiles
from strokeclock.training.optimisation import one_cycle
from strokeclock.training.phases import PAPER
from strokeclock.training.prediction import predict
from strokeclock.training.record import read_record


def _train(
    toys,
    output,
    *,
    phase="phase1_stroke",
    net="2d",
    start="random",
    parent_model=None,
    box=None,
    average=(1, 1, 1),
    **changes,
):
    train_phase(
        phase,
        net=net,
        start=start,
        seed=0,
        models=toys.models(net) | {"average": average},
        training=toys.training(**changes),
        parent_model=parent_model,
        box=box,
        output=output,
        **toys.inputs(),
    )
    return read_checkpoint(output / "model.pt")


@pytest.mark.parametrize("average", [(1, 1, 1), (1, 2, 1)])
@pytest.mark.parametrize("net", ["2d", "3d"])
def test_what_lies_outside_the_box_is_never_seen(toys, tmp_path, net, average):
    box = ((3, 16), (4, 28), (1, 9))

    def train(output):
        parent_model = None
        if net == "3d":
            train_restoration(
                seed=0,
                channels=toys.channels,
                average=average,
                width=4,
                standardise=True,
                training=toys.restoration(),
                box=toys.write_box(box),
                output=output / "phase0",
                **toys.inputs(),
            )
            parent_model = output / "phase0" / "model.pt"
        start = "genesis" if parent_model else "random"
        record, state, _ = _train(
            toys,
            output / "phase1",
            net=net,
            start=start,
            parent_model=parent_model,
            box=toys.write_box(box),
            average=average,
        )
        assert record.view["box"] == [[3, 16], [4, 28], [1, 9]]
        predict(
            [output / "phase1" / "model.pt"],
            predictions=[output / "scores.tsv"],
            channels=toys.channels,
            threads=1,
            device=toys.device,
            **toys.inputs(),
        )
        return state, (output / "scores.tsv").read_text()

    state, scores = train(tmp_path / "before")
    toys.spoil_outside(box)
    state_after, scores_after = train(tmp_path / "after")
    assert all(torch.equal(state[name], tensor) for name, tensor in state_after.items())
    assert scores_after == scores


def test_motion_is_in_millimetres_of_the_box(toys, tmp_path, monkeypatch):
    extents = []

    def note(hemispheres, generator, *, extent_mm, **_):
        extents.append(extent_mm)
        return hemispheres

    monkeypatch.setattr(classifier, "augment", note)
    augmentation = {"rotation_deg": 0, "scale": 0, "shift_mm": 4, "gain": 0, "noise": 0}
    box = toys.write_box(((4, 16), (8, 32), (0, 9)))
    _train(toys, tmp_path, box=box, epochs=1, augmentation=augmentation)
    assert set(extents) == {(98 * 12 / 16, 233 * 24 / 32)}


@pytest.mark.parametrize(("net", "trunk"), [("2d", "backbone"), ("3d", "encoder")])
def test_phases_are_chained_by_checkpoint(toys, tmp_path, net, trunk):
    first, parent_model = "random", None
    if net == "3d":
        train_restoration(
            seed=0,
            channels=toys.channels,
            average=(1, 1, 1),
            width=4,
            standardise=True,
            training=toys.restoration(),
            output=tmp_path / "phase0",
            **toys.inputs(),
        )
        first, parent_model = "genesis", tmp_path / "phase0" / "model.pt"
    frozen = {"2d": ("conv1.", "bn1.", "layer1."), "3d": ("down_tr64.", "down_tr128.")}[net]
    for phase, start in (
        ("phase1_stroke", first),
        ("phase2_tss3h", "phase1"),
        ("phase3_tss4h5", "phase2"),
        ("phase4_attention", "phase3"),
    ):
        record, state, sha256 = _train(
            toys,
            tmp_path / phase,
            phase=phase,
            net=net,
            start=start,
            parent_model=parent_model,
            freeze=phase != "phase1_stroke",
        )
        if parent_model is None:
            assert record.parent is None
        else:
            assert record.parent.sha256 == hashlib.sha256(parent_model.read_bytes()).hexdigest()
            before = read_checkpoint(parent_model)[1]
            if phase != "phase1_stroke":  # early layers as they were, batch-norm buffers too; later ones not
                same = {name for name in before if name in state and torch.equal(before[name], state[name])}
                early = {
                    name for name in state if name.startswith(tuple(f"{trunk}.{module}" for module in frozen))
                }
                assert early <= same
                late = {"2d": "layer4", "3d": "down_tr512"}[net]
                assert not {name for name in same if name.startswith(f"{trunk}.{late}")}
        assert record.architecture["attention"] == (phase == "phase4_attention")
        assert record.channels == ("dwi", "t2w", "flair")
        assert record.best["epoch"] in (1, 2)
        assert read_record(tmp_path / phase / "run.json") == replace(record, model_sha256=sha256)
        parent_model = tmp_path / phase / "model.pt"


@pytest.mark.parametrize("other", [False, True])
def test_augmentation_is_given_the_number_of_sides(toys, tmp_path, monkeypatch, other):
    channels = channel_names(toys.channels, contralateral=other)
    seen = set()

    def record(hemispheres, *, sides, **settings):
        seen.add((hemispheres.shape[1], sides))
        return hemispheres

    monkeypatch.setattr(classifier, "augment", record)
    _train(replace(toys, channels=channels), tmp_path, epochs=1, augmentation=TUNED["augmentation"])
    assert seen == {(6, 2) if other else (3, 1)}


@pytest.mark.parametrize("head", ["inherit", "fresh"])
def test_the_head_is_the_parents_or_a_fresh_one(toys, tmp_path, head):
    _, parent, _ = _train(toys, tmp_path / "before", epochs=1)
    _, state, _ = _train(
        toys,
        tmp_path / "after",
        phase="phase2_tss3h",
        start="phase1",
        parent_model=tmp_path / "before/model.pt",
        head=head,
        epochs=1,
        freeze=False,
        lr=1e-12,
        final_lr=1e-12,
    )
    same = {name for name, tensor in parent.items() if torch.allclose(tensor, state[name], atol=1e-6)}
    assert {"backbone.conv1.weight", "backbone.layer4.1.conv2.weight"} <= same
    assert ({"fc.weight", "fc.bias", "slice_scores"} <= same) == (head == "inherit")
    assert ("fc.weight" in same) == (head == "inherit")


TUNED = {
    "optimizer": "adamw",
    "weight_decay": 0.01,
    "schedule": "one_cycle",
    "selection": "last",
    "label_softness": 0.8,
    "augmentation": {"rotation_deg": 6.0, "scale": 0.07, "shift_mm": 4.0, "gain": 0.1, "noise": 0.03},
}


@pytest.mark.parametrize("recipe", [{}, TUNED], ids=["paper", "tuned"])
@pytest.mark.parametrize("killed_after", [1, 2])
def test_resumed_training_equals_an_unbroken_one(toys, tmp_path, monkeypatch, killed_after, recipe):
    settings = recipe | {"epochs": 3}
    _train(toys, tmp_path / "unbroken", **settings)
    saved = []

    def save_and_die(path, state, save=strokeclock.training.loop.save_state):
        save(path, state)
        saved.append(path)
        if len(saved) == killed_after:
            raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(strokeclock.training.loop, "SAVE_PAUSE", 0)
        context.setattr(strokeclock.training.loop, "save_state", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            _train(toys, tmp_path / "killed", **settings)
    left = sorted(path.name for path in (tmp_path / "killed").iterdir())
    assert left == ["latest.pt", "previous.pt"][:killed_after]
    _train(toys, tmp_path / "killed", **settings)
    for name in ("model.pt", "history.tsv", "run.json"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "unbroken" / name).read_bytes()
    assert len(list((tmp_path / "killed").iterdir())) == 4  # with cost.json


def test_state_of_another_training_is_not_resumed(toys, tmp_path, monkeypatch):
    def die(path, state, save=strokeclock.training.loop.save_state):
        save(path, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(strokeclock.training.loop, "save_state", die)
        with pytest.raises(KeyboardInterrupt):
            _train(toys, tmp_path / "changed", lr=1e-3)
    _train(toys, tmp_path / "changed")
    _train(toys, tmp_path / "fresh")
    assert (tmp_path / "changed" / "model.pt").read_bytes() == (tmp_path / "fresh" / "model.pt").read_bytes()


def test_the_selection_is_the_configured_one(toys, tmp_path, monkeypatch):
    """The epoch of highest AUC, of lowest loss, or the last: three different ones."""
    aucs, losses = iter([0.5, 0.9, 0.7, 0.6] * 3), iter([0.9, 0.7, 0.4, 0.8] * 3)
    monkeypatch.setattr(classifier, "measure_auc", lambda labels, logits: next(aucs))
    original = functional.binary_cross_entropy_with_logits

    def loss(logits, labels):
        return original(logits, labels) if logits.requires_grad else torch.tensor(next(losses))

    monkeypatch.setattr(functional, "binary_cross_entropy_with_logits", loss)
    best = {}
    for selection in ("auc", "loss", "last"):
        record, _, _ = _train(toys, tmp_path / selection, epochs=4, patience=3, selection=selection)
        best[selection] = record.best["epoch"]
    assert best == {"auc": 2, "loss": 3, "last": 4}


def test_one_cycle_rises_and_falls_over_all_epochs(toys, tmp_path):
    assert [one_cycle(done) for done in (0, 0.075, 0.15, 0.575)] == pytest.approx([0.04, 0.52, 1, 0.5])
    assert one_cycle(1) == pytest.approx(0, abs=1e-12)
    _train(toys, tmp_path, epochs=4, lr=1e-3, schedule="one_cycle", selection="last")
    rates = pd.read_csv(tmp_path / "history.tsv", sep="\t")["learning_rate"]
    assert rates.max() <= 1e-3
    assert rates.iloc[0] > rates.iloc[-1]
    assert rates.iloc[-1] < 2e-4


def test_soft_labels_fade_about_the_limit():
    minutes = torch.tensor([270.0, 270 * math.exp(0.8), 270 * math.exp(-1.6), 30.0, math.nan, math.nan])
    labels = torch.tensor([0.0, 0, 1, 1, 0, 1])
    targets = classifier.soften(minutes, labels=labels, below_min=270, width=0.8)
    # of a class alone the label stays hard
    assert targets.tolist() == pytest.approx([0.5, 0.158655, 0.977250, 0.996994, 0, 1], abs=1e-5)


def test_an_unknown_onset_teaches_lesion_or_not_and_no_time(toys, tmp_path):
    """Of all training patients but one the onset is known; what a time task learned says so."""
    rows = pd.read_csv(toys.cohort, sep="\t")
    rows.loc[5, "onset_to_mri_min"] = None
    rows.to_csv(toys.cohort, sep="\t", index=False)
    files = CohortFiles(toys.manifest, toys.cohort, toys.split)
    tasks = {phase: PAPER[phase] for phase in ("phase1_stroke", "phase3_tss4h5")}
    taught = {
        phase: files.read(("train", "validation"), channels=toys.channels, task=task)
        .parts["train"]
        .participants
        for phase, task in tasks.items()
    }
    assert "toy-05" in taught["phase1_stroke"]
    assert taught["phase3_tss4h5"] == [patient for patient in taught["phase1_stroke"] if patient != "toy-05"]


def test_a_network_learns_nothing_from_the_external_part(toys, tmp_path):
    split = pd.read_csv(toys.split, sep="\t")
    split.loc[split["patient"] == "toy-05", "part"] = "external"
    split.to_csv(toys.split, sep="\t", index=False)
    _train(toys, tmp_path, epochs=1)
    record = json.loads((tmp_path / "run.json").read_text())
    assert "toy-05" not in str(record["participants"])
    assert sorted(record["participants"]) == ["test", "train", "validation"]


@pytest.mark.parametrize("part", ["optimizer", "weight_decay", "schedule", "label_softness", "augmentation"])
def test_each_part_of_the_tuned_recipe_has_its_effect(toys, tmp_path, part):
    time_task = {"phase": "phase2_tss3h", "optimizer": "adamw"}
    _train(toys, tmp_path / "plain", **time_task | ({"optimizer": "adabound"} if part == "optimizer" else {}))
    _train(toys, tmp_path / "changed", **time_task | {part: TUNED[part]})
    plain, changed = ((tmp_path / name / "history.tsv").read_text() for name in ("plain", "changed"))
    assert plain != changed


def test_patience_waits_for_the_least_epochs(toys, tmp_path, monkeypatch):
    monkeypatch.setattr(classifier, "measure_auc", lambda labels, logits: 0.5)
    for least, epochs in ((0, 2), (3, 4)):
        record, _, _ = _train(toys, tmp_path / str(least), epochs=6, patience=1, min_epochs=least)
        assert record.epochs == epochs


def test_another_seed_gives_another_network(toys, tmp_path):
    states = []
    for seed in (0, 1):
        train_phase(
            "phase1_stroke",
            net="2d",
            start="random",
            seed=seed,
            models=toys.models("2d"),
            training=toys.training(epochs=1),
            parent_model=None,
            output=tmp_path / str(seed),
            **toys.inputs(),
        )
        states.append(read_checkpoint(tmp_path / str(seed) / "model.pt")[1])
    assert not torch.equal(states[0]["backbone.conv1.weight"], states[1]["backbone.conv1.weight"])


def test_learns_to_find_a_bright_box(toys, tmp_path):
    record, _, _ = _train(toys, tmp_path, epochs=12)
    assert record.best["validation_auc"] == 1


def _train_after_phase_1(toys, folder, *, phase="phase2_tss3h", start="phase1"):
    parent_model = folder / "phase1" / "model.pt"
    return _train(toys, folder / phase, phase=phase, start=start, parent_model=parent_model)


def test_parent_that_is_not_the_schemas_is_refused(toys, tmp_path):
    _train(toys, tmp_path / "phase1", epochs=1)
    with pytest.raises(CheckpointError, match="starts from 2d phase2_tss3h phase1 0"):
        _train_after_phase_1(toys, tmp_path, phase="phase3_tss4h5", start="phase2")


def test_parent_with_another_view_is_refused(toys, tmp_path):
    _train(toys, tmp_path / "phase1", epochs=1, average=(2, 2, 1))
    with pytest.raises(CheckpointError, match=r"models\.view or models\.average: delete it"):
        _train_after_phase_1(toys, tmp_path)


def test_parent_that_was_trained_on_a_test_patient_is_refused(toys, tmp_path):
    _train(toys, tmp_path / "phase1", epochs=1)
    text = toys.split.read_text()
    toys.split.write_text(text.replace("toy-04\ttrain", "toy-04\ttest"))
    with pytest.raises(SplitError, match="toy-04"):
        _train_after_phase_1(toys, tmp_path)


def test_one_class_in_validation_is_refused_before_training(toys, tmp_path):
    lines = toys.cohort.read_text().replace(
        "\t112\t", "\t512\t"
    )  # the one early patient of the validation part
    toys.cohort.write_text(lines)
    with pytest.raises(SplitError, match="of the validation part have the label 0"):
        _train(toys, tmp_path, phase="phase2_tss3h")


def test_one_class_in_training_is_refused_before_training(toys, tmp_path):
    rows = pd.read_csv(toys.cohort, sep="\t")
    rows.loc[:9, "onset_to_mri_min"] = 90
    rows.to_csv(toys.cohort, sep="\t", index=False)
    with pytest.raises(SplitError, match="all 11 hemispheres of the train part have the label 1"):
        _train(toys, tmp_path, phase="phase2_tss3h")
    assert not (tmp_path / "latest.pt").exists()


@pytest.mark.parametrize("part", ["train", "validation"])
def test_an_empty_part_is_refused_before_training(toys, tmp_path, part):
    lines = toys.split.read_text().splitlines()
    toys.split.write_text("\n".join(line for line in lines if not line.endswith(part)) + "\n")
    with pytest.raises(SplitError, match=f"the {part} part is empty"):
        _train(toys, tmp_path)


def test_a_loss_that_is_not_finite_names_the_learning_rate(toys, tmp_path):
    with pytest.raises(TrainingError, match=r"phase1_stroke: .* of epoch \d .* training\.phase1_stroke\.lr"):
        _train(toys, tmp_path, lr=1e30, final_lr=1e30, epochs=5)
    assert not (tmp_path / "model.pt").exists()


def test_one_hemisphere_left_over_trains_with_the_batch_before(toys, tmp_path, monkeypatch):
    """Eleven hemispheres in batches of five, so small that the last map is one voxel: alone, torch raises."""
    for path in toys.hemispheres.glob("*.npy"):
        np.save(path, np.load(path)[..., 4:12, 8:16, :8])
    arguments = {"phase": "phase2_tss3h", "net": "3d", "epochs": 1}
    _train(toys, tmp_path / "merged", batch=5, **arguments)
    monkeypatch.setattr(trainer, "batches", lambda order, size: np.split(order, [5, 10]))
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        _train(toys, tmp_path / "alone", batch=5, **arguments)


def test_gates_from_phase_1_are_frozen_until_phase_4(toys, tmp_path):
    _, before, _ = _train(toys, tmp_path / "phase1", epochs=1, attention_enter="phase1")
    record, after, _ = _train(
        toys,
        tmp_path / "phase2",
        phase="phase2_tss3h",
        start="phase1",
        parent_model=tmp_path / "phase1" / "model.pt",
        attention_enter="phase1",
    )
    assert record.architecture["attention"]
    gates = [name for name in after if name.startswith("attention.")]
    assert gates
    assert all(torch.equal(before[name], after[name]) for name in gates)
    assert not torch.equal(before["fc.weight"], after["fc.weight"])

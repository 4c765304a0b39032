import dataclasses
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch

from strokeclock.models.channels import channel_names
from strokeclock.models.standardisation import find_medians
from strokeclock.pretraining import restoration
from strokeclock.pretraining.internal_validation import TooFewPatientsError
from strokeclock.pretraining.restoration import train_restoration
from strokeclock.pretraining.restorer import read_restorer
from strokeclock.training.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from strokeclock.training.classifier import train_phase


def _train(toys, output, **changes):
    train_restoration(
        seed=0,
        channels=toys.channels,
        average=(1, 1, 1),
        width=2,
        standardise=True,
        training=toys.restoration(**changes),
        output=output,
        **toys.inputs(),
    )
    return pd.read_csv(output / "history.tsv", sep="\t")


def test_reads_training_patients_only(toys, tmp_path):
    for number in range(10, 18):
        (toys.hemispheres / f"toy-{number}.npy").unlink()
    _train(toys, tmp_path / "out", epochs=1)
    record, weights, _ = read_checkpoint(tmp_path / "out" / "model.pt")
    assert record.phase == "phase0_genesis"
    assert record.participants["train"] == [f"toy-{number:02d}" for number in range(10)]
    assert any(name.startswith("encoder.down_tr512") for name in weights)


def test_restores_better_with_training(toys, tmp_path):
    history = _train(toys, tmp_path, epochs=8, lr=1e-2)
    assert history["validation_loss"].iloc[-1] < 0.8 * history["validation_loss"].iloc[0]


@pytest.mark.parametrize(("patients", "enough"), [(5, True), (4, False)])
def test_too_few_patients_for_internal_validation_is_one_sentence(toys, tmp_path, patients, enough):
    lines = toys.split.read_text().splitlines()
    toys.split.write_text("\n".join(lines[: 1 + patients] + lines[11:]) + "\n")
    if enough:
        assert _train(toys, tmp_path / "out", epochs=1)["validation_loss"].notna().all()
        return
    with pytest.raises(TooFewPatientsError, match="phase0_genesis, training part: 4 patients are too few"):
        _train(toys, tmp_path / "out", epochs=1)


def test_each_epoch_corrupts_anew_and_holds_the_same_out(toys, tmp_path, monkeypatch):
    draws = []

    def corrupt(hemispheres, generators):
        draws.extend(generator.random() for generator in generators)
        return hemispheres, hemispheres

    monkeypatch.setattr(restoration, "corrupt", corrupt)
    _train(toys, tmp_path, epochs=2)
    # of ten patients, both hemispheres: eight to train on, two held out
    assert Counter(Counter(draws).values()) == {1: 2 * 16, 2: 4}


def test_all_scans_of_a_person_are_held_out_together(toys, tmp_path, monkeypatch):
    draws = []

    def corrupt(hemispheres, generators):
        draws.extend(generator.random() for generator in generators)
        return hemispheres, hemispheres

    monkeypatch.setattr(restoration, "corrupt", corrupt)
    rows = pd.read_csv(toys.cohort, sep="\t")
    # toy-00 is a scan of the fifth of nine persons
    rows.assign(person=["toy-05", *rows["patient"][1:]]).to_csv(toys.cohort, sep="\t", index=False)
    _train(toys, tmp_path, epochs=2)
    held_out = {draw for draw, times in Counter(draws).items() if times == 2}
    # a held-out hemisphere is corrupted alike in each epoch, by the generator of epoch 0 and its number
    assert held_out == {np.random.default_rng([0, 0, 0, unit]).random() for unit in (0, 1, 10, 11)}


def test_the_network_is_rebuilt_from_its_record(toys, tmp_path):
    _train(toys, tmp_path / "out")
    network, record = read_restorer(tmp_path / "out" / "model.pt")
    assert record.participants["train"][0] == "toy-00"
    weights = read_checkpoint(tmp_path / "out" / "model.pt")[1]
    assert all(torch.equal(weights[name], tensor) for name, tensor in network.state_dict().items())
    assert not network.training


def test_both_hemispheres_are_restored_and_phase_1_takes_the_encoder(toys, tmp_path):
    toys = dataclasses.replace(toys, channels=channel_names(toys.channels, contralateral=True))
    _train(toys, tmp_path / "genesis", epochs=1)
    network, record = read_restorer(tmp_path / "genesis" / "model.pt")
    assert record.channels == toys.channels
    assert network.encoder.down_tr64[0].weight.shape[1] == 6
    volume = torch.rand(1, 6, 16, 32, 9)
    with torch.inference_mode():
        assert network(volume, medians=find_medians(volume)).shape == volume.shape
    train_phase(
        "phase1_stroke",
        net="3d",
        start="genesis",
        seed=0,
        models=toys.models("3d") | {"width": 2},
        training=toys.training(epochs=1),
        parent_model=tmp_path / "genesis" / "model.pt",
        output=tmp_path / "stroke",
        **toys.inputs(),
    )


def test_a_classifier_restores_nothing(tmp_path, make_record):
    write_checkpoint(tmp_path / "model.pt", weights={}, record=make_record(phase="phase1_stroke"))
    with pytest.raises(CheckpointError, match="holds phase1_stroke: name a checkpoint of phase0_genesis"):
        read_restorer(tmp_path / "model.pt")


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_a_killed_training_ends_in_the_same_bytes(toys, tmp_path, ends_alike, optimizer):
    ends_alike(lambda output: _train(toys, output, epochs=3, patience=3, optimizer=optimizer))


def test_repeats_itself(toys, tmp_path):
    for name in ("one", "two"):
        _train(toys, tmp_path / name)
    assert (tmp_path / "one" / "model.pt").read_bytes() == (tmp_path / "two" / "model.pt").read_bytes()


def test_sgd_halves_its_rate_after_four_fifths_of_the_patience(toys, tmp_path):
    history = _train(toys, tmp_path, optimizer="sgd", lr=0.1, epochs=6)
    assert history["learning_rate"].tolist() == pytest.approx([0.1] * 4 + [0.05] * 2)

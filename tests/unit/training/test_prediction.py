import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch

from strokeclock.cohort.parts import SplitError
from strokeclock.found_sides import FoundSide, write_found_sides
from strokeclock.models.channels import channel_names
from strokeclock.predictions import read_predictions
from strokeclock.training.checkpoint import CheckpointError, read_checkpoint, read_network, write_checkpoint
from strokeclock.training.classifier import train_phase
from strokeclock.training.phases import PAPER
from strokeclock.training.prediction import detect_undivided, predict, predict_found

AUGMENTATION = {"rotation_deg": 10, "scale": 0.1, "shift_mm": 4, "gain": 0.1, "noise": 0.01}


@pytest.fixture
def model(toys, tmp_path):
    train_phase(
        "phase3_tss4h5",
        net="2d",
        start="random",
        seed=0,
        models=toys.models("2d"),
        training=toys.training(epochs=1),
        parent_model=None,
        output=tmp_path / "model",
        **toys.inputs(),
    )
    return tmp_path / "model" / "model.pt"


def _predict(toys, model, output, channels=None):
    channels = channels or toys.channels
    predict([model], predictions=[output], threads=1, device=toys.device, channels=channels, **toys.inputs())


def test_scores_are_the_networks_probabilities(toys, tmp_path, model):
    _predict(toys, model, tmp_path / "scores.tsv")
    table = pd.read_csv(tmp_path / "scores.tsv", sep="\t")
    assert list(table.columns) == ["patient", "hemisphere", "part", "label", "score", "seal"]
    assert table["patient"].tolist() == [f"toy-{number}" for number in range(10, 18)]
    assert table["part"].tolist() == ["validation"] * 4 + ["test"] * 4
    assert table["label"].tolist() == [1, 0, 1, 1, 1, 0, 1, 1]
    network, _ = read_network(model)
    for row in table.itertuples():
        values = np.load(toys.hemispheres / f"{row.patient}.npy")[("left", "right").index(row.hemisphere)]
        with torch.inference_mode():
            logit = network(torch.from_numpy(values[None].astype(np.float32))).item()
        assert row.score == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)


def test_equal_scores_give_a_warning(toys, tmp_path, model, caplog):
    _predict(toys, model, tmp_path / "scores.tsv")
    assert not caplog.messages
    record, weights, _ = read_checkpoint(model)
    write_checkpoint(model, weights=weights | {"fc.weight": 0 * weights["fc.weight"]}, record=record)
    model.with_name("run.json").unlink()  # which names the former file
    _predict(toys, model, tmp_path / "scores.tsv")
    assert len(caplog.messages) == 2  # validation and test
    assert caplog.messages[0] == "all 4 scores are equal: the network does not discriminate, AUC is 0.5"
    assert pd.read_csv(tmp_path / "scores.tsv", sep="\t")["score"].nunique() == 1


def test_patient_who_was_trained_on_is_refused(toys, tmp_path, model):
    toys.split.write_text(toys.split.read_text().replace("toy-00\ttrain", "toy-00\ttest"))
    with pytest.raises(SplitError, match="toy-00"):
        _predict(toys, model, tmp_path / "scores.tsv")
    assert not (tmp_path / "scores.tsv").exists()


@pytest.mark.parametrize("net", ["2d", "3d"])
@pytest.mark.parametrize("channels", [("flair", "dwi"), ("dwi", "t2w", "flair", "adc")])
def test_channels_are_a_list_from_store_to_scores(toys, tmp_path, net, channels):
    for path in toys.hemispheres.glob("*.npy"):
        values = np.load(path)
        np.save(path, np.concatenate([values, values[:, :1]], axis=1)[:, : len(channels)])
    toys = dataclasses.replace(toys, channels=channels)
    train_phase(
        "phase3_tss4h5",
        net=net,
        start="random",
        seed=0,
        models=toys.models(net),
        training=toys.training(epochs=1),
        parent_model=None,
        output=tmp_path / "model",
        **toys.inputs(),
    )
    model = tmp_path / "model" / "model.pt"
    network, record = read_network(model)
    assert record.channels == channels
    first = next(parameter for parameter in network.parameters() if parameter.ndim > 3)
    assert first.shape[1] == len(channels)
    _predict(toys, model, tmp_path / "scores.tsv")
    assert len(pd.read_csv(tmp_path / "scores.tsv", sep="\t")) == 8
    with pytest.raises(CheckpointError, match=r"was trained on .*: name the network's series"):
        _predict(toys, model, tmp_path / "other.tsv", channels=channels[::-1])


@pytest.mark.parametrize("net", ["2d", "3d"])
def test_the_contralateral_hemisphere_is_seen_from_training_to_scores(toys, tmp_path, net):
    one_side, both = (
        toys,
        dataclasses.replace(toys, channels=channel_names(toys.channels, contralateral=True)),
    )
    train_phase(
        "phase3_tss4h5",
        net=net,
        start="random",
        seed=0,
        models=both.models(net),
        training=toys.training(epochs=1, augmentation=AUGMENTATION),
        parent_model=None,
        output=tmp_path / "model",
        **toys.inputs(),
    )
    model = tmp_path / "model" / "model.pt"
    network, record = read_network(model)
    assert record.channels == (
        "dwi",
        "t2w",
        "flair",
        "contralateral_dwi",
        "contralateral_t2w",
        "contralateral_flair",
    )
    _predict(both, model, tmp_path / "scores.tsv")
    table = pd.read_csv(tmp_path / "scores.tsv", sep="\t")
    assert set(table["hemisphere"]) == {"left", "right"}
    for row in table.itertuples():
        left, right = np.load(toys.hemispheres / f"{row.patient}.npy")
        seen = np.concatenate([left, right] if row.hemisphere == "left" else [right, left])
        with torch.inference_mode():
            logit = network(torch.from_numpy(seen[None].astype(np.float32))).item()
        assert row.score == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)
    with pytest.raises(
        CheckpointError, match=r"contralateral_flair, and .* set models\.contralateral to true"
    ):
        _predict(one_side, model, tmp_path / "other.tsv")


def test_a_network_of_one_hemisphere_is_not_given_two(toys, tmp_path, model):
    both = channel_names(toys.channels, contralateral=True)
    with pytest.raises(CheckpointError, match=r"was trained on .* set models\.contralateral to false"):
        _predict(toys, model, tmp_path / "scores.tsv", channels=both)


def test_hemispheres_of_another_number_of_series_are_refused(toys, tmp_path, model):
    for path in toys.hemispheres.glob("*.npy"):
        np.save(path, np.load(path)[:, :2])
    with pytest.raises(SplitError, match=r"hold 2 series, and models\.channels names 3"):
        _predict(toys, model, tmp_path / "scores.tsv")


def test_several_networks_have_the_scores_that_each_has_alone(toys, tmp_path, model):
    record, weights, _ = read_checkpoint(model)
    other = tmp_path / "other/model.pt"
    other.parent.mkdir()
    write_checkpoint(other, weights=weights | {"fc.weight": -weights["fc.weight"]}, record=record)
    both = [tmp_path / "first.tsv", tmp_path / "second.tsv"]
    given = {"threads": 1, "device": toys.device, "channels": toys.channels, **toys.inputs()}
    predict([model, other], predictions=both, **given)
    for one, path in zip((model, other), both, strict=True):
        _predict(toys, one, tmp_path / "alone.tsv")
        assert path.read_text() == (tmp_path / "alone.tsv").read_text()
    assert both[0].read_text() != both[1].read_text()


OTHER = {"left": "right", "right": "left"}


def _probability(model, toys, patient, side):
    """The network's own score of one hemisphere."""
    network, _ = read_network(model)
    values = np.load(toys.hemispheres / f"{patient}.npy")[("left", "right").index(side)]
    with torch.inference_mode():
        logit = network(torch.from_numpy(values[None].astype(np.float32))).item()
    return 1 / (1 + np.exp(-logit))


def test_the_side_found_has_the_score_of_its_hemisphere(toys, tmp_path, model):
    given = tmp_path / "scores.tsv"
    _predict(toys, model, given)
    frame = read_predictions(given).query("part == 'test'").set_index("patient")
    told = {patient: row.hemisphere for patient, row in zip(frame.index, frame.itertuples(), strict=True)}
    wrong = "toy-15"
    told[wrong] = OTHER[told[wrong]]
    sides = {patient: FoundSide("test", side, 2.0, "", "") for patient, side in told.items()}
    sides["toy-16"] = FoundSide("test", "none", 0.0, "", "a reason")
    write_found_sides(tmp_path / "sides.tsv", sides)
    predict_found(
        [model],
        [tmp_path / "found.tsv"],
        predictions=[given],
        sides=tmp_path / "sides.tsv",
        manifest=toys.manifest,
        split=toys.split,
        channels=toys.channels,
        threads=1,
        device=toys.device,
    )
    found = read_predictions(tmp_path / "found.tsv").set_index("patient")
    assert found.index.tolist() == ["toy-14", "toy-15", "toy-17"]
    for patient in ("toy-14", "toy-17"):
        assert found["score"][patient] == frame["score"][patient]  # the very same number
    assert found["hemisphere"][wrong] == told[wrong]
    assert found["score"][wrong] == pytest.approx(_probability(model, toys, wrong, told[wrong]), abs=1e-5)
    assert found["score"][wrong] != frame["score"][wrong]
    assert found["label"].to_dict() == frame["label"].drop("toy-16").to_dict()


@pytest.fixture
def undivided(toys, tmp_path):
    """Of the toys, toy-16 without a lesion and toy-17 of unknown onset are in no part; toy-15 is excluded."""
    cohort = pd.read_csv(toys.cohort, sep="\t").set_index("patient")
    cohort.loc["toy-16", "lesion_side"] = "none"
    cohort.loc[["toy-16", "toy-17"], "onset_to_mri_min"] = np.nan
    cohort["person"] = cohort.index
    cohort.to_csv(toys.cohort, sep="\t")
    split = pd.read_csv(toys.split, sep="\t").set_index("patient")
    split.drop(["toy-15", "toy-16", "toy-17"]).to_csv(toys.split, sep="\t")
    (tmp_path / "exclusions.tsv").write_text("patient\tstage\ntoy-15\tquality\n")
    return cohort


def _detect(toys, models, tmp_path):
    detect_undivided(
        models,
        tmp_path / "detected.tsv",
        exclusions=tmp_path / "exclusions.tsv",
        channels=toys.channels,
        threads=1,
        device=toys.device,
        **toys.inputs(),
    )
    return pd.read_csv(tmp_path / "detected.tsv", sep="\t").set_index("patient")


def test_patients_in_no_part_are_detected_in_both_hemispheres(toys, undivided, tmp_path, checkpoint):
    models = []
    for number, (net, row) in enumerate((("2d", "a"), ("2d", "a"), ("3d", "b"))):
        path = tmp_path / f"models/{net}/phase1_stroke/{row}/seed-{number}/model.pt"
        path.parent.mkdir(parents=True)
        models.append(checkpoint(net, PAPER["phase1_stroke"]).rename(path))
    record, weights, _ = read_checkpoint(models[1])
    write_checkpoint(models[1], weights=weights | {"fc.bias": weights["fc.bias"] + 1}, record=record)
    found = _detect(toys, models, tmp_path)
    assert found.index.tolist() == ["toy-16", "toy-17"]
    for patient in found.index:
        for side in ("left", "right"):
            first, second, third = (_probability(model, toys, patient, side) for model in models)
            assert found.loc[patient, side] == pytest.approx(((first + second) / 2 + third) / 2, abs=1e-5)


def test_a_scan_of_a_person_who_taught_is_not_detected(toys, undivided, tmp_path, model):
    undivided.loc["toy-16", "person"] = "toy-00"
    undivided.loc["toy-17", "person"] = "toy-14"  # of the test part
    undivided.to_csv(toys.cohort, sep="\t")
    assert _detect(toys, [model], tmp_path).index.tolist() == ["toy-17"]


def test_who_taught_before_the_split_changed_is_refused(toys, undivided, tmp_path, checkpoint):
    taught = checkpoint(
        "2d", PAPER["phase1_stroke"], participants={"train": ["toy-16"], "validation": ["toy-10"]}
    )
    with pytest.raises(SplitError, match="patient toy-16 was in the train part when the network was trained"):
        _detect(toys, [taught], tmp_path)


def test_where_everyone_has_a_part_nobody_is_detected(toys, tmp_path, model):
    (tmp_path / "exclusions.tsv").write_text("patient\tstage\n")
    assert _detect(toys, [model], tmp_path).empty

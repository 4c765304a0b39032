import numpy as np
import pandas as pd
import pytest
import torch

from strokeclock.training.checkpoint import read_network
from strokeclock.training.classifier import train_phase
from strokeclock.training.prediction import predict
from strokeclock.training.store import SplitError


@pytest.fixture
def model(toys, tmp_path):
    train_phase(
        "phase3_tss4h5",
        net="2d",
        weights="random",
        seed=0,
        models=toys.models("2d"),
        training=toys.training(epochs=1),
        parent_model=None,
        output=tmp_path / "model",
        **toys.inputs(),
    )
    return tmp_path / "model" / "model.pt"


def test_scores_are_the_networks_probabilities(toys, tmp_path, model):
    predict(model, output=tmp_path / "scores.tsv", threads=1, device="cpu", **toys.inputs())
    table = pd.read_csv(tmp_path / "scores.tsv", sep="\t")
    assert list(table.columns) == ["patient", "hemisphere", "part", "label", "score"]
    assert table["patient"].tolist() == [f"toy-{number}" for number in range(10, 18)]
    assert table["part"].tolist() == ["validation"] * 4 + ["test"] * 4
    assert table["label"].tolist() == [1, 0, 1, 1, 1, 0, 1, 1]
    network, _ = read_network(model)
    for row in table.itertuples():
        values = np.load(toys.hemispheres / f"{row.patient}.npy")[("left", "right").index(row.hemisphere)]
        with torch.inference_mode():
            logit = network(torch.from_numpy(values[None].astype(np.float32))).item()
        assert row.score == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-5)


def test_patient_who_was_trained_on_is_refused(toys, tmp_path, model):
    toys.split.write_text(toys.split.read_text().replace("toy-00\ttrain", "toy-00\ttest"))
    with pytest.raises(SplitError, match="toy-00"):
        predict(model, output=tmp_path / "scores.tsv", threads=1, device="cpu", **toys.inputs())
    assert not (tmp_path / "scores.tsv").exists()

"""The sources of initial weights, and those that are missing."""

import pytest

from strokeclock.pretraining.sources import list_data_sets, list_missing_starts

NOTHING = {"source": None, "folder": None}
PHANTOM = {"source": "phantom", "folder": None}
OWN = {"source": "folder", "folder": "/data/cheng"}


def test_where_data_sets_lie():
    starts = {"medical_2d": OWN, "medical_3d": PHANTOM}
    assert list_data_sets(starts, folder="results/r") == {
        "medical_2d": "/data/cheng",
        "medical_3d": "results/r/phantom/tumours/kaggle_3m",
    }
    starts = {"medical_2d": PHANTOM, "medical_3d": NOTHING}
    assert list_data_sets(starts, folder="results/r") == {
        "medical_2d": "results/r/phantom/tumours/cheng",
        "medical_3d": None,
    }


@pytest.mark.parametrize(
    ("file", "data_sets", "missing"),
    [
        ("resnet18.pth", {"medical_2d": "a", "medical_3d": "b"}, {}),
        (None, {"medical_2d": "a", "medical_3d": "b"}, {("2d", "imagenet"): "imagenet.file"}),
        ("resnet18.pth", {"medical_2d": None, "medical_3d": "b"}, {("2d", "medical"): "medical_2d.source"}),
        ("resnet18.pth", {"medical_2d": "a", "medical_3d": None}, {("3d", "medical"): "medical_3d.source"}),
    ],
)
def test_what_is_missing_names_its_key(file, data_sets, missing):
    found = list_missing_starts({"imagenet": {"file": file}}, data_sets=data_sets)
    assert found == {start: f"set initial_weights.{key}" for start, key in missing.items()}

"""TSS from the ratios of the segmented lesion."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import torch

from strokeclock.baselines.segmented import fit_segmented, predict_segmented
from strokeclock.cohort.parts import SplitError
from strokeclock.evaluation.metrics import auc
from strokeclock.fitted import FittedError
from strokeclock.models.view import View
from strokeclock.predictions import read_predictions
from strokeclock.segmentation import ratios as module
from strokeclock.segmentation.ratios import drop_faint, measure_ratios, measure_segmented
from strokeclock.segmentation.training import train_segmenter
from strokeclock.training.phases import PAPER
from strokeclock.training.store import read_hemispheres

TASK = PAPER["phase3_tss4h5"]
QUESTION = {"phase": TASK.phase, "below_min": TASK.below_min}


@pytest.fixture
def segmenter(toys, toy_lesions, tmp_path):
    """A network trained on toys: the older the lesion, the brighter on FLAIR."""
    minutes = pd.read_csv(toys.cohort, sep="\t").set_index("patient")["onset_to_mri_min"]
    for path in toys.hemispheres.glob("*.npy"):
        values = np.load(path)
        values[:, 2][values[:, 0] == 1] = 0.5 + minutes[path.stem] / 1000
        np.save(path, values)
    none = dict.fromkeys(("rotation_deg", "scale", "shift_mm", "gain", "noise"), 0)
    settings = {"epochs": 20, "batch": 4, "lr": 2e-2, "weight_decay": 0.0, "augmentation": none}
    train_segmenter(
        seed=0,
        series=toys.channels,
        average=(1, 1, 1),
        width=2,
        standardise=True,
        training=settings | toys.torch,
        volumes=toy_lesions,
        output=tmp_path / "segmenter",
        **toys.inputs(),
    )
    return tmp_path / "segmenter" / "model.pt"


def _predict(toys, model, output, **changes):
    settings = {"channels": toys.channels, **QUESTION, "threads": 1, "device": toys.device} | changes
    fitted = output.with_suffix(".json")
    fit_segmented(model, fitted, **toys.inputs(), **settings)
    predict_segmented(fitted, output, model=model, **toys.inputs(), **settings)
    return read_predictions(output)


def test_time_is_estimated_from_the_segmented_lesion(toys, segmenter, tmp_path, monkeypatch):
    seen = []

    def record(own, contralateral, lesion, **settings):
        seen.append(measure_ratios(own, contralateral, lesion, **settings))
        return seen[-1]

    monkeypatch.setattr(module, "measure_ratios", record)
    found = _predict(toys, segmenter, tmp_path / "scores.tsv")
    assert set(found["part"]) == {"validation", "test"}
    assert auc(found["label"], found["score"]) == 1
    ratios = np.delete(seen[:11], [3, 4], axis=0)  # of the training part; toy-03's lesions are mirror images
    minutes = np.delete(pd.read_csv(toys.cohort, sep="\t")["onset_to_mri_min"].to_numpy()[:10], 3)
    np.testing.assert_allclose(np.exp(ratios[:, 0]), 2, atol=0.2)  # DWI: 1 over the mean of .3 to .7
    np.testing.assert_allclose(np.exp(ratios[:, 2]), (0.5 + minutes / 1000) / 0.5, atol=0.15)
    np.testing.assert_allclose(np.exp(ratios[:, 3]), 216, rtol=0.2)


def _everywhere(seen):
    """A network that finds the lesion in each voxel."""
    return torch.ones_like(seen[:, :1])


def test_millimetres_are_those_of_what_is_seen(toys, monkeypatch):
    spacings = set()

    def record(own, contralateral, lesion, *, spacing):
        spacings.add(spacing)
        return np.zeros(4)

    monkeypatch.setattr(module, "measure_ratios", record)
    units = read_hemispheres(
        toys.manifest, cohort=toys.cohort, split=toys.split, task=TASK, part="train", contralateral=True
    )
    view = View(((0, 16), (8, 32), (0, 9)), (2, 4, 1))
    measure_segmented(_everywhere, units, view=view, device=torch.device("cpu"))
    assert spacings == {(2 * 98 / 16, 4 * 233 / 32)}


def test_the_fit_does_not_depend_on_the_test_part(toys, segmenter, tmp_path):
    before = _predict(toys, segmenter, tmp_path / "before.tsv").query("part == 'validation'")
    cohort = pd.read_csv(toys.cohort, sep="\t")
    cohort.loc[14:, "onset_to_mri_min"] = 600 - cohort.loc[14:, "onset_to_mri_min"]
    cohort.to_csv(toys.cohort, sep="\t", index=False)
    for number in range(14, 18):
        values = np.load(toys.hemispheres / f"toy-{number}.npy")
        np.save(toys.hemispheres / f"toy-{number}.npy", values[:, ::-1].copy())
    after = _predict(toys, segmenter, tmp_path / "after.tsv").query("part == 'validation'")
    pd.testing.assert_frame_equal(before, after)


def test_one_class_in_training_is_refused(toys, segmenter, tmp_path):
    cohort = pd.read_csv(toys.cohort, sep="\t").assign(onset_to_mri_min=60)
    cohort.to_csv(toys.cohort, sep="\t", index=False)
    with pytest.raises(SplitError, match="all 11 hemispheres of the train part have the label 1"):
        _predict(toys, segmenter, tmp_path / "scores.tsv")


def test_a_fit_with_another_network_is_refused(toys, segmenter, tmp_path):
    _predict(toys, segmenter, tmp_path / "scores.tsv")
    content = json.loads((tmp_path / "scores.json").read_text())
    assert len(content["regression"]["powers"]) == 14  # four measures, their squares and products
    assert content["segmentation_sha256"] == hashlib.sha256(segmenter.read_bytes()).hexdigest()
    content["segmentation_sha256"] = 64 * "0"
    (tmp_path / "scores.json").write_text(json.dumps(content))
    settings = {"channels": toys.channels, **QUESTION, "threads": 1, "device": toys.device}
    with pytest.raises(FittedError, match="was fitted for segmentation_sha256 '000"):
        predict_segmented(
            tmp_path / "scores.json", tmp_path / "new.tsv", model=segmenter, **toys.inputs(), **settings
        )


def test_faint_shares_count_only_where_all_are_faint():
    brain = np.ones((1, 2, 2, 1), np.float32)
    hole = brain.copy()
    hole[0, 0, 0] = 0
    share = np.array([[0.9, 0.3], [0.1, 0.09]], np.float32)[..., None]
    assert drop_faint(share, own=brain, contralateral=brain).ravel().tolist() == pytest.approx(
        [0.9, 0.3, 0.1, 0]
    )
    assert drop_faint(share, own=hole, contralateral=brain).ravel().tolist() == pytest.approx(
        [0, 0.3, 0.1, 0]
    )
    assert drop_faint(share, own=brain, contralateral=hole).ravel().tolist() == pytest.approx(
        [0, 0.3, 0.1, 0]
    )
    faint = share / 100
    assert drop_faint(faint, own=brain, contralateral=brain).ravel().tolist() == pytest.approx(
        [0.009, 0, 0, 0]
    )
    assert not drop_faint(0 * share, own=brain, contralateral=brain).any()

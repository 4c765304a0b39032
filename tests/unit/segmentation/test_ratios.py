"""TSS from the ratios of the segmented lesion."""

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import torch

from strokeclock.baselines.segmented import choose_unseen, fit_segmented, predict_segmented
from strokeclock.cohort.folds import read_folds
from strokeclock.cohort.parts import SplitError
from strokeclock.evaluation.metrics import auc
from strokeclock.fitted import FittedError, digest_units, write_fitted
from strokeclock.models.view import View
from strokeclock.predictions import read_predictions
from strokeclock.segmentation import ratios as module
from strokeclock.segmentation.network import read_segmenter
from strokeclock.segmentation.ratios import drop_faint, measure_ratios, measure_segmented
from strokeclock.segmentation.training import train_segmenter
from strokeclock.training.device import choose_device, on_device
from strokeclock.training.phases import PAPER
from strokeclock.training.store import read_hemispheres

TASK = PAPER["phase3_tss4h5"]
TASKS = {TASK.phase: TASK.below_min}
ROW = f"segmentation/{TASK.phase}/ratios/seed-0"


FOLDS = 2


@pytest.fixture
def bright(toys):
    """The older the lesion, the brighter on FLAIR."""
    minutes = pd.read_csv(toys.cohort, sep="\t").set_index("patient")["onset_to_mri_min"]
    for path in toys.hemispheres.glob("*.npy"):
        values = np.load(path)
        values[:, 2][values[:, 0] == 1] = 0.5 + minutes[path.stem] / 1000
        np.save(path, values)


def _train(toys, volumes, folder, *, epochs):
    """Train the networks of the folds, and one on the whole training part; return their checkpoints."""
    none = dict.fromkeys(("rotation_deg", "scale", "shift_mm", "gain", "noise"), 0)
    settings = {"epochs": epochs, "batch": 4, "lr": 2e-2, "weight_decay": 0.0, "augmentation": none}
    places = {f"seed-0/fold-{number}": (number, FOLDS) for number in range(1, FOLDS + 1)}
    places |= {"seed-0": None}
    for place, fold in places.items():
        train_segmenter(
            seed=0,
            series=toys.channels,
            average=(1, 1, 1),
            width=2,
            standardise=True,
            training=settings | toys.torch,
            volumes=volumes,
            fold=fold,
            output=folder / place,
            **toys.inputs(),
        )
    return [folder / place / "model.pt" for place in places]


@pytest.fixture
def segmenters(toys, bright, toy_lesions, tmp_path):
    """Networks that have hardly learned; the last of the whole training part."""
    return _train(toys, toy_lesions, tmp_path, epochs=1)


def _fit(toys, fold_models, model, folder, tasks=TASKS):
    """Fit the tasks; return their files."""
    fitted = [folder / f"fitted/segmentation/{phase}/ratios/seed-0.json" for phase in tasks]
    settings = {"channels": toys.channels, "threads": 1, "device": toys.device, **toys.inputs()}
    fit_segmented(fold_models, fitted, model=model, tasks=tasks, **settings)
    return fitted


def _apply(toys, fitted, model, folder):
    output = folder / f"predictions/{ROW}.tsv"
    settings = {"channels": toys.channels, "threads": 1, "device": toys.device, **toys.inputs()}
    predict_segmented([fitted], [output], model=model, tasks=TASKS, **settings)
    return read_predictions(output)


def _predict(toys, segmenters, folder):
    *fold_models, model = segmenters
    (fitted,) = _fit(toys, fold_models, model, folder)
    return _apply(toys, fitted, model, folder)


def test_all_tasks_are_fitted_as_each_alone_and_each_hemisphere_is_measured_once(
    toys, segmenters, tmp_path, monkeypatch
):
    *fold_models, model = segmenters
    tasks = {"phase2_tss3h": 180, **TASKS}
    alone = [
        _fit(toys, fold_models, model, tmp_path / phase, {phase: below_min})[0].read_bytes()
        for phase, below_min in tasks.items()
    ]
    measured = []

    def record(*sides, **settings):
        measured.append(sides[0].tobytes())
        return measure_ratios(*sides, **settings)

    monkeypatch.setattr(module, "measure_ratios", record)
    fitted = _fit(toys, fold_models, model, tmp_path, tasks)
    assert [path.read_bytes() for path in fitted] == alone
    assert alone[0] != alone[1]
    assert len(measured) == len(set(measured)) > 0


def test_time_is_estimated_from_the_segmented_lesion(toys, bright, toy_lesions, tmp_path, monkeypatch):
    segmenters = _train(toys, toy_lesions, tmp_path, epochs=20)
    seen = []

    def record(own, contralateral, lesion, **settings):
        seen.append(measure_ratios(own, contralateral, lesion, **settings))
        return seen[-1]

    monkeypatch.setattr(module, "measure_ratios", record)
    found = _predict(toys, segmenters, tmp_path)
    assert set(found["part"]) == {"validation", "test"}
    assert auc(found["label"], found["score"]) == 1
    # of the training part, fold by fold; toy-03's two lesions are mirror images
    folds = read_folds(toys.cohort, toys.split, folds=FOLDS, seed=0)
    order = [patient for fold in folds for patient in fold]
    place = order.index("toy-03")
    ratios = np.delete(seen[:11], [place, place + 1], axis=0)
    onset = pd.read_csv(toys.cohort, sep="\t").set_index("patient")["onset_to_mri_min"]
    minutes = np.delete(onset[order].to_numpy(), place)
    np.testing.assert_allclose(np.exp(ratios[:, 0]), 2, atol=0.2)  # DWI: 1 over the mean of .3 to .7
    np.testing.assert_allclose(np.exp(ratios[:, 2]), (0.5 + minutes / 1000) / 0.5, atol=0.15)
    np.testing.assert_allclose(np.exp(ratios[:, 3]), 216, rtol=0.2)


def _everywhere(seen, *, needed):
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


def test_training_patients_are_measured_by_the_network_that_left_them_out(toys, segmenters, tmp_path):
    *fold_models, model = segmenters
    (fitted,) = _fit(toys, fold_models, model, tmp_path)
    units = read_hemispheres(
        toys.manifest, cohort=toys.cohort, split=toys.split, task=TASK, part="train", contralateral=True
    )
    folds = read_folds(toys.cohort, toys.split, folds=FOLDS, seed=0)
    measured = np.full((len(units), 4), np.nan)
    place = choose_device(toys.device, threads=1)
    for path, fold in zip(fold_models, folds, strict=True):
        rows = [number for number, patient in enumerate(units.patients) if patient in fold]
        assert units.select(rows).patients == tuple(units.patients[row] for row in rows)
        network, view, _ = read_segmenter(path, series=toys.channels, split=toys.split)
        measured[rows] = measure_segmented(
            on_device(network, place), units.select(rows), view=view, device=place
        )
    content = json.loads(fitted.read_text())
    assert content["fitted_on"]["sha256"] == digest_units(
        units.patients, units.labels, np.column_stack([measured, units.minutes])
    )
    assert content["fold_segmentations_sha256"] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in fold_models
    ]


def test_a_network_that_learned_from_a_patient_cannot_measure_it_for_the_fit(toys, segmenters, tmp_path):
    first, _, whole = segmenters
    for models in ([whole, whole], [first, whole]):
        with pytest.raises(SplitError, match=r"toy-\d\d of the train part was left out by none of the 2 "):
            _fit(toys, models, whole, tmp_path)
    assert not (tmp_path / f"fitted/{ROW}.json").exists()


def test_the_network_that_left_a_patient_out_is_chosen():
    learned = [{"b", "c", "v"}, {"a", "c", "v"}, {"a", "b", "v"}]
    assert choose_unseen("cabba", learned, folder="seed-0").tolist() == [2, 0, 1, 1, 0]
    with pytest.raises(SplitError, match="patient v of the train part was left out by none of the 3"):
        choose_unseen("av", learned, folder="seed-0")
    with pytest.raises(SplitError, match=r"patient a .* 2 of the 4 .* in seed-0, and must be by one: delete"):
        choose_unseen("ba", [*learned, {"b", "c"}], folder="seed-0")


def test_the_fit_does_not_depend_on_the_test_part(toys, segmenters, tmp_path):
    before = _predict(toys, segmenters, tmp_path / "before").query("part == 'validation'")
    cohort = pd.read_csv(toys.cohort, sep="\t")
    cohort.loc[14:, "onset_to_mri_min"] = 600 - cohort.loc[14:, "onset_to_mri_min"]
    cohort.to_csv(toys.cohort, sep="\t", index=False)
    for number in range(14, 18):
        values = np.load(toys.hemispheres / f"toy-{number}.npy")
        np.save(toys.hemispheres / f"toy-{number}.npy", values[:, ::-1].copy())
    after = _predict(toys, segmenters, tmp_path / "after").query("part == 'validation'")
    pd.testing.assert_frame_equal(before, after)


def test_one_class_in_training_is_refused(toys, segmenters, tmp_path):
    cohort = pd.read_csv(toys.cohort, sep="\t").assign(onset_to_mri_min=60)
    cohort.to_csv(toys.cohort, sep="\t", index=False)
    with pytest.raises(SplitError, match="all 11 hemispheres of the train part have the label 1"):
        _predict(toys, segmenters, tmp_path)


def test_a_fit_with_another_network_is_refused(toys, segmenters, tmp_path):
    _predict(toys, segmenters, tmp_path)
    fitted = tmp_path / f"fitted/{ROW}.json"
    content = json.loads(fitted.read_text())
    assert len(content["regression"]["powers"]) == 14  # four measures, their squares and products
    assert content["segmentation_sha256"] == hashlib.sha256(segmenters[-1].read_bytes()).hexdigest()
    content["segmentation_sha256"] = 64 * "0"
    del content["sha256"]  # of the former content
    write_fitted(fitted, content, kind=content["kind"])
    with pytest.raises(FittedError, match="was fitted for segmentation_sha256 '000"):
        _apply(toys, fitted, segmenters[-1], tmp_path)


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

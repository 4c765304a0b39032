"""Lesions painted over: exactly these voxels, and the AUC falls where a network's score rests on them."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from strokeclock.cohort.parts import SplitError
from strokeclock.explanation import occlusion as module
from strokeclock.explanation.occlusion import (
    COLUMNS,
    Patches,
    compare_scores,
    draw_control,
    paint,
    place_patches,
    score_painted,
    write_occlusion,
)
from strokeclock.models.view import WHOLE
from strokeclock.segmentation.lesion import measure_distance
from strokeclock.training.phases import Task
from strokeclock.training.store import read_hemispheres

STROKE = Task("phase1_stroke", None, None)
EARLY = Task("phase3_tss4h5", 270, None)
SPACING = np.full(3, 2.0)  # of the toys, mm


def test_paint_takes_the_contralateral_hemispheres_values_in_all_series():
    pair = np.random.default_rng(0).random((6, 3, 4, 2)).astype(np.float32)
    region = np.ravel_multi_index(([0, 2], [1, 3], [1, 0]), (3, 4, 2))
    before = pair.copy()
    painted = paint(pair, region)
    assert np.array_equal(pair, before)
    changed = np.zeros((3, 4, 2), bool)
    changed[[0, 2], [1, 3], [1, 0]] = True
    assert np.array_equal(painted[:3, changed], before[3:, changed])
    assert np.array_equal(painted[:3, ~changed], before[:3, ~changed])
    assert np.array_equal(painted[3:], before[3:])


def test_the_control_is_as_large_in_the_brain_and_beside_the_lesion():
    brain = np.ones((8, 10, 4), bool)
    brain[:2] = False
    region = np.zeros_like(brain)
    region[4:6, 4:8, 1:3] = True
    found = [
        draw_control(region, brain, spacing=SPACING, rng=np.random.default_rng(seed)) for seed in range(20)
    ]
    for control in found:
        assert len(set(control)) == region.sum()
        assert (brain & ~region).ravel()[control].all()
    assert len({tuple(control) for control in found}) > 10  # at random
    # one piece around its centre: nothing that was left out is nearer than what was taken
    centre = np.argwhere(brain & ~region)[np.random.default_rng(0).integers((brain & ~region).sum())]
    free = np.flatnonzero((brain & ~region).ravel())
    distance = (((np.argwhere(brain & ~region) - centre) * SPACING) ** 2).sum(axis=1)
    taken = np.isin(free, found[0])
    assert distance[taken].max() <= distance[~taken].min()


def test_no_control_beside_a_lesion_that_fills_the_brain():
    brain = np.ones((4, 4, 2), bool)
    region = np.ones_like(brain)
    region[0] = False
    assert draw_control(region, brain, spacing=SPACING, rng=np.random.default_rng(0)) is None


@pytest.fixture
def inputs(toys, toy_lesions):
    return toys.inputs() | {
        "volumes": toy_lesions,
        "grid": toy_lesions.parent / "toy-00.nii.gz",
        "channels": toys.channels,
        "threads": 1,
        "device": toys.device,
        "confidence": 0.95,
        "bootstraps": 50,
    }


def place(toys, toy_lesions, sides):
    return place_patches(sides, manifest=toys.manifest, volumes=toy_lesions, spacing=SPACING)


def test_patches_of_the_toys(toys, toy_lesions):
    patches, left_out = place(toys, toy_lesions, {"toy-14": "right", "toy-17": "left"})
    assert not left_out
    assert (patches["toy-14"].side, patches["toy-14"].source, patches["toy-17"].source) == (
        "right",
        "mask",
        "automatic",
    )
    box = np.zeros((16, 32, 9), bool)
    box[6:12, 8:20, 3:6] = True
    assert np.array_equal(patches["toy-14"].lesion, np.flatnonzero(measure_distance(box, SPACING) <= 3))
    alone, _ = place(toys, toy_lesions, {"toy-17": "left"})
    assert np.array_equal(alone["toy-17"].control, patches["toy-17"].control)


def test_patients_left_out_are_counted_in_words(toys, toy_lesions):
    toy_lesions.write_text(toy_lesions.read_text().replace("toy-05\t1.728\tmask", "toy-05\t\tnone"))
    sides = {"toy-03": "both", "toy-05": "left", "nobody": "left", "toy-02": "left", "toy-00": "left"}
    patches, left_out = place(toys, toy_lesions, sides)
    assert [*patches] == ["toy-00"]
    assert left_out == (
        "left out: 1 with lesions on both sides; 2 without a lesion that is drawn or found; "
        "1 with the lesion on another side than recorded"
    )


class Brightest(nn.Module):
    """The logit is how many voxels of the first series are 1: the toys' lesions, and nothing else."""

    trunk = SimpleNamespace(stages=())  # nothing is frozen
    view = WHOLE

    def begin(self, seen, *, stages):
        return (seen,)

    def finish(self, maps, *, stages):
        return (maps[0][:, 0] == 1).float().sum((1, 2, 3))


def score(toys, patches, task):
    units = read_hemispheres(
        toys.manifest, cohort=toys.cohort, split=toys.split, task=task, part="test", contralateral=True
    )
    found = score_painted(Brightest(), units, patches, channels=3, device=torch.device("cpu"))
    return units, found


@pytest.fixture
def patches(toys, toy_lesions):
    sides = {"toy-14": "right", "toy-15": "right", "toy-16": "left", "toy-17": "left"}
    return place(toys, toy_lesions, sides)[0]


def test_a_network_whose_score_rests_on_the_lesion_falls_to_a_half(toys, patches):
    units, scores = score(toys, patches, STROKE)
    assert scores["untouched"].tolist() == [216.0 * label for label in units.labels]
    assert scores["lesion"].tolist() == [0.0] * 8
    assert scores["control"].tolist() == scores["untouched"].tolist()
    row = compare_scores(
        units,
        scores["untouched"],
        scores["lesion"],
        clustered=True,
        confidence=0.95,
        bootstraps=50,
    )
    assert (row["auc_before"], row["auc_after"], row["difference"]) == (1.0, 0.5, -0.5)


def test_only_the_hemisphere_with_the_lesion_is_painted(toys, patches):
    nothing = {
        patient: Patches(patch.side, "mask", *[np.empty(0, int)] * 2) for patient, patch in patches.items()
    }
    other = {
        patient: patch._replace(side={"left": "right", "right": "left"}[patch.side])
        for patient, patch in patches.items()
    }
    units, untouched = score(toys, nothing, STROKE)
    assert untouched["lesion"].tolist() == untouched["untouched"].tolist()
    _, wrong_side = score(toys, other, STROKE)  # the healthy one gets a lesion
    assert wrong_side["lesion"].tolist() == [216.0] * len(units)


def read(path):
    with open(path, newline="") as table:
        return list(csv.DictReader(table))


def test_table_of_two_networks(inputs, checkpoint, tmp_path):
    models = [checkpoint("2d", STROKE), checkpoint("3d", EARLY)]
    write_occlusion(models, tmp_path / "table.csv", **inputs)
    rows = read(tmp_path / "table.csv")
    assert tuple(rows[0]) == COLUMNS
    assert [(row["model"], row["place"], row["n"], row["positives"]) for row in rows] == [
        ("2d", "lesion", "8", "4"),
        ("2d", "control", "8", "4"),
        ("3d", "lesion", "4", "3"),
        ("3d", "control", "4", "3"),
    ]
    for row in rows:
        assert row["mask_source"] == "automatic 1, mask 3"
        difference = float(row["auc_after"]) - float(row["auc_before"])
        assert float(row["difference"]) == pytest.approx(difference, abs=1e-6)
    assert "nan" not in (tmp_path / "table.csv").read_text().lower()


def test_one_class_or_no_lesion_is_said_in_words(inputs, toys, checkpoint, tmp_path):
    toys.cohort.write_text(
        toys.cohort.read_text().replace("\t415\t", "\t115\t")
    )  # toy-15 was the only late one
    write_occlusion([checkpoint("2d", EARLY)], tmp_path / "table.csv", **inputs)
    for row in read(tmp_path / "table.csv"):
        assert not row["auc_before"]
        assert row["note"] == "too few: not both classes among the test patients"
    inputs["volumes"].write_text("patient\tvolume_ml\tsource\tnote\n")
    write_occlusion([checkpoint("2d", STROKE)], tmp_path / "table.csv", **inputs)
    for row in read(tmp_path / "table.csv"):
        assert (row["n"], row["auc_before"]) == ("0", "")
        assert row["note"].endswith("left out: 4 without a lesion that is drawn or found")
    write_occlusion([], tmp_path / "table.csv", **inputs)
    assert read(tmp_path / "table.csv")[0]["note"] == "not run: no network"


def test_a_network_trained_on_a_test_patient_is_refused(inputs, checkpoint, tmp_path):
    model = checkpoint("2d", EARLY, participants={"train": ["toy-14"]})
    with pytest.raises(SplitError, match="toy-14"):
        write_occlusion([model], tmp_path / "table.csv", **inputs)
    assert not (tmp_path / "table.csv").exists()


def test_hemispheres_pass_in_parts(toys, patches, monkeypatch):
    whole = score(toys, patches, STROKE)[1]
    monkeypatch.setattr(module, "AT_ONCE", 3)
    parts = score(toys, patches, STROKE)[1]
    for name in whole:
        assert parts[name].tolist() == whole[name].tolist()

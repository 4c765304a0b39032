"""Grad-CAM against lesions: exact shares on small maps, and the table of a small run."""

import csv

import numpy as np
import pytest
import torch
from scipy import sparse

from strokeclock.cohort.parts import SplitError
from strokeclock.explanation import overlap as module
from strokeclock.explanation.overlap import (
    COLUMNS,
    Lesions,
    Overlap,
    compare_map,
    read_lesions,
    summarise,
    widest_slice,
    write_overlap,
)
from strokeclock.training.phases import Task
from strokeclock.training.store import read_hemispheres

TASK = Task("phase3_tss4h5", 270, None)


def lesions_of(*masks):
    flat = [np.array(mask, bool) for mask in masks]
    return Lesions(
        list(range(len(masks))),
        np.ones(len(masks)),
        sparse.csr_array(np.stack([mask.ravel() for mask in flat]).astype(np.float32)),
        sparse.csr_array(np.stack([widest_slice(mask).ravel() for mask in flat]).astype(np.float32)),
    )


@pytest.fixture
def cam():
    """Four voxels above a half in slice 0, sum 3.4; fainter ones, sum .6, in slice 1."""
    cam = np.zeros((3, 3, 2), np.float32)
    cam[:2, :2, 0] = [[1.0, 0.9], [0.9, 0.6]]
    cam[2, :, 1] = [0.1, 0.2, 0.3]
    return cam


def test_one_map_against_lesions_by_hand(cam):
    hit, missed, wide = (np.zeros((3, 3, 2), bool) for _ in range(3))
    hit[0, :2, 0] = True  # 1 and .9
    missed[2, :, 1] = True  # .1, .2, .3
    wide[1, :, 0] = True  # .9, .6, 0: two of three voxels
    wide[2, 2, 1] = True  # .3, in the narrower slice
    found = compare_map(cam, lesions_of(hit, missed, wide), brain=cam < 0.6)
    assert found.inside == pytest.approx([1.9 / 4, 0.6 / 4, 1.8 / 4], rel=1e-6)
    assert found.inside_strong == pytest.approx([1.9 / 3.4, 0, 1.5 / 3.4], rel=1e-6)
    assert found.pointing.tolist() == [1, 0, 0]
    assert found.slice_overlap.tolist() == [True, False, True]
    assert found.in_brain == pytest.approx(0.6 / 4, rel=1e-6)
    assert found.silent == 0


def test_half_of_the_slice_is_not_more_than_half(cam):
    half = np.zeros((3, 3, 2), bool)
    half[1:, 0, 0] = True  # .9 and 0
    assert not compare_map(cam, lesions_of(half), brain=cam > 0).slice_overlap[0]


def test_a_map_of_nothing_shares_nothing():
    found = compare_map(np.zeros((3, 3, 2)), lesions_of(np.ones((3, 3, 2))), brain=np.ones((3, 3, 2), bool))
    assert (found.inside[0], found.pointing[0], found.slice_overlap[0], found.silent) == (0, 0, 0, 1)


def test_the_widest_slice_alone():
    mask = np.zeros((2, 2, 3), bool)
    mask[0, 0, 0] = mask[:, 0, 1] = mask[0, :, 2] = True
    assert np.argwhere(widest_slice(mask)).tolist() == [[0, 0, 1], [1, 0, 1]]


def overlap_of(matrix):
    n = len(matrix)
    return Overlap(*(np.array(matrix, float) for _ in range(4)), np.ones(n), np.zeros(n))


def test_chance_is_the_other_patients_lesions():
    found = overlap_of([[1.0, 0.0, 0.2], [0.3, 0.0, 0.1], [0.0, 0.6, 1.0]])
    row, *bands = summarise(found, np.array([1.0, 1.0, 50.0]), confidence=0.95, bootstraps=100)
    assert (row["lesions"], row["n"], row["silent"]) == ("all", 3, 0)
    assert row["inside"] == row["pointing"] == pytest.approx(2 / 3)
    assert row["inside_chance"] == pytest.approx((0.0 + 0.2 + 0.3 + 0.1 + 0.0 + 0.6) / 6)
    assert row["pointing_low"] == pytest.approx(0.2077, abs=1e-4)  # Wilson, 2 of 3
    assert 0 <= row["inside_low"] < 2 / 3 < row["inside_high"] <= 1
    assert [band["n"] for band in bands] == [2, 0, 1]
    assert all(band["note"].startswith("too few: fewer than 10") for band in bands)


def test_a_bands_chance_is_within_the_band():
    matrix = np.full((22, 22), 0.9)
    matrix[:11, :11] = 0.1
    np.fill_diagonal(matrix, 0.5)
    rows = list(summarise(overlap_of(matrix), np.repeat([1.0, 10.0], 11), confidence=0.95, bootstraps=50))
    assert rows[1]["inside_chance"] == pytest.approx(0.1)
    assert rows[2]["inside_chance"] == pytest.approx(0.9)


def read(path):
    with open(path, newline="") as table:
        return list(csv.DictReader(table))


@pytest.fixture
def inputs(toys, toy_lesions):
    return toys.inputs() | {
        "volumes": toy_lesions,
        "channels": toys.channels,
        "layer": "penultimate",
        "threads": 1,
        "device": toys.device,
        "confidence": 0.95,
        "bootstraps": 50,
    }


def test_lesions_of_the_units(toys, toy_lesions):
    units = read_hemispheres(toys.manifest, cohort=toys.cohort, split=toys.split, task=TASK, part="test")
    lesions = read_lesions(units, volumes=toy_lesions)
    assert [units.patients[unit] for unit in lesions.units] == ["toy-14", "toy-15", "toy-16"]  # 17: found
    expected = np.zeros((16, 32, 9))
    expected[6:12, 8:20, 3:6] = 1
    for row in lesions.masks.toarray():
        assert np.array_equal(row.reshape(16, 32, 9), expected)
    expected[..., 4:] = 0
    assert np.array_equal(lesions.widest.toarray()[0].reshape(16, 32, 9), expected)


def test_table_of_two_networks(inputs, checkpoint, tmp_path, monkeypatch):
    """A map that is the brightness of the network's input lies on the bright lesion."""

    def bright(network, hemisphere, *, layer):
        assert layer in dict(network.named_modules())
        cam = (hemisphere[0].astype(np.float32) == 1).astype(np.float32)
        return cam, np.zeros_like(cam)

    monkeypatch.setattr(module, "map_evidence", bright)
    models = [checkpoint("2d", TASK), checkpoint("3d", TASK)]
    write_overlap(models, tmp_path / "table.csv", **inputs)
    rows = read(tmp_path / "table.csv")
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 2 * 2 * 4
    assert [row["evidence"] for row in rows[:8]] == ["TSS < 4.5 h"] * 4 + ["TSS ≥ 4.5 h"] * 4
    early, late = rows[0], rows[4]
    assert (early["stage"], early["model"], early["start"], early["n"]) == (TASK.phase, "2d", "random", "3")
    names = ("inside", "inside_strong", "pointing", "slice_overlap", "in_brain", "inside_chance")
    assert [early[name] for name in names] == ["1"] * 6  # all toys have their lesion at one place
    assert late["silent"] == "3"
    assert late["inside"] == "0"
    assert "nan" not in (tmp_path / "table.csv").read_text().lower()


def test_real_maps_give_a_table(inputs, checkpoint, tmp_path):
    torch.manual_seed(0)
    write_overlap([checkpoint("2d", TASK)], tmp_path / "table.csv", **inputs)
    for row in read(tmp_path / "table.csv"):
        if row["lesions"] == "all":
            assert 0 <= float(row["inside"]) <= 1
            assert not row["note"]


def test_without_a_drawn_lesion_or_a_network_it_says_so(inputs, checkpoint, tmp_path):
    volumes = tmp_path / "none" / "volumes.tsv"
    volumes.parent.mkdir()
    volumes.write_text("patient\tvolume_ml\tsource\tnote\n")
    write_overlap([checkpoint("2d", TASK)], tmp_path / "table.csv", **inputs | {"volumes": volumes})
    rows = read(tmp_path / "table.csv")
    assert {row["n"] for row in rows} == {"0"}
    assert rows[0]["note"] == "too few: fewer than 2 test patients with a drawn lesion"
    write_overlap([], tmp_path / "table.csv", **inputs)
    assert read(tmp_path / "table.csv")[0]["note"].startswith("not run")


def test_a_network_trained_on_a_test_patient_is_refused(inputs, checkpoint, tmp_path):
    with pytest.raises(SplitError, match="toy-14"):
        write_overlap(
            [checkpoint("2d", TASK, participants={"train": ["toy-14"]})], tmp_path / "table.csv", **inputs
        )
    assert not (tmp_path / "table.csv").exists()

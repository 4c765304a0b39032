"""The segmentation network is trained on the training patients' lesions only."""

import shutil

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch

from strokeclock.cohort.folds import read_folds
from strokeclock.cohort.parts import SplitError
from strokeclock.models.view import WHOLE, View
from strokeclock.segmentation.network import (
    FULL,
    read_masks,
    read_segmenter,
)
from strokeclock.segmentation.training import train_segmenter
from strokeclock.training.checkpoint import CheckpointError, read_checkpoint
from strokeclock.training.record import read_record
from strokeclock.training.store import read_hemispheres

STRONG = {"rotation_deg": 10, "scale": 0.1, "shift_mm": 4, "gain": 0.1, "noise": 0.01}
NONE = dict.fromkeys(STRONG, 0)


def _train(toys, volumes, output, *, box=None, fold=None, average=(1, 1, 1), **changes):
    settings = {"epochs": 2, "batch": 4, "lr": 5e-3, "weight_decay": 0.05, "augmentation": STRONG}
    train_segmenter(
        seed=0,
        series=toys.channels,
        average=average,
        width=2,
        standardise=True,
        training=settings | toys.torch | changes,
        volumes=volumes,
        box=box,
        fold=fold,
        output=output,
        **toys.inputs(),
    )
    return pd.read_csv(output / "history.tsv", sep="\t")


def _read(toys, part="train"):
    return read_hemispheres(
        toys.manifest, cohort=toys.cohort, split=toys.split, task=None, part=part, contralateral=True
    )


def test_finds_the_lesions_of_patients_it_was_not_trained_on(toys, toy_lesions, tmp_path):
    history = _train(toys, toy_lesions, tmp_path / "out", epochs=10, lr=2e-2)
    assert history["validation_dice"].iloc[-1] > 0.8 > history["validation_dice"].iloc[0]
    network, view, learned_from = read_segmenter(
        tmp_path / "out" / "model.pt", series=toys.channels, split=toys.split
    )
    assert learned_from == {f"toy-{number:02d}" for number in range(14)}
    units = _read(toys, "test")
    masks, _ = read_masks(units, cohort=toys.cohort, volumes=toy_lesions, view=view)
    with torch.inference_mode():
        found = network(view.see(torch.from_numpy(units.values[:]).float()))
    assert set(masks.any(axis=(1, 2, 3, 4))) == {True, False}  # healthy hemispheres, too
    for share, mask in zip(found.numpy(), masks, strict=True):
        assert ((share > 0.5) != (mask > 0)).sum() < 0.2 * 216


def test_reads_training_and_validation_patients_only(toys, toy_lesions, tmp_path):
    for number in range(14, 18):
        (toys.hemispheres / f"toy-{number}.npy").unlink()
        (toy_lesions.parent / f"toy-{number}.nii.gz").unlink()
    _train(toys, toy_lesions, tmp_path / "out", epochs=1)
    record, _, _ = read_checkpoint(tmp_path / "out" / "model.pt")
    assert record.participants["train"] == [f"toy-{number:02d}" for number in range(10)]


def test_a_fold_is_left_out(toys, toy_lesions, tmp_path):
    _train(toys, toy_lesions, tmp_path / "whole", epochs=1)
    folds = read_folds(toys.cohort, toys.split, folds=3, seed=0)
    for patient in folds[1]:
        (toy_lesions.parent / f"{patient}.nii.gz").unlink()
        values = np.load(toys.hemispheres / f"{patient}.npy")
        np.save(toys.hemispheres / f"{patient}.npy", values[::-1].copy())
    _train(toys, toy_lesions, tmp_path / "fold-2", epochs=1, fold=(2, 3))
    whole, record = (read_record(tmp_path / name / "run.json") for name in ("whole", "fold-2"))
    learned = sorted({*whole.participants["train"]} - {*folds[1]})
    assert len(learned) == 7
    assert record.participants == {**whole.participants, "train": learned}
    assert (record.fold, record.data["folds"], whole.fold) == (2, 3, None)
    assert record.settings == whole.settings
    network = read_segmenter(tmp_path / "fold-2/model.pt", series=toys.channels, split=toys.split)
    assert not {*folds[1]} & network.learned_from


def test_a_killed_training_of_a_fold_ends_in_the_same_bytes(toys, toy_lesions, ends_alike):
    ends_alike(lambda output: _train(toys, toy_lesions, output, epochs=2, fold=[1, 2]))


def test_weights_do_not_depend_on_the_validation_part(toys, toy_lesions, tmp_path):
    _train(toys, toy_lesions, tmp_path / "before")
    for number in range(10, 14):
        shutil.copy(toys.hemispheres / "toy-00.npy", toys.hemispheres / f"toy-{number}.npy")
        shutil.copy(toy_lesions.parent / "toy-01.nii.gz", toy_lesions.parent / f"toy-{number}.nii.gz")
    _train(toys, toy_lesions, tmp_path / "after")
    before, after = (read_checkpoint(tmp_path / name / "model.pt")[1] for name in ("before", "after"))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_a_killed_training_ends_in_the_same_bytes(toys, toy_lesions, tmp_path, ends_alike):
    ends_alike(lambda output: _train(toys, toy_lesions, output, epochs=3))


def test_trains_without_augmentation(toys, toy_lesions, tmp_path):
    history = _train(toys, toy_lesions, tmp_path, epochs=4, lr=2e-2, augmentation=NONE)
    assert history["train_loss"].iloc[-1] < 0.8 * history["train_loss"].iloc[0]


def test_what_lies_outside_of_the_box_changes_nothing(toys, toy_lesions, tmp_path):
    box = ((4, 16), (6, 30), (0, 8))
    for name in ("before", "after"):
        _train(toys, toy_lesions, tmp_path / name, box=toys.write_box(box), average=(2, 2, 1), epochs=1)
        toys.spoil_outside(box)
    before, after = (read_checkpoint(tmp_path / name / "model.pt")[1] for name in ("before", "after"))
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_masks_are_the_lesions_share_of_what_is_seen_on_its_side(toys, toy_lesions):
    path = toy_lesions.parent / "toy-00.nii.gz"
    image = nib.load(path)
    lesion = np.zeros(image.shape, np.uint8)
    lesion[7:10, 9:13, 2:5] = 1  # left
    lesion[-9, 5, 1] = 1  # and one voxel on the right, at the mirrored column 8
    nib.save(nib.Nifti1Image(lesion, image.affine), path)
    units = _read(toys)
    view = View(((4, 16), (5, 32), (0, 9)), (2, 2, 1))
    masks, known = read_masks(units, cohort=toys.cohort, volumes=toy_lesions, view=view)
    left = np.pad(lesion[4:16, 5:32], ((0, 0), (0, 1), (0, 0)), mode="constant").astype(float)
    share = left.reshape(6, 2, 14, 2, 9).mean((1, 3))
    assert list(zip(units.patients, units.sides, strict=True))[:2] == [
        ("toy-00", "left"),
        ("toy-00", "right"),
    ]
    np.testing.assert_array_equal(masks[0, 0], np.rint(share * FULL))
    assert np.argwhere(masks[1, 0]).tolist() == [[2, 0, 1]]
    assert masks[1].max() == round(FULL / 4)
    assert known.all()


def test_a_hemisphere_with_an_unknown_lesion_is_not_trained_on(toys, toy_lesions, tmp_path, caplog):
    table = toy_lesions.read_text().splitlines()
    table[1:3] = ["toy-00\t\tnone\tno lesion stands out", table[2]]
    toy_lesions.write_text("\n".join(table) + "\n")
    (toy_lesions.parent / "toy-00.nii.gz").unlink()
    units = _read(toys)
    masks, known = read_masks(units, cohort=toys.cohort, volumes=toy_lesions, view=WHOLE)
    assert not masks[:2].any()
    assert known.tolist() == [False, True] + [True] * (len(units) - 2)  # toy-00's lesion is on the left
    with caplog.at_level("INFO"):
        _train(toys, toy_lesions, tmp_path, epochs=1)
    assert "train: 19 hemispheres, 10 with a lesion, of 20" in caplog.text


def test_without_any_lesion_the_error_is_one_sentence(toys, toy_lesions, tmp_path):
    header, *lines = toy_lesions.read_text().splitlines()
    lines = [f"{line.split(chr(9))[0]}\t\tnone\t" for line in lines]
    toy_lesions.write_text("\n".join([header, *lines]) + "\n")
    with pytest.raises(SplitError, match=r"no lesion of the train part is known .* to null"):
        _train(toys, toy_lesions, tmp_path)


def test_refuses_another_checkpoint_other_series_and_a_training_patient(toys, toy_lesions, tmp_path):
    _train(toys, toy_lesions, tmp_path / "out", epochs=1)
    model = tmp_path / "out" / "model.pt"
    with pytest.raises(CheckpointError, match="was trained on dwi, t2w, flair"):
        read_segmenter(model, series=("dwi", "flair"), split=toys.split)
    split = pd.read_csv(toys.split, sep="\t")
    split.loc[0, "part"] = "test"
    split.to_csv(tmp_path / "moved.tsv", sep="\t", index=False)
    with pytest.raises(SplitError, match="toy-00 was in the train part"):
        read_segmenter(model, series=toys.channels, split=tmp_path / "moved.tsv")

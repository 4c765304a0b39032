"""A changed bit in a file of a run is found when the file is read, and the sentence names file and remedy."""

import shutil
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
import torch

from strokeclock.errors import StrokeclockError
from strokeclock.fitted import read_fitted, write_fitted
from strokeclock.imaging.hemisphere_files import HemisphereError, open_hemispheres
from strokeclock.imaging.reference import Reference, read_reference, write_reference
from strokeclock.predictions import read_predictions, write_predictions
from strokeclock.segmentation.lesion import read_lesion
from strokeclock.training.checkpoint import load_state, read_checkpoint, save_state, write_checkpoint
from strokeclock.training.record import write_record

PLACES = 40  # bits tried, spread over the file


def flip(path, number):
    """Change one bit; the numbers 0 to PLACES - 1 lie at equal distances in the file."""
    content = bytearray(path.read_bytes())
    at = number * (len(content) - 1) // (PLACES - 1)
    content[at] ^= 1 << number % 8
    path.write_bytes(content)


class Hemispheres:
    name = "p1.npy"

    def write(self, folder, manifest_of):
        values = np.random.default_rng(0).uniform(size=(2, 3, 6, 6, 4)).astype(np.float16)
        np.save(folder / self.name, values)
        manifest_of(folder)

    def read(self, folder):
        return open_hemispheres(folder / "manifest.tsv", ["p1"])["p1"].tobytes()


class Checkpoint:
    name = "model.pt"

    def write(self, folder, make_record):
        weights = {"a": torch.arange(600.0), "b": torch.ones(50)}
        write_checkpoint(folder / self.name, weights=weights, record=make_record())

    def read(self, folder):
        record, weights, _ = read_checkpoint(folder / self.name)
        return record, {name: tensor.tolist() for name, tensor in weights.items()}


class Fitted:
    name = "a.json"

    def write(self, folder):
        write_fitted(folder / self.name, {"numbers": [0.1 * n for n in range(50)]}, kind="regression")

    def read(self, folder):
        return read_fitted(folder / self.name, kind="regression")


class Predictions:
    name = "seed-0.tsv"

    def write(self, folder):
        rows = [(f"p{number}", "left", "test", number % 2, number / 40) for number in range(40)]
        write_predictions(folder / self.name, rows)

    def read(self, folder):
        return read_predictions(folder / self.name).to_dict()


class HistogramReference:
    name = "reference.npz"

    def write(self, folder):
        reference = Reference(
            patient="p1",
            part="train",
            settings={"normalisation": "median", "matching": "bounded"},
            targets={"dwi": np.linspace(0, 1, 100)},
            profile={"dwi": np.linspace(0, 2, 100)},
            sha256={"dwi": "0" * 64},
        )
        write_reference(folder / self.name, reference)

    def read(self, folder):
        found = read_reference(folder / self.name)
        return found.patient, found.part, found.targets["dwi"].tolist(), found.profile["dwi"].tolist()


class Lesion:
    name = "p1.nii.gz"

    def write(self, folder):
        mask = np.random.default_rng(0).integers(0, 2, (12, 12, 8)).astype(np.uint8)
        affine = np.diag([1.0, 1, 1, 1])
        affine[0, 3] = -5.5
        nib.save(nib.Nifti1Image(mask, affine), folder / self.name)

    def read(self, folder):
        return read_lesion(folder / self.name, patient="p1").tobytes()


KINDS = (Hemispheres, Checkpoint, Fitted, Predictions, HistogramReference, Lesion)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def made(request, tmp_path):
    """A file of a kind, and how it is read."""
    kind = request.param()
    wanted = kind.write.__code__.co_varnames[2 : kind.write.__code__.co_argcount]
    kind.write(tmp_path, **{name: request.getfixturevalue(name) for name in wanted})
    return kind


def test_a_changed_bit_is_found_or_changes_nothing(made, tmp_path):
    """What no reader uses, such as a date in an archive's list, may change."""
    whole, path = made.read(tmp_path), tmp_path / made.name
    shutil.copy(path, tmp_path / "whole")
    found = 0
    for number in range(PLACES):
        shutil.copy(tmp_path / "whole", path)
        flip(path, number)
        try:
            read, sentence = made.read(tmp_path), None
        except StrokeclockError as error:
            read, sentence = None, str(error)
        if sentence is None:
            assert read == whole
        else:
            found += 1
            assert made.name in sentence
            assert "\n" not in sentence
    assert found >= 0.6 * PLACES


@pytest.mark.parametrize("left", [0, 0.3, 0.99])
def test_a_truncated_file_is_found(made, tmp_path, left):
    path = tmp_path / made.name
    content = path.read_bytes()
    path.write_bytes(content[: int(left * len(content))])
    with pytest.raises(StrokeclockError, match=made.name.replace(".", r"\.")) as error:
        made.read(tmp_path)
    assert "\n" not in str(error.value)


def test_hemispheres_of_another_patient_or_run_are_refused(tmp_path, manifest_of):
    for number, patient in enumerate(("p1", "p2")):
        np.save(tmp_path / f"{patient}.npy", np.full((2, 3, 4, 4, 4), number, np.float16))
    manifest = manifest_of(tmp_path)
    shutil.copy(tmp_path / "p2.npy", tmp_path / "p1.npy")
    with pytest.raises(
        HemisphereError, match=r"p1\.npy is not the file that manifest\.tsv names: .* run again"
    ):
        open_hemispheres(manifest, ["p1"])
    assert (open_hemispheres(manifest, ["p2"])["p2"] == 1).all()
    (tmp_path / "p2.npy").unlink()
    with pytest.raises(HemisphereError, match=r"p2\.npy cannot be read"):
        open_hemispheres(manifest, ["p2"])
    np.save(tmp_path / "p3.npy", np.zeros(3))
    with pytest.raises(HemisphereError, match=r"p3\.npy is not the file that manifest\.tsv names"):
        open_hemispheres(manifest, ["p3"])


def test_a_checkpoint_of_another_training_is_refused(tmp_path, make_record):
    record = make_record()
    sha256 = write_checkpoint(tmp_path / "model.pt", weights={"a": torch.ones(2)}, record=record)
    write_record(tmp_path / "run.json", replace(record, model_sha256=sha256))
    read_checkpoint(tmp_path / "model.pt")
    write_checkpoint(tmp_path / "model.pt", weights={"a": torch.zeros(2)}, record=record)
    with pytest.raises(StrokeclockError, match=r"model\.pt is not the file that run\.json beside it names"):
        read_checkpoint(tmp_path / "model.pt")


def test_predictions_without_their_seals_are_another_programs(tmp_path):
    Predictions().write(tmp_path)
    path = tmp_path / "seed-0.tsv"
    whole = read_predictions(path)
    lines = [line.rpartition("\t")[0] for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    assert read_predictions(path).equals(whole)


def test_a_damaged_state_is_replaced_by_the_one_before(tmp_path):
    save_state(tmp_path, {"identity": {}, "epoch": 1})
    save_state(tmp_path, {"identity": {}, "epoch": 2})
    for number in (0, 20, PLACES - 1):
        content = (tmp_path / "latest.pt").read_bytes()
        flip(tmp_path / "latest.pt", number)
        assert load_state(tmp_path)["epoch"] == 1
        (tmp_path / "latest.pt").write_bytes(content)
    assert load_state(tmp_path)["epoch"] == 2

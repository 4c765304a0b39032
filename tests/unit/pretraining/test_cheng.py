import numpy as np
import pandas as pd
import pytest

from strokeclock.errors import ConfigurationError
from strokeclock.models.sliceclassifier import SliceClassifier
from strokeclock.pretraining.cheng import read_cheng, train_classification
from strokeclock.pretraining.internal_validation import TooFewPatientsError
from strokeclock.pretraining.pictures import DataSetError
from strokeclock.training.checkpoint import read_checkpoint

SETTINGS = {
    "epochs": 2,
    "patience": 5,
    "batch": 4,
    "lr": 3e-3,
    "precision": "fp32",
    "threads": 1,
    "device": "cpu",
}


def _train(folder, output, *, grid=(16, 32, 9), channels=("dwi", "t2w", "flair"), **changes):
    train_classification(
        seed=0,
        channels=channels,
        width=8,
        standardise=True,
        grid=grid,
        training=SETTINGS | changes,
        folder=folder,
        output=output,
    )
    return read_checkpoint(output / "model.pt")


def test_reads_labels_patients_and_the_tumours_half(cheng):
    slices = read_cheng(cheng, grid=(16, 32))
    assert slices.patients == tuple(f"p{number // 2}" for number in range(12))
    assert slices.labels.tolist() == [0, 0, 1, 1, 2, 2] * 2
    assert slices.values.shape == (12, 16, 32)
    assert slices.values.max() == 1
    # kind 1 lies in rows 2 to 7, columns 2 to 7: x 2 to 7, y (from the back) 24 to 29
    assert np.argwhere(slices.values[0] > 0.9).min(0).tolist() == [2, 24]
    assert np.argwhere(slices.values[0] > 0.9).max(0).tolist() == [7, 29]
    # kind 2 lies right, in columns 20 to 25: x runs from the side, 31, inwards
    assert np.argwhere(slices.values[2] > 0.9).min(0).tolist() == [6, 14]
    assert np.argwhere(slices.values[2] > 0.9).max(0).tolist() == [11, 19]


def test_slices_are_brought_to_the_grid(cheng):
    values = read_cheng(cheng, grid=(8, 16)).values
    assert values.shape == (12, 8, 16)
    assert np.argwhere(values[0] > 0.65).tolist() == [[x, y] for x in (1, 2, 3) for y in (12, 13, 14)]


def test_files_are_found_in_folders_below_and_taken_by_their_numbers(cheng):
    below = cheng / "brainTumorDataPublic_1-766"
    below.mkdir()
    for path in list(cheng.glob("[0-9]*.mat")):
        path.rename(below / path.name)
    assert read_cheng(cheng, grid=(16, 32)).patients[:3] == ("p0", "p0", "p1")


def test_training_classifies_the_tumours(cheng, tmp_path):
    record, *_ = _train(cheng, tmp_path / "out", epochs=30, patience=30)
    history = pd.read_csv(tmp_path / "out/history.tsv", sep="\t")
    assert history["train_loss"].min() < 0.3 * history["train_loss"].iloc[0]
    assert record.best["validation_accuracy"] == 1


@pytest.mark.parametrize("channels", [("dwi", "flair"), ("dwi", "t2w", "flair", "adc")])
def test_gives_a_backbone_of_the_networks_channels(cheng, tmp_path, channels):
    record, weights, _ = _train(cheng, tmp_path / "out", channels=channels)
    assert (record.net, record.phase, record.start) == ("2d", "phase0_medical", "random")
    assert record.data["slices"] == {"meningioma": 4, "glioma": 4, "pituitary tumour": 4}
    assert weights["backbone.conv1.weight"].shape == (8, len(channels), 7, 7)
    expected = SliceClassifier(width=8, standardised=True, channels=len(channels), classes=3).state_dict()
    assert set(weights) == set(expected)


def test_repeats_itself(cheng, tmp_path):
    for name in ("one", "two"):
        _train(cheng, tmp_path / name)
    assert (tmp_path / "one/model.pt").read_bytes() == (tmp_path / "two/model.pt").read_bytes()


def test_a_killed_training_ends_in_the_same_bytes(cheng, tmp_path, ends_alike):
    ends_alike(lambda output: _train(cheng, output, epochs=3))


def test_no_patient_is_trained_on_and_held_out(cheng, tmp_path, write_mat):
    """Changes to the slices of the patient who is held out leave the weights the same."""
    _train(cheng, tmp_path / "before", epochs=1)
    for number in (9, 10):  # of p4, the fifth
        image = np.random.default_rng(number).integers(0, 2000, (32, 32))
        write_mat(cheng / f"{number}.mat", label=3, patient="p4", image=image, mask=np.eye(32))
    _train(cheng, tmp_path / "after", epochs=1)
    before, after = (
        read_checkpoint(tmp_path / name / "model.pt")[1]["backbone.conv1.weight"]
        for name in ("before", "after")
    )
    assert before.equal(after)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"label": 4}, r"3\.mat has the label 4, and the data set's are 1, 2 and 3"),
        ({"leave_out": ["PID"]}, r"3\.mat holds no cjdata with label, PID"),
        ({"mask": np.zeros((32, 32))}, r"3\.mat: image .* do not mark a tumour"),
        ({"mask": np.ones((16, 16))}, r"3\.mat: image \(32, 32\) and tumorMask \(16, 16\)"),
    ],
)
def test_a_wrong_file_is_one_sentence(cheng, write_mat, change, sentence):
    fields = {"label": 1, "patient": "p1", "image": np.ones((32, 32)), "mask": np.eye(32)}
    write_mat(cheng / "3.mat", **fields | change)
    with pytest.raises(DataSetError, match=sentence):
        read_cheng(cheng, grid=(16, 32))


def test_a_file_of_another_kind_is_one_sentence(cheng):
    (cheng / "3.mat").write_bytes(b"MATLAB 5.0 MAT-file".ljust(500))
    with pytest.raises(DataSetError, match=r"3\.mat is not a MATLAB v7\.3 file"):
        read_cheng(cheng, grid=(16, 32))
    (cheng / "3.mat").write_bytes((cheng / "4.mat").read_bytes()[:1500])
    with pytest.raises(DataSetError, match=r"3\.mat is not a MATLAB v7\.3 file, or is damaged"):
        read_cheng(cheng, grid=(16, 32))


def test_an_empty_folder_and_too_few_patients_are_one_sentence(cheng, tmp_path):
    with pytest.raises(DataSetError, match=r"holds no files 1\.mat"):
        read_cheng(tmp_path / "nothing", grid=(16, 32))
    for number in range(9, 13):
        (cheng / f"{number}.mat").unlink()
    with pytest.raises(TooFewPatientsError, match="4 patients are too few"):
        _train(cheng, tmp_path / "out")


def test_bf16_reaches_the_training_and_is_refused_where_its_gradients_are_wrong(cheng, tmp_path):
    with pytest.raises(ConfigurationError, match=r"training\.precision"):
        _train(cheng, tmp_path / "narrow", precision="bf16")
    wide = (24, 32, 9)
    _, single, _ = _train(cheng, tmp_path / "fp32", grid=wide, epochs=1)
    _, half, _ = _train(cheng, tmp_path / "bf16", grid=wide, epochs=1, precision="bf16")
    assert not single["backbone.conv1.weight"].equal(half["backbone.conv1.weight"])

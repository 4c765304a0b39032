import numpy as np
import pandas as pd
import pytest
from PIL import Image

from strokeclock.errors import ConfigurationError
from strokeclock.models.unet3d import UNet
from strokeclock.pretraining.lgg import read_lgg, train_segmentation
from strokeclock.pretraining.pictures import DataSetError
from strokeclock.training.checkpoint import read_checkpoint

SETTINGS = {
    "epochs": 2,
    "patience": 30,
    "batch": 2,
    "lr": 1e-2,
    "precision": "fp32",
    "threads": 1,
    "device": "cpu",
}
PATIENT = "TCGA_XX_0_20000101"


def _train(folder, output, **changes):
    train_segmentation(
        seed=0,
        width=4,
        standardise=True,
        grid=(16, 32, 10),
        training=SETTINGS | changes,
        folder=folder,
        output=output,
    )
    return read_checkpoint(output / "model.pt")


def test_stacks_slices_by_number_and_halves_the_head(tmp_path, write_slice):
    picture = np.full((32, 32, 3), 100)
    for number in range(1, 12):  # 10 and 11 stand before 2 in a folder's order
        here, mask = picture.copy(), np.zeros((32, 32))
        here[:, :, 0] = 20 * number
        mask[4, 31] = 255 * (number == 11)
        write_slice(tmp_path, patient=PATIENT, number=number, picture=here, mask=mask)
    heads = read_lgg(tmp_path, grid=(16, 32, 11))
    assert heads.patients == (PATIENT, PATIENT)
    assert heads.values.shape == (2, 3, 16, 32, 11)
    assert heads.values[0, 0, 5, 5].tolist() == pytest.approx([n / 11 for n in range(1, 12)], abs=1e-3)
    # row 4, column 31: right half, its most lateral column, row 27 from the back, last slice
    assert np.argwhere(heads.masks == 1).tolist() == [[1, 0, 0, 27, 10]]


def test_volumes_are_brought_to_the_grid(lgg):
    heads = read_lgg(lgg, grid=(8, 16, 5))
    assert heads.values.shape == (10, 3, 8, 16, 5)
    whole = read_lgg(lgg, grid=(16, 32, 10))
    assert 8 * heads.masks.astype(float).sum() == pytest.approx(whole.masks.astype(float).sum(), rel=0.02)


def test_training_finds_the_tumours(lgg, tmp_path):
    _train(lgg, tmp_path / "out", epochs=20)
    history = pd.read_csv(tmp_path / "out/history.tsv", sep="\t")
    assert history["validation_dice"].max() > 0.8


def test_gives_the_whole_u_net_and_its_record(lgg, tmp_path):
    record, weights, _ = _train(lgg, tmp_path / "out", epochs=1)
    assert (record.net, record.phase, record.start) == ("3d", "phase0_medical", "random")
    assert set(weights) == set(UNet(width=4, standardised=True, channels=3, outputs=1).state_dict())
    assert (tmp_path / "out/run.json").exists()


def test_a_killed_training_ends_in_the_same_bytes(lgg, tmp_path, ends_alike):
    ends_alike(lambda output: _train(lgg, output, epochs=3))


def _break_colour(lgg):
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(lgg / PATIENT / f"{PATIENT}_2.tif")


def _break_size(lgg):
    Image.fromarray(np.zeros((16, 32, 3), np.uint8)).save(lgg / PATIENT / f"{PATIENT}_2.tif")


def _cut(lgg):
    path = lgg / PATIENT / f"{PATIENT}_2.tif"
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda lgg: (lgg / PATIENT / f"{PATIENT}_2_mask.tif").unlink(), r"_2_mask\.tif is missing"),
        (_break_colour, r"_2\.tif has the mode L, not three channels of 8 bits"),
        (_break_size, "slices of different sizes"),
        (_cut, r"_2\.tif is not a TIFF picture, or is damaged"),
        (lambda lgg: (lgg / PATIENT / f"{PATIENT}_2.tif").write_text("x"), r"_2\.tif is not a TIFF picture"),
        (lambda lgg: [path.unlink() for path in (lgg / PATIENT).glob("*")], "holds no files TCGA_XX_0"),
        (lambda lgg: [path.rename(lgg / path.name[5:]) for path in lgg.iterdir()], "holds no folders TCGA_"),
    ],
)
def test_a_wrong_file_is_one_sentence(lgg, harm, sentence):
    harm(lgg)
    with pytest.raises(DataSetError, match=sentence):
        read_lgg(lgg, grid=(16, 32, 10))


def test_bf16_reaches_the_training_and_is_refused_where_its_gradients_are_wrong(lgg, tmp_path):
    with pytest.raises(ConfigurationError, match=r"training\.precision"):
        _train(lgg, tmp_path, precision="bf16")

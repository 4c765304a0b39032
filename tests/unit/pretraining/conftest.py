"""Small files in the formats of the tumour data sets, written by hand: not by the project's own code."""

import h5py
import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def write_mat():
    """Write one cjdata as MATLAB v7.3 does: columns first; `image` and `mask` are (rows, columns)."""

    def write(path, *, label, patient, image, mask, leave_out=()):
        path.parent.mkdir(parents=True, exist_ok=True)
        with h5py.File(path, "w", userblock_size=512) as file:
            fields = {
                "label": np.array([[label]], float),
                "PID": np.array([[ord(letter)] for letter in patient], np.uint16),
                "image": np.asarray(image, np.int16).T,
                "tumorBorder": np.array([[1.0], [2.0]]),
                "tumorMask": np.asarray(mask, np.uint8).T,
            }
            for name, values in fields.items():
                if name not in leave_out:
                    file.create_dataset(f"cjdata/{name}", data=values)
        with open(path, "r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file, Platform: PCWIN64".ljust(124) + b"\x00\x02IM")

    return write


@pytest.fixture
def cheng(tmp_path, write_mat):
    """Six patients, two slices each: a bright square of 6 x 6 at a place that depends on its kind."""
    folder = tmp_path / "cheng"
    generator = np.random.default_rng(0)
    for number in range(12):
        kind = number // 2 % 3
        image = generator.integers(300, 400, (32, 32))
        mask = np.zeros((32, 32), bool)
        row, column = ((2, 2), (12, 20), (22, 4))[kind]
        mask[row : row + 6, column : column + 6] = True
        image[mask] = 1000
        write_mat(
            folder / f"{number + 1}.mat", label=kind + 1, patient=f"p{number // 2}", image=image, mask=mask
        )
    with h5py.File(folder / "cvind.mat", "w", userblock_size=512) as file:
        file.create_dataset("cvind", data=np.arange(12.0)[None] % 5 + 1)
    return folder


@pytest.fixture
def write_slice():
    """Write one slice and its mask as in kaggle_3m: (rows, columns, 3) and (rows, columns), uint8."""

    def write(folder, *, patient, number, picture, mask):
        path = folder / patient
        path.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(picture, np.uint8)).save(path / f"{patient}_{number}.tif")
        Image.fromarray(np.asarray(mask, np.uint8)).save(path / f"{patient}_{number}_mask.tif")

    return write


@pytest.fixture
def lgg(tmp_path, write_slice):
    """Five patients of 10 slices, 32 x 32: a box that is bright in the second channel is the tumour."""
    folder = tmp_path / "kaggle_3m"
    generator = np.random.default_rng(0)
    for patient in range(5):
        column = generator.integers(4, 22)
        for number in range(1, 11):
            picture = generator.integers(90, 130, (32, 32, 3))
            mask = np.zeros((32, 32))
            if 3 <= number <= 8:
                mask[10:20, column : column + 8] = 255
                picture[10:20, column : column + 8, 1] = 240
            write_slice(
                folder, patient=f"TCGA_XX_{patient}_20000101", number=number, picture=picture, mask=mask
            )
    return folder

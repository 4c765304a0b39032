"""The quality picture: anterior up, the patient's right on the left, outlines where they belong."""

import numpy as np
import pytest
from PIL import Image

from strokeclock.imaging.quality_picture import draw_patient, draw_reason, write_picture
from strokeclock.imaging.quality_record import NUMBERS, make_record
from strokeclock.imaging.volume import Volume

SHAPE, SPACING = (80, 96, 24), (2.0, 2.0, 6.0)


def volume(data: np.ndarray) -> Volume:
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = -(np.array(SHAPE) - 1) / 2 * SPACING
    return Volume(data.astype(np.float32), affine)


@pytest.fixture
def head():
    """An ellipsoid brain with one bright spot, right and anterior (x = +40, y = +40 mm), on every slice."""
    x, y, z = ((np.indices(SHAPE)[k] - (SHAPE[k] - 1) / 2) * SPACING[k] for k in range(3))
    brain = (x / 68) ** 2 + (y / 85) ** 2 + (z / 66) ** 2 < 1
    spot = ((x - 40) ** 2 + (y - 40) ** 2 < 10**2) & brain
    return volume(np.where(brain, 50 + 50 * spot + 0.05 * y, 0)), volume(brain)


@pytest.fixture
def record():
    numbers = dict.fromkeys(NUMBERS, 1.0) | {"side_seen": "right", "side_recorded": ""}
    return make_record("p1", numbers=numbers, automatic=("look", "DWI shows the infarct right"), person=None)


def draw(head, record, *, mask=None):
    data, brain = head
    return np.asarray(
        draw_patient(
            dict.fromkeys(("dwi", "t2w", "flair"), data),
            mask or brain,
            atlas_mask=brain,
            record=record,
            distances={},
        )
    ).astype(int)


def brightest(picture, rows, columns):
    """Centre of what is white there, as shares of height and width."""
    part = picture[rows, columns]
    white = np.argwhere(part.min(axis=2) > 245)
    return white.mean(axis=0) / part.shape[:2]


def test_right_is_on_the_left_and_anterior_is_up(head, record):
    picture = draw(head, record)
    height, width = picture.shape[:2]
    tile = (width - 56) // 8
    middle_tile = slice(56 + 3 * tile + 20, 56 + 4 * tile - 20)  # without its letters
    down, across = brightest(picture, slice(100, 74 + (height - 102) // 3), middle_tile)
    assert down < 0.45
    assert across < 0.45


def test_outline_of_a_left_sided_mask_lies_on_the_right_of_the_picture(head, record):
    _, brain = head
    left = volume(brain.data * (np.indices(SHAPE)[0] < 40))
    picture = draw(head, record, mask=left)
    tile = (picture.shape[1] - 56) // 8
    orange = (picture[80:-40, 56 + 3 * tile : 56 + 4 * tile, 0] > 150) & (
        picture[80:-40, 56 + 3 * tile : 56 + 4 * tile, 2] < 110
    )
    assert orange[:, tile // 2 :].sum() > 500
    assert orange[:, : tile // 2 - 10].sum() == 0


def test_picture_repeats_to_the_byte_and_is_whole(head, record, tmp_path):
    for name in ("a", "b"):
        write_picture(tmp_path / f"{name}.png", Image.fromarray(draw(head, record).astype(np.uint8)))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]


def test_a_patient_without_volumes_gets_the_reason():
    short = draw_reason(make_record("p1", numbers=None, automatic=("fail", "dwi is truncated"), person=None))
    long = draw_reason(make_record("p1", numbers=None, automatic=("fail", "word " * 100), person=None))
    assert np.asarray(short).max() > 200
    assert long.height > short.height

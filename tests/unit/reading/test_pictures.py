"""Pictures of a reading: sides, slices, contours and greys, in a head that differs on its two sides."""

from dataclasses import replace

import numpy as np
import pytest

from strokeclock.imaging.volume import Volume
from strokeclock.reading.pictures import (
    CONTOUR,
    LONGER,
    SHORTER,
    choose_slices,
    draw_gradcam,
    draw_picture,
    draw_slices,
    outline,
)
from strokeclock.reading.result import ANSWERED, MISSING_SERIES, Answer, Lesion, Reading, Side
from strokeclock.series import list_used

SHAPE, SPACING = (80, 96, 24), (2.0, 2.0, 6.0)
PIXELS = 2.0  # a mm
MARGIN = 6  # mm around the brain
SPOT = (-40.0, 40.0)  # mm: left and anterior


def volume(data):
    affine = np.diag([*SPACING, 1.0])
    affine[:3, 3] = -(np.array(SHAPE) - 1) / 2 * SPACING
    return Volume(data.astype(np.float32), affine)


def axes():
    return ((np.indices(SHAPE)[k] - (SHAPE[k] - 1) / 2) * SPACING[k] for k in range(3))


@pytest.fixture
def brain():
    x, y, z = axes()
    return (x / 68) ** 2 + (y / 85) ** 2 + (z / 66) ** 2 < 1


@pytest.fixture
def spot(brain):
    x, y, z = axes()
    return ((x - SPOT[0]) ** 2 + (y - SPOT[1]) ** 2 < 10**2) & (abs(z - 3) < 10) & brain


@pytest.fixture
def volumes(brain, spot):
    images = {name: volume(np.where(brain, 50 + 50 * spot, 0)) for name in list_used(("flair",))}
    return images | {"adc": volume(np.where(brain, 1e-3 - 0.5e-3 * spot, 0))}


@pytest.fixture
def answer():
    return Answer(
        row="3d/phase3_tss45h/chain",
        below_min=270,
        score=0.734,
        scores=(0.66, 0.79),
        scaled=None,
        threshold=0.54,
        source="validation",
        is_shorter=True,
        certainty=0.85,
        cut=0.31,
        coverage=0.8,
        abstained=False,
        similar=None,
        prevalence=None,
    )


def place_in_tile(brain, x, y):
    """Pixels across and down of a place in mm: the patient's right and anterior are at the corner (0, 0)."""
    edges = []
    for axis, value in ((0, x), (1, y)):
        used = np.flatnonzero(brain.any(axis=tuple({0, 1, 2} - {axis})))
        last = (used[-1] - (SHAPE[axis] - 1) / 2) * SPACING[axis] + SPACING[axis] / 2 + MARGIN
        edges.append((last - value) * PIXELS)
    return edges


def middle_slice(slices):
    return min(slices, key=lambda one: abs(one.height_mm - 3))


def test_left_is_on_the_right_and_anterior_is_up(volumes, brain, spot):
    slices = draw_slices(volumes, mask=volume(brain), lesion=volume(spot))
    across, down = place_in_tile(brain, *SPOT)
    for name in ("t2w", "dwi", "flair"):
        image = middle_slice(slices).tiles[name].image
        rows, columns = np.nonzero(image[30:-30] == 255)  # without the letters
        assert columns.mean() == pytest.approx(across, abs=1)
        assert rows.mean() + 30 == pytest.approx(down, abs=1)
        assert across > image.shape[1] / 2
        assert down < image.shape[0] / 2


def test_the_contour_lies_around_the_lesion(volumes, brain, spot):
    one = middle_slice(draw_slices(volumes, mask=volume(brain), lesion=volume(spot)))
    (contour,) = one.contours
    assert contour[0].tolist() == contour[-1].tolist()
    middle = (contour.min(axis=0) + contour.max(axis=0)) / 2
    assert middle == pytest.approx(place_in_tile(brain, *SPOT), abs=1)
    assert np.ptp(contour, axis=0) == pytest.approx(20 * PIXELS, abs=3)


def test_the_tiles_stay_unmarked(volumes, brain, spot):
    marked = draw_slices(volumes, mask=volume(brain), lesion=volume(spot))
    for one in marked:
        assert [*one.tiles] == ["t2w", "dwi", "adc", "flair"]
        assert all(tile.image.ndim == 2 for tile in one.tiles.values())
    one = middle_slice(marked)
    tile = one.tiles["dwi"]
    drawn = (outline(tile, one.contours) == CONTOUR).all(axis=2)
    rows, columns = np.nonzero(drawn)
    low, high = one.contours[0].min(axis=0), one.contours[0].max(axis=0)
    assert columns.min() == pytest.approx(low[0], abs=2)
    assert rows.max() == pytest.approx(high[1], abs=2)
    assert (outline(tile, ()) == tile.image[..., None]).all()


def test_the_letters_stand_on_their_sides(brain):
    """An R differs from its mirror image: it has a straight line on its left."""
    empty = volume(np.where(brain, 1.0, 0.0))
    image = draw_slices({"dwi": empty}, mask=volume(brain), count=1)[0].tiles["dwi"].image
    right, left = image[4:30, :30] > 200, image[4:30, -30:] > 200
    stem = [np.flatnonzero(part.sum(axis=0) >= 0.9 * part.any(axis=1).sum()) for part in (right, left)]
    assert all(len(columns) for columns in stem)
    bar = left[-14:-4].sum(axis=1).max()  # an L is widest at its foot
    assert bar > 2 * left[:10].sum(axis=1).max()
    assert right.sum() > 1.3 * left.sum()


def test_the_adc_has_a_fixed_window(volumes, brain, spot):
    tile = middle_slice(draw_slices(volumes, mask=volume(brain), lesion=volume(spot))).tiles["adc"].image
    across, down = (round(place) for place in place_in_tile(brain, *SPOT))
    assert tile[down, across] == round(255 * 0.5 / 2.0)
    assert tile[down, tile.shape[1] - across] == round(255 * 1.0 / 2.0)


def test_normal_tissue_stays_grey(brain):
    x, _, _ = axes()
    head = {"flair": volume(np.where(brain, 100 + 0.1 * x, 0))}  # from 93 to 107
    tile = draw_slices(head, mask=volume(brain), count=1)[0].tiles["flair"].image
    middle = tile[tile.shape[0] // 2, tile.shape[1] // 2]
    dark = np.percentile(head["flair"].data[brain], 1)
    assert middle == pytest.approx(255 * (100 - dark) / (150 - dark), abs=2)


def test_one_bright_voxel_does_not_set_the_window(brain):
    x, _, _ = axes()
    smooth = np.where(brain, 100 + x, 0)
    spiked = smooth.copy()
    spiked[40, 48, 12] = 1e6
    plain, other = (
        draw_slices({"dwi": volume(data)}, mask=volume(brain), count=1)[0].tiles["dwi"].image.astype(int)
        for data in (smooth, spiked)
    )
    assert plain.max() > 200
    assert np.percentile(abs(other - plain), 99) <= 1


def areas(**of_slice):
    """A lesion with so many voxels in each slice, in a brain of the slices 2 to 21."""
    lesion, within = np.zeros((10, 10, 24), bool), np.zeros((10, 10, 24), bool)
    within[..., 2:22] = True
    for name, area in of_slice.items():
        lesion.reshape(100, 24)[:area, int(name[1:])] = True
    return lesion, within


@pytest.mark.parametrize(
    ("lesion", "chosen"),
    [
        (areas(), [7, 12, 16]),  # none: evenly spaced
        (areas(z9=5), [8, 9, 10]),  # one slice, and the nearest
        (areas(z2=5), [2, 3, 4]),  # at the lower end of the brain
        (areas(z9=5, z10=9, z11=4), [9, 10, 11]),
        (areas(z8=40, z9=80, z10=100, z11=90, z12=50, z13=30), [8, 10, 12]),  # apart where it is large
        (areas(z8=50, z9=60, z10=70, z11=80, z12=90, z13=100, z14=90, z15=40, z16=30), [10, 13, 16]),
        (areas(z4=1, z9=80, z10=100, z11=90), [9, 10, 11]),  # a speck is not among the best
        (areas(z4=1, z10=100), [4, 9, 10]),  # but it comes before slices without lesion
    ],
)
def test_the_slices_with_most_of_the_lesion_are_chosen(lesion, chosen):
    assert choose_slices(*lesion, count=3) == chosen


def test_a_brain_of_few_slices_shows_them_all():
    brain = np.zeros((4, 4, 6), bool)
    brain[..., 2:4] = True
    assert choose_slices(np.zeros_like(brain), brain, count=3) == [2, 3]


def test_without_a_lesion_nothing_is_outlined(volumes, brain):
    for lesion in (None, volume(np.zeros(SHAPE))):
        slices = draw_slices(volumes, mask=volume(brain), lesion=lesion)
        assert [one.contours for one in slices] == [(), (), ()]


def test_other_grids_and_empty_masks_are_refused(volumes, brain):
    moved = Volume(brain.astype(np.float32), volume(brain).affine + np.eye(4)[3] * [[9], [0], [0], [0]])
    with pytest.raises(ValueError, match="one grid"):
        draw_slices(volumes, mask=moved)
    with pytest.raises(ValueError, match="empty"):
        draw_slices(volumes, mask=volume(np.zeros(SHAPE)))


def test_evidence_lies_where_it_was(volumes, brain, spot):
    slices = draw_slices(volumes, mask=volume(brain), lesion=volume(spot))
    index = middle_slice(slices).index
    only = np.zeros(SHAPE, np.float32)
    only[..., index] = spot[..., index]
    evidence = {SHORTER: only, LONGER: np.zeros(SHAPE, np.float32)}
    drawn = draw_gradcam(volumes, evidence, mask=volume(brain), slices=slices)
    assert [one.index for one in drawn] == [one.index for one in slices]
    tinted = {one.index: np.ptp(one.tiles[SHORTER].image.astype(int), axis=2) > 40 for one in drawn}
    assert [z for z, pixels in tinted.items() if pixels.any()] == [index]
    one, plain = middle_slice(drawn), middle_slice(slices).tiles["dwi"].image
    rows, columns = np.nonzero(tinted[index])
    assert [columns.mean(), rows.mean()] == pytest.approx(place_in_tile(brain, *SPOT), abs=1)
    untouched = one.tiles[LONGER].image[30:-30]
    assert (untouched == plain[30:-30, :, None]).all()


def test_evidence_of_another_shape_is_refused(volumes, brain, spot):
    slices = draw_slices(volumes, mask=volume(brain), lesion=volume(spot))
    with pytest.raises(ValueError, match=r"evidence of shape \{\(40, 96, 24\)\}"):
        draw_gradcam(volumes, {SHORTER: np.zeros((40, 96, 24))}, mask=volume(brain), slices=slices)


def test_the_one_picture_has_the_slices_and_no_identifier(volumes, brain, spot, answer):
    slices = draw_slices(volumes, mask=volume(brain), lesion=volume(spot))
    lesion = Lesion(
        source="found on DWI", volume_ml=5.7, ratios={"flair": 1.14}, adc=0.52, adc_contralateral=0.81
    )
    reading = Reading(
        patient="patient",
        status=ANSWERED,
        answers=(answer,),
        side=Side(asked="auto", side="left"),
        lesion=lesion,
        model={"name": "Test", "version": "1", "cohort": "nobody"},
    )
    picture = draw_picture(reading, slices)
    assert picture.shape[1:] == (1280, 3)
    assert picture.dtype == np.uint8
    assert (picture == CONTOUR).all(axis=2).any()
    assert (draw_picture(replace(reading, patient="Doe^Jane"), slices) == picture).all()
    assert picture.shape[0] > draw_picture(reading).shape[0] + 700


def test_the_one_picture_shows_no_folder():
    pictures = [
        draw_picture(Reading(patient="p", status=MISSING_SERIES, reason=f"column flair names {path}"))
        for path in ("flair.nii.gz", "/data/Doe, Jane/flair.nii.gz", "/data/Roe/flair.nii.gz")
    ]
    assert all((picture == pictures[0]).all() for picture in pictures[1:])


def test_long_words_stay_in_the_one_picture():
    picture = draw_picture(Reading(patient="p", status=MISSING_SERIES, reason="W" * 400 + " end"))
    assert not picture[:, -16:].any()

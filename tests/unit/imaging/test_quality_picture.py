"""The quality picture: anterior up, the patient's right on the left, outlines where they belong."""

import numpy as np
import pytest
from PIL import Image

from strokeclock.batches import read_batches, write_batch
from strokeclock.imaging.exclusion import write_exclusion
from strokeclock.imaging.findings import NAME, Findings, write_findings
from strokeclock.imaging.quality_picture import (
    Lesion,
    draw_patient,
    draw_reason,
    picture_batch,
    picture_patient,
    write_picture,
)
from strokeclock.imaging.quality_record import NUMBERS, make_record, read_record, write_record
from strokeclock.imaging.reference import Matching, make_reference, write_reference
from strokeclock.imaging.volume import Volume, write_volume

NO_LESION = Lesion(None, False)
HISTOGRAM = 196  # pixels right of the slices
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
    return make_record(
        "p1", numbers=numbers, automatic=("review", "DWI shows the infarct right"), person=None
    )


def draw(head, record, *, mask=None, matching=None, lesion=NO_LESION, seen=None, notes=()):
    data, brain = head
    return np.asarray(
        draw_patient(
            dict.fromkeys(("dwi", "t2w", "flair"), data),
            mask or brain,
            atlas_mask=brain,
            record=record,
            matching=matching or {},
            lesion=lesion,
            seen=seen,
            notes=notes,
        )
    ).astype(int)


def is_violet(picture):
    """Where blue exceeds red, and red green: no other outline has this order."""
    red, green, blue = (picture[..., channel] for channel in range(3))
    return (blue > red + 20) & (red > green + 20)


def brightest(picture, rows, columns):
    """Centre of what is white there, as shares of height and width."""
    part = picture[rows, columns]
    white = np.argwhere(part.min(axis=2) > 245)
    return white.mean(axis=0) / part.shape[:2]


def test_right_is_on_the_left_and_anterior_is_up(head, record):
    picture = draw(head, record)
    height, width = picture.shape[:2]
    tile = (width - 56 - HISTOGRAM) // 8
    middle_tile = slice(56 + 3 * tile + 20, 56 + 4 * tile - 20)  # without its letters
    down, across = brightest(picture, slice(118, 92 + (height - 120) // 3), middle_tile)
    assert down < 0.45
    assert across < 0.45


def test_outline_of_a_left_sided_mask_lies_on_the_right_of_the_picture(head, record):
    _, brain = head
    left = volume(brain.data * (np.indices(SHAPE)[0] < 40))
    picture = draw(head, record, mask=left)
    tile = (picture.shape[1] - 56 - HISTOGRAM) // 8
    orange = (picture[98:-40, 56 + 3 * tile : 56 + 4 * tile, 0] > 150) & (
        picture[98:-40, 56 + 3 * tile : 56 + 4 * tile, 2] < 110
    )
    assert orange[:, tile // 2 :].sum() > 500
    assert orange[:, : tile // 2 - 10].sum() == 0


@pytest.mark.parametrize(("is_drawn", "channel"), [(True, 0), (False, 1)])
def test_a_lesion_is_outlined_where_it_lies_in_the_colour_of_its_source(head, record, is_drawn, channel):
    """A lesion on the left lies on the right of the picture; red if it was drawn, green if found."""
    _, brain = head
    left = volume(brain.data * (np.indices(SHAPE)[0] < 30))
    bare, picture = (draw(head, record, lesion=Lesion(data, is_drawn)) for data in (None, left))
    tile = (picture.shape[1] - 56 - HISTOGRAM) // 8
    rows, columns = slice(98, -40), slice(56 + 3 * tile, 56 + 4 * tile)
    changed = (picture != bare)[rows, columns].any(axis=2)
    assert changed[:, tile // 2 :].sum() > 300
    assert not changed[:, : tile // 2].any()
    colour = picture[rows, columns][changed].mean(axis=0)
    assert colour.argmax() == channel
    assert (picture != bare)[-28:].any()  # the legend names it


def test_what_was_taken_for_an_infarct_is_outlined_beside_the_lesion(head, record):
    """Violet, on the left; the slices where each is largest are shown, also where they are neighbours."""
    _, brain = head
    x, _, z = np.indices(SHAPE)
    lesion = Lesion(volume(brain.data * (x >= 50) * (z == 12)), True)
    for other in range(9, 16):
        seen = volume(brain.data * (x < 30) * (z == other))
        bare, picture = draw(head, record, lesion=lesion), draw(head, record, lesion=lesion, seen=seen)
        tiles = picture[98:-40, 56:-HISTOGRAM]
        violet = is_violet(tiles)
        red = (tiles[..., 0] > 150) & (tiles[..., 1:].max(axis=2) < 110)
        assert violet.sum() > 300
        assert red.sum() > 300
        assert (picture != bare)[-28:].any()  # the legend names it


def test_notes_and_a_missing_lesion_are_written(head, record):
    lines = slice(46, 66)
    bare = draw(head, record)[lines]
    assert not bare.any()
    assert draw(head, record, notes=["T2w derived from DWI and ADC"])[lines].max() > 100
    assert draw(head, record, lesion=Lesion(None, True, "the mask is empty"))[lines].max() > 100


def test_histograms_stand_where_their_voxels_are(head, record):
    """Narrow peaks at -1 SD (reference, grey), 1 SD (before, white) and 3 SD (after, green)."""
    spread = np.linspace(-0.4, 0.4, 100)
    peaks = Matching(reference=spread - 1, before=spread + 1, after=spread + 3)
    picture = draw(head, record, matching={"t2w": peaks})
    width = picture.shape[1]
    row = (picture.shape[0] - 120) // 3
    panel = picture[92 + row + 30 : 92 + 2 * row - 35, width - 188 : width - 8]
    red, green, blue = panel[..., 0], panel[..., 1], panel[..., 2]
    for shape, sd in (
        ((abs(red - 82) < 4) & (abs(blue - 94) < 4), -1),
        ((red > 200) & (blue > 200), 1),
        ((green > 180) & (red < 120), 3),
    ):
        columns = np.argwhere(shape)[:, 1]
        assert columns.size > 20
        assert columns.mean() == pytest.approx((sd + 3) / 8 * 180, abs=5)
    assert not draw(head, record)[92 : 92 + 3 * row, width - 188 :].any()


def test_a_reason_too_long_for_the_title_ends_within_the_picture(head, record):
    """The rightmost text of the title row stays clear of the edge, and the row is full nearly to there."""
    title = draw(head, record | {"reason": "mid-plane tilted by 4.1°, above 4°; " * 9})[:26]
    rightmost = np.argwhere(title.max(axis=2) > 100)[:, 1].max()
    assert title.shape[1] - 40 < rightmost < title.shape[1] - 8


@pytest.fixture
def files(head, tmp_path):
    """A patient's files on disk, the atlas's mask and a reference made from the same volumes."""
    data, brain = head
    names = ("t2w", "dwi", "flair")
    paths = {name: tmp_path / f"{name}.nii.gz" for name in (*names, "adc")}
    for path in paths.values():
        write_volume(path, data)
    paths["brain_mask"] = tmp_path / "brain_mask.nii.gz"
    write_volume(paths["brain_mask"], brain, dtype=np.uint8)
    reference = make_reference(
        dict.fromkeys(names, data.data),
        brain.data > 0,
        patient="p0",
        part="train",
        normalisation="zscore",
        clip=5.0,
        matching="landmarks",
        match_points=7,
    )
    write_reference(tmp_path / "reference.npz", reference)
    return paths


def write_quality(folder, *patients, verdict="review", reason="DWI shows the infarct right"):
    lines = (f"{patient}\t{verdict}\t{reason}\tchecks\n" for patient in patients)
    (folder / "quality.tsv").write_text("patient\tverdict\treason\tjudged_by\n" + "".join(lines))


def picture_files(folder, files, lesion=None):
    write_exclusion([folder / "no_lesion.nii.gz"], "no lesion is found on DWI")
    write_quality(folder, "p1")
    picture_patient(
        files,
        patient="p1",
        record=folder / "p1.json",
        quality=folder / "quality.tsv",
        lesion=lesion or folder / "no_lesion.nii.gz",
        is_drawn=True,
        atlas_mask=folder / "brain_mask.nii.gz",
        reference=folder / "reference.npz",
        picture=folder / "p1.png",
        matching=folder / "matching.json",
        normalisation="zscore",
        clip=5.0,
    )
    return Image.open(folder / "p1.png"), read_record(folder / "matching.json")


def test_from_files_to_picture_and_distances(files, record, tmp_path):
    write_record(tmp_path / "p1.json", record)
    image, distances = picture_files(tmp_path, files)
    assert sorted(distances) == ["dwi", "flair", "t2w"]
    assert [before for before, _ in distances.values()] == [0, 0, 0]  # the reference has the same volumes
    assert np.asarray(image)[108:268, -188:-8].max() > 200


def test_the_final_verdict_the_lesion_and_the_findings_are_drawn(files, head, record, tmp_path):
    write_record(tmp_path / "p1.json", record)
    plain = np.asarray(picture_files(tmp_path, files)[0]).astype(int)
    write_findings(tmp_path / "findings.json", Findings(derived=True, stripped={"t2w": True}))
    with_findings, _ = picture_files(tmp_path, files | {NAME: tmp_path / "findings.json"})
    with_findings = np.asarray(with_findings).astype(int)
    changed = (plain != with_findings).any(axis=(1, 2)).nonzero()[0]
    assert changed.size > 5
    assert changed.min() > 44
    assert changed.max() < 70
    for z in (11, 12, 13):  # one slice alone: it is among those that are shown
        lesion = volume(head[1].data * (np.indices(SHAPE)[2] == z) * (np.indices(SHAPE)[0] < 20))
        write_volume(tmp_path / "lesion.nii.gz", lesion, dtype=np.uint8)
        picture = np.asarray(picture_files(tmp_path, files, tmp_path / "lesion.nii.gz")[0]).astype(int)
        red = (picture[..., 0] > 150) & (picture[..., 1:].max(axis=2) < 110)
        assert red[98:-40].sum() > 100


@pytest.mark.parametrize(("recorded", "is_outlined"), [("left", False), ("right", True), ("none", True)])
def test_the_patch_is_outlined_where_it_contradicts_the_sheet(
    head, files, record, tmp_path, recorded, is_outlined
):
    """Restricted diffusion on the left alone."""
    _, brain = head
    x, y, _ = np.indices(SHAPE)
    patch = ((x - 20) ** 2 + (y - 48) ** 2 < 8**2) & (brain.data > 0)
    inside = brain.data > 0
    write_volume(files["dwi"], volume(inside * np.where(patch, 150, 50)))
    write_volume(files["adc"], volume(inside * np.where(patch, 0.4e-3, 0.8e-3)))
    numbers = record["numbers"] | {"side_seen": "left", "side_recorded": recorded}
    write_record(tmp_path / "p1.json", record | {"numbers": numbers})
    picture = np.asarray(picture_files(tmp_path, files)[0]).astype(int)[98:-40, 56:-HISTOGRAM]
    assert (is_violet(picture).sum() > 300) == is_outlined


def test_the_final_verdict_is_drawn_not_the_records(files, record, tmp_path):
    """The record passes; quality.tsv knows that another patient has the same scan."""
    write_record(tmp_path / "p1.json", record | {"verdict": "pass", "reason": ""})
    title = np.asarray(picture_files(tmp_path, files)[0]).astype(int)[:26]
    assert (title == (245, 190, 70)).all(axis=2).any()  # review
    assert not (title == (96, 200, 120)).all(axis=2).any()  # pass


def test_without_volumes_there_is_a_reason_and_no_distance(files, tmp_path):
    record = make_record("p1", numbers=None, automatic=("fail", "dwi is truncated"), person=None)
    write_record(tmp_path / "p1.json", record)
    for path in list(files.values())[:3]:
        path.write_text("excluded: dwi is truncated")
    image, distances = picture_files(tmp_path, files)
    assert distances == {}
    assert image.height < 100


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


def test_a_batch_has_a_picture_and_distances_of_each_patient(files, record, tmp_path):
    write_record(tmp_path / "p1.json", record)
    write_record(
        tmp_path / "p2.json", make_record("p2", numbers=None, automatic=("fail", "cut"), person=None)
    )
    write_exclusion([tmp_path / "no_lesion.nii.gz"], "no lesion is found on DWI")
    write_quality(tmp_path, "p1", "p2")
    lesions = {patient: {"lesion": tmp_path / "no_lesion.nii.gz"} for patient in ("p1", "p2")}
    write_batch(tmp_path / "lesions.tsv", lesions)
    write_batch(tmp_path / "preprocessed.tsv", {"p1": files, "p2": files, "p3": files})
    write_batch(
        tmp_path / "checks.tsv",
        {patient: {"record": tmp_path / f"{patient}.json"} for patient in ("p1", "p2")},
    )
    pictures = {
        patient: {"picture": tmp_path / f"{patient}.png", "matching": tmp_path / f"matching_{patient}.json"}
        for patient in ("p1", "p2")
    }
    picture_batch(
        tmp_path / "preprocessed.tsv",
        tmp_path / "pictures.tsv",
        pictures=pictures,
        checks=tmp_path / "checks.tsv",
        quality=tmp_path / "quality.tsv",
        lesions=tmp_path / "lesions.tsv",
        drawn=["p1"],
        atlas_mask=tmp_path / "brain_mask.nii.gz",
        reference=tmp_path / "reference.npz",
        normalisation="zscore",
        clip=5.0,
    )
    assert set(read_batches(tmp_path / "pictures.tsv")) == {"p1", "p2"}
    assert read_record(pictures["p1"]["matching"])
    assert read_record(pictures["p2"]["matching"]) == {}

"""Phantom tumours: their places, their appearance, and files in the two public formats."""

import h5py
import numpy as np
import pytest
from PIL import Image

from strokeclock.phantom.anatomy import BOX_HIGH, BOX_LOW, draw_shape, load_template
from strokeclock.phantom.lattice import draw_lattice
from strokeclock.phantom.tumour import KINDS, displace, draw_tumour, paint, write_cheng, write_lgg


def _patient(seed, kind):
    rng = np.random.default_rng(seed)
    shape = draw_shape(rng, age=50, sex="F")
    return rng, shape, draw_tumour(rng, kind=kind, shape=shape)


@pytest.mark.parametrize("seed", range(4))
def test_three_kinds_lie_at_three_places(seed):
    depth = {}
    for kind in KINDS:
        _, shape, tumour = _patient(seed, kind)
        place = shape.to_template(tumour.centre[:, None].astype(np.float32))
        depth[kind] = -load_template().hull.sample(place)[0]
        if kind == "pituitary":
            assert abs(tumour.centre[0]) < 6
            assert tumour.centre[2] < -25
        else:
            assert abs(tumour.centre[0]) > 5
    assert depth["meningioma"] < 16  # its surface touches the hull
    assert depth["glioma"] > depth["meningioma"]


def test_a_glioma_is_a_ring_and_a_meningioma_is_not():
    """T1w after contrast medium, along a line through the middle."""
    profile = {}
    for kind in ("glioma", "meningioma"):
        rng, shape, tumour = _patient(1, kind)
        steps = np.linspace(0, 0.99, 60) * tumour.radius
        points = tumour.centre[:, None] + np.array([0, 0, -1.0])[:, None] * steps  # inwards
        texture = draw_lattice(rng, BOX_LOW, BOX_HIGH, spacing=4, smoothing=4)
        signals, inside = paint(points.astype(np.float32), shape=shape, tumour=tumour, texture=texture)
        assert inside[:40].all()
        profile[kind] = signals["t1_enhanced"]
    assert profile["glioma"].max() > 2.5 * profile["glioma"][:20].mean()
    assert profile["meningioma"][:40].std() < 0.15 * profile["meningioma"][:40].mean()


def test_contrast_medium_brightens_the_tumour_alone():
    rng, shape, tumour = _patient(2, "meningioma")
    steps = np.arange(-40, 40, 2.0)
    points = np.stack(np.meshgrid(*(centre + steps for centre in tumour.centre))).reshape(3, -1)
    texture = draw_lattice(rng, BOX_LOW, BOX_HIGH, spacing=4, smoothing=4)
    signals, inside = paint(points.astype(np.float32), shape=shape, tumour=tumour, texture=texture)
    rise = signals["t1_enhanced"] - signals["t1"]
    assert rise[inside].min() > 0.1
    far = np.linalg.norm(points - tumour.centre[:, None], axis=0) > 1.4 * tumour.radius
    assert np.abs(rise[far]).max() < 1e-3


def test_surroundings_are_displaced():
    """Tissue within a sphere about the tumour comes to lie in one larger by the displaced volume."""
    distance = np.linspace(15, 90, 50)
    came_from = distance * displace(distance, radius=15)
    np.testing.assert_allclose(distance**3 - came_from**3, 0.6 * 15**3)
    assert (np.diff(came_from) > 0).all()
    assert distance[-1] - came_from[-1] < 0.1  # nothing far away moves


def test_files_of_cheng(tmp_path):
    write_cheng(tmp_path / "cheng", patients=3, slices=2, seed=0)
    names = {path.name for path in (tmp_path / "cheng").iterdir()}
    assert names == {"cvind.mat", *(f"{number}.mat" for number in range(1, 7))}
    for number in range(1, 7):
        path = tmp_path / "cheng" / f"{number}.mat"
        head = path.read_bytes()[:128]
        assert head.startswith(b"MATLAB 7.3 MAT-file")
        assert head[124:] == b"\x00\x02IM"
        with h5py.File(path) as file:
            struct = file["cjdata"]
            assert set(struct) == {"label", "PID", "image", "tumorBorder", "tumorMask"}
            assert struct["label"][()].item() == (number - 1) // 2 + 1
            assert struct["image"].dtype == np.int16
            assert struct["image"].shape == struct["tumorMask"].shape == (512, 512)
            assert set(np.unique(struct["tumorMask"])) == {0, 1}
            border = struct["tumorBorder"][()].reshape(-1, 2).astype(int) - 1
            assert struct["tumorMask"][()][tuple(border.T)].all()
            image, mask = struct["image"][()].astype(float), struct["tumorMask"][()] > 0
            assert image[mask].max() > 1.5 * np.median(image[image > 500])
    with h5py.File(tmp_path / "cheng/cvind.mat") as file:
        assert file["cvind"][()].tolist() == [[1, 1, 2, 2, 3, 3]]


def test_files_of_buda(tmp_path):
    write_lgg(tmp_path / "kaggle_3m", patients=1, slices=12, seed=0)
    (folder,) = (tmp_path / "kaggle_3m").iterdir()
    assert len(list(folder.iterdir())) == 24
    marked = 0
    for number in range(1, 13):
        with Image.open(folder / f"{folder.name}_{number}.tif") as picture:
            assert (picture.format, picture.mode, picture.size) == ("TIFF", "RGB", (256, 256))
            flair = np.asarray(picture)[..., 1].astype(float)
        with Image.open(folder / f"{folder.name}_{number}_mask.tif") as picture:
            assert (picture.mode, picture.size) == ("L", (256, 256))
            mask = np.asarray(picture)
        assert set(np.unique(mask)) <= {0, 255}
        if (mask > 0).sum() > 100:
            marked += 1
            assert flair[mask > 0].mean() > 1.3 * np.median(flair[flair > 60])
    assert marked >= 2


def test_files_repeat(tmp_path):
    for name in ("one", "two"):
        write_cheng(tmp_path / name, patients=1, slices=1, seed=5)
    for file in ("1.mat", "cvind.mat"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()

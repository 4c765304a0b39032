"""The atlas from nilearn's maps, from files in any orientation, and the message where there is none."""

import sys
import types

import numpy as np
import pytest

from strokeclock.errors import ConfigurationError
from strokeclock.imaging.atlas import ATLAS_FILES, build_atlas
from strokeclock.imaging.volume import Volume, read_volume, write_volume


def read(path):
    return read_volume(path, patient="atlas", series="atlas")


def outputs(folder):
    return {name: folder / f"{name}.nii.gz" for name in ATLAS_FILES}


def test_grids(atlas_files):
    fine, grid = read(atlas_files["t2w"]), read(atlas_files["grid"])
    assert np.allclose(fine.spacing, 2, atol=0.02)
    assert grid.shape == (56, 56, 26)
    for image, mask in (("t2w", "brain_mask"), ("grid", "brain_mask_grid")):
        image, mask = read(atlas_files[image]), read(atlas_files[mask])
        assert image.same_grid(mask)
        assert abs(image.centre[0]) < 1e-5
        assert np.allclose(image.affine[:3, :3], np.diag(image.spacing))
        assert 1.7 < mask.data.sum() * np.prod(mask.spacing) / 1e6 < 2.1  # litres
        assert set(np.unique(mask.data)) == {0, 1}


def test_contrast_is_that_of_a_t2w_head(atlas, atlas_mask):
    """Ventricle, putamen, centrum semiovale, skull, scalp and air, at their MNI coordinates."""

    def at(*world):
        return atlas.data[tuple(np.rint(np.linalg.inv(atlas.affine) @ [*world, 1]).astype(int)[:3])]

    for side in (-1, 1):
        fluid, grey, white = at(side * 4, 10, 12), at(side * 26, 4, 0), at(side * 26, -20, 34)
        assert fluid > 0.6 > grey > white > at(side * 74, -20, 10)
        assert white > 0.2
    assert at(0, 74, 14) < 0.15 < at(0, 82, 14)
    assert at(-94, 90, 100) == 0


def at(volume, *world):
    return volume.data[tuple(np.rint(np.linalg.inv(volume.affine) @ [*world, 1]).astype(int)[:3])]


def test_white_matter_is_where_it_is_in_the_atlas(atlas_files):
    """A share of each voxel: centrum semiovale and splenium, not putamen, ventricle or scalp (MNI, mm)."""
    white, mask = read(atlas_files["white_matter_grid"]), read(atlas_files["brain_mask_grid"])
    assert white.same_grid(mask)
    assert (white.data.min(), white.data.max()) == pytest.approx((0, 1), abs=0.01)
    assert 0.4 < white.data.sum() * np.prod(white.spacing) / 1e6 < 0.8  # litres
    assert not white.data[(mask.data == 0) & (white.data > 0.5)].any()
    for side in (-1, 1):
        assert at(white, side * 26, -20, 34) > 0.7 > at(white, side * 26, 4, 0)
        assert at(white, side * 4, 10, 12) < 0.3
    assert np.abs(white.data - white.data[::-1]).mean() < 0.01


@pytest.fixture
def sources(tmp_path, atlas, atlas_mask):
    """What `build_atlas` takes for an atlas of one's own."""
    write_volume(tmp_path / "head.nii.gz", atlas)
    write_volume(tmp_path / "mask.nii.gz", atlas_mask)
    return {
        "source": "files",
        "grid": (40, 40, 20),
        "t2w": tmp_path / "head.nii.gz",
        "brain_mask": tmp_path / "mask.nii.gz",
        "outputs": outputs(tmp_path),
    }


def test_an_atlas_of_ones_own_in_mni_space_takes_nilearns_white_matter(sources, atlas_files):
    build_atlas(**sources)
    white, fine = read(sources["outputs"]["white_matter_grid"]), read(atlas_files["white_matter_grid"])
    assert at(white, 26, -20, 34) == pytest.approx(at(fine, 26, -20, 34), abs=0.2)
    assert at(white, 26, 4, 0) < 0.4


@pytest.mark.parametrize("most", [1, 100, 255])
def test_a_white_matter_map_of_ones_own_may_have_any_scale(sources, tmp_path, atlas_mask, most):
    core = np.zeros(atlas_mask.shape, np.float32)
    core[20:40, 40:60, 30:50] = most
    write_volume(tmp_path / "white.nii.gz", Volume(core, atlas_mask.affine))
    build_atlas(**sources, white_matter=tmp_path / "white.nii.gz")
    white = read(sources["outputs"]["white_matter_grid"])
    assert white.data.max() == pytest.approx(1)
    assert white.data.sum() * np.prod(white.spacing) == pytest.approx(
        (core > 0).sum() * np.prod(atlas_mask.spacing), rel=0.05
    )


def test_white_matter_that_lies_elsewhere_is_refused(sources, tmp_path, atlas_mask):
    """A map in another space, named or nilearn's for an atlas that is not in MNI space."""
    moved = atlas_mask.affine.copy()
    moved[1, 3] += 80
    write_volume(tmp_path / "white.nii.gz", Volume(atlas_mask.data, moved))
    with pytest.raises(
        ConfigurationError, match=r"white\.nii\.gz lies in .* preprocessing\.atlas\.white_matter"
    ):
        build_atlas(**sources, white_matter=tmp_path / "white.nii.gz")
    head = read(sources["t2w"])
    for name, data in (("head", head.data), ("mask", atlas_mask.data)):
        write_volume(tmp_path / f"{name}.nii.gz", Volume(data, moved))
    with pytest.raises(ConfigurationError, match=r"the ICBM-2009a atlas lies in"):
        build_atlas(**sources)


def test_left_and_right_are_alike(atlas, atlas_mask):
    assert np.abs(atlas_mask.data - atlas_mask.data[::-1]).mean() < 0.002
    assert np.abs(atlas.data - atlas.data[::-1]).mean() < 0.01


def test_files_in_any_orientation_give_the_same_atlas(tmp_path, atlas, atlas_mask):
    """Stored LAS, mask on its own grid: as sources they give the same grids and the same images."""
    results = []
    for name, stored_left_first in (("ras", False), ("las", True)):
        folder = tmp_path / name
        for file, volume in (("head", atlas), ("mask", atlas_mask)):
            data, affine = volume.data, volume.affine
            if stored_left_first:
                flip = np.diag([-1.0, 1, 1, 1])
                flip[0, 3] = data.shape[0] - 1
                data, affine = data[::-1], affine @ flip
            write_volume(folder / f"{file}.nii.gz", Volume(data, affine))
        build_atlas(
            source="files",
            grid=(40, 40, 20),
            t2w=folder / "head.nii.gz",
            brain_mask=folder / "mask.nii.gz",
            outputs=outputs(folder),
        )
        results.append([read(path) for path in outputs(folder).values()])
    for a, b in zip(*results, strict=True):  # to the rounding of a NIfTI affine
        assert np.abs(a.data - b.data).mean() < 1e-4
        assert np.allclose(a.affine, b.affine, atol=1e-4)
    assert np.allclose(results[0][0].data, atlas.data, atol=0.01)


def test_mask_that_is_elsewhere_is_refused(tmp_path, atlas, atlas_mask):
    write_volume(tmp_path / "head.nii.gz", atlas)
    moved = atlas_mask.affine.copy()
    moved[0, 3] += 300
    write_volume(tmp_path / "mask.nii.gz", Volume(atlas_mask.data, moved))
    with pytest.raises(ConfigurationError, match="does not lie on"):
        build_atlas(
            source="files",
            grid=(40, 40, 20),
            t2w=tmp_path / "head.nii.gz",
            brain_mask=tmp_path / "mask.nii.gz",
            outputs=outputs(tmp_path),
        )


def test_files_without_paths(tmp_path):
    with pytest.raises(ConfigurationError, match=r"give atlas.t2w and atlas.brain_mask"):
        build_atlas(source="files", grid=(40, 40, 20), outputs=outputs(tmp_path))


def test_templateflow(tmp_path, monkeypatch, atlas_files):
    """Its files are used as any others; where it has none, the error names the remedy."""
    asked = []

    def get(template, *, desc, suffix, **rest):
        asked.append((template, desc, suffix))
        return atlas_files["brain_mask" if suffix == "mask" else "t2w"]

    package = types.ModuleType("templateflow")
    package.api = types.SimpleNamespace(get=get)
    monkeypatch.setitem(sys.modules, "templateflow", package)
    build_atlas(source="templateflow", grid=(40, 40, 20), outputs=outputs(tmp_path))
    assert asked == [("MNI152NLin2009cSym", None, "T2w"), ("MNI152NLin2009cSym", "brain", "mask")]
    assert read(tmp_path / "grid.nii.gz").shape == (40, 40, 20)

    def offline(*_, **__):
        raise ConnectionError

    package.api.get = offline
    with pytest.raises(ConfigurationError, match="connect to the internet once"):
        build_atlas(source="templateflow", grid=(40, 40, 20), outputs=outputs(tmp_path))

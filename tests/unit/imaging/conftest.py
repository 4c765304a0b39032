"""A small atlas and heads made from it by known transforms, for the registration tests."""

import numpy as np
import pytest

from strokeclock.imaging.atlas import ATLAS_FILES, build_atlas
from strokeclock.imaging.resample import resample
from strokeclock.imaging.volume import Volume, read_volume

# Atlas intensity (0 air, .05 skull, .24 white, .35 scalp, .42 grey, 1 fluid) to a series' own.
CONTRAST = {
    "t2w": ([0, 0.05, 0.24, 0.42, 1.0], [5, 30, 260, 400, 900]),
    "dwi": ([0, 0.05, 0.24, 0.42, 1.0], [3, 10, 105, 170, 20]),
    "flair": ([0, 0.05, 0.24, 0.42, 1.0], [2, 20, 300, 420, 40]),
}
SCALP = {"t2w": 0.3, "dwi": 0.3, "flair": 2.0}  # fat is suppressed in echo-planar images, not in FLAIR
NATIVE = {"shape": (88, 104, 28), "spacing": (2.5, 2.5, 6.0)}


@pytest.fixture(scope="session")
def atlas_files(tmp_path_factory):
    """The atlas that nilearn's maps give, on a small final grid."""
    folder = tmp_path_factory.mktemp("atlas")
    files = {name: folder / f"{name}.nii.gz" for name in ATLAS_FILES}
    build_atlas(source="nilearn", grid=(56, 56, 26), outputs=files)
    return files


@pytest.fixture(scope="session")
def atlas(atlas_files):
    return read_volume(atlas_files["t2w"], patient="atlas", series="t2w")


@pytest.fixture(scope="session")
def atlas_mask(atlas_files):
    return read_volume(atlas_files["brain_mask"], patient="atlas", series="brain mask")


@pytest.fixture(scope="session")
def head_of(atlas, atlas_mask):
    """A function: one series of the atlas' head, its world moved by ``transform``, as a scanner stores it."""

    def head(
        transform, *, series="t2w", noise=0.03, seed=0, shape=NATIVE["shape"], spacing=NATIVE["spacing"]
    ):
        affine = np.diag([*spacing, 1.0])
        centre = transform @ [0, -18, 10, 1]
        affine[:3, 3] = np.rint(centre[:3] - affine[:3, :3] @ ((np.array(shape) - 1) / 2))
        grid = {"shape": shape, "affine": affine, "transform": transform}
        data = np.interp(resample(atlas, **grid).data, *CONTRAST[series])
        data *= np.where(resample(atlas_mask, **grid).data < 0.02, SCALP[series], 1)
        random = np.random.default_rng(seed)
        data = np.abs(data + noise * data.max() * random.standard_normal(shape) / 4)
        return Volume(data.astype(np.float32), affine)

    return head


@pytest.fixture(scope="session")
def brain_points(atlas_mask):
    """World coordinates (3, n) of points of the atlas brain."""
    index = np.argwhere(atlas_mask.data > 0)[::97].T
    return atlas_mask.affine[:3, :3] @ index + atlas_mask.affine[:3, 3:]


@pytest.fixture
def brain():
    """A volume with two tissues and fluid, inside a mask that leaves a background."""
    rng = np.random.default_rng(0)
    data = np.zeros((20, 24, 10), dtype=np.float32)
    mask = np.zeros(data.shape, dtype=bool)
    mask[2:-2, 2:-2, 1:-1] = True
    tissue = rng.choice([100.0, 160.0, 400.0], mask.sum(), p=[0.45, 0.45, 0.1])
    data[mask] = tissue + rng.normal(0, 12, mask.sum())
    return data, mask

"""Small DICOM exports, as the phantoms write them, changes to them, and what is found and brought."""

import shutil

import nibabel as nib
import numpy as np
import pydicom
import pytest

from strokeclock.intake.dicom import find_dicom
from strokeclock.phantom.clinic import draw_patient
from strokeclock.phantom.dicom import write_study
from strokeclock.phantom.scanner import rotation
from strokeclock.phantom.study import Habits, Stack, list_series

SHAPE, VOXEL = (14, 16, 8), (0.9, 1.1, 6.5)
SITES = {"Siemens": ("siemens", 1), "Philips": ("philips-ge", 1), "GE": ("philips-ge", 4)}
LAWS = {
    "seed": 0,
    "site": "siemens",
    "tissue_clock_sigma": 0.8,
    "t2_nuisance": 0.04,
    "contrast_gain": 2.0,
    "lesion_time_sigma": 0.6,
    "bilateral": 0.02,
    "dwi_negative": 0.05,
}


PLANES = {"axial": (0, 1, 2), "sagittal": (1, 2, 0), "coronal": (0, 2, 1)}  # world axes of the array's


def make_stacks(seed, plane):
    """Oblique b0, b1000 and FLAIR of noise; the FLAIR in a plane of its own."""
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = rotation(12, -5, 8) @ np.diag(VOXEL)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2) + (1.5, -8.25, 30.125)
    own = np.eye(4)
    own[:3, :3] = rotation(-4, 6, 3) @ np.eye(3)[:, PLANES[plane]] @ np.diag(VOXEL)
    own[:3, 3] = -own[:3, :3] @ ((np.array(SHAPE) - 1) / 2) + (0.5, 3.75, 29.0)
    b0 = rng.integers(400, 900, SHAPE).astype(np.int16)
    return {
        "t2w": Stack(b0, affine, 0.0),
        "dwi": Stack((b0 * rng.uniform(0.2, 0.9, SHAPE)).astype(np.int16), affine, 1000.0),
        "flair": Stack(rng.integers(0, 700, SHAPE).astype(np.int16), own),
    }


class Export:
    """An export, in a folder of its own unless another is given."""

    shape = SHAPE

    def __init__(self, root, *, store, made):
        self.root, self.store, self.made = root, store, made
        self.folder = root / "export"

    def write(self, vendor="Siemens", *, folder="export", seed=0, plane="axial", **habits):
        """Write a study; return its scans. A study is made once, and then copied."""
        made = {"one_dwi_series": True, "repeated": "nothing", "folder_each": False, "enhanced": False}
        made |= habits
        key = repr((vendor, seed, plane, *made.values()))
        if key not in self.made:
            site, number = SITES[vendor]
            record = draw_patient(number, seed=seed, settings=LAWS | {"site": site})
            assert record.vendor == vendor
            stacks = make_stacks(100 * seed + number, plane)
            folder_of_key = self.store / str(len(self.made))
            write_study(folder_of_key, record, list_series(stacks, Habits(**made)), Habits(**made), seed=seed)
            self.made[key] = folder_of_key, stacks
        shutil.copytree(self.made[key][0], self.root / folder)
        return self.made[key][1]

    def files(self, folder="export"):
        return sorted(path for path in (self.root / folder).rglob("*") if path.is_file())

    def images(self, *, folder="export", only=""):
        """The data sets whose SeriesDescription holds `only`."""
        every = (pydicom.dcmread(path) for path in self.files(folder))
        return [image for image in every if only in image.SeriesDescription]

    def change(self, alter, *, folder="export", only=""):
        """Alter files whose SeriesDescription holds `only`; those for which False is returned are removed."""
        changed = 0
        for path in self.files(folder):
            image = pydicom.dcmread(path)
            if only in image.SeriesDescription:
                changed += 1
                if alter(image) is False:
                    path.unlink()
                else:
                    image.save_as(path)
        assert changed

    def find(self, source="export", *, notices=()):
        """What is found; files are left out as expected."""
        told = []
        found = list(find_dicom(self.root / source, notice=told.append))
        assert told == list(notices)
        return found

    def bring(self, found):
        """Bring all columns of a series; return their images, and the sentences."""
        columns = {column: self.root / f"out/{column}.nii.gz" for column in found.gives}
        self.notes = found.bring(columns)
        return {column: nib.load(path) for column, path in columns.items()}


def by_kind(found, kind):
    """What was found of a kind: FLAIR, DWI, ADC, …"""
    return [one for one in found if one.name.split(" ", 2)[2].startswith(kind)]


def choose(found, kind):
    """The one series of a kind without faults and with the lowest rank."""
    some = sorted((one for one in by_kind(found, kind) if not one.faults), key=lambda one: one.rank)
    assert some, [(one.name, one.why, one.faults) for one in found]
    assert [one.rank for one in some].count(some[0].rank) == 1
    return some[0]


def assert_same(image, stack, *, scale=1.0):
    """The same value, up to a scale, at the same place of the world, to 1e-4 mm."""
    index = np.indices(image.shape).reshape(3, -1)
    there = np.linalg.solve(stack.affine, image.affine @ np.vstack([index, np.ones(index.shape[1])]))[:3]
    nearest = there.round().astype(int)
    assert image.shape == stack.data.shape
    assert np.abs((there - nearest) * np.array(VOXEL)[:, None]).max() < 1e-4
    values = np.asarray(image.dataobj).ravel()
    np.testing.assert_array_equal(values, (stack.data[tuple(nearest)] * scale).astype(values.dtype))


@pytest.fixture(scope="session")
def studies(tmp_path_factory):
    """A folder for studies that several tests use, and what is in it."""
    return {"store": tmp_path_factory.mktemp("studies"), "made": {}}


@pytest.fixture
def export(tmp_path, studies):
    return Export(tmp_path, **studies)


@pytest.fixture(scope="session")
def tools():
    """Functions that tests share: by_kind, choose, assert_same."""

    class Tools:
        by_kind = staticmethod(by_kind)
        choose = staticmethod(choose)
        assert_same = staticmethod(assert_same)

    return Tools

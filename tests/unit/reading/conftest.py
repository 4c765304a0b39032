"""Small DICOM studies as the phantoms write them, in any order of their voxels, and what is found in them."""

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest

from strokeclock.imaging.volume import read_volume
from strokeclock.intake.dicom import find_dicom
from strokeclock.phantom.clinic import draw_patient
from strokeclock.phantom.dicom import write_study
from strokeclock.phantom.scanner import rotation
from strokeclock.phantom.study import Habits, Stack, list_series

SHAPE, VOXEL = (14, 17, 9), (0.9, 1.1, 6.5)
SITES = {"Siemens": ("siemens", 1), "Philips": ("philips-ge", 1), "GE": ("philips-ge", 4)}
PLANES = {"axial": (0, 1, 2), "sagittal": (1, 2, 0), "coronal": (0, 2, 1)}  # world axes of the array's
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


def make_stacks(plane, flipped):
    """Oblique b0, b1000 and FLAIR of noise; `flipped`: array axes that run backwards, 2 is that of slices."""
    rng = np.random.default_rng(5)
    affine = np.eye(4)
    affine[:3, :3] = rotation(12, -5, 8) @ np.eye(3)[:, PLANES[plane]] @ np.diag(VOXEL)
    affine[:3, 3] = -affine[:3, :3] @ ((np.array(SHAPE) - 1) / 2) + (1.5, -8.25, 30.125)
    b0 = rng.integers(400, 900, SHAPE).astype(np.int16)
    dwi = (b0 * rng.uniform(0.2, 0.9, SHAPE)).astype(np.int16)
    orientation = np.array([[axis, -1 if axis in flipped else 1] for axis in range(3)])
    affine = affine @ nib.orientations.inv_ornt_aff(orientation, SHAPE)
    flip = lambda data: nib.orientations.apply_orientation(data, orientation)  # noqa: E731
    own = np.diag([*VOXEL, 1.0])
    own[:3, 3] = (-5.0, -9.0, 2.0)
    return {
        "t2w": Stack(flip(b0), affine, 0.0),
        "dwi": Stack(flip(dwi), affine, 1000.0),
        "flair": Stack(rng.integers(0, 700, SHAPE).astype(np.int16), own),
    }


@dataclass
class Study:
    """A study in a folder."""

    root: Path

    @property
    def folder(self):
        return self.root / "export"

    def write(self, vendor="Siemens", *, plane="axial", flipped=(), **habits):
        usual = {"one_dwi_series": True, "repeated": "nothing", "folder_each": False, "enhanced": False}
        site, number = SITES[vendor]
        record = draw_patient(number, seed=0, settings=LAWS | {"site": site})
        habits = Habits(**(usual | habits))
        series = list_series(make_stacks(plane, flipped), habits)
        write_study(self.folder, record, series, habits, seed=0)
        return self

    def files(self):
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def change(self, alter):
        """Alter all files; `alter` takes the data set."""
        for path in self.files():
            image = pydicom.dcmread(path)
            alter(image)
            image.save_as(path)
        return self

    def find_dwi(self, source=None):
        """The series that gives the DWI, and the DWI as a reading has it."""
        found = [one for one in find_dicom(source or self.folder) if "dwi" in one.gives and not one.faults]
        (series,) = found
        path = self.root / "brought/dwi.nii.gz"
        series.bring({"dwi": path})
        return series, read_volume(path, patient="one", series="dwi")


@pytest.fixture
def study(tmp_path):
    return Study(tmp_path)

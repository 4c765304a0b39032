"""The toolchain fsl on phantoms' whole heads: where FLAIR lies, and a brain mask without scalp."""

from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from scipy import ndimage
from with_fsl import needs_fsl

from strokeclock.imaging.atlas import ATLAS_FILES, build_atlas
from strokeclock.imaging.chain import preprocess
from strokeclock.imaging.quality import dice
from strokeclock.imaging.resample import resample, resample_mask
from strokeclock.imaging.volume import Volume, read_volume
from strokeclock.phantom import patient as phantom
from strokeclock.toolchain import name_outputs

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.fsl, needs_fsl]

SCALP_MM = 7.0  # of a phantom lies farther from its brain


@pytest.fixture(scope="module")
def settings(root):
    return yaml.safe_load((root / "config/config.yaml").read_text())


@pytest.fixture(scope="module")
def atlas_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("atlas")
    files = {name: folder / f"{name}.nii.gz" for name in ATLAS_FILES}
    build_atlas(source="nilearn", grid=(112, 112, 26), outputs=files)
    return files


@pytest.fixture(params=[("siemens", 11), ("philips-ge", 12)], ids=lambda p: p[0])
def head(request, tmp_path, settings):
    """Files of a phantom of a site; its true brain (3, n; world of the T2w, mm) and T2w to FLAIR."""
    site, number = request.param
    made = phantom.make_patient(number, seed=0, settings=settings["phantom"] | {"site": site})
    files = {name: tmp_path / f"{name}.nii.gz" for name in (*phantom.SERIES, "lesion", "brain_mask")}
    scans = {name: files[name] for name in phantom.SERIES}
    phantom.write_patient(made, scans=scans, lesion=files["lesion"], brain_mask=files["brain_mask"])
    brain = read_volume(files["brain_mask"], patient="p1", series="brain_mask")
    index = np.argwhere(brain.data > 0)[::97].T
    return SimpleNamespace(
        scans=scans,
        brain=brain,
        points=brain.affine[:3, :3] @ index + brain.affine[:3, 3:],
        t2w_to_flair=np.array(made.measured["t2w_to_flair"]),
    )


def test_a_whole_head(head, tmp_path, settings, atlas_files):
    outputs = {}
    for toolchain in ("open", "fsl"):
        outputs[toolchain] = name_outputs(
            phantom.SERIES, register_dwi=False, folder=str(tmp_path / toolchain)
        )
        preprocess(
            head.scans,
            patient="p1",
            b_value=1000.0,
            head="auto",
            atlas_files=atlas_files,
            preprocessing=settings["preprocessing"] | {"toolchain": toolchain},
            outputs=outputs[toolchain],
        )
    to_t2w = {toolchain: np.loadtxt(files["flair_to_t2w"]) for toolchain, files in outputs.items()}
    assert apart(to_t2w["fsl"], to_t2w["open"], head) < 0.5
    assert apart(to_t2w["fsl"], np.linalg.inv(head.t2w_to_flair), head) < 0.5

    found = read_volume(outputs["fsl"]["brain_mask"], patient="p1", series="brain_mask")
    to_atlas = np.loadtxt(outputs["fsl"]["t2w_to_atlas"])
    place = {"shape": found.shape, "affine": found.affine, "transform": to_atlas}
    true = resample_mask(head.brain, **place)
    distance = ndimage.distance_transform_edt(head.brain.data == 0, sampling=head.brain.spacing)
    outside = resample(Volume(distance, head.brain.affine), **place)
    assert (outside.data[found.data > 0] > SCALP_MM).mean() < 0.001
    assert dice(found.data > 0, true.data > 0) > 0.9


def apart(a, b, head):
    """Mean distance (mm) over the brain of where two transforms of FLAIR to T2w put it."""
    in_flair = head.t2w_to_flair @ np.vstack([head.points, np.ones(head.points.shape[1])])
    return np.linalg.norm(((a - b) @ in_flair)[:3], axis=0).mean()

"""What a toolchain leaves, faulty in one place at a time: one sentence names the toolchain and the file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from strokeclock.imaging.contract import ToolchainError, check_outputs, check_voxels
from strokeclock.imaging.findings import Findings, write_findings
from strokeclock.imaging.resample import write_transform
from strokeclock.imaging.volume import Volume, write_volume
from strokeclock.toolchain import name_outputs

AFFINE = np.diag([2.0, 2.0, 6.0, 1.0])
AFFINE[:3, 3] = (-7, -9, 20)
GRID = Volume(np.zeros((8, 10, 12), dtype=np.float32), AFFINE)
FINDINGS = Findings(derived=False, stripped={"t2w": True}, converted={"dwi": "dcm2niix"})


def brain():
    mask = np.zeros(GRID.shape, dtype=np.float32)
    mask[2:6, 2:8, 3:9] = 1
    return mask


@pytest.fixture
def outputs(tmp_path):
    """What a toolchain that keeps its contract leaves."""
    named = name_outputs(("dwi", "t2w", "flair"), register_dwi=False, folder=str(tmp_path))
    for name in ("t2w", "dwi", "flair", "adc"):
        write_volume(named[name], Volume(brain() * 7, AFFINE))
    write_volume(named["brain_mask"], Volume(brain(), AFFINE), dtype=np.uint8)
    for name in ("t2w_to_atlas", "flair_to_t2w"):
        write_transform(named[name], np.diag([1.1, 0.9, 1.0, 1.0]))
    write_findings(named["findings"], FINDINGS)
    return {name: Path(path) for name, path in named.items()}


def check(outputs, returned=FINDINGS):
    check_outputs(outputs, returned, toolchain="own", patient="p1", grid=GRID)
    check_voxels(outputs, toolchain="own", patient="p1")


def test_a_toolchain_that_keeps_its_contract_passes(outputs):
    check(outputs)


def damage(name, change, affine=AFFINE):
    """Write another volume in a file's place."""
    return lambda outputs: write_volume(outputs[name], Volume(change(brain() * 7), affine))


def in_corner(value):
    def change(data):
        data[0, 0, 0] = value
        return data

    return change


def write(name, text):
    return lambda outputs: outputs[name].write_text(text)


def turned(shift):
    moved = AFFINE.copy()
    moved[0, 3] += shift
    return moved


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (lambda outputs: outputs["brain_mask"].unlink(), "left no file brain_mask.nii.gz"),
        (lambda outputs: outputs["flair_to_t2w"].unlink(), "left no file flair_to_t2w.txt"),
        (
            damage("flair", lambda data: data[:, :, 1:]),
            "left flair.nii.gz with 8×10×11 voxels, where the atlas grid has 8×10×12",
        ),
        (damage("adc", np.copy, turned(2)), "left adc.nii.gz with another affine than the atlas grid's"),
        (
            damage("dwi", np.copy, AFFINE @ np.diag([-1, 1, 1, 1])),
            "left dwi.nii.gz with another affine than the atlas grid's",
        ),
        (write("t2w", "no image"), "left t2w.nii.gz, which is too short for an image"),
        (
            damage("flair", in_corner(1)),
            "left flair.nii.gz with values other than 0 outside brain_mask.nii.gz",
        ),
        (damage("flair", in_corner(np.nan)), "left flair.nii.gz with values that are not finite"),
        (
            damage("brain_mask", lambda data: in_corner(0.5)(data / 7)),
            "left brain_mask.nii.gz with other values than 0 and 1",
        ),
        (write("t2w_to_atlas", "none"), "left t2w_to_atlas.txt, which is no table of numbers"),
        (write("t2w_to_atlas", "1 0 0\n0 1 0\n0 0 1\n"), "left t2w_to_atlas.txt, which is no 4 × 4 matrix"),
        (write("t2w_to_atlas", "1 0 0 5\n" * 4), "left t2w_to_atlas.txt, which is no 4 × 4 matrix"),
        (
            write("flair_to_t2w", "1 0 0 0\n1 0 0 0\n0 0 1 0\n0 0 0 1\n"),
            "left flair_to_t2w.txt, a matrix that cannot be inverted",
        ),
        (
            write("flair_to_t2w", "1 0 0 nan\n0 1 0 0\n0 0 1 0\n0 0 0 1\n"),
            "left flair_to_t2w.txt, a matrix that cannot be inverted",
        ),
        (write("findings", "{}"), "left findings.json without the findings that it returned"),
        (
            lambda outputs: write_findings(outputs["findings"], replace(FINDINGS, derived=True)),
            "left findings.json without the findings that it returned",
        ),
    ],
)
def test_one_sentence_names_the_toolchain_the_file_and_the_fault(outputs, fault, said):
    fault(outputs)
    with pytest.raises(ToolchainError) as raised:
        check(outputs)
    sentence = str(raised.value)
    assert sentence.startswith(f"The toolchain own {said}")
    assert sentence.endswith(
        " (patient p1): correct its function; docs/how-to/new-toolchain.md says what it leaves."
    )


def test_a_function_must_return_its_findings(outputs):
    with pytest.raises(ToolchainError, match=r"^The toolchain own returned NoneType, not its Findings"):
        check(outputs, returned=None)


def test_an_empty_mask_is_the_patients(outputs):
    """No brain was found: the quality check excludes the patient, and the job goes on."""
    for name in ("t2w", "dwi", "flair", "adc", "brain_mask"):
        damage(name, np.zeros_like)(outputs)
    check(outputs)

"""The examples of Models Genesis show each corruption and the given network's restoration."""

from dataclasses import asdict
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest
import torch

from strokeclock.figures import genesis_examples as module
from strokeclock.figures.genesis_examples import draw_genesis_examples
from strokeclock.figures.style import save_figure
from strokeclock.models.view import WHOLE, View

PATIENTS = ("p0", "p1")
CHANNELS = ("dwi", "adc")
BRAIN = (slice(4, 24), slice(6, 40), slice(3, 11))


class Halving(torch.nn.Module):
    """Restores nothing: halves what is corrupted, and adds half of the given medians."""

    def forward(self, corrupted, *, medians):
        return (corrupted + medians[..., None, None, None]) / 2


def median_of(values):
    """The lower median of the brain."""
    brain = np.sort(values[values != 0])
    return brain[(len(brain) - 1) // 2]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, manifest_of):
    folder = tmp_path_factory.mktemp("inputs")
    for number, patient in enumerate(PATIENTS):
        values = np.zeros((2, len(CHANNELS), 24, 48, 14))
        shape = values[(..., *BRAIN)].shape
        values[(..., *BRAIN)] = np.random.default_rng(number).uniform(0.2, 0.8, shape)
        np.save(folder / f"{patient}.npy", values.astype(np.float16))
    manifest_of(folder)
    nib.save(
        nib.Nifti1Image(np.zeros((48, 48, 14), np.uint8), np.diag([2.0, 2.5, 7, 1])), folder / "grid.nii.gz"
    )
    return folder


def draw(inputs, folder, channels=CHANNELS, view=WHOLE):
    outputs = [folder / "examples.svg", folder / "examples.png"]
    participants = {"train": [*PATIENTS, "not shown"]}
    record = SimpleNamespace(participants=participants, channels=channels, view=asdict(view), seed=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "read_restorer", lambda model: (Halving(), record))
        figure = draw_genesis_examples(
            "model.pt", manifest=inputs / "manifest.tsv", grid=inputs / "grid.nii.gz"
        )
    save_figure(figure, *outputs)
    return figure, outputs


@pytest.fixture(scope="module")
def drawn(inputs, tmp_path_factory):
    return draw(inputs, tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def axes(drawn):
    """Rows: corruptions, each of both patients. Columns: channels, each original, corrupted, restored."""
    return np.array(drawn[0].axes).reshape(4, 2, 2, 3)


def shown(axis):
    return np.asarray(axis.images[0].get_array()).T


def test_cut_to_the_brain_original_corrupted_and_restored_stand_side_by_side(inputs, axes):
    for (_, patient, channel), first in np.ndenumerate(axes[..., 0]):
        original = np.load(inputs / f"{PATIENTS[patient]}.npy")[0, channel].astype(np.float32)
        assert any(np.array_equal(shown(first), original[*BRAIN[:2], z]) for z in range(3, 11))
    for kind, patient, channel in np.ndindex(axes.shape[:3]):
        original, corrupted, restored = axes[kind, patient, channel]
        assert not np.array_equal(shown(corrupted), shown(original))
        median = median_of(np.load(inputs / f"{PATIENTS[patient]}.npy")[0, channel].astype(np.float32))
        np.testing.assert_allclose(shown(restored), (shown(corrupted) + median) / 2, rtol=1e-6)


def test_errors_are_of_the_whole_volume(inputs, axes):
    for kind, patient, channel in np.ndindex(axes.shape[:3]):
        before, after = (float(axes[kind, patient, channel, place].get_xlabel()) for place in (1, 2))
        assert before > 0
        original = np.load(inputs / f"{PATIENTS[patient]}.npy")[0, channel].astype(np.float32)
        towards = (median_of(original) - original) / 2  # what the network changes where nothing is corrupted
        expected = np.sqrt((towards**2).mean())
        # restored - original = (corrupted - original) / 2 + towards: a triangle
        assert abs(before / 2 - expected) - 0.001 <= after <= before / 2 + expected + 0.001


def test_all_pictures_have_one_scale(axes):
    assert {axis.images[0].get_clim() for axis in axes.ravel()} == {(0, 1)}


def test_the_contralateral_hemisphere_stands_behind_the_left(inputs, tmp_path):
    figure, _ = draw(inputs, tmp_path, ("dwi", "adc", "contralateral_dwi", "contralateral_adc"))
    axes = np.array(figure.axes).reshape(4, 2, 4, 3)
    assert [axis.get_title().split("\n")[0] for axis in axes[0, 0, :, 1]] == [
        "DWI", "ADC", "CONTRALATERAL DWI", "CONTRALATERAL ADC"
    ]  # fmt: skip
    values = np.concatenate(np.load(inputs / "p0.npy")).astype(np.float32)
    for channel, axis in enumerate(axes[0, 0, :, 0]):
        assert any(np.array_equal(shown(axis), values[channel][*BRAIN[:2], z]) for z in range(3, 11))


def test_a_network_of_a_view_restores_that_alone(inputs, tmp_path):
    x, y, z = BRAIN
    view = View(((x.start + 2, x.stop), (y.start, y.stop - 3), (z.start, z.stop)))
    figure, _ = draw(inputs, tmp_path, view=view)
    values = np.load(inputs / "p0.npy")[0, 0].astype(np.float32)[x.start + 2 : x.stop, y.start : y.stop - 3]
    first = shown(figure.axes[0])
    assert any(np.array_equal(first, values[..., z]) for z in range(3, 11))


def test_bytes_repeat(inputs, drawn, tmp_path):
    for first, second in zip(drawn[1], draw(inputs, tmp_path)[1], strict=True):
        assert first.read_bytes() == second.read_bytes()

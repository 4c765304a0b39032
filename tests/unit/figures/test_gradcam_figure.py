"""Figure 9 chooses patients and slices by rule and draws every network on them."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
import torch

from strokeclock.figures import gradcam as module
from strokeclock.figures.gradcam import draw_gradcam
from strokeclock.figures.style import save_figure
from strokeclock.models.architecture import Architecture
from strokeclock.models.channels import channel_names
from strokeclock.models.registry import find_network
from strokeclock.series import CHANNELS

GRID = (16, 32, 8)
LESION_SLICE = {"p0": 2, "p1": 5, "p2": 4, "p3": 6, "p4": 3}
LESION_SIDE = {"p0": "left", "p1": "right", "p2": "left", "p3": "right", "p4": "left"}
LABEL = {"p0": 1, "p1": 1, "p2": 1, "p3": 0, "p4": 0}
RUNS = (("2d", "phase3_tss4h5", "random"), ("3d", "phase4_attention", "phase3"))


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, manifest_of):
    """Five patients with a bright cube on DWI in one slice of one hemisphere, and two small networks."""
    tmp_path = tmp_path_factory.mktemp("inputs")
    rng = np.random.default_rng(0)
    for patient, z in LESION_SLICE.items():
        sides = rng.uniform(0.4, 0.5, (2, 3, *GRID))
        sides[..., -1] = 0.9  # bright in both hemispheres: no lesion
        sides[("left", "right").index(LESION_SIDE[patient]), 0, 4:10, 8:16, z] = 1
        np.save(tmp_path / f"{patient}.npy", sides.astype(np.float16))
    models, predictions = [], []
    torch.manual_seed(0)
    for net, phase, start in RUNS:
        architecture = Architecture.flat(
            net=net,
            grid=GRID,
            attention="attention" in phase,
            attention_norm="sigmoid",
            standardise=True,
            **find_network(net).defaults | {"width": 4},
        )
        models.append(architecture.build())
        predictions.append(tmp_path / net / phase / start / "seed-0.tsv")
        predictions[-1].parent.mkdir(parents=True)
        rows = [(p, LESION_SIDE[p], "test", LABEL[p], 0.1 * number) for number, p in enumerate(LESION_SLICE)]
        pd.DataFrame(rows, columns=["patient", "hemisphere", "part", "label", "score"]).to_csv(
            predictions[-1], sep="\t", index=False
        )
    nib.save(
        nib.Nifti1Image(np.zeros((32, 32, 8), np.uint8), np.diag([2.0, 2.5, 7, 1])), tmp_path / "grid.nii.gz"
    )
    volumes = tmp_path / "lesions" / "volumes.tsv"
    volumes.parent.mkdir()
    volumes.write_text("patient\tvolume_ml\tsource\tnote\np0\t1.2\tautomatic\t\np1\t\tnone\tno lesion\n")
    return (
        {"manifest": manifest_of(tmp_path), "grid": tmp_path / "grid.nii.gz", "volumes": volumes},
        models,
        predictions,
    )


def draw(inputs, folder, channels=CHANNELS):
    """Draw the figure; return it with its files."""
    files, models, predictions = inputs
    outputs = [folder / "fig9.svg", folder / "fig9.png"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "read_network", lambda network: (network, None))  # as if read from its file
        figure = draw_gradcam(
            models, predictions, channels=channels, layer="penultimate", patients=4, **files
        )
    save_figure(figure, *outputs)
    return figure, outputs


@pytest.fixture(scope="module")
def drawn(inputs, tmp_path_factory):
    return draw(inputs, tmp_path_factory.mktemp("first"))


@pytest.fixture(scope="module")
def axes(drawn):
    """Rows of patients: DWI, FLAIR, the two networks."""
    return np.array(drawn[0].axes[:16]).reshape(4, 4)


def test_patients_of_both_classes_by_id(axes):
    assert [axis.get_ylabel() for axis in axes[:, 0]] == [
        "p0\nTSS < 4.5 h", "p1\nTSS < 4.5 h", "p3\nTSS ≥ 4.5 h", "p4\nTSS ≥ 4.5 h"
    ]  # fmt: skip
    assert [axis.get_title() for axis in axes[0]] == ["DWI", "FLAIR", "2D\nrandom start", "3D\npretrained"]
    assert axes[1, 2].get_xlabel() == "p = 0.10"


def test_the_slice_is_the_lesions(inputs, axes):
    for axis, patient in zip(axes[:, 0], ("p0", "p1", "p3", "p4"), strict=True):
        shown = np.asarray(axis.images[0].get_array()).T
        side = ("left", "right").index(LESION_SIDE[patient])
        expected = np.load(inputs[0]["manifest"].with_name(f"{patient}.npy"))[
            side, 0, ..., LESION_SLICE[patient]
        ]
        assert np.array_equal(shown, expected.astype(np.float32))


def test_a_drawn_lesion_chooses_the_slice_and_is_outlined(inputs, axes, tmp_path):
    """p1's lesion, on the right, is drawn in slice 1, where DWI shows nothing."""
    drawn = np.zeros((32, 32, 8), np.uint8)
    drawn[32 - 10 : 32 - 4, 8:16, 1] = 1  # columns 4 to 9 of the mirrored hemisphere
    affine = np.diag([2.0, 2.5, 7, 1])
    affine[0, 3] = -31
    nib.save(nib.Nifti1Image(drawn, affine), tmp_path / "p1.nii.gz")
    (tmp_path / "volumes.tsv").write_text("patient\tvolume_ml\tsource\tnote\np1\t1.7\tmask\t\n")
    files, models, predictions = inputs
    figure, _ = draw((files | {"volumes": tmp_path / "volumes.tsv"}, models, predictions), tmp_path)
    rows = np.array(figure.axes[:16]).reshape(4, 4)
    expected = np.load(files["manifest"].with_name("p1.npy"))[1, 0, ..., 1].astype(np.float32)
    assert np.array_equal(np.asarray(rows[1, 0].images[0].get_array()).T, expected)
    for axis in rows[1]:
        outline = next(lines for lines in axis.collections if len(lines.get_paths()[0]))
        low, high = outline.get_paths()[0].vertices.min(axis=0), outline.get_paths()[0].vertices.max(axis=0)
        assert (*low, *high) == (3.5, 7.5, 9.5, 15.5)
    assert not rows[0, 0].collections
    assert not axes[1, 0].collections  # found and not drawn: no outline
    assert "the lesion as drawn" in figure.axes[-1].get_xlabel()


def test_every_map_has_the_same_scale(axes):
    assert {axis.images[1].get_clim() for axis in axes[:, 2:].ravel()} == {(0, 1)}


def test_a_map_is_of_the_class_that_the_patient_is_of(inputs, tmp_path, monkeypatch):
    for_early, for_late = np.full(GRID, 0.2, np.float32), np.full(GRID, 0.9, np.float32)
    monkeypatch.setattr(module, "map_evidence", lambda model, volume, layer: (for_early, for_late))
    rows = np.array(draw(inputs, tmp_path)[0].axes[:16]).reshape(4, 4)
    for row in rows:
        early = "<" in row[0].get_ylabel()
        for axis in row[2:]:
            assert np.asarray(axis.images[1].get_array()) == pytest.approx(0.2 if early else 0.9)
            assert "everywhere" not in axis.get_xlabel()
    assert {"<" in row[0].get_ylabel() for row in rows} == {True, False}


def test_a_map_of_nothing_says_so(inputs, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "map_evidence", lambda model, volume, layer: np.zeros((2, *GRID), np.float32))
    figure, _ = draw(inputs, tmp_path)
    assert figure.axes[2].get_xlabel() == "p = 0.00\n0 everywhere"


def test_bytes_repeat(inputs, drawn, tmp_path):
    for first, second in zip(drawn[1], draw(inputs, tmp_path)[1], strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_networks_see_the_contralateral_hemisphere_behind_the_own(inputs, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        module,
        "map_evidence",
        lambda model, volume, layer: seen.append(volume) or np.zeros((2, *GRID), np.float32),
    )
    draw(inputs, tmp_path, channels=channel_names(CHANNELS, contralateral=True))
    for volume, patient in zip(seen, ("p0", "p1", "p3", "p4"), strict=False):
        left, right = np.load(inputs[0]["manifest"].with_name(f"{patient}.npy")).astype(np.float32)
        pair = (left, right) if LESION_SIDE[patient] == "left" else (right, left)
        assert np.array_equal(volume, np.concatenate(pair))
    assert len(seen) == 8


def test_no_network_is_said(inputs, tmp_path):
    figure, outputs = draw((inputs[0], [], []), tmp_path)
    assert figure.texts[0].get_text() == "No network for TSS < 4.5 h was run."
    assert all(path.exists() for path in outputs)

"""Examples of Models Genesis: hemispheres corrupted in each way, and restored by the network."""

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from torch import nn

from strokeclock.figures.preprocessed import TITLES
from strokeclock.figures.style import house_style
from strokeclock.imaging.hemisphere_files import open_hemispheres
from strokeclock.models.standardisation import find_medians
from strokeclock.models.view import View
from strokeclock.pretraining.genesis import (
    distort_intensities,
    paint_inside,
    paint_outside,
    shuffle_locally,
)
from strokeclock.pretraining.restorer import read_restorer
from strokeclock.training.device import choose_device

CORRUPTIONS = {
    "non-linear\nintensities": distort_intensities,
    "local\nshuffling": shuffle_locally,
    "in-painting": paint_inside,
    "out-painting": paint_outside,
}
INCHES = 0.62  # of a picture's width
PATIENTS = 2  # shown


def draw_genesis_examples(
    model: str | Path,
    *,
    manifest: str | Path,
    grid: str | Path,
) -> Figure:
    """Draw training patients' left hemispheres under each corruption alone; a column triple for each channel.

    The slice shown is the one in which the corruption changed the brain most, of those that show much of it.
    Below corrupted and restored stands the root mean square error over the whole volume, with values 0 to 1.

    Parameters
    ----------
    model : path
        The checkpoint of phase 0. The first of its training patients are shown.
    manifest : path
        hemispheres/manifest.tsv, the hemispheres beside it.
    grid : path
        An image on the atlas grid, for its voxel size.
    """
    network, record = read_restorer(model)
    patients, channels, view = (
        record.participants["train"][:PATIENTS],
        record.channels,
        View.of(record.view),
    )
    choose_device("cpu", threads=1)  # the same picture each time
    spacing = np.array(nib.Nifti1Image.from_filename(grid).header.get_zooms()[:3]) * view.average
    left = {  # a file holds the left hemisphere's channels, then the right one's
        patient: _see(np.concatenate(hemispheres)[: len(channels)], view)
        for patient, hemispheres in open_hemispheres(manifest, patients).items()
    }
    examples = [
        (
            f"{name}\n{patient}",
            *_restore(network, left[patient], CORRUPTIONS[name], stream=[record.seed, kind, number]),
        )
        for kind, name in enumerate(CORRUPTIONS)
        for number, patient in enumerate(patients)
    ]
    brain = np.any([values.any(axis=(0, 3)) for values in left.values()], axis=0)
    x, y = (slice(used[0], used[-1] + 1) for used in map(np.flatnonzero, (brain.any(1), brain.any(0))))
    aspect = spacing[1] / spacing[0]
    height = INCHES * aspect * (y.stop - y.start) / (x.stop - x.start)
    with house_style():
        figure = Figure(
            figsize=(3 * INCHES * len(channels) + 1.0, (height + 0.16) * len(examples) + 0.4),
            layout=ConstrainedLayoutEngine(w_pad=0.01, h_pad=0.01, wspace=0, hspace=0),
        )
        axes = figure.subplots(len(examples), 3 * len(channels), squeeze=False)
        for row, (label, original, corrupted, restored) in zip(axes, examples, strict=True):
            z = _choose_slice(original, corrupted)
            for channel, triple in enumerate(row.reshape(len(channels), 3)):
                volumes = [volume[channel] for volume in (original, corrupted, restored)]
                for axis, volume in zip(triple, volumes, strict=True):
                    _show(axis, volume[x, y, z], aspect=aspect)
                for axis, volume in zip(triple[1:], volumes[1:], strict=True):
                    error = np.sqrt(np.mean((volume - volumes[0]) ** 2))
                    axis.set_xlabel(f"{error:.3f}", fontsize=6, labelpad=1)
            row[0].set_ylabel(label, fontsize=6)
        for name, triple in zip(channels, axes[0].reshape(len(channels), 3), strict=True):
            for axis, what in zip(triple, ("original", "corrupted", "restored"), strict=True):
                axis.set_title(what, fontsize=6, pad=2)
            title = TITLES.get(name, name.upper().replace("_", " "))
            triple[1].set_title(f"{title}\n\ncorrupted", fontsize=6, pad=2)
        return figure


def _see(hemisphere: np.ndarray, view: View) -> np.ndarray:
    return view.see(torch.from_numpy(hemisphere.astype(np.float32))[None])[0].numpy()


def _restore(
    model: nn.Module, hemisphere: np.ndarray, corruption: Callable, *, stream: list[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    original = torch.from_numpy(hemisphere.astype(np.float32))[None]
    corrupted = corruption(original, [np.random.default_rng(stream)])
    with torch.inference_mode():
        restored = model(corrupted, medians=find_medians(original))
    return original[0].numpy(), corrupted[0].numpy(), restored[0].numpy()


def _choose_slice(original: np.ndarray, corrupted: np.ndarray) -> int:
    brain = original.any(axis=0)
    area = brain.sum(axis=(0, 1))
    changed = (np.abs(corrupted - original).sum(axis=0) * brain).sum(axis=(0, 1))
    return int(np.where(area >= 0.8 * area.max(), changed, -1).argmax())


def _show(axis: Axes, picture: np.ndarray, *, aspect: float) -> None:
    """One axial slice, anterior up, lateral on the left."""
    axis.imshow(picture.T, origin="lower", cmap="gray", vmin=0, vmax=1, aspect=aspect)
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)

"""Lesions of test patients and their segmentations."""

import nibabel as nib
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text

from strokeclock.figures import segmentations as module
from strokeclock.figures.segmentations import draw_segmentations
from strokeclock.figures.style import save_figure
from strokeclock.models.view import View
from strokeclock.segmentation.network import Segmenter


class Bright(torch.nn.Module):
    """Finds what is 1 on DWI, which in the toys is the lesion."""

    def forward(self, seen, *, needed):
        return (seen[:, :1] > 0.9).float()


@pytest.fixture
def draw(toys, toy_lesions, tmp_path, monkeypatch):
    """Draw the figure; return its words and its picture."""
    nib.save(nib.Nifti1Image(np.zeros((32, 32, 9), np.uint8), np.diag([2, 2, 2, 1])), tmp_path / "grid.nii")

    def read(model, *, series, split):
        return Segmenter(Bright(), View(None, (2, 2, 1)), frozenset())

    monkeypatch.setattr(module, "read_segmenter", read)

    def draw():
        inputs = toys.inputs() | {"volumes": toy_lesions, "grid": tmp_path / "grid.nii"}
        figure = draw_segmentations("model.pt", channels=toys.channels, **inputs)
        save_figure(figure, tmp_path / "segmentations.png")
        return "|".join(text.get_text() for text in figure.findobj(Text)), tmp_path / "segmentations.png"

    return draw


def test_lesions_and_their_segmentations(draw, monkeypatch):
    seen = {}

    def draw_nothing(found, shown, *rest):
        seen.update(found=found, shown=shown)
        return Figure()

    monkeypatch.setattr(module, "_draw", draw_nothing)
    draw()
    assert [lesion.patient for lesion in seen["found"]] == [f"toy-{number}" for number in range(14, 18)]
    assert {lesion.patient for lesion in seen["shown"]} <= {lesion.patient for lesion in seen["found"]}
    for lesion in seen["found"]:
        assert lesion.volume_ml == pytest.approx(216 * 0.008, rel=1e-3)
        assert lesion.dice == pytest.approx(1, abs=0.01)
        assert lesion.slice in (3, 4, 5)


def test_the_figure_names_numbers_volumes_and_overlap(draw):
    words, png = draw()
    assert "4 lesions, median Dice 1.00" in words
    assert "1.7 mL" in words
    assert "Dice 1.00" in words
    assert png.stat().st_size > 5000


def test_without_a_known_lesion_it_says_so(draw, toy_lesions):
    header, *lines = toy_lesions.read_text().splitlines()
    lines = [f"{line.split(chr(9))[0]}\t\tnone\t" for line in lines]
    toy_lesions.write_text("\n".join([header, *lines]) + "\n")
    words, _ = draw()
    assert "No lesion of a test patient is known." in words

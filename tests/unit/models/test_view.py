import numpy as np
import pytest
import torch

from strokeclock.models.view import WHOLE, View


def test_averages_are_of_brain_alone_and_keep_the_background():
    """Against loops over blocks, the last of them cut by the border."""
    generator = np.random.default_rng(0)
    volume = generator.uniform(0.1, 1, (2, 3, 7, 6, 4)).astype(np.float32)
    volume[generator.random(volume.shape) < 0.4] = 0
    seen = View(average=(2, 3, 1)).see(torch.from_numpy(volume)).numpy()
    assert seen.shape == (2, 3, 4, 2, 4)
    for (*where, x, y, z), value in np.ndenumerate(seen):
        block = volume[(*where, slice(2 * x, 2 * x + 2), slice(3 * y, 3 * y + 3), z)]
        brain = block[block != 0]
        expected = brain.mean() if 2 * brain.size >= block.size else 0
        assert value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    "view", [WHOLE, View(((1, 6), (0, 9), (2, 8))), View(((1, 6), (0, 9), (2, 8)), (2, 2, 1))]
)
def test_size_is_that_of_what_is_seen(view):
    assert view.see(torch.rand(1, 3, 7, 9, 8)).shape[2:] == view.size((7, 9, 8))


def test_extent_is_the_box_share_and_spacing_the_voxels():
    grid = (112, 224, 26)
    assert WHOLE.extent_mm(grid) == (98.0, 233.0)
    assert WHOLE.spacing_mm(grid) == (0.875, 233 / 224)
    view = View(((28, 84), (0, 112), (0, 26)), (2, 4, 1))
    assert view.extent_mm(grid) == (49.0, 116.5)
    assert view.spacing_mm(grid) == (1.75, 233 / 56)


def test_is_rebuilt_from_a_record():
    assert View.of(None) == WHOLE  # of a checkpoint that records no view
    view = View(((1, 6), (0, 9), (2, 8)), (2, 2, 1))
    assert View.of({"box": [[1, 6], [0, 9], [2, 8]], "average": [2, 2, 1]}) == view

import pytest
import torch

from strokeclock.training.dice import measure_dice


def test_dice_of_each_map_by_hand():
    found, truth = torch.zeros(3, 1, 10, 10, 10), torch.zeros(3, 1, 10, 10, 10)
    found[1, ..., :4], truth[1, ..., 2:6] = 1, 1
    found[2, ..., :4], truth[2, ..., :2] = 0.5, 1
    expected = [1, (2 * 200 + 1) / (400 + 400 + 1), (2 * 100 + 1) / (200 + 200 + 1)]
    assert measure_dice(found, truth).tolist() == pytest.approx(expected)

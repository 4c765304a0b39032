import numpy as np
import pytest
import torch

from strokeclock.models.standardisation import medians_by_bisection, medians_by_partition, standardise


def test_scales_by_the_brain_median_of_each_hemisphere_and_channel():
    values = np.random.default_rng(0).uniform(0.1, 1, (2, 3, 6, 7, 5)).astype(np.float32)
    values[:, :, :2] = 0
    standardised = standardise(torch.from_numpy(values)).numpy()
    for hemisphere in range(2):
        for channel in range(3):
            before = values[hemisphere, channel]
            brain = before != 0
            median = np.sort(before[brain])[(brain.sum() - 1) // 2]
            expected = np.where(brain, (before / median - 1) / 0.32, 0)
            np.testing.assert_allclose(standardised[hemisphere, channel], expected, rtol=1e-5, atol=1e-6)


def test_channel_without_brain_is_zero():
    volume = torch.rand(1, 3, 4, 4, 4) + 0.1
    volume[:, 1] = 0
    standardised = standardise(volume)
    assert torch.isfinite(standardised).all()
    assert not standardised[:, 1].any()


def test_takes_the_median_from_the_reference():
    volume, reference = torch.full((1, 1, 2, 2, 2), 0.6), torch.full((1, 1, 2, 2, 2), 0.3)
    assert torch.allclose(standardise(volume, reference=reference), torch.tensor(1 / 0.32))


@pytest.mark.parametrize("medians_of", [medians_by_partition, medians_by_bisection])
def test_medians_are_exact(medians_of):
    generator = np.random.default_rng(0)
    rows = np.zeros((6, 40), np.float32)
    for row, count in enumerate((0, 1, 2, 7, 39, 40)):
        rows[row, generator.permutation(40)[:count]] = generator.random(count).astype(np.float16) + 1e-6
    rows[5] = 0.3  # all equal
    expected = [
        np.sort(row[row > 0])[(np.count_nonzero(row) - 1) // 2] if row.any() else np.nan for row in rows
    ]
    np.testing.assert_array_equal(medians_of(torch.from_numpy(rows)), np.array(expected, np.float32))

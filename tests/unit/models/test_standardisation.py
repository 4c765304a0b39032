import numpy as np
import torch

from strokeclock.models.standardisation import standardise


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

import numpy as np
import pytest
import torch

from strokeclock.models.architecture import Architecture
from strokeclock.models.channels import channel_names
from strokeclock.models.standardisation import (
    find_medians,
    medians_by_bisection,
    medians_by_partition,
    prepare,
    standardise,
)
from strokeclock.models.unet3d import UNet


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


def test_takes_the_given_medians():
    volume, other = torch.full((1, 2, 2, 2, 2), 0.6), torch.full((1, 2, 2, 2, 2), 0.3)
    other[:, 1] = 0.6
    standardised = standardise(volume, medians=find_medians(other))
    assert torch.allclose(standardised[:, 0], torch.tensor(1 / 0.32))
    assert torch.allclose(standardised[:, 1], torch.tensor(0.0), atol=1e-6)


@pytest.mark.parametrize("standardised", [True, False])
def test_the_contralateral_hemisphere_is_seen_as_the_difference_where_both_have_brain(standardised):
    values = np.random.default_rng(0).uniform(0.1, 1, (2, 6, 6, 7, 5)).astype(np.float32)
    values[:, :3, 0] = 0  # background of the own hemisphere,
    values[:, 3:, :, 0] = 0  # and of the other one
    seen = prepare(torch.from_numpy(values), standardised=standardised, sides=2).numpy()
    for hemisphere in range(2):
        for series in range(3):
            ready = []
            for channel in (series, series + 3):
                brain = values[hemisphere, channel] != 0
                signal = values[hemisphere, channel].copy()
                if standardised:
                    median = np.quantile(signal[brain], 0.5, method="lower")
                    signal = np.where(brain, (signal / median - 1) / 0.32, 0)
                ready.append(signal)
            own, other = ready
            expected = own - other
            expected[0], expected[:, 0] = 0, 0
            np.testing.assert_allclose(seen[hemisphere, series], own, rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(seen[hemisphere, series + 3], expected, rtol=1e-5, atol=1e-5)


def test_one_side_is_only_standardised():
    volume = torch.rand(2, 3, 4, 4, 4)
    assert torch.equal(prepare(volume, standardised=True), standardise(volume))
    assert torch.equal(prepare(volume, standardised=False), volume)


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


def _network(kind):
    if kind == "unet":
        return UNet(width=2, standardised=True, channels=4, outputs=4, sides=2)
    shared = {"width": 4, "attention": False, "attention_norm": "sigmoid", "standardise": True}
    if kind == "2d":
        shared |= {"attention_map": "native", "slice_aggregation": "softmax_logit"}
    channels = channel_names(("dwi", "flair"), contralateral=True)
    return Architecture.flat(net=kind, grid=(16, 32, 8), channels=channels, **shared).build()


@pytest.mark.parametrize("kind", ["2d", "3d", "unet"])
def test_networks_see_nothing_of_a_contralateral_hemisphere_that_is_alike(kind):
    torch.manual_seed(0)
    network = _network(kind).train()  # batch norm makes up for what random weights damp
    own = torch.rand(3, 2, 16, 32, 8) + 0.1
    alike, unlike = torch.cat([own, own], dim=1), torch.cat([own, torch.rand_like(own) + 0.1], dim=1)
    first = next(weights for weights in network.parameters() if weights.dim() > 1)
    with torch.inference_mode():
        before = [network(seen) for seen in (alike, unlike)]
        first[:, 2:] *= -3  # what is made of the contralateral hemisphere's channels
        after = [network(seen) for seen in (alike, unlike)]
    assert torch.equal(before[0], after[0])
    assert not torch.allclose(before[1], after[1], rtol=1e-3)

import pytest
import torch
from torch.nn import functional

from strokeclock.models.halving import halve_by_corners
from strokeclock.training.device import choose_device


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
@pytest.mark.parametrize("values", [torch.rand(2, 3, 7, 8, 9), torch.randint(0, 3, (2, 3, 7, 8, 9)).float()])
def test_halving_by_corners_is_max_pool3d(layout, values, device):
    """Also where maxima are equal, which whole numbers often are: the first one gets the gradient."""
    place = choose_device(device, threads=1)
    weights = torch.rand(2, 3, 3, 4, 4)
    results = []
    for halve, where in ((halve_by_corners, place), (lambda volume: functional.max_pool3d(volume, 2), "cpu")):
        volume = values.contiguous(memory_format=layout).to(where).requires_grad_()
        halved = halve(volume)
        (gradient,) = torch.autograd.grad((halved * weights.to(where)).sum(), volume)
        results.append((halved.detach().cpu(), gradient.cpu()))
    for ours, theirs in zip(*results, strict=True):
        assert torch.equal(ours, theirs)


def test_a_value_that_is_no_number_is_passed_on():
    volume = torch.rand(1, 1, 4, 2, 2)
    volume[0, 0, 1, 1, 0] = torch.nan
    assert halve_by_corners(volume).isnan().flatten().tolist() == [True, False]

"""The transfer to the device: arrays as they are stored, and noise from the seed."""

import numpy as np
import pytest
import torch

from strokeclock.training.device import Stored, choose_device, noise_source


@pytest.fixture
def place(device):
    return choose_device(device, threads=1)


def test_noise_follows_from_the_generator_and_moves_it_on(place):
    def draw(generator):
        return torch.randn(50, generator=noise_source(generator, place), device=place)

    generator = np.random.default_rng(0)
    first, second = draw(generator), draw(generator)
    assert not torch.equal(first, second)
    assert torch.equal(first, draw(np.random.default_rng(0)))
    assert not torch.equal(first, draw(np.random.default_rng(1)))


def test_an_operation_that_is_not_repeatable_is_refused(place):
    """As by torch.use_deterministic_algorithms(True)."""
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()


@pytest.mark.parametrize("dtype", [np.float16, np.uint8])
def test_what_is_stored_comes_in_the_order_asked_for(place, dtype):
    values = np.arange(24).reshape(4, 6).astype(dtype)
    given = Stored(values, place)[np.array([2, 0])]
    assert given.dtype == torch.float32
    assert given.device.type == place.type
    assert given.tolist() == values[[2, 0]].tolist()

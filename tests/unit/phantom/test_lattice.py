import numpy as np
import pytest

from strokeclock.phantom.lattice import Lattice, draw_lattice, frame_lattice


def ramp():
    lattice = Lattice(np.empty((5, 6, 7), np.uint8), (-4.0, 1.0, 10.0), (2.0, 3.0, 1.5))
    x, y, z = lattice.points()
    return lattice.hold(2 * x - y + 0.5 * z)


def test_linear_values_are_sampled_exactly():
    points = np.random.default_rng(0).uniform((-4, 1, 10), (4, 16, 19), (50, 3)).T.astype(np.float32)
    x, y, z = points
    np.testing.assert_allclose(ramp().sample(points), 2 * x - y + 0.5 * z, atol=1e-4)


def test_beyond_the_lattice_the_edge_value_or_the_given_one_holds():
    far = np.float32([[-40], [1], [10]])
    assert ramp().sample(far)[0] == pytest.approx(-4)
    assert ramp().sample(far, outside=-7.0)[0] == -7


def test_refining_agrees_with_sampling():
    coarse = ramp().hold(np.random.default_rng(1).normal(size=(5, 6, 7)))
    for origin in (coarse.origin, (-3.6, 2.2, 10.9)):
        fine = frame_lattice((7, 12, 7), origin, (1.0, 1.0, 1.0))
        np.testing.assert_allclose(coarse.refine(fine), coarse.sample(fine.points()), atol=1e-5)


def test_points_are_located_by_their_flat_index():
    lattice = ramp()
    index = np.array([0, 13, 41, 209])
    np.testing.assert_array_equal(lattice.locate(index), lattice.points().reshape(3, -1)[:, index])


def test_a_random_field_has_unit_variance_and_the_stated_correlation():
    field = draw_lattice(np.random.default_rng(2), (0, 0, 0), (150, 150, 150), spacing=2, smoothing=4).values
    assert field.mean() == pytest.approx(0, abs=0.05)
    assert field.std() == pytest.approx(1, abs=0.05)
    lag = 3  # 6 mm
    assert np.mean(field[lag:] * field[:-lag]) == pytest.approx(np.exp(-(6**2) / (4 * 4**2)), abs=0.05)

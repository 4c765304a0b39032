"""b0 and trace-weighted image against arithmetic done by hand."""

from math import exp, inf, log, nan

import numpy as np
import pytest

from strokeclock.intake.diffusion import combine, plan_diffusion, read_b_values, read_directions

X, Y, Z = (1.0, 0, 0), (0, 1.0, 0), (0, 0, 1.0)
NONE = (0.0, 0, 0)
MOTION = "the volumes were not aligned with one another: motion between them stays"


def volumes(*values):
    """A series (1, 1, 1, volumes) with one voxel."""
    return np.array(values, dtype=np.float64).reshape(1, 1, 1, -1)


def combined(b_values, values, directions=None, **options):
    vectors = None if directions is None else np.array(directions)
    b0, trace, b_value = combine(volumes(*values), plan_diffusion(b_values, vectors), **options)
    assert b0.dtype == trace.dtype == np.float32
    assert b0.shape == trace.shape == (1, 1, 1)
    return b0.item(), trace.item(), b_value


def test_b0_and_trace():
    assert combined([0, 1000], [800, 200]) == (800, 200, 1000)
    assert combined([1000, 0], [200, 800]) == (800, 200, 1000)


def test_b0_is_the_mean_up_to_50_where_one_is_0():
    assert combined([0, 5, 50, 1000], [900, 870, 840, 200]) == (870, 200, 1000)


def test_three_directions_give_their_geometric_mean():
    # the cube root of 100 · 200 · 400 is 200, and the arithmetic mean 233
    b0, trace, b_value = combined([0, 1000, 1000, 1000], [800, 100, 200, 400], [NONE, X, Y, Z])
    assert (b0, b_value) == (800, 1000)
    assert trace == pytest.approx(200, rel=1e-6)


def test_the_trace_has_the_mean_diffusivity_of_an_anisotropic_voxel():
    signals = [1000 * exp(-1000 * d) for d in (1.7e-3, 0.3e-3, 0.3e-3)]
    b0, trace, b = combined([0, 1000, 1000, 1000], [1000, *signals], [NONE, X, Y, Z])
    assert log(b0 / trace) / b == pytest.approx(0.7666667e-3, rel=1e-5)
    assert np.mean(signals) / trace == pytest.approx(1.19, abs=0.01)  # what the arithmetic mean would add


def test_isotropic_volumes_are_used_alone():
    directions = [NONE, X, Y, Z, NONE]
    assert combined([0, 1000, 1000, 1000, 1000], [800, 1, 2, 3, 210], directions) == (800, 210, 1000)


def test_b0_is_extrapolated_from_50():
    # one exponential of 1e-3 mm2/s: S50 = 1000 exp(-.05), S1000 = 1000 exp(-1)
    b0, trace, b_value = combined([50, 1000], [1000 * exp(-0.05), 1000 * exp(-1)])
    assert b0 == pytest.approx(1000, rel=1e-6)
    assert (trace, b_value) == (pytest.approx(1000 * exp(-1), rel=1e-6), 1000)
    assert combined([50, 1000], [0, 0])[:2] == (0, 0)
    assert combined([50, 1000], [10, 0])[:2] == (10, 0)


def test_scaling_to_b_1000_is_exact_for_one_exponential():
    signals = [1000, 1000 * exp(-0.8)]
    assert combined([0, 800], signals)[2] == 800
    b0, trace, b_value = combined([0, 800], signals, to_b1000=True)
    assert (b0, b_value) == (1000, 1000)
    assert trace == pytest.approx(1000 * exp(-1), rel=1e-6)
    assert combined([0, 800], [1000, 0], to_b1000=True)[1] == 0
    assert combined([0, 800], [0, 7], to_b1000=True)[1] == 7


def test_a_direction_without_signal_makes_the_trace_0():
    assert combined([0, 1000, 1000, 1000], [800, 100, 0, 400], [NONE, X, Y, Z])[1] == 0
    assert combined([0, 1000, 1000, 1000], [800, 100, -3, 400], [NONE, X, Y, Z])[1] == 0


def test_what_is_no_number_stays_none():
    b0, trace, _ = combined([0, 0, 1000, 1000, 1000], [nan, 5, 100, nan, 400])
    assert np.isnan(b0)
    assert np.isnan(trace)
    assert combined([0, 1000], [inf, 5])[0] == inf


def test_integers_do_not_overflow():
    data = np.full((2, 2, 2, 4), 30_000, np.int16)
    b0, trace, _ = combine(data, plan_diffusion([0, 0, 1000, 1000]))
    assert np.allclose(b0, 30_000)
    assert np.allclose(trace, 30_000)


@pytest.mark.parametrize(
    ("b_values", "trace", "b_value"),
    [
        ([0, 500, 1000, 2000], (2,), 1000),
        ([0, 995, 1005, 1000], (1, 2, 3), 1000),
        ([0, 800, 2000], (1,), 800),
        ([0, 700], (1,), 700),
        ([0, 1300], (1,), 1300),
        ([0, 50, 400, 800, 1200], (3,), 800),
        ([0, 850, 1200], (1,), 850),
        ([0, *range(100, 2100, 100)], (10,), 1000),  # without gaps
        ([0, 900, 960, 1020, 1080], (3,), 1020),
        ([0, 940, 980, 1000, 1020, 1060, 1100], (2, 3, 4), 1000),
    ],
)
def test_the_shell_nearest_to_1000_is_taken(b_values, trace, b_value):
    plan = plan_diffusion(b_values)
    assert (plan.trace, plan.b_value) == (trace, b_value)


def test_what_was_left_out_is_said():
    notes = plan_diffusion([0, 500, 1000, 1000, 1000, 2000]).notes
    assert notes == ("of the b-values 0, 500, 1000, 2000 the volumes at 1000 s/mm² are used", MOTION)
    assert plan_diffusion([0, 1000, 1000, 1000]).notes == (MOTION,)
    assert plan_diffusion([50, 1000], np.array([X, NONE])).notes == (
        "b0 is extrapolated from b 50 s/mm², for there is no volume at 0",
        MOTION,
    )


@pytest.mark.parametrize(
    ("directions", "words"),
    [
        ([NONE, X], "is made of 1 direction, fewer than 3"),
        ([NONE, X, X, (-1.0, 0, 0)], "is made of 1 direction, fewer than 3"),
        ([NONE, X, Y], "is made of 2 directions, fewer than 3"),
        ([NONE, X, Y, (0.6, 0.8, 0)], "the 3 directions are not spread evenly"),
        ([NONE, X, Y, Z], None),
        ([NONE, tuple(20 * np.array(X)), tuple(20 * np.array(Y)), tuple(20 * np.array(Z))], None),
        ([NONE, NONE], None),
    ],
)
def test_too_few_directions_are_said(directions, words):
    notes = plan_diffusion([0] + [1000] * (len(directions) - 1), np.array(directions)).notes
    assert len(notes) == (2 if words else 1)
    assert words is None or words in notes[0]


def test_volumes_of_unknown_direction_are_said():
    assert "taken for trace-weighted" in plan_diffusion([0, 1000]).notes[0]
    assert "mean of 2 volumes" in plan_diffusion([0, 1000, 1000]).notes[0]


@pytest.mark.parametrize(
    ("b_values", "words"),
    [
        ([], "none in s/mm² above 0"),
        ([0, 0], "none in s/mm² above 0"),
        ([0, 1], "gives b-values of 0, 1, none in s/mm² above 0: write the scanner's, in s/mm²"),
        ([0, -1000], "negative or no numbers"),
        ([0, nan], "negative or no numbers"),
        ([0, inf], "negative or no numbers"),
        ([1000, 2000], "gives b-values of 1000, 2000, none up to 50 s/mm²: there is no b0"),
        ([100, 1000], "none up to 50"),
        ([0, 500, 2000], "gives b-values of 0, 500, 2000, none from 700 to 1300 s/mm²"),
        ([0, 699], "none from 700 to 1300"),
        ([0, 1301], "none from 700 to 1300"),
        (
            [0, *range(1400, 3000, 200)],
            "gives b-values of 0, 1400, 1600, 1800, …, 2400, 2600, 2800, none from",
        ),
    ],
)
def test_b_values_that_give_no_pair_are_refused(b_values, words):
    with pytest.raises(ValueError, match=r"^gives b-values") as caught:
        plan_diffusion(b_values)
    assert words in str(caught.value)


def test_another_number_of_directions_is_refused():
    with pytest.raises(ValueError, match="gives 3 b-values and 2 directions"):
        plan_diffusion([0, 1000, 1000], np.array([NONE, X]))


def test_directions_that_are_no_numbers_are_refused_only_where_they_are_used():
    unknown = (nan, nan, nan)
    assert plan_diffusion([0, 1000, 1000, 1000], np.array([unknown, X, Y, Z])).trace == (1, 2, 3)
    with pytest.raises(ValueError, match="directions that are no numbers"):
        plan_diffusion([0, 1000, 1000, 1000], np.array([NONE, unknown, Y, Z]))


@pytest.mark.parametrize("text", ["0 500 1000\n", "0\n500\n1000\n", "\ufeff0\t5e2\r\n1000.0"])
def test_b_values_in_a_row_or_a_column(tmp_path, text):
    (tmp_path / "a.bval").write_text(text, encoding="utf-8")
    assert read_b_values(tmp_path / "a.bval") == (0, 500, 1000)


@pytest.mark.parametrize(
    "text",
    ["", "0 nan", "0 1e9", "-5 1000", "0 １０００", "0 1_000", "0,1000", "b0 b1000", "0 inf", "\xff\xfe"],
)
def test_what_is_no_list_of_b_values_is_refused(tmp_path, text):
    (tmp_path / "a.bval").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="does not hold b-values, numbers from 0 to 10000 s/mm²"):
        read_b_values(tmp_path / "a.bval")


def test_absent_b_values_are_refused(tmp_path):
    with pytest.raises(ValueError, match="is missing"):
        read_b_values(tmp_path / "a.bval")


def test_directions_in_rows_or_columns(tmp_path):
    path = tmp_path / "a.bvec"
    expected = np.array([NONE, X, Y, (0.6, 0, 0.8)])
    for rows in (expected.T, expected):
        path.write_text("\n".join(" ".join(map(str, row)) for row in rows) + "\n\n")
        assert np.array_equal(read_directions(path), expected)
    # three volumes: only as rows are these of length 1
    path.write_text("0 0.6 0.8\n1 0 0\n0 1 0\n")
    assert np.array_equal(read_directions(path), [(0, 0.6, 0.8), X, Y])
    path.write_text("0 1 0\n0 0 0.6\n0 0 0.8\n")
    assert np.array_equal(read_directions(path), [NONE, X, (0, 0.6, 0.8)])


@pytest.mark.parametrize("text", ["", "0 1\n0 0\n", "0 1\n0 0\n0\n", "a b\nc d\ne f\n"])
def test_what_is_no_table_of_directions_is_refused(tmp_path, text):
    (tmp_path / "a.bvec").write_text(text)
    with pytest.raises(ValueError, match="does not hold three rows of numbers"):
        read_directions(tmp_path / "a.bvec")

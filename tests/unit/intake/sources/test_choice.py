"""The choice among series of several studies."""

import pytest

from strokeclock.intake.choice import choose
from strokeclock.intake.found import Found


def found(name, column, *, study, rank=0):
    return Found(
        person="p", name=name, gives=(column,), why="", study=study, rank=rank, bring=lambda columns: []
    )


@pytest.mark.parametrize(
    ("series", "chosen"),
    [
        ({"b0 x": ("t2w", "x", 5), "b0 y": ("t2w", "y", 0)}, {"dwi": "yes", "b0 x": "yes", "b0 y": "no"}),
        ({"adc x": ("adc", "x", 0), "b0 y": ("t2w", "y", 0)}, {"dwi": "yes", "adc x": "yes", "b0 y": "no"}),
        ({"b0 y": ("t2w", "y", 0)}, {"dwi": "yes", "b0 y": "ask"}),
        ({"b0 1": ("t2w", "x", 0), "b0 2": ("t2w", "x", 0)}, {"dwi": "yes", "b0 1": "ask", "b0 2": "ask"}),
        ({"flair y": ("flair", "y", 0)}, {"dwi": "yes", "flair y": "yes"}),
    ],
)
def test_b0_and_adc_are_of_the_study_of_the_dwi(series, chosen):
    found_ = [found("dwi", "dwi", study="x")]
    found_ += [found(name, column, study=study, rank=rank) for name, (column, study, rank) in series.items()]
    assert {one.found.name: one.chosen for one in choose(found_)} == chosen

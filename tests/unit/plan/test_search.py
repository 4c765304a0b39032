"""The searches of hyper-parameters."""

import pytest

from strokeclock.errors import ConfigurationError


def test_a_search_is_of_each_network_and_start_of_its_phase(planned):
    plan = planned(
        {"training": {"search": {"phase2_tss3h": {"lr": [1e-4, 1e-3], "batch": [4, 8]}}, "starts": ["chain"]}}
    )
    points = [{"lr": lr, "batch": batch} for lr in (1e-4, 1e-3) for batch in (4, 8)]
    rows = [("2d", "phase2_tss3h", "phase1"), ("3d", "phase2_tss3h", "phase1")]
    assert plan.search.points == dict.fromkeys(rows, points)
    assert plan.search.candidates(*rows[1]) == [
        f"results/r/search/3d/phase2_tss3h/phase1/candidate-{number}/result.json" for number in (1, 2, 3, 4)
    ]
    assert plan.search.chosen_settings(*rows[0]) == "results/r/fitted/search/2d/phase2_tss3h/phase1.json"
    assert plan.search.chosen_settings("2d", "phase3_tss4h5", "phase2") == []
    assert plan.search.files == ["results/r/tables/search.csv"]
    assert (planned().search.points, planned().search.files) == ({}, [])


def test_a_search_of_a_phase_that_is_not_trained(planned):
    change = {"training": {"search": {"phase1_stroke": {"lr": [1e-4, 1e-3]}}, "starts": ["random"]}}
    with pytest.raises(ConfigurationError, match=r"training\.search names phase1_stroke, which"):
        planned(change)

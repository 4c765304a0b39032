"""Repeated splits."""

import pytest


def test_one_split_has_no_repeats(planned):
    plan = planned()
    assert plan.repeats.split_seeds == [2021]
    assert (plan.repeats.files, plan.repeats.settled) == ([], [])
    assert plan.repeats.in_splits("results/r/tables/table2.csv") == ["results/r/tables/table2.csv"]


@pytest.mark.parametrize(
    ("intensity", "own"),
    [({"matching": "none"}, False), ({"matching": "bounded"}, True), ({"matching": "landmarks"}, True)],
)
def test_repeats_have_folders_of_their_own_and_hemispheres_where_these_depend_on_the_split(
    planned, intensity, own
):
    plan = planned({"split": {"seed": 9, "repeats": 3}, "preprocessing": {"intensity": intensity}})
    folders = ["results/r/repeats/split-10", "results/r/repeats/split-11"]
    assert plan.repeats.split_seeds == [9, 10, 11]
    assert plan.repeats.in_splits("results/r/tables/table2.csv") == [
        f"{folder}/tables/table2.csv" for folder in ("results/r", *folders)
    ]
    assert plan.repeats.in_repeat("logs/r/tables/table2.log", "{repeat}") == (
        "logs/r/repeats/split-{repeat}/tables/table2.log"
    )
    assert plan.repeats.settled == [
        f"{folder}/{file}"
        for folder in folders
        for file in ["cohort/split.tsv", *(["hemispheres/manifest.tsv"] if own else [])]
    ]
    tables = plan.repeats.hemispheres(["results/r/batches/hemispheres/b.tsv"])
    assert tables == [f"{folder}/batches/hemispheres/b.tsv" for folder in folders if own]
    assert plan.repeats.files == [
        "results/r/tables/repeats.csv",
        "results/r/tables/repeats_differences.csv",
        "results/r/tables/repeats_splits.csv",
        "results/r/figures/repeats.svg",
        "results/r/figures/repeats.png",
    ]


def test_a_given_reference_is_shared_by_all_splits(planned, tmp_path):
    (tmp_path / "reference.npz").touch()
    intensity = {"matching": "bounded", "reference": str(tmp_path / "reference.npz")}
    plan = planned({"split": {"repeats": 2}, "preprocessing": {"intensity": intensity}})
    assert not plan.repeats.have_own_hemispheres

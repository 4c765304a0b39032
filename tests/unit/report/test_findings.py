"""What the page says first: what a run can say, and what it cannot."""

import pytest

from strokeclock.report.findings import list_findings
from strokeclock.settings.configuration import Settings

ROW = {
    "stage": "phase4_attention", "model": "2d", "start": "phase3", "status": "ok", "n": "82",
    "positives": "40", "accesses": "1", "threshold_source": "validation",
}  # fmt: skip
PAIR = {
    "a": "2d/phase4_attention/phase3", "b": "2d/phase3_tss4h5/random",
    "difference": "0.054", "low": "0.012", "high": "0.096", "p_holm": "0.03",
}  # fmt: skip
FOUND = {
    "stage": "phase4_attention", "model": "2d", "side": "found", "patients": "all", "auc": "0.79",
    "answered": "77", "n": "82",
}  # fmt: skip
SIZE = {
    "target": "TSS < 4.5 h", "measure": "AUC", "n": "82", "positives": "40", "assumed": "0.75",
    "least_difference": "0.0912",
}  # fmt: skip


@pytest.fixture
def find():
    """`list_findings` of a run of two seeds; call it with what differs."""

    def find(
        *, table2=(ROW,), comparisons=(), end_to_end=(), sample_size=(), has_external=True, seeds=(0, 1)
    ):
        config = Settings().as_mapping()
        config["training"]["seeds"] = [*seeds]
        return list_findings(
            config,
            table2=table2,
            comparisons=comparisons,
            end_to_end=end_to_end,
            sample_size=sample_size,
            has_external=has_external,
        )

    return find


def test_a_good_run_has_nothing_to_say_against_itself(find):
    assert find() == ([], [])


def test_the_primary_comparison_is_told_with_its_interval(find):
    can, _ = find(comparisons=[PAIR])
    assert can == [
        "Training in phases changed the AUC of the 2D network for TSS < 4.5 h by +.05 (+.01 to +.10), "
        "compared with random weights."
    ]


def test_a_difference_by_chance_is_called_so(find):
    (said,), _ = find(comparisons=[PAIR | {"low": "-0.03", "p_holm": "0.05"}])
    assert said.endswith(
        "by +.05 (−.03 to +.10), compared with random weights; chance can explain this difference."
    )


@pytest.mark.parametrize(
    "change",
    [
        {"b": "2d/phase3_tss4h5/medical"},
        {"b": "3d/phase3_tss4h5/random"},
        {"a": "2d/phase3_tss4h5/phase2"},
        {"a": "segmentation/phase4_attention/2d"},
        {"b": "readers/reader1"},
        {"p_holm": ""},
    ],
)
def test_other_comparisons_are_not_told(find, change):
    assert find(comparisons=[PAIR | change]) == ([], [])


def test_the_side_that_is_found_is_told_for_the_last_task_alone(find):
    (none,), _ = find(end_to_end=[FOUND | {"answered": "0", "auc": "0.5"}])
    assert none == (
        "With the lesion’s side found by the networks, the 2D network answers for none of 82 test patients."
    )
    others = [FOUND | {"side": "given"}, FOUND | {"patients": "answered"}, FOUND | {"stage": "phase3_tss4h5"}]
    can, _ = find(end_to_end=[*others, FOUND])
    assert can == [
        "With the lesion’s side found by the networks, the AUC of the 2D network is .79, and 77 of 82 test "
        "patients get an answer."
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"table2": [ROW | {"positives": "73"}]}, "In some row a class has only 9 in the test part."),
        ({"table2": [ROW, ROW | {"status": "not run: why"}]}, "1 of 2 rows of Table 2 were not run"),
        ({"table2": [ROW | {"accesses": "3"}]}, "A row was evaluated 3 times on this test part."),
        (
            {"table2": [ROW | {"threshold_source": "test (optimistic)"}]},
            "A threshold was chosen on the test part",
        ),
        ({"table2": [ROW | {"status": "not run: why"}]}, "No row of Table 2 was evaluated in this run."),
        (
            {"sample_size": [SIZE | {"target": "TSS < 3 h"}, SIZE | {"measure": "sensitivity"}, SIZE, SIZE]},
            "40 of 82 test patients have TSS < 4.5 h. If one row has an AUC of .75, such numbers show with a "
            "power of 80% that another is better only where it is better by .09 or more.",
        ),
        ({"seeds": [0]}, "Each network was trained once"),
        ({"has_external": False}, "No other hospital’s patients were tested"),
    ],
)
def test_what_a_run_cannot_say_is_said(find, change, said):
    can, cannot = find(**change)
    assert can == []
    assert len(cannot) == 1
    assert cannot[0].startswith(said)

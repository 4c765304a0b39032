"""The tables and figures of the evaluation."""

from shipped_plan import drawn


def test_the_tables_and_figures_of_the_shipped_configuration(planned):
    plan = planned()
    assert plan.evaluation.typeset == [
        *(f"results/r/tables/table1.{suffix}" for suffix in ("html", "tex", "png")),
        *(f"results/r/tables/table2.{suffix}" for suffix in ("html", "tex", "png")),
    ]
    assert plan.evaluation.lesions == [
        "results/r/lesions/volumes.tsv",
        "results/r/tables/gradcam_overlap.csv",
        "results/r/tables/occlusion.csv",
    ]
    assert plan.evaluation.radiomics == ["results/r/tables/ml_baseline.csv"]
    assert plan.evaluation.statistics == [
        "results/r/tables/comparisons.csv",
        "results/r/tables/calibration.csv",
        "results/r/tables/reliability.csv",
        *drawn("calibration"),
        "results/r/tables/decision_curve.csv",
        *drawn("decision_curve"),
        "results/r/tables/abstention.csv",
        *drawn("abstention"),
        "results/r/tables/sides.csv",
        "results/r/tables/subgroups.csv",
        *drawn("subgroups"),
    ]
    assert plan.evaluation.people == [
        "results/r/tables/flow.csv",
        "results/r/tables/case_mix.csv",
        "results/r/tables/protocol.csv",
        "results/r/tables/missing.csv",
        "results/r/tables/training.tsv",
        *drawn("flow", "case_mix", "onset"),
    ]
    assert plan.evaluation.worst_errors == ["results/r/tables/worst_errors.csv", *drawn("worst_errors")]
    assert plan.evaluation.accuracy == [
        "results/r/tables/accuracy.csv",
        "results/r/tables/wanted_rates.csv",
        "results/r/tables/interactions.csv",
        "results/r/tables/readers.csv",
        "results/r/tables/sample_size.csv",
    ]


def test_the_settings_of_intervals(planned):
    assert planned().evaluation.intervals == {"confidence": 0.95, "bootstraps": 2000}


def test_the_ledger_lies_beside_the_runs(planned):
    assert planned().evaluation.ledger == "results/ledger.tsv"

"""What is scored with the side found."""

from shipped_plan import RUN, TRAINED, drawn


def test_what_is_scored_with_the_side_found(planned):
    """Every row that a bundle can hold, once for each of its seeds."""
    plan = planned({"training": {"seeds": [3, 1]}})
    detectors = ["2d/phase1_stroke/random", "3d/phase1_stroke/genesis"]
    assert plan.end_to_end.detectors == [f"{row}/seed-{seed}" for row in detectors for seed in (3, 1)]
    timed = [row for row in TRAINED if row not in detectors and "phase0" not in row]
    assert plan.end_to_end.timed_by_networks == [f"{row}/seed-{seed}" for row in timed for seed in (3, 1)]
    assert plan.baselines.ratio_rows == [
        *(f"ratio/phase2_tss3h/{row}" for row in ("flair", "series")),
        *(f"ratio/phase3_tss4h5/{row}" for row in ("flair", "series")),
    ]
    assert plan.baselines.segmented_places == [
        f"segmentation/{phase}/ratios/seed-{seed}"
        for phase in ("phase2_tss3h", "phase3_tss4h5")
        for seed in (3, 1)
    ]
    assert plan.end_to_end.timed_jointly["segmentation/phase3_tss4h5/3d/seed-1"] == {
        "network": "3d/phase3_tss4h5/phase2/seed-1",
        "regression": "segmentation/phase3_tss4h5/ratios/seed-1",
    }
    assert {place.rpartition("/")[0] for place in plan.end_to_end.timed} == {*plan.bundle.rows}
    made = {*plan.predictions.of_networks, *plan.predictions.of_baselines}
    assert {f"{RUN}/predictions/{place}.tsv" for place in plan.end_to_end.timed} < made


def test_without_segmentation_and_detection_less_is_scored(planned):
    plan = planned({"training": {"phase0_segmentation": None, "starts": ["random"], "seeds": [0]}})
    assert plan.end_to_end.detectors == plan.baselines.segmented_places == []
    assert plan.end_to_end.timed_jointly == {}
    assert len(plan.end_to_end.timed) == 4 + 4


def test_its_table_and_figure(planned):
    assert planned().end_to_end.files == ["results/r/tables/end_to_end.csv", *drawn("end_to_end")]

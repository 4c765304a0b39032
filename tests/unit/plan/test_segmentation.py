"""The segmentation networks, and what rests on them."""

from shipped_plan import RUN, SEGMENTATION, TRAINED, of_seeds


def test_the_segmentation_networks_of_the_shipped_configuration(planned):
    segmentation = planned().segmentation
    assert segmentation.network == "3d"
    assert segmentation.row == SEGMENTATION
    assert segmentation.seeds == [0, 1, 2, 3, 4]
    assert segmentation.models == of_seeds("models", [SEGMENTATION], "/model.pt")


def test_the_networks_of_the_folds_belong_to_a_seed(planned):
    segmentation = planned({"training": {"phase0_segmentation": {"folds": 2}}}).segmentation
    folder = f"{RUN}/models/{SEGMENTATION}/seed-3"
    assert [segmentation.fold_of(place) for place in ("", "/fold-1", "/fold-2")] == [None, [1, 2], [2, 2]]
    assert segmentation.fold_models("3") == [f"{folder}/fold-1/model.pt", f"{folder}/fold-2/model.pt"]


def test_without_segmentation_none_is_trained(planned):
    plan = planned({"training": {"phase0_segmentation": None, "seeds": [0]}})
    assert not plan.segmentation.is_trained
    assert plan.segmentation.folds == 0
    assert plan.segmentation.seeds == plan.segmentation.models == []
    assert plan.trainings.records == of_seeds("models", TRAINED, "/run.json", seeds=[0])

"""What the networks see, and how they are built."""

from strokeclock.models.registry import networks


def test_channels_and_view(planned):
    plan = planned()
    assert (plan.networks.channels, plan.networks.brain_box) == (["dwi", "t2w", "flair"], [])
    plan = planned({"models": {"channels": ["dwi", "adc"], "contralateral": True, "view": "brain"}})
    assert plan.networks.channels == ["dwi", "adc", "contralateral_dwi", "contralateral_adc"]
    assert plan.networks.brain_box == "results/r/hemispheres/brain_box.json"


def test_settings_of_networks(planned):
    plan = planned({"models": {"3d": {"width": 4}}, "training": {"networks": ["3d"], "threads": 2}})
    shared = {"average": [1, 1, 1], "attention_norm": "sigmoid", "standardise": True}
    shared |= {"channels": ["dwi", "t2w", "flair"]}
    assert plan.networks.settings["2d"] == {
        "width": 64, "attention_map": "native", "slice_aggregation": "softmax_logit", **shared
    }  # fmt: skip
    assert plan.networks.settings["3d"] == {"width": 4, **shared}
    assert plan.networks.settings.keys() == networks().keys()

"""A network's own settings come from its specification only."""

from dataclasses import replace

import pytest
import yaml
from pydantic import ValidationError

from strokeclock.models.registry import networks
from strokeclock.models.spec import NetworkError, Setting
from strokeclock.settings.check import check_configuration
from strokeclock.settings.networks import NetworkSettings, group_of_network
from strokeclock.settings.schema import make_schema


def test_a_further_networks_group(tiny):
    group = group_of_network(tiny)
    assert issubclass(group, NetworkSettings)
    assert group().model_dump() == tiny.defaults
    assert group(width=2).width == 2
    for wrong in ({"width": 0}, {"width": 2.0}, {"depth": 3}):
        with pytest.raises(ValidationError):
            group(**wrong)


@pytest.mark.parametrize(
    ("own", "right", "wrong"),
    [
        (Setting("dropout", 0.5, minimum=0), 0.0, -0.1),
        (Setting("dropout", 0.5, minimum=0, maximum=0.9), 0.9, 1.5),
        (Setting("depth", 3, maximum=4), 4, 5),
        (Setting("gated", True), False, 1),
        (Setting("pooling", "mean", choices=("mean", "max")), "max", "sum"),
        (Setting("stages", 4, minimum=1), 1, 0),
        (Setting("offset", -3), -4, "4"),
    ],
)
def test_each_type_of_setting(tiny, own, right, wrong):
    group = group_of_network(replace(tiny, settings=(own,)))
    assert getattr(group(), own.name) == own.default
    assert getattr(group(**{own.name: right}), own.name) == right
    with pytest.raises(ValidationError):
        group(**{own.name: wrong})


def test_a_setting_that_all_groups_have_is_refused(tiny):
    with pytest.raises(NetworkError, match="The network tiny cannot have a setting faults: choose another"):
        group_of_network(replace(tiny, settings=(Setting("faults", 1),)))


def test_a_network_that_the_configuration_does_not_mention_has_its_defaults(config):
    del config["models"]["2d"]["attention_map"], config["models"]["3d"]
    settings = check_configuration(config)
    assert settings.models.network("2d").attention_map == "native"
    assert settings.models.network("3d").width == 32


def test_the_schema_holds_the_networks(root):
    schema = make_schema()
    committed = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())
    assert schema["$defs"]["Network2D"] == committed["$defs"]["Network2D"]
    assert schema["$defs"]["Training"]["properties"]["networks"]["items"]["enum"] == [*networks()]

"""Each network has a specification; a module in models/networks is enough to add one."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import torch
import yaml

from strokeclock.models import networks as package
from strokeclock.models.architecture import Architecture
from strokeclock.models.registry import (
    describe_owners,
    find_network,
    list_titles,
    network_started_from,
    networks,
    place_of,
    segmenting_network,
)
from strokeclock.models.spec import SHARED as TAKEN_BY_ALL
from strokeclock.models.spec import NetworkError, NetworkSpec, Setting

ROOT = Path(__file__).parents[3]
SHARED = {"grid": (16, 32, 9), "attention": True, "attention_norm": "sigmoid", "standardise": True}
FACTS = {
    "title": "None",
    "summary": "",
    "build": None,
    "describe": None,
    "settings": (),
    "trunk": "trunk",
    "early": (),
    "first_convolution": "trunk.0.weight",
    "cam_layers": {"penultimate": "trunk.0", "last": "trunk.1"},
}


def write_module(folder, name, **facts):
    """Write a module whose network is called ``name`` and has these facts beside the required ones."""
    lines = ["from strokeclock.models.spec import NetworkSpec", f"SPEC = NetworkSpec(name={name!r},"]
    lines += [f"    {key}={value!r}," for key, value in (FACTS | facts).items()]
    (folder / f"{name}_module.py").write_text("\n".join([*lines, ")", ""]))


@pytest.fixture
def further(tmp_path, monkeypatch):
    """A folder whose modules count as networks."""
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    networks.cache_clear()
    yield tmp_path
    networks.cache_clear()
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(f"{package.__name__}.{path.stem}", None)


def test_the_papers_networks_come_first(further):
    for name in ("1d", "other"):
        write_module(further, name)
    first, second, *others = networks()
    assert (first, second) == ("2d", "3d")
    assert {"1d", "other"} <= {*others}
    assert others == sorted(others)
    assert [place_of(model) for model in networks()] == [*range(len(networks()))]
    assert [place_of(model) for model in ("ratio", "ml")] == [len(networks())] * 2


@pytest.mark.parametrize("net", ["2d", "3d", "tiny"])
@pytest.mark.parametrize("attention", [False, True])
def test_what_a_spec_names_is_in_the_built_network(tiny, net, attention):
    spec = find_network(net)
    settings = SHARED | spec.defaults | {"width": 4, "attention": attention}
    network = Architecture.flat(net=net, **settings).build()
    modules, tensors = dict(network.named_modules()), network.state_dict()
    assert modules[spec.trunk] is network.trunk
    for choice in ("conv2_x", "stage2"):
        assert set(spec.frozen(choice)) <= set(modules)
    assert set(spec.cam_layers.values()) <= set(modules)
    assert tensors[spec.first_convolution].shape[1] == 3
    for start in spec.head:
        assert any(name.startswith(start) for name in tensors)
    others = [name for name in tensors if not name.startswith((*spec.head, spec.trunk, "attention"))]
    assert not others
    assert ("attention" in {name.partition(".")[0] for name in tensors}) == attention


@pytest.mark.parametrize("net", ["2d", "3d"])
def test_defaults_are_the_configurations(net):
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    assert find_network(net).defaults == config["models"][net]


def test_the_network_of_each_source():
    assert network_started_from("phase0_genesis") == network_started_from("medical_3d") == "3d"
    assert network_started_from("imagenet") == network_started_from("medical_2d") == "2d"
    assert segmenting_network() == "3d"
    assert list_titles(["2d"]) == "2D"
    assert list_titles(["2d", "3d"]) == "2D and 3D"
    with pytest.raises(NetworkError, match="no_such belongs to exactly one network, not to none"):
        network_started_from("no_such")


def test_networks_with_initial_weights_are_named(tiny):
    assert describe_owners("imagenet") == "only the 2D network has ImageNet weights"
    assert describe_owners("medical") == "only the 2D and 3D networks have medical weights"
    assert describe_owners("mri") == "no network has mri weights"


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"name": "2-d"}, "cannot be called '2-d'"),
        ({"name": "ratio"}, "cannot be called 'ratio'"),
        ({"name": "outline"}, "cannot be called 'outline'"),
        ({"cam_layers": {"last": "trunk.1"}}, "none names no module as cam_layers"),
        ({"starts": {"mri": "somewhere"}}, r"starts\['mri'\]: use genesis, imagenet, medical"),
        ({"settings": (Setting("width", 1), Setting("width", 2))}, "none has two settings width: rename one"),
        ({"settings": Setting("width", 1)}, "none has settings that are no tuple"),
        ({"early": "trunk.0"}, "none has early that are no tuple"),
        ({"memory_mb": "4 GB"}, "none has memory_mb '4 GB': give a whole number above 0, without a unit"),
        ({"memory_mb": True}, "none has memory_mb True"),
        ({"runtime_min": 0}, "none has runtime_min 0"),
    ],
)
def test_an_invalid_spec_is_one_sentence(facts, sentence):
    with pytest.raises(NetworkError, match=sentence):
        NetworkSpec(**{"name": "none"} | FACTS | facts)


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"name": "view", "default": 1}, "cannot be called 'view': .* none of net, grid, attention"),
        ({"name": "lambda", "default": 1}, "cannot be called 'lambda'"),
        ({"name": "a-b", "default": 1}, "cannot be called 'a-b'"),
        ({"default": None}, "x has the default None: use a number"),
        ({"default": "a"}, "x has the default 'a', which is not among its choices: add choices"),
        ({"default": "a", "choices": ("b", "c")}, "among its choices: use one of b, c"),
        ({"default": 0, "minimum": 1}, "x has the default 0, below its minimum 1: raise it"),
        ({"default": 1.5, "maximum": 0.9}, r"x has the default 1\.5, above its maximum 0\.9: lower it"),
    ],
)
def test_an_invalid_setting_is_one_sentence(facts, sentence):
    with pytest.raises(NetworkError, match=sentence):
        Setting(**{"name": "x"} | facts)


def test_what_every_network_is_given_is_taken(tiny):
    shared = Architecture.flat(net="tiny", width=8, **SHARED)
    assert {*shared.shared, *(field.name for field in fields(shared))} <= {*TAKEN_BY_ALL}


def test_a_module_without_a_spec_is_one_sentence(further):
    (further / "empty_module.py").touch()
    with pytest.raises(NetworkError, match=r"networks\.empty_module holds no SPEC"):
        networks()


@pytest.mark.parametrize(
    ("name", "facts", "sentence"),
    [
        ("2d", {}, "both networks have the name 2d, rename one"),
        (
            "other",
            {"starts": {"medical": "medical_3d"}},
            "exactly one network, not to 3d, other",
        ),
        ("other", {"segments": True}, "phase0_segmentation belongs to exactly one network, not to 3d, other"),
    ],
)
def test_names_and_sources_belong_to_one_network(further, name, facts, sentence):
    write_module(further, name, **facts)
    with pytest.raises(NetworkError, match=sentence):
        networks()


def test_an_unknown_network_is_one_sentence():
    with pytest.raises(NetworkError, match="No network is called '4d': use 2d, 3d"):
        find_network("4d")


@pytest.mark.parametrize("net", ["2d", "3d", "tiny"])
def test_a_checkpoints_record_builds_the_same_network(tiny, net):
    settings = SHARED | find_network(net).defaults | {"width": 4, "channels": ("dwi", "contralateral_dwi")}
    architecture = Architecture.flat(net=net, **settings)
    record = json.loads(json.dumps(architecture.record))
    again = Architecture.flat(**record, channels=["dwi", "contralateral_dwi"])
    assert again == architecture
    torch.manual_seed(0)
    first = architecture.build().state_dict()
    torch.manual_seed(0)
    second = again.build().state_dict()
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())


def test_a_setting_that_is_not_the_networks_is_refused():
    with pytest.raises(TypeError, match="attention_map"):
        Architecture.flat(net="3d", width=4, attention_map="native", **SHARED)
    with pytest.raises(TypeError, match="the 2d network lacks its settings attention_map, slice_aggregation"):
        Architecture.flat(net="2d", width=4, **SHARED)


def test_the_list_needs_no_torch():
    """The Snakefile, the tables and the page import it."""
    code = "import sys; from strokeclock.models import registry; registry.networks(); "
    code += "sys.exit('torch' in sys.modules)"
    source = {"PYTHONPATH": str(ROOT / "src")}
    assert subprocess.run([sys.executable, "-c", code], env=source).returncode == 0

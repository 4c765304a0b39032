"""`strokeclock check-network`: every registered network passes, and each mistake is one sentence."""

import re
import sys

import pytest
import yaml

from strokeclock.cli import main
from strokeclock.errors import ConfigurationError
from strokeclock.models import networks as package
from strokeclock.models.registry import find_network, networks
from strokeclock.models.spec import NetworkError
from strokeclock.network_check import check_network, check_network_of


@pytest.fixture
def config(root):
    config = yaml.safe_load((root / "config/config.yaml").read_text())
    config["preprocessing"]["grid"] = [64, 64, 16]
    return config


@pytest.mark.parametrize("net", networks())
def test_every_network_of_this_checkout_can_be_trained(config, net):
    config["models"] |= {"contralateral": True, "average": [2, 2, 1], "channels": ["dwi", "flair"]}
    assert f"The {net} network can be trained" in check_network(net, config)


def test_what_is_said_of_a_network_that_passes(tiny, config):
    """Weights by hand: 3 · 9 · 8 + 16 and 8 · 9 · 16 + 32, fc 16 + 1; gates 8 · 4 + 16 · 4 + 5, fc 8 more."""
    assert check_network("tiny", config) == (
        "The tiny network can be trained: hemispheres (n, 3, 32, 64, 16) give logits (n,); it has 1,433 "
        "weights, 1,542 with attention gates."
    )


FINISH = "return self.fc(features).squeeze(1)"
GATED = "features = torch.cat([features, self.attention(middle, last)], dim=1)"
BEGIN = "return self.trunk.run((images,), range(stages))"
EARLY = 'early=("first",)'
LAST = '"last": "trunk.second"'
CALL = "prepare(seen, standardised=self.standardised, sides=self.sides)"
MODULE = f"{package.__name__}.altered_network"
CORRECT = "correct strokeclock.models.networks.altered_network."
# mistake -> (line of the network, line in its place, what is wrong, the remedy)
MISTAKES = {
    "build fails": (
        "nn.Linear(3 *", "nn.Linera(3 *",
        "build(architecture) raises AttributeError: module 'torch.nn' ", CORRECT,
    ),
    "build gives no network": (
        "return Tiny(", "return dict(", "build returns a dict, no torch.nn.Module", "return the network",
    ),
    "no view": (
        "self.sides, self.view = standardised, sides, view", "self.sides = standardised, sides",
        "it has no view, or another one", "keep the argument view as self.view",
    ),
    "no begin": ("def begin(", "def start(", "it has no method begin", "add it"),
    "no finish": ("def finish(", "def end(", "it has no method finish", "add it"),
    "probabilities": (
        FINISH, "return self.fc(features).squeeze(1).sigmoid()",
        "and 1, whatever the bias of fc", "let finish return logits, not prob",
    ),
    "no bias": (
        "2 * width, 1)", "2 * width, 1, bias=False)", "its fc has no bias", "leave out bias=False",
    ),
    "float64": (
        FINISH, f"{FINISH}.double()", "in bfloat16 its logits are torch.float64, not torch.float32",
        "keep weights and maps in float32",
    ),
    "an unused weight": (
        "self.fc =", "self.further = nn.Linear(3, 1)\n            self.fc =",
        "its logits do not use the weight further.weight", "use it, or remove it",
    ),
    "three channels": (
        "TwoStages(width=width, channels=channels)", "TwoStages(width=width, channels=3)",
        "forward raises RuntimeError: Given groups=1", CORRECT,
    ),
    "no view in forward": (
        "self.begin(self.view.see(hemispheres), stages=0)", "self.begin(hemispheres, stages=0)",
        "forward gives other logits than begin and finish", "let it return self.finish(",
    ),
    "a start that is not there": (
        EARLY, f"{EARLY}, starts={{'medical': 'medical_tiny'}}",
        "starts['medical'] is 'medical_tiny', no key of initial_weights", "leave starts empty",
    ),
    "a call fails": (
        "seen.mean(-1)", "seen.mean(7)",
        "begin(seen, stages=0) raises IndexError: Dimension out of range", CORRECT,
    ),
    "logits (n, 1)": (
        FINISH, "return self.fc(features)",
        "returns the shape (2, 1) for 2 hemispheres, not (2,)", "return one logit for each",
    ),
    "logits () of one": (
        FINISH, "return self.fc(features).squeeze()",
        "returns the shape () for 1 hemispheres, not (1,)", "return one logit for each",
    ),
    "logits of both": (
        FINISH, "return self.fc(features - features.mean(0)).squeeze(1)",
        "its logit of a hemisphere depends on the others", "keep the hemispheres apart",
    ),
    "logits at random": (
        FINISH, "return self.fc(nn.functional.dropout(features)).squeeze(1)",
        "it gives other logits when it is run again", "let it draw nothing at random unless self.training",
    ),
    "not finite": (
        FINISH, f"{FINISH} / 0", "forward returns logits that are not finite", "look for a division by 0",
    ),
    "bfloat16": (
        "enabled=False", "torch.bfloat16",
        "in bfloat16 its logits are torch.bfloat16, not torch.float32", "call fc within torch.autocast(",
    ),
    "finish ignores stages": (
        "range(stages, 2)", "range(2)", "finish(maps, stages=1) raises RuntimeError: Given groups=1", CORRECT,
    ),
    "begin ignores stages": (
        BEGIN, BEGIN.replace("range(stages)", "range(0)"),
        "finish(maps, stages=1) raises RuntimeError: Given groups=1", CORRECT,
    ),
    "other logits from kept maps": (
        "middle, last = self.trunk.run(maps", "middle, last = self.trunk.run((*maps[:-1], maps[-1] - stages)",
        "begin and finish with stages=1 give other logits than the whole network",
        "let begin run the first 1 stages and finish the others alone",
    ),
    "no tuple": (
        BEGIN, f"{BEGIN}[0]", "begin(seen, stages=0) returns no tuple of tensors",
        "return (maps,)",
    ),
    "hemispheres are no axis": (
        BEGIN, f"{BEGIN} if stages < 2 else (images[:1], images)",
        "begin(seen, stages=2) returns the shape (1, 3, 64, 32) for 2 hemispheres",
        "let the first axis be hemispheres",
    ),
    "trunk has another name": (
        'trunk="trunk"', 'trunk="body"',
        "trunk is 'body' in SPEC, and network.trunk is no module of that name", "name the module in SPEC",
    ),
    "stages are a list": (
        "return (self.first,), (self.second,)", "return [self.first, self.second]",
        "trunk.stages is not a tuple of tuples of the trunk's modules",
        "return one, as in tests/networks/tiny",
    ),
    "a stage uses a later one's weights": (
        "(self.first(maps[0]),)", "(self.first(maps[0]) + 0 * self.second[0].weight.sum(),)",
        "begin(seen, stages=1) uses trunk.second.0.weight, which trunk.stages has in no such stage",
        "list each module in the stage that runs it",
    ),
    "early is not there": (
        EARLY, 'early=("frist",)', "early names 'trunk.frist', which is not there", "correct early in SPEC",
    ),
    "early of a choice is not there": (
        EARLY, f'{EARLY}, early_by_choice={{"stage2": ("third",)}}',
        "early_by_choice['stage2'] names 'trunk.third', which is not there",
        "correct early_by_choice['stage2']",
    ),
    "early ends inside a stage": (
        EARLY, 'early=("first.0",)',
        "early ends inside stage 1 of the trunk", "name all modules of the stage in early",
    ),
    "early begins late": (
        EARLY, 'early=("second",)',
        "early names stage 2 of the trunk and leaves out an earlier one", "name the first stages in early",
    ),
    "no such convolution": (
        '"trunk.first.0.weight"', '"trunk.first.weight"',
        "first_convolution names 'trunk.first.weight', which is not there",
        "correct first_convolution in SPEC",
    ),
    "not the first convolution": (
        '"trunk.first.0.weight"', '"trunk.second.0.weight"',
        "first_convolution, trunk.second.0.weight, does not take the 3 channels",
        "name the weight of the conv",
    ),
    "no convolution": (
        '"trunk.first.0.weight"', '"trunk.first.1.weight"',
        "first_convolution names a tensor of a BatchNorm2d", "name the weight of a convolution; it must be",
    ),
    "no such head": (
        EARLY, f'{EARLY}, head=("classes.",)',
        "no tensor begins with 'classes.', which head names", "correct head in SPEC",
    ),
    "no such layer": (
        LAST, LAST.replace("second", "third"),
        "cam_layers['last'] names 'trunk.third', which is not there", "correct cam_layers['last'] in SPEC",
    ),
    "a layer that is not called": (
        LAST, LAST.replace(".second", ""),
        "cam_layers['last'] names trunk, which forward does not call", "name a module in cam_layers['last']",
    ),
    "a layer of no maps": (
        LAST, LAST.replace("trunk.second", "fc"),
        "cam_layers['last'] names fc, which returns (1, 1) for one hemisphere", "name a module that returns",
    ),
    "no fc": (
        "self.fc", "self.classes", "it has no fc, a torch.nn.Linear with one output",
        "call its last layer fc",
    ),
    "two outputs": (
        "if attention else 2 * width, 1)", "if attention else 2 * width, 2)",
        "its fc has 2 outputs, not one", "let fc give the logit",
    ),
    "no gates": (
        "if attention:", "if False:",
        "it has no attention gates where the argument attention is true", "keep them as self.attention",
    ),
    "gates always": (
        "if attention:", "if True:",
        "it has attention gates where the argument attention is false", "let self.attention be None",
    ),
    "gates are ignored": (
        GATED, "features = torch.cat([features, 0 * middle.mean((2, 3))], dim=1)",
        "its logits do not depend on the weights of its attention gates", "let finish use attention gates",
    ),
    "gates come first": (
        GATED, "features = torch.cat([self.attention(middle, last), features], dim=1)",
        "with attention gates and the weights of the network without, it gives other logits",
        "put the features of the gates behind the others",
    ),
    "gradients stop": (
        "features = last.mean(", "features = last.detach().mean(",
        "its logits do not depend on the weights of its trunk", "let finish use trunk",
    ),
    "nothing is prepared": (
        f"seen = {CALL}", "pass",
        "begin does not begin with models.standardisation.prepare", f"let it begin with {CALL}",
    ),
    "one norm of the gates": (
        "norm=attention_norm", 'norm="sigmoid"',
        "its logits are the same with each models.attention_norm", "hand the argument attention_norm to",
    ),
    "describe lacks a setting": (
        "own['width']", "own['depth']",
        "describe with the settings width: 8 raises KeyError: 'depth'", CORRECT,
    ),
    "describe returns nothing": (
        "return f\"the Tiny", "f\"the Tiny", "describe returns None, no clause", "return one, as",
    ),
    "describe ends with a full stop": (
        "in its first)\"", "in its first).\"",
        "the clause of describe ends with a full stop", "leave it out",
    ),
    "torch at the top": (
        "from typing import", "import torch.nn\nfrom typing import",
        f"{MODULE} imports torch at its top, where the workflow has none", "import it, and what imports it,",
    ),
    "a module with torch at the top": (
        "from typing import", "import strokeclock.models.attention\nfrom typing import",
        f"{MODULE} imports torch at its top, where the workflow has none", "import it, and what imports it,",
    ),
    "numpy at the top": (
        "from typing import", "import numpy\nfrom typing import",
        f"{MODULE} imports numpy at its top, where the workflow has none", "import it, and what imports it,",
    ),
    "no line style": (
        EARLY, f"{EARLY}, line='zigzag'",
        "line is 'zigzag', no line style of Matplotlib", "use -, --, -. or :",
    ),
    "no dashes": (
        EARLY, f"{EARLY}, line=(1, 1)", "line is (1, 1), no line style of Matplotlib", "use -, --, -. or :",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_sentence_with_its_remedy(altered, config, mistake):
    old, new, fault, remedy = MISTAKES[mistake]
    with pytest.raises(NetworkError) as raised:
        check_network(altered((old, new)), config)
    said = str(raised.value)
    assert re.match(r"The altered network( with(out)? attention gates(, .+)?)?: ", said)
    assert fault in said
    assert f": {remedy}" in said.partition(fault)[2]
    assert "\n" not in said


@pytest.mark.parametrize(
    ("models", "old", "new"),
    [
        ({"contralateral": True}, "sides=self.sides", "sides=1"),
        ({"contralateral": True, "standardise": False}, "sides=self.sides", "sides=1"),
        (
            {"contralateral": True, "standardise": False},
            "standardised=self.standardised",
            "standardised=True",
        ),
    ],
)
def test_what_is_prepared_follows_the_configuration(altered, config, models, old, new):
    config["models"] |= models
    assert "can be trained" in check_network(altered(), config)
    networks.cache_clear()
    sys.modules.pop(MODULE)
    with pytest.raises(
        NetworkError, match=r"begin does not begin with models\.standardisation\.prepare: let"
    ):
        check_network(altered((CALL, CALL.replace(old, new))), config)


@pytest.mark.parametrize(
    ("setting", "said"),
    [('"pooling", "mean", choices=("mean", "max")', "pooling: max"), ('"wide", True', "wide: False")],
)
def test_the_methods_are_described_with_each_choice(altered, config, setting, said):
    name = setting.split('"')[1]
    changes = (
        ("settings=(", f"settings=(Setting({setting}), "),
        ("{own['width']} channels", f"{{dict([('mean', 1), (True, 2)])[own['{name}']]}} channels"),
        ("**architecture.own)", "width=architecture.own['width'])"),
    )
    with pytest.raises(NetworkError, match=rf"describe with the settings {said}, width: 8 raises KeyError: "):
        check_network(altered(*changes), config)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (
            "    describe=describe,\n",
            "",
            "NetworkSpec.__init__() missing 1 required keyword-only argument: 'describe'",
        ),
        ("early=", "erly=", "got an unexpected keyword argument 'erly'"),
        ("def describe", "def describe(", "SyntaxError: "),
    ],
)
def test_a_specification_that_cannot_be_read_is_one_sentence(altered, old, new, sentence):
    altered((old, new))
    with pytest.raises(NetworkError) as raised:
        find_network("altered")
    said = str(raised.value)
    assert said.startswith("src/strokeclock/models/networks/altered_network.py cannot be imported (")
    assert sentence in said
    assert "): correct it; docs/how-to/new-network.md lists " in said


def test_the_command(tmp_path, capsys):
    (tmp_path / "own.yaml").write_text("preprocessing: {grid: [64, 32, 9]}\nmodels: {2d: {width: 4}}\n")
    command = ["check-network", "2d", "--configfile", str(tmp_path / "own.yaml")]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("The 2d network can be trained: hemispheres (n, 3, 32, 32, 9) ")
    assert main(["check-network", "none"]) == 2
    assert capsys.readouterr().err.startswith("strokeclock: No network is called 'none': use 2d, 3d")


def test_settings_that_are_refused(tmp_path):
    (tmp_path / "own.yaml").write_text("preprocessing: {grid: [64, 64, 8]}\nmodels: {average: [1, 1, 2]}\n")
    with pytest.raises(ConfigurationError, match="The 3D network sees 32 × 64 × 4 voxels and needs 8"):
        check_network_of("3d", [tmp_path / "own.yaml"])
    (tmp_path / "own.yaml").write_text("models: {2d: {wdith: 4}}\n")
    with pytest.raises(ConfigurationError, match=r"did you mean models\.2d\.width"):
        check_network_of("2d", [tmp_path / "own.yaml"])


def test_a_configuration_that_would_not_train_the_network_is_named(tmp_path):
    own = tmp_path / "own.yaml"
    text = "preprocessing: {grid: [64, 32, 9]}\nmodels: {2d: {width: 4}}\ntraining: {networks: [%s]}\n"
    own.write_text(text % "3d")
    assert check_network_of("2d", [own]).endswith(
        " attention gates. This configuration would not train it: add 2d to training.networks."
    )
    own.write_text(text % "3d, 2d")
    assert check_network_of("2d", [own]).endswith(" attention gates.")


def test_a_missing_network_is_named_before_its_keys(tmp_path, monkeypatch):
    own = tmp_path / "own.yaml"
    own.write_text("models: {lost: {width: 4}}\n")
    with pytest.raises(
        NetworkError, match=r"No network is called 'lost': use 2d, 3d, or put a module whose SPEC"
    ):
        check_network_of("lost", [own])
    (tmp_path / "lost").mkdir()
    (tmp_path / "lost/net.py").touch()
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    with pytest.raises(NetworkError, match=r"models/networks/lost has no __init__\.py: add it, with SPEC"):
        check_network_of("lost", [own])


def test_a_missing_file_is_named_with_its_folder(tmp_path):
    with pytest.raises(ConfigurationError, match=rf"Configuration file {tmp_path}/none\.yaml does not exist"):
        check_network_of("2d", [tmp_path / "none.yaml"])

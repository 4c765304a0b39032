"""The configuration is checked whole, and each fault is one sentence with its mend."""

import copy
from pathlib import Path

import pytest
import yaml

from strokeclock.configuration import check_configuration, check_counts
from strokeclock.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"


@pytest.fixture
def config():
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    config["phantom"]["patients"] = 40
    return config


def _properties(schema, definitions):
    schema = definitions.get(schema.get("$ref", "").removeprefix("#/$defs/"), schema)
    return {key: _properties(value, definitions) for key, value in schema.get("properties", {}).items()}


def _keys(config, schema):
    return {key: _keys(value, schema[key]) if schema.get(key) else {} for key, value in config.items()}


def test_the_default_configuration_holds_every_key_of_the_schema(config):
    schema = yaml.safe_load(SCHEMA.read_text())
    known = _properties(schema, schema["$defs"])
    assert _keys(config, known) == known


@pytest.mark.parametrize("name", ["demo", "phantom", "phantom_cpu", "tuned"])
def test_shipped_configurations_are_valid(config, name):
    def merge(base, change):
        for key, value in change.items():
            if isinstance(value, dict):
                merge(base[key], value)
            else:
                base[key] = value

    merge(config, yaml.safe_load((ROOT / f"config/{name}.yaml").read_text()))
    check_configuration(config, schema=SCHEMA)


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        (
            "preprocessing.tolchain",
            "fsl",
            "preprocessing.tolchain is unknown: did you mean preprocessing.toolchain?",
        ),
        ("xyz", 1, "xyz is unknown: known here: run, recipe, cohort"),
        (
            "preprocessing.toolchain",
            "afni",
            "preprocessing.toolchain is 'afni', not one of its choices: fsl, open",
        ),
        ("preprocessing.grid", [111, 112, 13], "preprocessing.grid has an odd x"),
        ("training.phase1_stroke.lr", -1, "training.phase1_stroke.lr cannot be -1"),
        ("training.threads", "two", "training.threads cannot be 'two'"),
        ("run", "a/b", "run is 'a/b'"),
        ("cohort.sheet", "nowhere.tsv", "Both cohort.sheet and phantom.patients"),
        ("phantom.patients", 0, "No patients: set cohort.sheet"),
        ("quality.verdicts", "nowhere.tsv", "quality.verdicts names nowhere.tsv, which is not there"),
        (
            "starting_weights.imagenet.file",
            "nowhere.pth",
            "imagenet.file names nowhere.pth, which is not",
        ),
        ("starting_weights.imagenet.sha256", "f37072fd", "imagenet.sha256 cannot be 'f37072fd'"),
        ("starting_weights.medical_2d.source", "folder", "medical_2d.folder is None, not a folder"),
        ("starting_weights.medical_3d.folder", "somewhere", "its source is None: set source: folder"),
        ("starting_weights.medical_3d.source", "cheng", "not one of its choices: None, folder, phantom"),
        ("training.phase5", {}, "training.phase5 is unknown"),
        ("training.phase5_tss6h", {"below_min": 360}, "training.phase5_tss6h.after is missing"),
        ("training.phase5_tss6h", {"below_min": 9, "after": None}, "training.phase5_tss6h.batch is missing"),
        (
            "training.phase4_attention",
            None,
            "a phase's settings; what is run is chosen by training.networks",
        ),
        ("models.channels", ["t1w"], "models.channels.0 is 't1w', not one of its choices: t2w, dwi"),
        ("preprocessing.atlas.source", "files", "preprocessing.atlas.t2w is None, not a file"),
    ],
)
def test_a_fault_is_one_sentence_that_names_the_key(config, place, value, sentence):
    *sections, key = place.split(".")
    part = config
    for section in sections:
        part = part[section]
    part[key] = value
    with pytest.raises(ConfigurationError) as caught:
        check_configuration(config, schema=SCHEMA)
    assert sentence in str(caught.value)
    told = str(caught.value).splitlines()
    assert len(set(told)) == len(told)


def test_all_faults_are_told_at_once(config):
    config["training"]["sead"] = 1
    del config["run"]
    with pytest.raises(ConfigurationError) as caught:
        check_configuration(config, schema=SCHEMA)
    assert "training.sead is unknown" in str(caught.value)
    assert "run is missing" in str(caught.value)


def test_counts_that_cannot_be_met_are_told_before_the_first_job(config):
    check_counts(config, patients=422)
    with pytest.raises(ConfigurationError, match=r"together 422, but 421 patients enter"):
        check_counts(config, patients=421)
    check_counts(config | {"split": config["split"] | {"counts": None}}, patients=421)


def test_checking_changes_nothing(config):
    before = copy.deepcopy(config)
    check_configuration(config, schema=SCHEMA)
    assert config == before


def test_imagenet_weights_are_of_a_network_of_width_64(config, tmp_path):
    file = tmp_path / "resnet18-f37072fd.pth"
    file.touch()
    config["starting_weights"]["imagenet"]["file"] = str(file)
    check_configuration(config, schema=SCHEMA)
    config["models"]["2d"]["width"] = 16
    with pytest.raises(ConfigurationError, match=r"models\.2d\.width is 16: set it to 64"):
        check_configuration(config, schema=SCHEMA)


def test_patients_are_not_compared_with_phantom_tumours(config, tmp_path):
    (tmp_path / "cohort.tsv").touch()
    config["cohort"]["sheet"], config["phantom"]["patients"] = str(tmp_path / "cohort.tsv"), 0
    config["starting_weights"]["medical_2d"]["source"] = "phantom"
    with pytest.raises(ConfigurationError, match=r"medical_2d\.source is phantom, and the cohort"):
        check_configuration(config, schema=SCHEMA)

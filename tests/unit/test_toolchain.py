"""Each setting of the section preprocessing goes to the parameter that it is meant for."""

import copy
from dataclasses import replace
from typing import get_args

import pytest
import yaml

from strokeclock.errors import ConfigurationError
from strokeclock.settings.preprocessing import Preprocessing
from strokeclock.toolchain import TOOLCHAINS, by_name, choose, name_outputs, pick_settings, registers_dwi


@pytest.fixture
def preprocessing(root):
    """The shipped section; each setting of a toolchain has another value, so that none passes for another."""
    section = yaml.safe_load((root / "config/config.yaml").read_text())["preprocessing"]
    section["n4"] = {"shrink": 3, "iterations": [41, 42], "shared_dwi": False}
    section["fsl"] = {
        "bet_fraction": 0.51,
        "bet_robust": False,
        "second_bet_fraction": 0.32,
        "t2w_dof": 9,
        "t2w_cost": "mutualinfo",
        "flair_dof": 7,
        "flair_cost": "normcorr",
    }
    section["open"] = {"t2w_dof": 6, "n4_iterations": [31, 33]}
    return section


@pytest.mark.parametrize("name", TOOLCHAINS)
def test_every_toolchain_can_be_chosen_and_is_described(preprocessing, name):
    choices = get_args(Preprocessing.model_fields["toolchain"].annotation)
    chosen = choose(preprocessing | {"toolchain": name})
    assert name in choices
    assert chosen is TOOLCHAINS[name]
    assert chosen.cpu_s > 0
    assert all([*chosen.describe(preprocessing, ("dwi", "t2w", "flair"))])


def test_minutes_of_a_job_are_thrice_what_a_patient_costs():
    assert [TOOLCHAINS[name].minutes for name in ("fsl", "open")] == [5, 1]


@pytest.fixture
def own(monkeypatch):
    """Register a toolchain that is the open one with a change."""

    def register(**change):
        changed = replace(TOOLCHAINS["open"], name="own", **change)
        monkeypatch.setattr("strokeclock.toolchain.TOOLCHAINS", {**TOOLCHAINS, "own": changed})

    return register


@pytest.mark.parametrize("module", ["strokeclock.imaging.own_chain", "strokeclock.own.chain"])
def test_a_toolchain_without_its_module_is_refused(preprocessing, own, module):
    own(module=module)
    said = f"^The toolchain own has no module {module}: write it, or correct its entry"
    with pytest.raises(ConfigurationError, match=said):
        pick_settings(preprocessing | {"toolchain": "own"})


@pytest.mark.parametrize(
    "change",
    [
        {"pick": lambda preprocessing: {"dof": preprocessing["open"]["t2w_dfo"]}},
        {"describe": lambda preprocessing, channels: iter([preprocessing["open"]["t2w_dfo"]])},
    ],
    ids=["pick", "describe"],
)
def test_a_key_that_is_not_there_is_named_before_any_job(preprocessing, own, change):
    own(**change)
    said = "^The toolchain own takes 't2w_dfo', which is no key of the section preprocessing: correct pick"
    with pytest.raises(ConfigurationError, match=said):
        pick_settings(preprocessing | {"toolchain": "own"})


def test_a_copied_entry_needs_a_name_of_its_own():
    with pytest.raises(ConfigurationError, match=r"^Two toolchains have the name open: give each its own"):
        by_name([*TOOLCHAINS.values(), TOOLCHAINS["open"]])


def test_settings_of_the_open_toolchain(preprocessing):
    expected = {
        "register_dwi": False,
        "t2w_dof": 6,
        "shrink": 3,
        "iterations": [31, 33],
        "shared_dwi": False,
    }
    preprocessing["toolchain"] = "open"
    assert pick_settings(preprocessing) == expected
    preprocessing["dwi_transform"] = "register"
    assert pick_settings(preprocessing) == expected | {"register_dwi": True}


def test_settings_of_the_fsl_toolchain(preprocessing):
    assert pick_settings(preprocessing | {"toolchain": "fsl", "dwi_transform": "register"}) == {
        "register_dwi": True,
        "settings": {
            "bias_correction": {"shrink": 3, "iterations": [41, 42], "shared_dwi": False},
            "skull_stripping": {"fraction": 0.51, "robust": False},
            "registration_to_atlas": {"dof": 9, "cost": "mutualinfo"},
            "second_stripping": {"fraction": 0.32},
            "co_registration": {"dof": 7, "cost": "normcorr"},
        },
    }


def test_another_toolchain_is_named(preprocessing):
    with pytest.raises(
        ConfigurationError,
        match=r"^Configuration key preprocessing.toolchain is spm: set it to fsl or open.$",
    ):
        pick_settings(preprocessing | {"toolchain": "spm"})


def test_no_setting_is_left_over(preprocessing):
    """A key that is added to a toolchain's sections must be picked: else it would do nothing."""

    def changes(toolchain, section, key):
        own = preprocessing | {"toolchain": toolchain}
        other = copy.deepcopy(own)
        other[section][key] = "another"
        pick = TOOLCHAINS[toolchain].pick
        return pick(other) != pick(own)

    owned = [(name, name) for name in TOOLCHAINS if name in preprocessing]
    assert len(owned) >= 2
    for section, toolchain in (("n4", "fsl"), *owned):
        assert all(changes(toolchain, section, key) for key in preprocessing[section]), section
    assert not changes("open", "fsl", "t2w_dof")
    assert not changes("fsl", "open", "t2w_dof")


def test_the_dwi_is_registered_on_request(preprocessing):
    assert not registers_dwi(preprocessing)
    assert registers_dwi(preprocessing | {"dwi_transform": "register"})


@pytest.mark.parametrize(
    ("channels", "register_dwi", "expected"),
    [
        (
            ("dwi", "t2w", "flair"),
            False,
            {
                "t2w": "p1/t2w.nii.gz",
                "dwi": "p1/dwi.nii.gz",
                "flair": "p1/flair.nii.gz",
                "adc": "p1/adc.nii.gz",
                "brain_mask": "p1/brain_mask.nii.gz",
                "t2w_to_atlas": "p1/transforms/t2w_to_atlas.txt",
                "flair_to_t2w": "p1/transforms/flair_to_t2w.txt",
                "findings": "p1/findings.json",
            },
        ),
        (
            ("adc",),
            True,
            {
                "t2w": "p1/t2w.nii.gz",
                "dwi": "p1/dwi.nii.gz",
                "adc": "p1/adc.nii.gz",
                "brain_mask": "p1/brain_mask.nii.gz",
                "t2w_to_atlas": "p1/transforms/t2w_to_atlas.txt",
                "dwi_to_t2w": "p1/transforms/dwi_to_t2w.txt",
                "findings": "p1/findings.json",
            },
        ),
    ],
    ids=["paper", "ADC alone"],
)
def test_names_of_outputs(channels, register_dwi, expected):
    assert name_outputs(channels, register_dwi=register_dwi, folder="p1") == expected

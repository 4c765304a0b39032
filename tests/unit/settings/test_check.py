"""The whole configuration is checked, and each fault is one sentence with its remedy."""

import copy
import math
import re
import textwrap

import pytest
import yaml
from jsonschema import Draft202012Validator

from strokeclock.errors import ConfigurationError
from strokeclock.settings.check import check_configuration


def put(config, place, value):
    *sections, key = place.split(".")
    for section in sections:
        config = config[section]
    config[key] = value


def faults(config):
    with pytest.raises(ConfigurationError) as caught:
        check_configuration(config)
    sentences = str(caught.value).splitlines()
    assert len(set(sentences)) == len(sentences)
    return sentences


SHIPPED = [
    ("demo",),
    ("phantom",),
    ("phantom", "tuned"),
    ("demo", "tuned"),
    ("study/study", "tuned"),
    ("study/study", "study/more"),
    ("study/study", "study/second"),
]


@pytest.mark.parametrize("names", SHIPPED, ids="+".join)
def test_shipped_configurations_are_valid(laid_over, root, names):
    files = [yaml.safe_load((root / f"config/{name}.yaml").read_text()) for name in names]
    runs = [file["run"] for file in files if "run" in file]
    assert check_configuration(laid_over(*files)).run == runs[-1]


def test_the_configuration_of_the_integration_tests_is_valid(laid_over, root):
    files = ("config/demo.yaml", "tests/integration/small.yaml")
    check_configuration(laid_over(*(yaml.safe_load((root / file).read_text()) for file in files)))


def test_the_example_of_the_readme_is_valid(laid_over, root, tmp_path):
    example = re.search(r"# config/mine.yaml\n(.*?)\n *```", (root / "README.md").read_text(), re.DOTALL)[1]
    own = yaml.safe_load(textwrap.dedent(example))
    for key, file in own["cohort"].items():
        own["cohort"][key] = str(tmp_path / file.rpartition("/")[2])
        (tmp_path / file.rpartition("/")[2]).touch()
    settings = check_configuration(laid_over(own, {"phantom": {"patients": 0}}))
    assert settings.cohort.sheet == str(tmp_path / "cohort.tsv")


def test_settings_are_what_was_written_to_the_very_type(config):
    config["training"]["phase5_tss6h"] = {"below_min": 360, "after": "phase3_tss4h5"}
    assert repr(check_configuration(config).as_mapping()) == repr(config)


def test_checking_changes_nothing(config):
    before = copy.deepcopy(config)
    check_configuration(config)
    assert config == before


@pytest.mark.parametrize(
    ("place", "value", "sentence"),
    [
        # keys
        (
            "preprocessing.tolchain",
            "fsl",
            "preprocessing.tolchain is unknown: did you mean preprocessing.toolchain?",
        ),
        ("xyz", 1, "xyz is unknown: use one of run, recipe, container, cohort"),
        ("training.phase5", {}, "training.phase5 is unknown"),
        ("training.phase5_tss6h", {"below_min": 360}, "training.phase5_tss6h.after is missing"),
        ("training.phase5_tss6h", {"below_min": 9, "after": None}, "training.phase5_tss6h.batch is missing"),
        ("training.phase1_stroke.bach", 4, "did you mean training.phase1_stroke.batch?"),
        # choices
        (
            "preprocessing.toolchain",
            "afni",
            "preprocessing.toolchain is 'afni', not one of its choices: fsl, open.",
        ),
        ("phantom.site", "ge", "phantom.site is 'ge', not one of its choices: siemens, philips-ge."),
        ("initial_weights.medical_3d.source", "cheng", "not one of its choices: null, folder, phantom."),
        ("models.channels", ["t1w"], "models.channels.0 is 't1w', not one of its choices: t2w, dwi"),
        ("preprocessing.fsl.t2w_dof", 12.0, "preprocessing.fsl.t2w_dof is 12.0, not one of its choices: 6"),
        ("preprocessing.fsl.t2w_dof", "12", "preprocessing.fsl.t2w_dof is '12', not one of its choices: 6"),
        ("preprocessing.fsl.t2w_dof", 8, "preprocessing.fsl.t2w_dof is 8, not one of its choices: 6, 7"),
        (
            "models.channels",
            ["dwi", "dwi"],
            "models.channels is [dwi, dwi], which names dwi twice: keep one.",
        ),
        ("training.seeds", [0, 1, 0], "training.seeds is [0, 1, 0], which names 0 twice"),
        (
            "evaluation.radiomics.classifier",
            "forest",
            "evaluation.radiomics.classifier is 'forest', not one of its choices: best, 'logistic",
        ),
        # types and limits
        (
            "evaluation.radiomics.adc_share",  # what was adc_max
            6.2e-4,
            "evaluation.radiomics.adc_share cannot be 6.2e-4: give a number above 0.5 and below 1.",
        ),
        (
            "preprocessing.atlas.white_matter",
            "absent.nii.gz",
            "preprocessing.atlas.white_matter names absent.nii.gz, which does not exist",
        ),
        ("phantom.seed", 2**32, "cannot be 4294967296: give a whole number from 0 to 4294967295."),
        ("training.phase1_stroke.lr", -1, "training.phase1_stroke.lr cannot be -1: give a number above 0."),
        ("training.threads", "two", "training.threads cannot be 'two': give a whole number from 1 up."),
        ("training.seeds", [], "training.seeds cannot be []: give a list, each a whole number from 0 up."),
        ("split.counts", [1, 2], "give a list [train, validation, test], each a whole number from 1 up"),
        (
            "preprocessing.grid",
            None,
            "grid cannot be null: give a list [x, y, z], each a whole number from 8",
        ),
        ("training.tensorboard", "maybe", "training.tensorboard cannot be 'maybe': give true or false."),
        ("quality.max_midplane_offset_mm", [1], "cannot be [1]: give a number above 0 (mm)."),
        ("quality", None, "quality cannot be null: give a group of keys, as in config/config.yaml."),
        (
            "training.phase4_attention",
            None,
            "give a phase's keys; what is run is chosen by training.networks",
        ),
        ("initial_weights.imagenet.sha256", "f37072fd", "cannot be 'f37072fd': give 64 hexadecimal digits"),
        ("evaluation.bootstraps", 1.0e3, "bootstraps cannot be 1000.0, a number with decimals: write 1000."),
        ("training.phase1_stroke.epochs", 1.5, "epochs cannot be 1.5: give a whole number from 1 up."),
        ("evaluation.confidence", 1, "confidence cannot be 1: give a number above 0 and below 1."),
        ("evaluation.confidence", 0.0, "confidence cannot be 0.0: give a number above 0 and below 1."),
        ("evaluation.bootstraps", "2000", "bootstraps cannot be '2000', a text: write 2000 without quotes"),
        ("training.phase2_tss3h.lr", "1e-3", "lr cannot be '1e-3', a text: write 1.0e-3 without quotes"),
        ("cohort.require_onset", "false", "cannot be 'false', a text: write false without quotes"),
        ("training.threads", True, "training.threads cannot be true: give a whole number from 1 up."),
        ("preprocessing.intensity.clip", True, "clip cannot be true: give a number above 0 (SD)."),
        ("quality.min_dice_to_atlas", math.nan, "cannot be .nan: give a number from 0 to 1."),
        ("quality.mask_volume_ml", [900, math.inf], "mask_volume_ml.1 cannot be .inf: give a number from 0"),
        (
            "training.phase0_segmentation.weight_decay",
            -math.inf,
            "weight_decay cannot be -.inf: give a number",
        ),
        ("run", 2021, "run cannot be 2021, which YAML does not read as a text: write it in quotes, '2021'."),
        ("run", "a/b", "run cannot be 'a/b': give a name of at most 100 letters"),
        ("run", "..", "run cannot be '..': give a name"),
        ("run", ".", "run cannot be '.': give a name"),
        ("run", "a\n", "run cannot be 'a\\n': give a name"),
        ("run", "a" * 101, "give a name of at most 100 letters"),
        ("container", "my image.sif", "container cannot be 'my image.sif': give an address"),
        ("container", "docker://x;y", "container cannot be 'docker://x;y': give an address"),
        # contradictions within a section
        ("preprocessing.grid", [111, 112, 13], "preprocessing.grid has an odd x"),
        ("preprocessing.intensity.percentiles", [99.9, 0.1], "percentiles is [99.9, 0.1]: write the lower"),
        (
            "preprocessing.intensity.percentiles",
            [50, 50],
            "percentiles is [50, 50]: write the lower number first",
        ),
        (
            "preprocessing.intensity.percentiles",
            [0, 101],
            "percentiles.1 cannot be 101: give a number from 0",
        ),
        ("preprocessing.intensity.match_points", 0, "match_points cannot be 0: give a whole number from 1"),
        (
            "preprocessing.intensity.normalisation",
            "zscore",
            "normalisation is zscore, which leaves values below 0 or above 1, and they would be cut off",
        ),
        ("preprocessing.intensity.normalisation", "none", "normalisation is none, which leaves values"),
        ("preprocessing.intensity.reference", "r.npz", "with matching none there is nothing to match: set"),
        (
            "quality.mask_volume_ml",
            [2100, 900],
            "quality.mask_volume_ml is [2100, 900]: write the lower number",
        ),
        (
            "split.fractions",
            [0.6, 0.4, 0.3],
            "split.fractions is [0.6, 0.4, 0.3], together 1.3: make them sum",
        ),
        ("split.fractions", [0.1, 0.1, 0.1], "together 0.3: make them sum to 1."),
        (
            "training.phase5_tss6h",
            {"below_min": 9, "after": "phase9"},
            "phase5_tss6h.after is 'phase9': name",
        ),
        (
            "training.phase2_tss6h",
            {"below_min": 9, "after": None},
            "phase2_tss6h: another phase has the number 2",
        ),
        (
            "training.phase2_tss3h.after",
            "phase2_tss3h",
            "name a phase of training with a lower number, or null",
        ),
        # a search
        ("training.search", None, "training.search cannot be null: give pairs {phase: {setting: [values]}}."),
        (
            "training.search",
            {"phase9_tss": {"lr": [1e-4, 1e-3]}},
            "training.search.phase9_tss: training has no such phase: use one of phase1_stroke, phase2_tss3h,",
        ),
        (
            "training.search",
            {"phase1_stroke": {}},
            "training.search.phase1_stroke is empty: give settings and the values to try, or remove the",
        ),
        (
            "training.search",
            {"phase1_stroke": {"dropout": [0.1, 0.2]}},
            "training.search.phase1_stroke.dropout: dropout is no setting that can be searched: use epochs,",
        ),
        (
            "training.search",
            {"phase1_stroke": {"below_min": [180, 270]}},
            "training.search.phase1_stroke.below_min: below_min is no setting that can be searched",
        ),
        (
            "training.search",
            {"phase1_stroke": {"lr": [1e-4, 1e-3], "batch": [8]}},
            "training.search.phase1_stroke.batch has 1 value: give two or more, or set batch itself.",
        ),
        ("training.search", {"phase1_stroke": {"lr": []}}, "search.phase1_stroke.lr has no value: give two"),
        (
            "training.search",
            {"phase1_stroke": {"lr": 1e-3}},
            "search.phase1_stroke.lr cannot be 1.0e-3: give",
        ),
        ("training.search", {"phase1_stroke": {"lr": [1e-3, 1e-3]}}, "lr names 1.0e-3 twice: keep one."),
        (
            "training.search",
            {"phase1_stroke": {"lr": [-1, 1]}},
            "search.phase1_stroke.lr holds -1, which the setting cannot be: input should be greater than 0.",
        ),
        ("training.search", {"phase1_stroke": {"lr": ["1e-3", 1]}}, "lr holds 1e-3, a text: write 1.0e-3."),
        (
            "training.search",
            {"phase1_stroke": {"optimizer": ["adam", "adamw"]}},
            "optimizer holds adam, which the setting cannot be: input should be 'adabound' or 'adamw'.",
        ),
        (
            "training.search",
            {"phase1_stroke": {"epochs": [*range(1, 14)], "batch": [2, 4, 6, 8, 10]}},
            "training.search.phase1_stroke has 65 combinations, and 64 are the most: remove values.",
        ),
        # patients
        (
            "cohort.exclude",
            {"p1": ""},
            "cohort.exclude.p1 is '', which gives no reason: write in a few words",
        ),
        ("cohort.exclude", {"p1": " "}, "cohort.exclude.p1 is ' ', which gives no reason"),
        ("cohort.exclude", {"p1": None}, "cohort.exclude.p1 cannot be null: give the reason"),
        (
            "cohort.exclude",
            {7: "moved"},
            "cohort.exclude has the key 7, which YAML does not read as a text: write it",
        ),
        (
            "cohort.exclude",
            {None: "moved"},
            "cohort.exclude has the key null, which YAML does not read as a text",
        ),
        ("cohort.exclude", ["p1"], "cohort.exclude cannot be [p1]: give pairs {patient: reason}"),
        (
            "cohort.exclude",
            {"phantom-0001": "dark"},
            "cohort.exclude names phantom-0001, but the cohort is of",
        ),
        ("cohort.sheet", "nowhere.tsv", "Both cohort.sheet and phantom.patients"),
        (
            "cohort.sheet",
            "nowhere.tsv",
            "cohort.sheet names nowhere.tsv, which does not exist: correct the path.",
        ),
        ("cohort.sheet", "", "cohort.sheet cannot be '': give a path, or null."),
        ("phantom.patients", 0, "No patients: set cohort.sheet"),
        # files
        (
            "evaluation.radiomics.tissue_maps",
            "nowhere",
            "evaluation.radiomics.tissue_maps names nowhere, which is no folder: correct the path, or set "
            "the key to null.",
        ),
        ("container", "nowhere.sif", "container names nowhere.sif, which does not exist: correct the path"),
        ("quality.verdicts", "nowhere.tsv", "quality.verdicts names nowhere.tsv, which does not exist"),
        ("split.file", "/a/{b}/c.tsv", "is '/a/{b}/c.tsv', whose braces Snakemake would take for a wildcard"),
        ("recipe", "{a}", "recipe is '{a}', whose braces Snakemake would take for a wildcard"),
        ("initial_weights.imagenet.file", "nowhere.pth", "imagenet.file names nowhere.pth, which does not"),
        ("initial_weights.medical_2d.source", "folder", "medical_2d.folder is null, not a folder"),
        ("initial_weights.medical_3d.folder", "somewhere", "its source is null: set source: folder"),
        ("preprocessing.atlas.source", "files", "preprocessing.atlas.t2w is null, not a file"),
    ],
)
def test_a_fault_is_one_sentence_that_names_the_key(config, place, value, sentence):
    put(config, place, value)
    assert any(sentence in sentences for sentences in faults(config))


@pytest.mark.parametrize(
    ("rows", "shown"),
    [("worst", "'worst'"), (3, "3"), ([], "[]"), (["x"], "[x]"), ([3], "[3]"), (None, "null")],
)
def test_a_fault_of_a_value_of_several_kinds_is_one_sentence(config, rows, shown):
    put(config, "bundle.rows", rows)
    assert faults(config) == [
        f"Configuration key bundle.rows cannot be {shown}: give best, or a list of rows "
        "<net>/<phase>/<start>."
    ]


def test_all_faults_are_reported_at_once(config):
    config["training"]["sead"] = 1
    del config["run"]
    config["evaluation"]["confidence"] = 2
    sentences = "\n".join(faults(config))
    assert "training.sead is unknown" in sentences
    assert "run is missing: take it from config/config.yaml" in sentences
    assert "evaluation.confidence cannot be 2" in sentences


def test_contradictions_of_all_sections_are_reported_at_once(config):
    config["preprocessing"]["grid"][0] = 9
    config["quality"]["mask_volume_ml"] = [3, 2]
    config["phantom"]["patients"] = 0
    assert len(faults(config)) == 3


def test_a_bounded_map_needs_ratios_and_a_reference_a_file(config):
    intensity = {"normalisation": "minmax", "matching": "bounded", "reference": "none.npz"}
    config["preprocessing"]["intensity"] |= intensity
    ratios, file = faults(config)
    assert "needs the ratios of intensities, and normalisation minmax does not keep them: set" in ratios
    assert "preprocessing.intensity.reference names none.npz, which does not exist: correct" in file


def test_the_papers_intensities_can_be_chosen(config):
    paper = {"normalisation": "zscore", "matching": "landmarks", "percentiles": [0.1, 99.9]}
    config["preprocessing"]["intensity"] |= paper
    assert check_configuration(config).preprocessing.intensity.matching == "landmarks"


def test_a_missing_section_is_one_fault(config):
    del config["evaluation"]
    assert faults(config) == ["Configuration key evaluation is missing: take it from config/config.yaml."]


def test_an_unknown_key_is_reported_once_whatever_it_holds(config):
    config["training"]["phases"] = {"lr": "x"}
    assert len(faults(config)) == 1


@pytest.mark.parametrize(
    ("old", "value", "new"),
    [
        ("models.field", "brain", "models.view"),
        ("models.other_hemisphere", True, "models.contralateral"),
        ("starting_weights", {"imagenet": {"file": "x.pth"}}, "initial_weights"),
        ("training.arms", ["chain"], "training.starts"),
        ("training.phase0_outline", None, "training.phase0_segmentation"),
        ("evaluation.radiomics.adc_max", 6.2e-4, "evaluation.radiomics.adc_share"),
        ("evaluation.radiomics.min_roi_ml", 3.0, "evaluation.radiomics.min_infarct_ml"),
    ],
)
def test_a_renamed_key_is_refused_with_its_new_name(config, old, value, new):
    put(config, old, value)
    assert faults(config) == [f"Configuration key {old} is now called {new}: rename it in your file."]


def test_studies_are_of_native_space(config):
    config["phantom"] |= {"dicom": True, "space": "native"}
    assert check_configuration(config).phantom.dicom
    config["phantom"]["space"] = "template"
    assert faults(config) == [
        "Configuration key phantom.dicom is true, but phantom.space is template, where no scanner makes a "
        "study: set phantom.space to native, or phantom.dicom to false."
    ]


def test_networks_and_starts_must_leave_something(config):
    config["training"] |= {"networks": ["3d"], "starts": ["imagenet", "medical"]}
    check_configuration(config)
    config["training"]["starts"] = ["imagenet"]
    assert "only the 2D network has ImageNet weights" in faults(config)[0]


def test_counts_that_do_not_fit_are_refused_before_the_first_job(config):
    settings = check_configuration(config)
    settings.check_counts(patients=422)
    with pytest.raises(ConfigurationError, match=r"together 422, but 421 patients of known onset enter"):
        settings.check_counts(patients=421)
    settings.check_counts(patients=0)  # patients are only preprocessed
    settings.check_counts(patients=None)  # phantoms of an external cohort are known later
    config["split"]["counts"] = None
    check_configuration(config).check_counts(patients=421)


def test_more_folds_than_training_patients_are_refused(config):
    config["training"]["phase0_segmentation"]["folds"] = 272
    check_configuration(config)
    config["training"]["phase0_segmentation"]["folds"] = 273
    assert faults(config) == [
        "Configuration key training.phase0_segmentation.folds is 273, and split.counts gives the training "
        "part 272 patients: lower the folds."
    ]
    config["training"]["phase0_segmentation"]["folds"] = 1
    assert "phase0_segmentation.folds cannot be 1" in faults(config)[0]


def test_imagenet_weights_are_of_a_network_of_width_64(config, tmp_path):
    file = tmp_path / "resnet18-f37072fd.pth"
    file.touch()
    config["initial_weights"]["imagenet"]["file"] = str(file)
    check_configuration(config)
    config["models"]["2d"]["width"] = 16
    assert "models.2d.width is 16: set the width to 64" in faults(config)[0]


def test_patients_are_not_compared_with_phantom_tumours(config, tmp_path):
    (tmp_path / "cohort.tsv").touch()
    config["cohort"]["sheet"], config["phantom"]["patients"] = str(tmp_path / "cohort.tsv"), 0
    config["cohort"]["exclude"] = {"007": "moved"}
    check_configuration(config)
    config["initial_weights"]["medical_2d"]["source"] = "phantom"
    assert "medical_2d.source is phantom, and the cohort" in faults(config)[0]


@pytest.mark.parametrize("total", [0.9999998, 1.0000002])
def test_fractions_may_be_rounded(config, total):
    config["split"]["fractions"] = [0.1913, 0.0478, total - 0.1913 - 0.0478]
    check_configuration(config)


def test_a_phase_takes_missing_keys_from_the_one_before(config):
    config["training"]["phase6_tss9h"] = {"below_min": 540, "after": "phase5_tss6h", "lr": 0.5}
    config["training"]["phase5_tss6h"] = {"below_min": 360, "after": "phase1_stroke", "epochs": 3}
    training = check_configuration(config).training
    assert list(training.phases)[3:] == ["phase4_attention", "phase5_tss6h", "phase6_tss9h"]
    first = config["training"]["phase1_stroke"]
    expected = first | {"below_min": 540, "after": "phase5_tss6h", "epochs": 3, "lr": 0.5}
    assert training.whole_phase("phase6_tss9h") == expected


def test_the_json_schema_accepts_what_is_shipped_and_refuses_what_is_wrong(root):
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    shipped = [*root.glob("config/*.yaml"), *root.glob("config/study/*.yaml")]
    assert len(shipped) > 9
    for file in shipped:
        validator.validate(yaml.safe_load(file.read_text()))
    own = {"training": {"phase5_tss6h": {"below_min": 9, "after": None}, "phase0_genesis": None}}
    validator.validate(own)
    for wrong in ({"rum": "x"}, {"training": {"phase5": {}}}, {"models": {"2d": {"width": 0}}}):
        assert not validator.is_valid(wrong)


def test_a_search_of_every_kind_of_setting(config):
    config["training"]["search"] = {
        "phase1_stroke": {"epochs": [*range(1, 17)], "freeze": [True, False], "selection": ["auc", "loss"]},
        "phase3_tss4h5": {"weight_decay": [0, 0.1], "optimizer": ["adabound", "adamw"], "lr": [1, 1e-5]},
    }
    assert check_configuration(config).training.search == config["training"]["search"]


def test_unknown_onsets_teach_only_where_they_may_enter(config):
    config["training"]["unknown_onset"] = True
    assert faults(config) == [
        "Configuration key training.unknown_onset is true, and cohort.require_onset is true, which excludes "
        "patients of unknown onset: set cohort.require_onset: false."
    ]
    config["cohort"]["require_onset"] = False
    check_configuration(config)


def test_an_external_cohort_is_given_by_columns_or_by_the_split_file(config, tmp_path):
    config["split"]["external"] = {"site": ["B", "C"], "field_t": ["1.5"]}
    check_configuration(config)
    (tmp_path / "mine.tsv").touch()
    config["split"]["file"] = str(tmp_path / "mine.tsv")
    assert "split.file and split.external are both set" in faults(config)[0]


def test_a_split_that_is_given_is_not_repeated(config, tmp_path):
    (tmp_path / "mine.tsv").touch()
    config["split"]["repeats"] = 5
    check_configuration(config)
    config["split"]["file"] = str(tmp_path / "mine.tsv")
    assert faults(config) == [
        "Configuration key split.repeats is 5, and split.file gives one split: set split.repeats to 1, or "
        "split.file to null."
    ]


@pytest.mark.parametrize("external", [{"site": "B"}, {"field_t": [1.5]}, {"site": []}, ["site"]])
def test_an_external_cohort_is_of_columns_and_lists_of_texts(config, external):
    config["split"]["external"] = external
    assert "split.external" in faults(config)[0]


@pytest.mark.parametrize("name", ["gone", "3e"])
def test_the_key_of_a_network_that_is_gone_says_how_the_configuration_is_made_anew(config, name):
    config["models"][name] = {"width": 8}
    with pytest.raises(
        ConfigurationError, match=r"models\..+ is unknown.*run `python -m strokeclock\.settings`"
    ):
        check_configuration(config)

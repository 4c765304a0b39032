"""The methods in words: with the run's own numbers, and other words for other settings."""

import copy

import pytest
import yaml

from strokeclock.cohort.people import People, count_people
from strokeclock.report.methods import describe_methods

PEOPLE = People(
    entered=50,
    excluded={"entry": 3, "quality": 2},
    unlabelled=1,
    parts={"train": 30, "validation": 6, "test": 8},
    below={180: {"train": 11, "validation": 2, "test": 3}, 270: {"train": 17, "validation": 3, "test": 4}},
)
SIX_HOURS = {"below_min": 360, "after": "phase3_tss4h5"}
IMAGENET = ("2d", "imagenet")


@pytest.fixture
def config(root):
    return yaml.safe_load((root / "config/config.yaml").read_text())


def merged(base, change):
    return base | {
        key: merged(base.get(key) or {}, value) if isinstance(value, dict) else value
        for key, value in change.items()
    }


def words(config, people=PEOPLE, not_run=()):
    return " ".join(describe_methods(config, people=people, not_run=not_run).values())


def test_the_papers_settings_in_words(config):
    text = words(config)
    for said in (
        "50 synthetic patients were made (seed 0).",
        "5 were excluded (3 at entry and 2 at quality).",
        "1 without onset or side of the lesion are in no part.",
        "The others were divided into 30 for training, 6 for validation and 8 for test",
        "TSS < 3 h held for 11, 2 and 3 of them. TSS < 4.5 h held for 17, 3 and 4 of them.",
        "224 × 224 × 26 voxels on the grid",
        "112 × 224 × 26 voxels with the channels DWI, T2w (b0) and FLAIR.",
        "ResNet-18 (64 channels in its first stage)",
        "each network was trained 5 times (seeds 0, 1, 2, 3 and 4) with AdaBound",
        "Phase 1 was trained on whether a hemisphere holds a lesion (up to 100 epochs, stopped after 10 "
        "without a better one and kept by the validation AUC; batches of 16, rate 0.0005 to 0.01).",
        "batches of 8, rate 0.00001 to 0.001, early layers frozen",
        "Phase 4 after phase 3, with attention, was trained on TSS < 4.5 h (as phase 2).",
        "Nothing was augmented.",
        "the threshold was chosen on the validation part by Youden's J.",
        "Intervals are 95% ones",
        "Rows of a time task were tested with the given side and end to end: the networks of lesion",
        "is that of the log method, and that of the AUC over seeds and patients is Obuchowski and Rockette's",
        "Thresholds that reach a wanted sensitivity or specificity were chosen on the validation part, and",
        "measured infarcts of 2 mL or more, with an ADC below 0.835 of the patient's normaliser",
        "(atlas map from 0.7); FLAIR ratios under 0.45 became 0.45.",
        "Its classifier was chosen by cross-validation in the training and validation parts, which both "
        "fitted it.",
    ):
        assert said in text, said


CHANGES = [
    ({"recipe": "tuned"}, "By the recipe “tuned”"),
    ({"cohort": {"sheet": "cohort.tsv"}}, "50 patients entered."),
    ({"split": {"seed": 5}}, "stratified on time since onset (seed 5)"),
    ({"split": {"file": "split.tsv"}}, "8 for test, by a given list."),
    (
        {"split": {"repeats": 3}},
        "Everything from this split on was repeated for 2 further splits (seeds 2022 and 2023); test parts",
    ),
    ({"split": {"repeats": 2}}, "repeated for 1 further split (seed 2022); test parts"),
    (
        {"split": {"repeats": 4}},
        "with the variance of Nadeau and Bengio (2003), which allows for overlapping",
    ),
    ({"preprocessing": {"grid": [112, 96, 20]}}, "56 × 96 × 20 voxels"),
    ({"preprocessing": {"toolchain": "open"}}, "with 12 degrees of freedom and FLAIR rigidly"),
    ({"preprocessing": {"dwi_transform": "register"}}, "DWI was registered to T2w."),
    ({"preprocessing": {"n4": {"shared_dwi": False}}}, "a field for each series"),
    ({"preprocessing": {"fsl": {"t2w_dof": 9}}}, "atlas (9 degrees of freedom"),
    ({"preprocessing": {"intensity": {"normalisation": "zscore", "clip": 5}}}, "clipped at 5 SD"),
    (
        {"preprocessing": {"intensity": {"matching": "landmarks", "match_points": 1}}},
        "matched at 1 point to those of one training patient",
    ),
    (
        {"preprocessing": {"intensity": {"matching": "bounded", "reference": "r.npz"}}},
        "matched to those of a training patient of another study by a smooth map",
    ),
    ({"preprocessing": {"intensity": {"percentiles": [1, 99]}}}, "Percentiles 1 and 99 of the brain"),
    ({"phantom": {"space": "template"}}, "Registered volumes were made directly"),
    ({"models": {"channels": ["flair", "adc"]}}, "with the channels FLAIR and ADC."),
    (
        {"models": {"contralateral": True}},
        "and their differences from the contralateral hemisphere",
    ),
    ({"models": {"3d": {"width": 8}}}, "3D U-Net (8 channels"),
    ({"models": {"view": "brain"}}, "networks' view was the box around the atlas's brain"),
    ({"models": {"average": [2, 2, 1]}}, "view averaged 2 × 2 × 1 voxels"),
    ({"training": {"seeds": [7]}}, "trained once (seed 7)"),
    ({"training": {"seeds": [7]}}, "ratio is that of the log method. Thresholds"),
    ({"training": {"optimizer": "adamw", "weight_decay": 0.01}}, "AdamW, weight decay 0.01, a constant rate"),
    ({"training": {"optimizer": "adamw"}}, "batches of 16, rate 0.0005)"),
    ({"training": {"schedule": "one_cycle"}}, "with AdaBound, one cycle of the rate and fp32"),
    ({"training": {"phase0_segmentation": {"epochs": 3}}}, "(3 epochs, batches of 4, AdamW, one cycle"),
    (
        {"training": {"phase0_segmentation": {"folds": 3}}},
        "were divided into 3 folds, and the regression was",
    ),
    ({"training": {"precision": "bf16"}}, "bf16 arithmetic"),
    ({"training": {"attention_enter": "phase1"}}, "The attention gates were in the networks from the first"),
    ({"training": {"phase5_tss6h": SIX_HOURS}}, "Phase 5 after phase 3 was trained on TSS < 6 h (as"),
    ({"training": {"phase1_stroke": {"selection": "last", "epochs": 9}}}, "(9 epochs, the last kept; batch"),
    ({"training": {"phase3_tss4h5": {"head": "fresh"}}}, "early layers frozen, a fresh head)"),
    (
        {"training": {"augmentation": {"rotation_deg": 8, "gain": 0.1}}},
        "rotation up to 8° and gain up to 10%",
    ),
    (
        {"training": {"search": {"phase1_stroke": {"lr": [1e-4, 1e-3], "batch": [8, 16]}}}},
        "Rate and batch of phase 1 were chosen for each network and start among 4 combinations, trained with "
        "seed 0, by the highest validation AUC (8 looks at the validation part in all, none at the test "
        "part).",
    ),
    (
        {"training": {"search": {"phase2_tss3h": {"weight_decay": [0.0, 0.1, 0.2]}}}},
        "Weight decay of phase 2 was chosen for each network and start among 3 combinations, trained with "
        "seed 0, by the highest validation AUC (21 looks at the validation part",
    ),
    ({"training": {"label_softness": 0.2}}, "Time labels were softened over 0.2 SD of log time."),
    (
        {"training": {"starts": ["random", "chain"]}},
        "started from random weights or the weights of the phase",
    ),
    ({"evaluation": {"threshold": "test"}}, "on the test part itself by Youden's J, which is optimistic"),
    ({"evaluation": {"threshold": "fixed", "fixed_threshold": 0.4}}, "the threshold was fixed at 0.4"),
    ({"evaluation": {"confidence": 0.9}}, "Intervals are 90% ones"),
    ({"evaluation": {"bootstraps": 321}}, "321 bootstraps"),
    ({"evaluation": {"radiomics": {"min_infarct_ml": 1.5}}}, "infarcts of 1.5 mL or more"),
    ({"evaluation": {"radiomics": {"adc_share": 0.8}}}, "ADC below 0.8 of the"),
    ({"evaluation": {"radiomics": {"dwi_sd": 2.0}}}, "b1000 from 2 SD over"),
    ({"evaluation": {"radiomics": {"white_matter_share": 0.9}}}, "atlas map from 0.9"),
    (
        {"evaluation": {"radiomics": {"classifier": "RBF SVM"}}},
        "Its classifier was the RBF SVM, with settings chosen by cross-validation",
    ),
    (
        {"evaluation": {"radiomics": {"tuning": "validation"}}},
        "Its classifier was chosen on the validation part; the training part fitted it.",
    ),
    ({"evaluation": {"radiomics": {"flair_ratio_below": 0.25}}}, "FLAIR ratios under 0.45 became 0.25."),
    ({"evaluation": {"radiomics": {"tissue_maps": "tests"}}}, "(the patient's own map from 0.7)"),
    ({"evaluation": {"gradcam_layer": "last"}}, "Grad-CAM was taken at the last convolutional stage"),
]


@pytest.mark.parametrize(("change", "said"), CHANGES, ids=[said for _, said in CHANGES])
def test_a_changed_key_changes_the_words(config, change, said):
    assert said not in words(config)
    assert said in words(merged(config, change))


def test_one_network_alone(config):
    text = words(merged(config, {"training": {"networks": ["2d"], "phase0_segmentation": None}}))
    assert "The 2D network is" in text
    assert "3D" not in text
    text = words(merged(config, {"training": {"networks": ["3d"]}}))
    assert "2D" not in text.replace("ImageNet weights (2D)", "")


def test_what_was_not_run_is_said_where_it_was_asked_for(config):
    said = "Not run, without initial weights: 2D from ImageNet weights."
    assert said in words(config, not_run=[IMAGENET])
    assert "Not run" not in words(merged(config, {"training": {"starts": ["random"]}}), not_run=[IMAGENET])
    assert "Not run" not in words(merged(config, {"training": {"networks": ["3d"]}}), not_run=[IMAGENET])


def test_weights_from_tumours_are_described_where_there_are_tumours(config):
    sources = {"medical_2d": {"source": "phantom"}, "medical_3d": {"source": "phantom"}}
    made = merged(config, {"initial_weights": sources})
    assert "Weights from synthetic brain tumours (2D and 3D) were trained first (up to 100 epochs" in words(
        made
    )
    assert "trained first" not in words(made, not_run=[("2d", "medical"), ("3d", "medical")])
    assert "tumours (2D) were trained first" in words(made, not_run=[("3d", "medical")])


def test_without_lesion_detection_nothing_is_tested_end_to_end(config):
    assert "end to end" in words(merged(config, {"training": {"starts": ["random", "chain"]}}))
    assert "end to end" not in words(merged(config, {"training": {"starts": ["random"]}}))


def test_without_genesis_and_exclusions(config):
    nobody = People(10, {}, 0, {"train": 6, "validation": 2, "test": 2}, {})
    text = words(merged(config, {"training": {"phase0_genesis": None}}), people=nobody)
    assert "None was excluded. They were divided into 6 for training" in text
    assert "Genesis" not in text


def test_patients_who_teach_no_time_are_told(config):
    people = People(
        80, {"entry": 3}, 2, {"train": 30, "validation": 6, "test": 8}, {},
        of_class=5, unknown_onset=20, without_lesion=4, external=7,
    )  # fmt: skip
    text = words(merged(config, {"models": {"channels": ["dwi", "t2w"]}}), people=people)
    for said in (
        "7 of an external cohort taught nothing and are not among the following. The others were divided",
        "Of 5 of them only the class TSS < 4.5 h or not is known, so that they took part in no other time",
        "20 of unknown onset and 4 without an acute lesion took part where no time is",
        "learned: in Models Genesis, in the task of lesion or not and in the segmentation of the lesion.",
    ):
        assert said in text, said
    assert "FLAIR" not in text.replace("DWI-FLAIR", "")
    assert "unknown onset" not in words(config)


@pytest.mark.parametrize("name", ["demo", "phantom", "study/study", "tuned"])
def test_every_shipped_configuration_can_be_described(config, root, name):
    own = merged(config, yaml.safe_load((root / f"config/{name}.yaml").read_text()))
    text = words(own)
    assert "None" not in text
    assert "{" not in text
    assert ".." not in text


def test_every_choice_of_the_schema_has_words(config, root):
    """A choice added to the schema needs words here, too."""
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())
    tried = 0

    def walk(part, place):
        nonlocal tried
        part = part.get("anyOf", [part])[0]  # or null
        part = schema["$defs"].get(part.get("$ref", "").removeprefix("#/$defs/"), part)
        for choice in part.get("enum", ()):
            own = copy.deepcopy(config)
            target = own
            for key in place[:-1]:
                target = target[key]
            target[place[-1]] = choice
            assert words(own, not_run=[("2d", "medical"), ("3d", "medical")])
            tried += 1
        for key, below in part.get("properties", {}).items():
            walk(below, [*place, key])

    walk(schema, [])
    assert tried > 30


def test_people_are_counted_from_the_files(run):
    files = [run.folder / f"cohort/{name}.tsv" for name in ("cohort", "split", "exclusions")]
    people = count_people(*files[:2], exclusions=files[2], below_min=(180, 270))
    assert people.entered == 21
    assert people.excluded == {"quality": 1, "entry": 1}
    assert people.unlabelled == 1
    assert people.parts == {"train": 10, "validation": 4, "test": 4}
    assert people.below == {
        180: {"train": 6, "validation": 0, "test": 0},
        270: {"train": 10, "validation": 1, "test": 0},
    }


def test_people_of_each_kind_are_counted(tmp_path):
    (tmp_path / "cohort.tsv").write_text(
        "patient\tonset_to_mri_min\tonset_class\tlesion_side\n"
        "a\t100\t\tleft\nb\t\t<4.5h\tright\nc\t\t\tboth\nd\t90\t\tnone\ne\t\t\t\nf\t300\t\tleft\ng\t\t\tleft\nh\t9\t\tleft\n"
    )
    parts = {"a": "train", "b": "test", "c": "train", "d": "train", "e": "external", "f": "validation"}
    (tmp_path / "split.tsv").write_text(
        "patient\tpart\n" + "".join(f"{patient}\t{part}\n" for patient, part in parts.items())
    )
    (tmp_path / "exclusions.tsv").write_text("patient\tstage\treason\nh\tquality\tmotion\n")
    people = count_people(
        tmp_path / "cohort.tsv",
        tmp_path / "split.tsv",
        exclusions=tmp_path / "exclusions.tsv",
        below_min=(180, 270),
    )
    assert people == People(
        entered=8,
        excluded={"quality": 1},
        unlabelled=1,
        parts={"train": 1, "validation": 1, "test": 1},
        below={
            180: {"train": 1, "validation": 0, "test": 0},
            270: {"train": 1, "validation": 0, "test": 1},
        },
        of_class=1,
        unknown_onset=1,
        without_lesion=1,
        external=1,
    )

"""The set of jobs that each configuration asks for, without running any."""

import re
from collections import Counter

import pytest
import yaml
from documented import read_blocks

from strokeclock.batches import deal_batches


def jobs(process):
    """Return rule -> number of jobs from a dry run's table; rules made in a loop count as one, unnumbered."""
    assert process.returncode == 0, process.stdout
    table = process.stdout.split("Job stats:")[1].split("total")[0]
    count = Counter()
    for rule, jobs in re.findall(r"^(\w+?)(?:_\d+)?\s+(\d+)$", table, re.MULTILINE):
        count[rule] += int(jobs)
    return count


SMALL = {
    "run": "dry",
    "phantom": {"patients": 12},
    "preprocessing": {"patients_per_job": 1},
    "training": {"seeds": [0]},
    "split": {"counts": None},
}
NETWORK_RUNS = {  # both starts, both networks, one seed
    "phase0_genesis": 1,
    "phase1_stroke": 2,
    "phase2_tss3h": 4,
    "phase3_tss4h5": 4,
    "phase4_attention": 2,
    "phase0_segmentation": 6,  # the whole training part, and without each of five folds
    "fit_segmented": 1,  # one job a seed for all tasks
    "predict_segmented": 1,
    "predict": 1,  # one job a seed for all networks
}
FOUND = dict.fromkeys(  # one job for all rows and seeds
    (
        *("find_sides", "find_unlike", "predict_found", "predict_ratio_found", "predict_segmented_found"),
        *("join_found", "end_to_end"),
    ),
    1,
)
ONCE = FOUND | {"join_predictions": 4}  # one job for all seeds of a row
NETWORK_RUNS |= ONCE
SIX_HOURS = {"below_min": 360, "after": "phase3_tss4h5"}


def slow(change, expected):
    """A configuration of `make test-all` alone: another one of `make test` differs in as much."""
    return pytest.param(change, expected, marks=pytest.mark.slow)


def merged(base, change):
    return base | {
        key: merged(base.get(key, {}), value) if isinstance(value, dict) else value
        for key, value in change.items()
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {"phantom": 12, "fsl": 1, "preprocess": 12, "hemispheres": 12, **NETWORK_RUNS}),
        ({"preprocessing": {"toolchain": "open"}}, {"preprocess": 12, "fsl": 0, **NETWORK_RUNS}),
        slow({"phantom": {"dicom": True}}, {"phantom": 12, "phantom_dicom": 12, "protocol": 1}),
        slow({"phantom": {"space": "template"}}, {"hemispheres": 12, **NETWORK_RUNS}),
        (
            {"training": {"networks": ["2d"]}},
            {"phase1_stroke": 1, "phase2_tss3h": 2, "predict": 1, "join_predictions": 2},
        ),
        slow(
            {"training": {"starts": ["random"]}},
            {
                **{"phase2_tss3h": 2, "phase3_tss4h5": 2, "predict": 1, "join_predictions": 0},
                **FOUND,
                "join_found": 0,
            },
        ),
        (
            {"training": {"phase0_segmentation": None}},
            {
                "phase0_segmentation": 0,
                "fit_segmented": 0,
                "predict_segmented": 0,
                "join_predictions": 0,
                **FOUND,
                **{"predict_segmented_found": 0, "join_found": 0},
                "predict": 1,
                "fit_ratio": 1,
                "fit_clinical": 2,
                "fit_ml": 1,
                "fit_operating_points": 1,
            },
        ),
        (
            {"models": {"channels": ["dwi", "t2w", "adc"]}},
            NETWORK_RUNS | {"fit_ratio": 1, "fit_ml": 0, "radiomics": 0, "ml_baseline": 0, "mismatch": 1},
        ),
        slow({"models": {"contralateral": True}}, NETWORK_RUNS),
        slow({"models": {"view": "hemisphere"}}, {"brain_box": 0, **NETWORK_RUNS}),
        ({"models": {"view": "brain"}}, {"brain_box": 1, **NETWORK_RUNS}),
        (
            {"training": {"phase5_tss6h": SIX_HOURS}},
            NETWORK_RUNS
            | {
                "phase5_tss6h": 4,
                "join_predictions": 6,
            },
        ),
        (
            {"training": {"search": {"phase2_tss3h": {"lr": [1.0e-5, 1.0e-4, 1.0e-3], "batch": [4, 8]}}}},
            NETWORK_RUNS | {"search_candidate": 24, "choose_settings": 4, "search_table": 1},
        ),
        slow({"training": {"phase0_segmentation": {"folds": 3}}}, NETWORK_RUNS | {"phase0_segmentation": 4}),
        (
            {"training": {"seeds": [0, 1, 2]}},
            ONCE | {name: 3 * count for name, count in NETWORK_RUNS.items() if name not in ONCE},
        ),
    ],
    ids=[
        "fsl",
        "open",
        "studies",
        "template",
        "2d",
        "random",
        "no segmentation",
        "no FLAIR",
        "contralateral",
        "view",
        "brain",
        "added task",
        "search",
        "folds",
        "seeds",
    ],
)
def test_jobs_of_a_configuration(snakemake, change, expected):
    found = jobs(snakemake("-n", "--quiet", "rules", config=merged(SMALL, change)))
    assert {rule: found.get(rule, 0) for rule in expected} == expected


def repeated(found):
    """Rule -> jobs of repeated splits."""
    start = "repeat_"
    return {rule.removeprefix(start): jobs for rule, jobs in found.items() if rule.startswith(start)}


@pytest.mark.parametrize(
    ("matching", "own"),
    [("none", {}), ("bounded", {"histogram_reference": 1, "hemispheres": 12, "hemisphere_manifest": 1})],
)
def test_further_splits_repeat_what_follows_the_split_and_nothing_before_it(snakemake, matching, own):
    search = {"training": {"search": {"phase1_stroke": {"lr": [1.0e-4, 1.0e-3]}}}}
    change = merged(search, {"preprocessing": {"intensity": {"matching": matching}}})
    once, thrice = (
        jobs(snakemake("-n", "--quiet", "rules", config=merged(SMALL, merged(change, {"split": split}))))
        for split in ({}, {"repeats": 3})
    )
    assert not repeated(once)
    assert "summarise_repeats" not in once
    assert thrice["summarise_repeats"] == 1
    assert {rule: count for rule, count in thrice.items() if rule in once} == once
    assert repeated(thrice) == {
        rule: 2 * count
        for rule, count in {
            **{"split": 1, "search_candidate": 4, "choose_settings": 2, **own},
            **{rule: count for rule, count in NETWORK_RUNS.items() if rule not in FOUND},
            **{"fit_ratio": 1, "predict_ratio": 1, "fit_clinical": 2, "predict_clinical": 2},
            **{"fit_ml": 1, "predict_ml": 1, "fit_operating_points": 1, "table2": 1},
        }.items()
    }
    assert thrice["preprocess"] == 12


def test_repeats_alone_make_no_figures_of_the_first_split(snakemake):
    config = merged(SMALL, {"split": {"repeats": 2}})
    found = jobs(snakemake("repeats", "-n", "--quiet", "rules", config=config))
    assert found["table2"] == found["repeat_table2"] == found["summarise_repeats"] == 1
    assert not {"gradcam", "comparisons", "make_bundle", "results_page"} & {*found}
    refused = snakemake("repeats", "-n", "--quiet", "rules", config=SMALL)
    assert refused.returncode != 0
    assert "snakemake repeats needs the key split.repeats: 2 or more." in refused.stdout


def test_a_repeat_is_trained_with_its_own_split_and_the_shared_hemispheres(snakemake, tmp_path):
    """What is taken of which split is known once the manifest is there."""
    config = merged(SMALL, {"split": {"repeats": 2}, "phantom": {"space": "template"}})
    model = "results/dry/repeats/split-2022/models/2d/phase2_tss3h/phase1/seed-0/model.pt"
    process = snakemake(model, "-n", config=config)
    assert process.returncode == 0, process.stdout
    found = process.stdout.partition("rule repeat_phase2_tss3h")[2]
    inputs = re.search(r"input: (.*)", found)[1]
    assert inputs.endswith("results/dry/repeats/split-2022/models/2d/phase1_stroke/random/seed-0/model.pt")
    assert re.search(r"log: (.*)", found)[1] == (
        "logs/dry/repeats/split-2022/models/2d/phase2_tss3h/phase1/seed-0.log"
    )
    manifest = process.stdout.partition("checkpoint hemisphere_manifest")[2]
    assert "results/dry/repeats/split-2022/cohort/split.tsv" in re.search(r"input: (.*)", manifest)[1]


def test_a_repeat_takes_the_resources_that_a_profile_gives_the_first(snakemake):
    config = merged(SMALL, {"split": {"repeats": 2}})
    for given, expected in ((("phase1_stroke:mem_mb=4321",), "4321"), ((), "16000")):
        process = snakemake("repeats", "-n", "--set-resources", *given, "atlas:mem_mb=99", config=config)
        assert process.returncode == 0, process.stdout
        found = process.stdout.partition("rule repeat_phase1_stroke")[2]
        assert re.search(r"resources: .*mem_mb=(\d+)", found)[1] == expected


def test_medical_weights_are_two_trainings_that_both_time_tasks_start_from(snakemake):
    starts = {name: {"source": "phantom"} for name in ("medical_2d", "medical_3d")}
    found = jobs(snakemake("-n", "--quiet", "rules", config=merged(SMALL, {"initial_weights": starts})))
    expected = NETWORK_RUNS | {
        "medical_2d": 1,
        "medical_3d": 1,
        "phase2_tss3h": 6,
        "phase3_tss4h5": 6,
    }
    assert {rule: found.get(rule, 0) for rule in expected} == expected
    assert found["phantom_tumours_2d"] == found["phantom_tumours_3d"] == 1


def test_named_files_are_started_from(snakemake, tmp_path):
    (tmp_path / "resnet18-f37072fd.pth").touch()
    (tmp_path / "cheng").mkdir()
    starts = {
        "imagenet": {"file": str(tmp_path / "resnet18-f37072fd.pth")},
        "medical_2d": {"source": "folder", "folder": str(tmp_path / "cheng")},
    }
    change = {"initial_weights": starts, "training": {"starts": ["imagenet", "medical"]}}
    found = jobs(snakemake("-n", "--quiet", "rules", config=merged(SMALL, change)))
    expected = {"imagenet": 1, "medical_2d": 1, "phase2_tss3h": 2, "phase3_tss4h5": 2, "predict": 1}
    assert {rule: found.get(rule, 0) for rule in expected} == expected
    assert not {"medical_3d", "phantom_tumours_2d", "phase1_stroke"} & set(found)


def test_template_space_needs_no_preprocessing(snakemake):
    found = jobs(
        snakemake("-n", "--quiet", "rules", config=merged(SMALL, {"phantom": {"space": "template"}}))
    )
    assert not {"preprocess", "fsl", "phantom"} & set(found)


def test_without_the_chain_nothing_is_pretrained(snakemake):
    found = jobs(
        snakemake("-n", "--quiet", "rules", config=merged(SMALL, {"training": {"starts": ["random"]}}))
    )
    assert not {"phase0_genesis", "phase1_stroke", "phase4_attention"} & set(found)


def test_models_genesis_can_be_left_out(snakemake):
    changes = {"training": {"starts": ["chain"], "phase0_genesis": None}}
    found = jobs(snakemake("-n", "--quiet", "rules", config=merged(SMALL, changes)))
    assert found["phase1_stroke"] == 2  # the 2D network's and the 3D network's
    assert not {"phase0_genesis", "genesis_examples"} & set(found)


@pytest.fixture
def cohort(tmp_path):
    """A sheet of three patients, whose second has no FLAIR; zero-byte series."""
    lines = ["patient\tt2w\tdwi\tflair\tadc\tonset_to_mri_min\tlesion_side"]
    for patient in ("p1", "p2", "p3"):
        for name in ("t2w", "dwi", "flair", "adc"):
            (tmp_path / f"{patient}_{name}.nii.gz").touch()
        flair = "" if patient == "p2" else f"{patient}_flair.nii.gz"
        t2w = "" if patient == "p3" else f"{patient}_t2w.nii.gz"
        lines.append(f"{patient}\t{t2w}\t{patient}_dwi.nii.gz\t{flair}\t{patient}_adc.nii.gz\t120\tleft")
    (tmp_path / "cohort.tsv").write_text("\n".join(lines) + "\n")
    return {
        "run": "own",
        "cohort": {"sheet": str(tmp_path / "cohort.tsv")},
        "split": {"counts": None},
        "preprocessing": {"toolchain": "open", "patients_per_job": 1},
        "training": {"seeds": [0]},
    }


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("p1\t2", "has '2' for patient p1, reader1; write 1 for mismatch present or 0 for absent"),
        ("p4\t1", "has patient p4, not in the cohort; correct the id or drop the row"),
        ("p2\t1", None),  # excluded, but of the sheet
    ],
)
def test_a_fault_of_the_reader_sheet_is_found_before_any_job(snakemake, cohort, tmp_path, row, sentence):
    (tmp_path / "readers.tsv").write_text(f"patient\treader1\n{row}\n")
    config = merged(cohort, {"cohort": {"readers": str(tmp_path / "readers.tsv")}})
    process = snakemake("-n", "--quiet", "rules", config=config)
    if sentence:
        assert process.returncode != 0
        assert sentence in process.stdout
    else:
        assert jobs(process)["table2"] == 1


def test_a_missing_series_excludes_one_patient_and_says_so(snakemake, cohort):
    process = snakemake("-n", "--quiet", "rules", config=cohort)
    assert jobs(process)["preprocess"] == 2
    assert "patient p2 is excluded: no FLAIR series: name its file in column flair, " in process.stdout


def test_the_literal_reading_registers_the_dwi(snakemake, cohort):
    literal = {"toolchain": "fsl", "dwi_transform": "register"}
    found = jobs(snakemake("-n", "--quiet", "rules", config=merged(cohort, {"preprocessing": literal})))
    assert found["preprocess"] == 2


def test_drawn_lesions_are_used_and_may_be_few(snakemake, cohort, tmp_path):
    sheet = tmp_path / "cohort.tsv"
    header, first, *others = sheet.read_text().splitlines()
    (tmp_path / "drawn.nii.gz").touch()
    rows = [f"{header}\tlesion_mask", f"{first}\tdrawn.nii.gz", *(f"{row}\t" for row in others)]
    sheet.write_text("\n".join(rows) + "\n")
    process = snakemake("lesion_volumes", "-n", config=cohort)
    assert jobs(process)["lesions"] == 2
    assert process.stdout.count(str(tmp_path / "drawn.nii.gz")) == 1


def test_the_tissue_maps_that_there_are_make_radiomics_stale(snakemake, cohort, tmp_path):
    """A missing map stops no other patient: the job itself names it."""
    found = tmp_path / "maps/p1/c2adc.nii"
    found.parent.mkdir(parents=True)
    found.touch()
    maps = {"evaluation": {"radiomics": {"tissue_maps": str(tmp_path / "maps")}}}
    process = snakemake("-n", "--until", "radiomics", config=merged(cohort, maps))
    assert jobs(process)["radiomics"] == 2
    assert process.stdout.count(str(found)) == 1
    assert "c1adc" not in process.stdout


def test_a_job_takes_a_batch_of_patients(snakemake):
    change = {"phantom": {"patients": 20}, "preprocessing": {"toolchain": "open", "patients_per_job": 8}}
    found = jobs(snakemake("quality", "-n", "--quiet", "rules", config=merged(SMALL, change)))
    batches = deal_batches([f"phantom-{number:04d}" for number in range(1, 21)], most=8)
    steps = ("phantom", "preprocess", "check", "lesions", "hemispheres", "quality_picture")
    assert {found[rule] for rule in steps} == {len(batches)}
    assert 3 <= len(batches) <= 6


def test_own_patients_up_to_hemispheres(snakemake, cohort):
    found = jobs(snakemake("quality", "-n", "--quiet", "rules", config=cohort))
    assert found["hemispheres"] == 2
    assert "predict" not in found


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"preprocessing": {"tolchain": "open"}}, "preprocessing.tolchain is unknown: did you mean"),
        ({"phantom": {"patients": 0}}, "No patients: set cohort.sheet"),
        (
            {"training": {"networks": ["3d"], "starts": ["imagenet"]}},
            "only the 2D network has ImageNet weights",
        ),
        ({"training": {"phase5_tss6h": SIX_HOURS | {"after": "phase9"}}}, "phase5_tss6h.after is 'phase9'"),
        ({"cohort": {"sheet": "gone.tsv"}, "phantom": {"patients": 0}}, "gone.tsv, which does not exist"),
    ],
)
def test_a_fault_stops_before_the_first_job(snakemake, change, sentence):
    process = snakemake("-n", config=merged(SMALL, change))
    assert process.returncode != 0
    assert sentence in process.stdout
    assert "Traceback" not in process.stdout


def test_a_repeated_patient_stops_before_the_first_job(snakemake, cohort, tmp_path):
    sheet = tmp_path / "cohort.tsv"
    sheet.write_text(sheet.read_text() + sheet.read_text().splitlines()[1] + "\n")
    process = snakemake("-n", config=cohort)
    assert process.returncode != 0
    assert "line 5: patient p1 stands already in line 2" in process.stdout


def test_fsl_is_looked_for_by_one_job_before_its_toolchain_begins(snakemake, monkeypatch):
    """Not on the machine that runs Snakemake: a cluster has it where its jobs run."""
    planned = snakemake("-n", config=SMALL)
    assert jobs(planned)["fsl"] == 1
    assert planned.stdout.count("results/dry/fsl/found.txt") > SMALL["phantom"]["patients"]
    monkeypatch.delenv("FSLDIR", raising=False)
    process = snakemake("results/dry/fsl/found.txt", "--retries", "1", config=SMALL)
    assert process.returncode != 0
    assert "preprocessing.toolchain: open" in process.stdout
    assert re.findall(r"runtime=(\d+), mem_mb=(\d+)", process.stdout) == [("5", "500"), ("10", "1000")]


def test_snakemake_finds_nothing_to_lint(snakemake):
    """Logs, environments and resources among it, so that a new rule cannot forget them."""
    process = snakemake("--lint", config=merged(SMALL, {"preprocessing": {"toolchain": "fsl"}}))
    assert process.returncode == 0, process.stdout
    assert "your workflow is in a good condition" in process.stdout


def test_a_training_asks_for_a_gpu_where_the_profile_counts_some(snakemake):
    for counted, expected in ((("--resources", "gpu=2"), {"1"}), ((), {"0"})):
        process = snakemake("-n", "--until", "phase1_stroke", *counted, config=SMALL)
        assert process.returncode == 0, process.stdout
        assert {*re.findall(r"gpu=(\d+)", process.stdout.partition("rule phase1_stroke")[2])} == expected


@pytest.fixture
def profile(tmp_path, root):
    """Return the arguments that name these profiles, without what only Slurm's executor understands."""

    def of(*names):
        for name in names:
            keys = yaml.safe_load((root / f"profiles/{name}/profile.yaml").read_text())
            kept = {
                key: value
                for key, value in keys.items()
                if key != "executor" and not key.startswith("slurm-")
            }
            (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(kept))
        return [word for name in names for word in ("--profile", str(tmp_path / f"{name}.yaml"))]

    return of


def test_a_workstation_trains_one_network_at_a_time_on_its_gpu(snakemake, profile):
    process = snakemake("-n", "--until", "phase1_stroke", *profile("workstation"), config=SMALL)
    assert process.returncode == 0, process.stdout
    assert "gpu=1" in process.stdout.partition("rule phase1_stroke")[2]


def test_the_example_of_a_site_names_every_rule_with_a_gpu(snakemake, profile):
    weights = {name: {"source": "phantom"} for name in ("medical_2d", "medical_3d")}
    process = snakemake("-n", *profile("slurm", "site_example"), config=SMALL | {"initial_weights": weights})
    assert process.returncode == 0, process.stdout
    asked = re.findall(r"^ +resources: (.*)$", process.stdout, re.MULTILINE)
    with_gpu = [line for line in asked if "gpu=1" in line]
    assert len(with_gpu) > 20
    assert all("slurm_partition=gpu" in line and "gpu_model=a100" in line for line in with_gpu)
    others = [line for line in asked if "gpu=1" not in line]
    assert len(others) > 20
    assert all("slurm_partition=short" in line and "gpu_model" not in line for line in others)
    assert all("slurm_account=stroke" in line and "runtime=" in line and "mem_mb=" in line for line in asked)


def test_no_job_of_the_demo_asks_for_much_with_the_small_profile(snakemake, root, tmp_path):
    """The profile that docs/how-to/cluster.md gives: a small cluster may have no more."""
    blocks = read_blocks(root / "docs/how-to/cluster.md")
    (text,) = [block.text for block in blocks if block.file == "profiles/small/profile.yaml"]
    keys = {key: value for key, value in yaml.safe_load(text).items() if not key.startswith("slurm-")}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(keys))
    config = yaml.safe_load((root / "config/demo.yaml").read_text())
    process = snakemake("-n", "--profile", str(tmp_path / "small.yaml"), config=config)
    assert process.returncode == 0, process.stdout
    asked = re.findall(
        r"^(?:local)?(?:rule|checkpoint) (\w+):$.*?^ +resources: (.*?)$", process.stdout, re.M | re.S
    )
    assert len({rule for rule, _ in asked}) > 60
    for amount, most in (("mem_mb", 4000), ("runtime", 60)):
        of_rules = {rule: int(re.search(rf"\b{amount}=(\d+)", line)[1]) for rule, line in asked}
        assert not {rule: number for rule, number in of_rules.items() if number > most}


def test_every_rule_asks_for_more_in_a_further_attempt(root):
    asked = [
        value
        for file in sorted((root / "workflow/rules").glob("*.smk"))
        for value in re.findall(r"\b(?:mem_mb|runtime)=(\w+)", file.read_text())
    ]
    assert len(asked) > 100
    assert {*asked} == {"growing"}

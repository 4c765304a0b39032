"""Two splits of a small cohort, with a search of hyper-parameters in each, for real."""

import csv
import json
import re

import numpy as np
import pytest

from strokeclock.cohort.parts import read_split
from strokeclock.cohort.split import make_split
from strokeclock.cohort.tables import read_cohort

pytestmark = [pytest.mark.integration, pytest.mark.slow]

RATES = [1.0e-4, 1.0e-3]
CONFIG = {
    "run": "twice",
    "phantom": {"patients": 24, "space": "template"},
    "preprocessing": {"grid": [64, 64, 16], "toolchain": "open"},
    "split": {"counts": [12, 6, 6], "seed": 5, "repeats": 2},
    "models": {"2d": {"width": 4}},
    "training": {
        "networks": ["2d"],
        "starts": ["random", "chain"],
        "seeds": [0],
        "phase0_genesis": None,
        "phase0_segmentation": None,
        "search": {"phase1_stroke": {"lr": RATES}},
        **{
            name: {"epochs": 1}
            for name in ("phase1_stroke", "phase2_tss3h", "phase3_tss4h5", "phase4_attention")
        },
    },
    "evaluation": {"bootstraps": 50},
}
WANTED = ["repeats", "results/twice/tables/search.csv"]
FIRST = "phase1_stroke/random"


def rows(path, delimiter=","):
    with open(path, newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


@pytest.fixture(scope="module")
def results(tmp_path_factory, run_snakemake):
    folder = tmp_path_factory.mktemp("twice")
    process = run_snakemake(folder, *WANTED, "--quiet", "rules", "host", config=CONFIG)
    assert process.returncode == 0, process.stdout
    return folder / "results/twice"


def splits_of(results):
    return {5: results, 6: results / "repeats/split-6"}


def test_each_split_is_that_of_its_seed(results):
    cohort = read_cohort(results / "cohort/cohort.tsv")
    for seed, folder in splits_of(results).items():
        parts = rows(folder / "cohort/split.tsv", delimiter="\t")
        assert parts == make_split(cohort, counts=[12, 6, 6], seed=seed).to_dict("records")
    assert not {"preprocessed", "hemispheres", "quality", "lesions"} & {
        path.name for path in (results / "repeats/split-6").iterdir()
    }


def test_nobody_is_tested_who_was_learned_from_in_the_same_split(results):
    for folder in splits_of(results).values():
        parts = read_split(folder / "cohort/split.tsv")
        part_of = {patient: part for part, patients in parts.items() for patient in patients}
        records = [*folder.glob("models/**/run.json"), *folder.glob("search/**/run.json")]
        assert len(records) == 8
        for path in records:
            assert json.loads(path.read_text())["participants"] == parts
        scored = [*folder.glob("predictions/2d/**/*.tsv")]
        assert len(scored) == 6
        for path in scored:
            assert all(part_of[row["patient"]] == row["part"] for row in rows(path, delimiter="\t"))


def test_the_table_describes_both_splits(results):
    table2 = [rows(folder / "tables/table2.csv") for folder in splits_of(results).values()]
    summary = rows(results / "tables/repeats.csv")
    assert len(summary) == len(table2[0]) == len(table2[1])
    ran = 0
    for row, *own in zip(summary, *table2, strict=True):
        areas = [float(one["auc"]) for one in own if one["auc"]]
        assert int(row["splits"]) == sum(one["status"] == "ok" for one in own)
        if len(areas) == 2:
            ran += 1
            assert float(row["auc_mean"]) == pytest.approx(np.mean(areas), abs=1e-5)
            assert float(row["auc_sd"]) == pytest.approx(np.std(areas, ddof=1), abs=1e-5)
    assert ran >= 6
    pairs = {(row["a"], row["b"]) for row in rows(results / "tables/repeats_differences.csv")}
    assert ("2d/phase4_attention/phase3", "2d/phase3_tss4h5/random") in pairs
    assert {row["split"] for row in rows(results / "tables/repeats_splits.csv")} == {"5", "6"}
    assert "2 splits of 24 patients" in (results / "figures/repeats.svg").read_text()


def test_each_test_part_has_its_own_accesses(results):
    lines = rows(results.parent / "ledger.tsv", delimiter="\t")
    runs = {line["test_part"]: line["run"] for line in lines}
    assert sorted(runs.values()) == ["twice", "twice, split 6"]
    assert {line["access"] for line in lines} == {"1"}
    for folder in splits_of(results).values():
        own = rows(folder / "accesses.tsv", delimiter="\t")
        assert len({line["test_part"] for line in own}) == 1
        assert len(own) == len(lines) / 2


def test_every_training_of_the_phase_has_the_settings_that_its_own_validation_part_chose(results):
    for folder in splits_of(results).values():
        chosen = json.loads((folder / f"fitted/search/2d/{FIRST}.json").read_text())
        candidates = [
            json.loads((folder / f"search/2d/{FIRST}/candidate-{number}/result.json").read_text())
            for number in (1, 2)
        ]
        areas = [candidate["validation_auc"] for candidate in candidates]
        assert chosen["settings"] == {"lr": RATES[areas.index(max(areas))]}
        record = json.loads((folder / f"models/2d/{FIRST}/seed-0/run.json").read_text())
        assert record["settings"]["lr"] == chosen["settings"]["lr"]
        later = json.loads((folder / "models/2d/phase2_tss3h/phase1/seed-0/run.json").read_text())
        assert later["settings"]["lr"] == 1.0e-5
    table = rows(results / "tables/search.csv")
    assert [row["settings"] for row in table] == ["lr 0.0001", "lr 0.001"]
    assert [row["chosen"] for row in table].count("yes") == 1
    assert {row["looks"] for row in table} == {"2"}


def test_a_second_call_has_nothing_to_do(results, run_snakemake):
    process = run_snakemake(results.parents[1], *WANTED, "-n", config=CONFIG)
    assert "Nothing to be done" in process.stdout, process.stdout


def test_a_cohort_that_is_made_again_trains_nothing_in_any_split(results, run_snakemake):
    """Every phantom has an onset: the key changes no byte, so that behind the manifest nothing is stale."""
    changed = CONFIG | {"cohort": {"require_onset": False}}
    process = run_snakemake(results.parents[1], *WANTED, "--quiet", "host", config=changed)
    assert process.returncode == 0, process.stdout
    ran = {*re.findall(r"^(?:local)?(?:rule|checkpoint) (\w+):", process.stdout, re.MULTILINE)}
    assert {"cohort", "split", "repeat_split", "hemisphere_manifest"} <= ran
    assert not {"choose_settings", "phase1_stroke", "repeat_phase1_stroke", "table2", "repeat_table2"} & ran


def test_matched_hemispheres_are_of_each_split(tmp_path, run_snakemake):
    """The first training patients of the two splits differ, so that their histograms do, too."""
    intensity = {"intensity": {"matching": "bounded"}}
    config = CONFIG | {"preprocessing": CONFIG["preprocessing"] | intensity}
    wanted = ["results/twice/hemispheres/manifest.tsv"]
    process = run_snakemake(tmp_path, *wanted, "--quiet", "rules", "host", config=config)
    assert process.returncode == 0, process.stdout
    folders = splits_of(tmp_path / "results/twice")
    learned = [min(read_split(folder / "cohort/split.tsv")["train"]) for folder in folders.values()]
    assert learned[0] != learned[1]
    manifests = [rows(folder / "hemispheres/manifest.tsv", delimiter="\t") for folder in folders.values()]
    assert [row["patient"] for row in manifests[0]] == [row["patient"] for row in manifests[1]]
    assert len(manifests[0]) == 24
    assert all(one["sha256"] != other["sha256"] for one, other in zip(*manifests, strict=True))
    assert len([*folders[6].glob("hemispheres/*.npy")]) == 24

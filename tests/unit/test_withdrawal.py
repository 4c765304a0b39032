"""After a withdrawal, what names the patient is what the withdrawal said."""

import json
import os
import re
import shutil
from base64 import b64encode, urlsafe_b64encode
from pathlib import Path

import numpy as np
import pytest
import torch

from strokeclock.batches import read_batches, write_batch
from strokeclock.cli import main
from strokeclock.cohort.cells import read_columns, write_cells
from strokeclock.cohort.parts import read_parts
from strokeclock.evaluation.operating import FittedOn
from strokeclock.fitted import write_fitted
from strokeclock.imaging.hemisphere_files import open_hemispheres
from strokeclock.imaging.hemispheres import write_hemispheres, write_manifest
from strokeclock.imaging.quality_record import make_record as make_quality
from strokeclock.imaging.quality_record import write_record as write_quality
from strokeclock.imaging.quality_record import write_tables
from strokeclock.imaging.reference import Reference, write_reference
from strokeclock.predictions import read_predictions, write_predictions
from strokeclock.training.record import Parent, write_record
from strokeclock.withdrawal.description import describe
from strokeclock.withdrawal.removal import withdraw
from strokeclock.withdrawal.traces import WithdrawalError, find_traces

PARTS = {"p1": "train", "p1.5": "train", "p10": "validation", "x-p1": "test"}  # names that hold one another


@pytest.fixture
def root(tmp_path, monkeypatch, make_record):
    """A run of four patients by the writers of the workflow, and one whose cohort holds p1, too."""
    monkeypatch.chdir(tmp_path)
    run = tmp_path / "results/mine"
    hemispheres, records = {}, {}
    for patient in PARTS:
        hemispheres[patient] = {"hemispheres": f"results/mine/hemispheres/{patient}.npy"}
        records[patient] = {"record": f"results/mine/quality/{patient}.json"}
        write_hemispheres(hemispheres[patient]["hemispheres"], np.ones((2, 3, 2, 2, 2), np.float16))
        quality = make_quality(patient, numbers={"dice": 1}, automatic=("pass", ""), person=None)
        write_quality(records[patient]["record"], quality)
        (run / f"quality/{patient}.png").write_bytes(b"picture")
        (run / "preprocessed" / patient / "transforms").mkdir(parents=True)
        (run / "preprocessed" / patient / "dwi.nii.gz").write_bytes(b"volume")
        (run / "preprocessed" / patient / "transforms/a.txt").write_text("1 0 0")
    write_batch("results/mine/batches/hemispheres/b.tsv", hemispheres)
    write_batch("results/mine/batches/check/b.tsv", records)
    write_manifest([run / "batches/hemispheres/b.tsv"], run / "hemispheres/manifest.tsv")
    columns = ("patient", "site")
    write_cells(run / "cohort/cohort.tsv", columns, ((patient, "a") for patient in PARTS))
    write_cells(tmp_path / "results/other/cohort/cohort.tsv", columns, [("p1", "a")])
    write_cells(run / "cohort/entry_exclusions.tsv", ("patient", "stage", "reason"), [])
    write_cells(run / "cohort/split.tsv", ("patient", "part"), PARTS.items())
    write_tables(
        [run / "batches/check/b.tsv"],
        preprocessed=[],
        entry_exclusions=run / "cohort/entry_exclusions.tsv",
        quality=run / "quality/quality.tsv",
        exclusions=run / "cohort/exclusions.tsv",
    )
    rows = [(patient, "left", "validation", 1, 0.25) for patient in PARTS]
    write_predictions(run / "predictions/2d/phase3_tss4h5/random/seed-0.tsv", rows)
    found = [(patient, "left", "test", 1 if patient == "p10" else np.nan, 0.25) for patient in PARTS]
    write_predictions(run / "end_to_end/2d/phase3_tss4h5/random/seed-0.tsv", found)
    split = {part: [one for one in PARTS if PARTS[one] == part] for part in ("train", "validation", "test")}
    for name, participants in (("2d", split), ("medical", {})):
        folder = run / f"models/{name}/phase1_stroke/random/seed-0"
        write_record(folder / "run.json", make_record(participants=participants))
        (folder / "model.pt").write_bytes(b"weights")
    for part in ("train", "validation"):
        fitted_on = FittedOn((part,), 1, 1, 1, "", "")
        write_fitted(run / f"fitted/{part}.json", {"rows": {"a": {"fitted_on": fitted_on}}}, kind="x")
    write_reference(run / "hemispheres/reference.npz", Reference("p10", "validation", {}, {}, {}, {}))
    for folder, text in (("logs/mine", "patient p1\npatient p1.5\npatient x-p1: p10\nsee a/p1.npy.\n"),):
        (tmp_path / folder / "check").mkdir(parents=True)
        (tmp_path / folder / "check/b.log").write_text(text)
    records = {  # of Snakemake: output -> an input
        "results/mine/batches/check/b.tsv": "results/mine/hemispheres/p1.npy",
        "results/mine/gone.tsv": "results/mine/hemispheres/p1.npy",
        "results/mine/hemispheres/p1.npy": "",
        "results/mine/cohort/split.tsv": "results/mine/hemispheres/p1.5.npy",
        "results/other/cohort/cohort.tsv": "p1",
    }
    for output, used in records.items():
        record = tmp_path / ".snakemake/metadata" / encode(output)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps({"input": [used]}))
    (tmp_path / ".snakemake/log").mkdir()
    (tmp_path / ".snakemake/log/a.snakemake.log").write_text("patient p1 is excluded: x.\npatient p10\n")
    (tmp_path / ".snakemake/conda/lib").mkdir(parents=True)
    (tmp_path / ".snakemake/conda/lib/p1.json").write_text("p1")
    (run / "index.html").write_text("<td>p1</td>")
    (run / "tables").mkdir()
    (run / "tables/table2.csv").write_text("auc\n.7\n")
    return tmp_path


def encode(output):
    """Name Snakemake's record of an output, in two parts, as a long name has."""
    name = urlsafe_b64encode(output.encode()).decode()
    return f"@{name[:9]}/{name[9:]}"


def name_it(root, patient):
    """The files below a folder that grep -rw finds, or whose path names the patient alone."""
    word = re.compile(rb"(?<![\w.-])" + re.escape(patient.encode()) + rb"(?![\w-]|\.\d)")
    return {
        path.relative_to(root)
        for path in root.rglob("*")
        if path.is_file()
        and not {"other", "conda"} & {*path.parts}
        and (word.search(path.read_bytes()) or word.search(str(path.relative_to(root)).encode()))
    }


def test_afterwards_only_what_was_named_names_the_patient(root):
    before = name_it(root, "p1")
    assert len(before) > 10
    found = find_traces("p1", run="mine")
    assert name_it(root, "p1") == before  # looking changes nothing
    withdraw(found)
    other = root / ".snakemake/metadata" / encode("results/other/cohort/cohort.tsv")
    assert name_it(root, "p1") - {other.relative_to(root)} == {*found.mentions, *found.records}
    assert [str(path) for path in found.mentions] == [
        "results/mine/index.html",
        "results/mine/models/2d/phase1_stroke/random/seed-0/run.json",
    ]
    assert (root / "logs/mine/check/b.log").read_text() == "patient p1.5\npatient x-p1: p10\n"
    assert (root / ".snakemake/log/a.snakemake.log").read_text() == "patient p10\n"
    assert (root / ".snakemake/conda/lib/p1.json").exists()


def test_snakemakes_records_go_with_their_outputs(root):
    found = find_traces("p1", run="mine")
    kept = encode("results/mine/batches/check/b.tsv")
    assert [str(path) for path in found.records] == [f".snakemake/metadata/{kept}"]
    withdraw(found)
    left = {str(path.relative_to(".snakemake/metadata")) for path in _files(".snakemake/metadata")}
    assert left == {
        kept,
        encode("results/mine/cohort/split.tsv"),  # of p1.5
        encode("results/other/cohort/cohort.tsv"),
    }
    assert f".snakemake/metadata/{kept}" in "\n".join(describe(found, done=True))


def _files(folder):
    return [path for path in Path(folder).rglob("*") if path.is_file()]


def test_every_kind_of_text_and_every_state_of_a_training_is_searched(root):
    run = root / "results/mine"
    for name in ("table.tex", "half.tsv.part", "events.out.tfevents.1", "notes.md", "p10.csv"):
        (run / "tables" / name).write_bytes(b"\x00\xffp1\x00")
    for name, patients in (("a.pt", ["p1", "p10"]), ("b.pt", ["x-p1", "p1.5"])):
        torch.save({"participants": {"test": patients}}, run / "models" / name)
    (run / "figures").mkdir()
    for name in ("a.svg", "b.svg"):
        (run / "figures" / name).write_text("p1" if name == "a.svg" else "p10")
        (run / "figures" / name).with_suffix(".png").write_bytes(b"picture")
    exclusions = run / "cohort/exclusions.tsv"
    rows = [("p1", "quality", "motion"), ("p10", "entry", "the scan of patient p1; keep one")]
    write_cells(exclusions, ("patient", "stage", "reason"), rows)
    found = find_traces("p1", run="mine")
    assert {path.relative_to("results/mine").as_posix() for path in found.mentions} == {
        *(f"tables/{name}" for name in ("table.tex", "half.tsv.part", "events.out.tfevents.1")),
        *("tables/notes.md", "tables/p10.csv", "figures/a.svg", "figures/a.png", "cohort/exclusions.tsv"),
        *("index.html", "models/2d/phase1_stroke/random/seed-0/run.json"),
        "models/a.pt",  # without a record beside it
    }
    assert exclusions.relative_to(root) in found.tables


def test_a_page_that_holds_a_picture_with_the_name_is_listed(root):
    figures = root / "results/mine/figures"
    figures.mkdir()
    for name, patient in (("a", "p1"), ("b", "p10")):
        (figures / f"{name}.svg").write_text(f"<svg><text>{patient}</text></svg>")
        (figures / f"{name}.png").write_bytes(f"{patient}: pixels".encode())
    for name, picture in (("vector", "a.svg"), ("pixels", "a.png"), ("other", "b.png")):
        coded = b64encode((figures / picture).read_bytes()).decode()
        (root / f"results/mine/{name}.html").write_text(f'<img src="data:image/png;base64,{coded}">')
    mentions = {path.name for path in find_traces("p1", run="mine").mentions}
    assert {"vector.html", "pixels.html", "a.svg", "a.png"} <= mentions
    assert not {"other.html", "b.svg", "b.png"} & mentions


def test_what_learned_is_deleted_where_that_is_asked_for(root, capsys):
    learned = find_traces("p1", run="mine").learned
    assert main(["forget", "p1", "--run", "results/mine", "--learned"]) == 0
    assert "To be deleted: what learned from the patient:\n" in capsys.readouterr().out
    assert all(path.exists() for path in learned)
    assert main(["forget", "p1", "--run", "results/mine", "--learned", "--yes"]) == 0
    said = capsys.readouterr().out
    assert "Deleted: what learned from the patient:\n" in said
    assert len(learned) > 1
    assert all(str(path) in said and not path.exists() for path in learned)


def test_what_was_deleted_by_hand_is_not_listed(root):
    (root / "results/mine/models/2d/phase1_stroke/random/seed-0/model.pt").unlink()
    for patient in PARTS:
        found = find_traces(patient, run="mine")
        assert all(path.exists() for path in [*found.learned, *found.mentions, *found.records, *found.files])
        assert "model.pt" not in "\n".join(describe(found, done=False))


def test_a_network_that_started_from_one_that_learned_from_the_patient_learned_too(root, make_record):
    """Patients of unknown onset teach phase 1 alone, and what they taught is handed on."""
    models = root / "results/mine/models/2d"
    first = make_record(participants={"train": ["p1"]}, model_sha256="a" * 64)
    write_record(models / "phase1_stroke/random/seed-0/run.json", first)
    for phase, parent, digest in (
        ("2", "a" * 64, "b" * 64),
        ("3", "b" * 64, "c" * 64),
        ("4", "d" * 64, "e" * 64),
    ):
        folder = models / f"phase{phase}/before/seed-0"
        record = make_record(
            participants={"train": ["p9"]},
            parent=Parent("phase1_stroke", "random", parent),
            model_sha256=digest,
        )
        write_record(folder / "run.json", record)
        (folder / "model.pt").write_bytes(b"weights")
    learned = [path.parts[4] for path in find_traces("p1", run="mine").learned if path.name == "model.pt"]
    assert learned == ["phase1_stroke", "phase2", "phase3"]


def test_results_are_said_to_count_the_patient_as_long_as_they_do(root):
    def sentences():
        return "\n".join(describe(find_traces("p1", run="mine"), done=False))

    page, tables = root / "results/mine/index.html", [*(root / "results/mine/cohort").iterdir()]
    counted, told = "in which the patient is counted", "Remove the patient's row"
    os.utime(page, (5e9, 5e9))
    assert counted in sentences()  # the patient is in the cohort
    withdraw(find_traces("p1", run="mine"))
    shutil.rmtree(root / "results/mine/models")
    assert "No model, fitted file or bundle" not in sentences()  # fitted/train.json is still there
    assert "bundles learned from the patient cannot be told" in sentences()
    os.utime(page, (1e9, 1e9))
    assert counted in sentences()  # the page is older than the withdrawal
    assert told in sentences()
    assert sentences().endswith("Nothing is left that --yes deletes.")
    os.utime(page, (5e9, 5e9))
    assert counted not in sentences()
    assert told not in sentences()
    page.unlink()
    assert counted in sentences()  # Table 2 is older
    for table in tables:
        os.utime(table, (1e9, 1e9))
    assert counted not in sentences()


def test_the_other_patients_stay_whole(root):
    others = {patient: name_it(root, patient) for patient in ("p1.5", "p10", "x-p1")}
    withdraw(find_traces("p1", run="mine"))
    for patient, files in others.items():
        assert name_it(root, patient) == files
    left = {patient: part for patient, part in PARTS.items() if patient != "p1"}
    run = root / "results/mine"
    assert read_parts(run / "cohort/split.tsv") == left
    assert sorted(read_batches(run / "batches/check/b.tsv")) == sorted(left)
    assert sorted(open_hemispheres(run / "hemispheres/manifest.tsv", left)) == sorted(left)
    predictions = read_predictions(run / "predictions/2d/phase3_tss4h5/random/seed-0.tsv")
    assert set(predictions["patient"]) == {*left}
    found = run / "end_to_end/2d/phase3_tss4h5/random/seed-0.tsv"
    assert set(read_predictions(found, unlabelled=True)["patient"]) == {*left}
    assert len(read_columns(run / "quality/quality.tsv", "patient")) == 3


@pytest.mark.parametrize(
    ("patient", "learned", "is_reference"),
    [
        ("p1", ["fitted/train.json", "models/2d/phase1_stroke/random/seed-0/model.pt"], False),
        (
            "p10",
            [
                "fitted/validation.json",
                "hemispheres/reference.npz",
                "models/2d/phase1_stroke/random/seed-0/model.pt",
            ],
            True,
        ),
        ("x-p1", [], False),
    ],
)
def test_what_learned_from_the_patient_is_named(root, patient, learned, is_reference):
    found = find_traces(patient, run="mine")
    assert [str(path) for path in found.learned] == [f"results/mine/{path}" for path in learned]
    assert found.is_reference is is_reference
    assert found.part == PARTS[patient]
    text = "\n".join(describe(found, done=False))
    assert all(path in text for path in learned)
    assert ("matched to this patient's" in text) is is_reference
    assert f"The patient is in the {PARTS[patient]} part" in text
    assert "Remove the patient's row from the cohort sheet" in text
    assert ("Other runs hold the patient, too: other." in text) is (patient == "p1")
    assert text.endswith("repeat the command with --yes to delete.")
    assert "repeat" not in "\n".join(describe(found, done=True))


def test_unfinished_trainings_and_bundles_are_named(root):
    run = root / "results/mine"
    (run / "bundle").mkdir()
    (run / "bundle/model.zip").touch()
    (run / "models/2d/phase1_stroke/random/seed-0/latest.pt").touch()
    learned = {path.name for path in find_traces("p1", run="mine").learned}
    assert {"model.zip", "latest.pt"} <= learned
    of_test = find_traces("x-p1", run="mine")
    assert not of_test.learned
    assert run.relative_to(root) / "bundle/model.zip" in of_test.mentions  # with tokens of the test part


def test_repeated_splits_and_searches_learned_too(root, make_record):
    repeat = root / "results/mine/repeats/split-8"
    write_cells(repeat / "cohort/split.tsv", ("patient", "part"), {"x-p1": "train", "p1": "test"}.items())
    fitted_on = FittedOn(("train", "validation"), 1, 1, 1, "", "")
    for folder in (root / "results/mine", repeat):
        write_fitted(
            folder / "fitted/search/2d/phase1_stroke/random.json", {"fitted_on": fitted_on}, kind="x"
        )
    candidate = repeat / "search/2d/phase1_stroke/random/candidate-1"
    write_record(candidate / "run.json", make_record(participants={"train": ["x-p1"], "test": ["p1"]}))
    for name in ("latest", "model"):
        (candidate / f"{name}.pt").touch()
    found = find_traces("x-p1", run="mine")
    assert (found.part, found.repeat_parts) == ("test", {"split-8": "train"})
    assert [str(path) for path in found.learned] == [
        "results/mine/repeats/split-8/fitted/search/2d/phase1_stroke/random.json",
        "results/mine/repeats/split-8/search/2d/phase1_stroke/random/candidate-1/latest.pt",
        "results/mine/repeats/split-8/search/2d/phase1_stroke/random/candidate-1/model.pt",
    ]
    assert "The patient is in the train part of split-8." in [*describe(found, done=True)]
    assert repeat / "cohort/split.tsv" in [root / path for path in found.tables]
    assert find_traces("p1", run="mine").repeat_parts == {"split-8": "test"}


@pytest.mark.parametrize(
    ("patient", "run", "sentence"),
    [
        (
            "p2",
            "mine",
            "Nothing in run mine names patient 'p2': write the identifier as in the cohort sheet.",
        ),
        ("p", "mine", "names patient 'p'"),
        ("p1", "yours", "There is no run 'yours' in results/"),
        ("p1", "..", r"There is no run '\.\.'"),
        ("p1", "", "There is no run ''"),
        ("p1", "mine/cohort", "There is no run 'mine/cohort'"),
    ],
)
def test_an_unknown_patient_or_run_is_one_sentence(root, patient, run, sentence):
    with pytest.raises(WithdrawalError, match=sentence):
        find_traces(patient, run=run)


def test_a_second_withdrawal_names_what_stayed(root):
    withdraw(find_traces("p1", run="mine"))
    again = find_traces("p1", run="mine")
    assert [*again.files, *again.tables, *again.logs] == []
    assert "model.pt" in {path.name for path in again.learned}
    json.dumps([*describe(again, done=False)])


def test_the_command_lists_first_and_deletes_with_yes(root, capsys):
    before = name_it(root, "p1")
    assert main(["forget", "p1", "--run", "mine"]) == 0
    assert name_it(root, "p1") == before
    assert "To be deleted: 6 files and folders of patient p1" in capsys.readouterr().out
    assert main(["forget", "p1", "--run", "mine", "--yes"]) == 0
    assert len(name_it(root, "p1")) < len(before)
    assert "Deleted: 6 files and folders of patient p1" in capsys.readouterr().out
    assert main(["forget", "p1", "--run", "yours"]) == 2
    assert capsys.readouterr().err.count("\n") == 1

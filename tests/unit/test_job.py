"""A rule's values reach the function's parameters by name, and none is left over or missing."""

import gc
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from strokeclock.job import Job, match, run
from strokeclock.rules import JobError


class Named(dict):
    """What Snakemake gives: named values in order; a loop goes over the values."""

    def __iter__(self):
        return iter(self.values())


def job(**named):
    return Job("rule roc, script roc.py", **named)


def only(function, **named):
    """The arguments of a single function."""
    (arguments,), _ = match(job(**named), [function])
    return arguments


def compare(predictions, table, *, cohort, readers=None, seed: int = 0, net="", settings=None):
    """A function as those of src are."""


RULE = {
    "inputs": {"predictions": ["a.tsv", "b.tsv"], "cohort": "cohort.tsv"},
    "outputs": {"table": "t.csv"},
    "params": {"settings": {"bootstraps": 10}, "code": "0123"},
}


def test_values_reach_parameters_of_their_names_and_code_is_not_passed():
    assert only(compare, **RULE) == {
        "predictions": ["a.tsv", "b.tsv"],
        "table": "t.csv",
        "cohort": "cohort.tsv",
        "settings": {"bootstraps": 10},
    }


@pytest.mark.parametrize("kind", ["input", "output", "param"])
def test_what_is_left_over_is_named_with_script_and_function(kind):
    named = RULE | {f"{kind}s": RULE[f"{kind}s"] | {"reders": "r.tsv"}}
    with pytest.raises(JobError, match=rf"rule roc, script roc.py: compare takes no {kind} reders\."):
        only(compare, **named)


def test_a_parameter_without_value_is_named():
    with pytest.raises(JobError, match=r"compare has no value for cohort\."):
        only(compare, **RULE | {"inputs": {"predictions": []}})


def test_all_faults_stand_in_one_sentence():
    with pytest.raises(JobError, match="compare has no value for cohort; compare takes no input cohrt"):
        only(compare, **RULE | {"inputs": {"predictions": [], "cohrt": "cohort.tsv"}})


def test_an_input_without_files_is_the_default_or_an_empty_list():
    arguments = only(compare, **RULE | {"inputs": {"predictions": [], "cohort": "c", "readers": []}})
    assert arguments["predictions"] == []
    assert "readers" not in arguments


def test_a_list_of_one_stays_a_list_and_a_file_a_file():
    arguments = only(compare, **RULE | {"inputs": {"predictions": ["a"], "cohort": "c", "readers": "r"}})
    assert (arguments["predictions"], arguments["readers"]) == (["a"], "r")


def test_a_param_that_is_none_or_empty_is_passed():
    for value in (None, [], {}):
        assert only(compare, **RULE | {"params": {"settings": value}})["settings"] == value


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ({"test"}, "set"),
        (Path("split.tsv"), "PosixPath"),
        ({"bins": [np.arange(3)]}, "ndarray"),
        (len, "builtin_function_or_method"),
    ],
)
def test_a_param_that_snakemake_cannot_compare_is_refused(value, kind):
    with pytest.raises(JobError, match=rf"roc.py: param settings has a value of type {kind}; use numbers"):
        only(compare, **RULE | {"params": {"settings": value}})


def test_wildcards_fill_what_nothing_else_does_and_a_seed_is_a_number():
    wildcards = {"seed": "12", "net": "2d", "phase": "phase1_stroke", "cohort": "no"}
    arguments = only(compare, **RULE, wildcards=wildcards)
    assert (arguments["seed"], arguments["net"], arguments["cohort"]) == (12, "2d", "cohort.tsv")
    assert "phase" not in arguments


def test_one_name_for_two_things_is_refused():
    with pytest.raises(JobError, match="input and output are both called table"):
        only(compare, **RULE | {"inputs": RULE["inputs"] | {"table": "old.csv"}})


def test_what_the_script_gives_comes_before_the_rule():
    given = {"cohort": "other.tsv", "seed": 3}
    arguments = only(compare, **RULE, given=given, wildcards={"seed": "1"})
    assert (arguments["cohort"], arguments["seed"]) == ("other.tsv", 3)
    with pytest.raises(JobError, match="compare takes no value events"):
        only(compare, **RULE, given={"events": None})


def test_whole_inputs_and_outputs_go_to_parameters_of_these_names():
    def register(inputs, *, grid, outputs, dof):
        pass

    named = {
        "inputs": {"t2w": "a", "dwi": "b", "grid": "g"},
        "outputs": {"t2w": "c", "grid": "d"},
        "params": {"dof": 6},
    }
    assert only(register, **named) == {
        "inputs": {"t2w": "a", "dwi": "b"},
        "grid": "g",
        "outputs": {"t2w": "c", "grid": "d"},
        "dof": 6,
    }


def test_an_output_beside_all_outputs_is_passed_by_its_name_too():
    def register(*, outputs, matrix=None):
        pass

    files = {"t2w": "t2w.nii", "matrix": "m.mat"}
    assert only(register, outputs=files) == {"outputs": files, "matrix": "m.mat"}


def test_an_output_that_the_rule_calls_output_is_a_file():
    def predict(*, output):
        pass

    assert only(predict, outputs={"output": "predictions/seed-0.tsv"}) == {"output": "predictions/seed-0.tsv"}
    files = {"table": "t.csv", "page": "p.html"}
    with pytest.raises(JobError, match="predict takes no output table; predict takes no output page"):
        only(predict, outputs=files, params={"output": "elsewhere"})
    with pytest.raises(JobError, match="predict has no value for output"):
        only(predict)


def test_a_folder_of_outputs_goes_to_output():
    def train(seed: int, output):
        pass

    files = {"model": "models/seed-0/model.pt", "record": "models/seed-0/run.json"}
    assert str(only(train, outputs=files, wildcards={"seed": "0"})["output"]) == "models/seed-0"
    with pytest.raises(JobError, match="train writes into one folder"):
        only(train, outputs=files | {"record": "run.json"}, wildcards={"seed": "0"})


def test_functions_together_take_all_and_the_rest_is_saved():
    def write(predictions, table):
        pass

    def draw(table):
        pass

    named = {"inputs": {"predictions": []}, "outputs": {"table": "t.csv", "svg": "f.svg", "png": "f.png"}}
    arguments, rest = match(job(**named), [write, draw], saves=True)
    assert arguments == [{"predictions": [], "table": "t.csv"}, {"table": "t.csv"}]
    assert rest == ["f.svg", "f.png"]
    with pytest.raises(
        JobError, match="write and draw take no output svg; write and draw take no output png"
    ):
        match(job(**named), [write, draw])
    named["outputs"] = {"table": "t.csv"}
    with pytest.raises(JobError, match="no output is left for what draw returns"):
        match(job(**named), [write, draw], saves=True)


@pytest.fixture
def make_snakemake(tmp_path, monkeypatch):
    """Make the object that a script is given."""
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # log_to's goes with the test

    def make(**named):
        kinds = ("input", "output", "params", "wildcards")
        named = {kind: Named(named.get(kind, {})) for kind in kinds}
        named["wildcards"].__dict__.update(named["wildcards"])
        return SimpleNamespace(**named, log=[tmp_path / "logs/job.log"], rule="roc")

    return make


def test_a_job_logs_calls_and_saves(make_snakemake, tmp_path):
    calls = []
    table, svg = tmp_path / "t.csv", tmp_path / "f.svg"

    def write(predictions, table, *, seed: int):
        calls.append((predictions, table, seed))
        table.touch()
        return "a figure"

    def save(figure, path):
        calls.append((figure, path))
        path.touch()

    snakemake = make_snakemake(
        input={"predictions": ["p"]},
        output={"table": table, "svg": svg},
        params={"code": "0"},
        wildcards={"seed": "7"},
    )
    run(snakemake, write, save=save)
    assert calls == [(["p"], table, 7), ("a figure", svg)]
    assert (tmp_path / "logs/job.log").is_file()


def test_an_output_that_is_not_written_is_named(make_snakemake, tmp_path):
    def write(table):
        return "rows"

    table = tmp_path / "t.csv"
    with pytest.raises(JobError, match=rf"rule roc, script .*: write did not write {table}\."):
        run(make_snakemake(output={"table": table}), write)


def test_a_wrong_name_stops_the_job_before_the_function(make_snakemake):
    def write(table):
        pytest.fail("called")

    with pytest.raises(JobError, match=r"rule roc, script .*: write has no value for table; write takes no"):
        run(make_snakemake(output={"tabel": "t.csv"}), write)


@pytest.mark.parametrize(("given", "searches"), [("snakemake = None", False), ("", True)])
def test_a_script_of_a_rule_searches_for_unused_objects_only_once_it_runs(given, searches):
    code = f"{given}\nimport gc, strokeclock.job\nassert gc.isenabled() is {searches}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_job_searches_for_unused_objects(make_snakemake):
    def write():
        assert gc.isenabled()

    gc.disable()
    run(make_snakemake(), write)
    assert gc.isenabled()

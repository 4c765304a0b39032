"""Faults of the configuration's files stop before the first job, whichever file has them."""

import pytest
import yaml


@pytest.fixture
def fault(tmp_path, snakemake, monkeypatch):
    """Run Snakemake with a configuration file of this text behind the usual one; return what it said."""

    def run(text, *more):
        monkeypatch.setattr(yaml, "safe_dump", lambda config: text)  # a dictionary holds no key twice
        process = snakemake("-n", "--quiet", "rules", *more, config={})
        assert process.returncode != 0
        assert "Traceback" not in process.stdout
        return process.stdout

    return run


def test_a_key_that_stands_twice(fault):
    told = fault("run: twice\nphantom: {patients: 12}\nrun: again\n")
    assert "own.yaml line 3: key run is already in line 1: keep one." in told


def test_all_faults_of_a_file(fault):
    told = fault("run: ..\nphantom: {patients: 12.0}\nevaluation: {confidence: .nan}\n")
    assert "run cannot be '..': give a name" in told
    assert "phantom.patients cannot be 12.0, a number with decimals: write 12." in told
    assert "evaluation.confidence cannot be .nan: give a number above 0 and below 1." in told


def test_phantoms_are_not_excluded_by_a_list_for_patients(fault):
    told = fault("phantom: {patients: 12}\nsplit: {counts: null}\ncohort: {exclude: {phantom-0001: dark}}\n")
    assert "cohort.exclude names phantom-0001, but the cohort is of phantoms" in told


def test_what_the_command_line_gives_is_checked(fault):
    assert "run cannot be 2021, which YAML does not read as a text" in fault("{}\n", "--config", "run=2021")

"""files.md of docs/reference has a line for every file of a rule, tables.md the columns of every table."""

import re
from importlib import import_module
from itertools import product

import pytest
from files_pages import find_line, list_files, list_folders, list_tables, matches, read_columns

from strokeclock.command_page import list_targets

# Lines of files that no rule names: written beside an output, by other targets or by make.
BESIDE = {
    "report.zip",
    "cohort/split.before.tsv",
    "new_patient/study/…",
    "new_patient/reading/…",
    "models/<network>/<phase>/<start>/seed-<n>/latest.pt",
    "models/<network>/<phase>/<start>/seed-<n>/previous.pt",
    "phantom/<patient>/dicom/…",
    "reading/<patient>/index.html",
    "reading/<patient>/reading.json",
    "reading/<patient>/lesion.nii.gz",
}
# Table -> where the code has its columns, in strokeclock.
COLUMNS = {
    "cohort/entered.tsv": "cohort.sheet.TABLE",
    "cohort/entry_exclusions.tsv": "cohort.sheet.EXCLUSIONS",
    "cohort/protocol.tsv": "cohort.protocol.COLUMNS",
    "batches/<step>/<batch>.tsv": "batches.COLUMNS",
    "lesions/volumes.tsv": "segmentation.lesion.COLUMNS",
    "end_to_end/sides.tsv": "found_sides.COLUMNS",
    "end_to_end/unlike.tsv": "reading.own_patients.COLUMNS",
    "accesses.tsv": "evaluation.ledger.COLUMNS",
    "tables/table2.csv": "evaluation.table2.COLUMNS",
    "tables/flow.csv": "evaluation.flow.COLUMNS",
    "tables/case_mix.csv": "evaluation.case_mix.COLUMNS",
    "tables/protocol.csv": "evaluation.protocols.COLUMNS",
    "tables/missing.csv": "evaluation.missing.COLUMNS",
    "tables/training.tsv": "evaluation.training_costs.COLUMNS",
    "tables/search.csv": "evaluation.search.COLUMNS",
    "tables/accuracy.csv": "evaluation.accuracy.COLUMNS",
    "tables/wanted_rates.csv": "evaluation.wanted_rates.COLUMNS",
    "tables/comparisons.csv": "evaluation.comparison.COLUMNS",
    "tables/interactions.csv": "evaluation.interactions.COLUMNS",
    "tables/subgroups.csv": "evaluation.subgroups.COLUMNS",
    "tables/readers.csv": "evaluation.assisted.COLUMNS",
    "tables/sample_size.csv": "evaluation.sample_size.COLUMNS",
    "tables/sides.csv": "evaluation.side.COLUMNS",
    "tables/calibration.csv": "evaluation.calibration.COLUMNS",
    "tables/reliability.csv": "evaluation.calibration.BINS",
    "tables/decision_curve.csv": "evaluation.decision.COLUMNS",
    "tables/abstention.csv": "evaluation.abstention.COLUMNS",
    "tables/end_to_end.csv": "evaluation.end_to_end.COLUMNS",
    "tables/gradcam_overlap.csv": "explanation.overlap.COLUMNS",
    "tables/occlusion.csv": "explanation.occlusion.COLUMNS",
    "tables/ml_baseline.csv": "evaluation.ml_table.COLUMNS",
    "tables/worst_errors.csv": "evaluation.worst_errors.COLUMNS",
    "tables/repeats.csv": "evaluation.repeats.COLUMNS",
    "tables/repeats_differences.csv": "evaluation.repeats.DIFFERENCES",
    "tables/repeats_splits.csv": "evaluation.repeats.SPLITS",
    "tables/checklists.csv": "report.checklists.write.COLUMNS",
    "reading/patients.tsv": "reading.batch.COLUMNS",
    "external/readings.tsv": "evaluation.external.readings.COLUMNS",
    "external/tables/external.csv": "evaluation.external.performance.COLUMNS",
    "external/tables/external_reliability.csv": "evaluation.external.performance.RELIABILITY",
    "external/tables/external_subgroups.csv": "evaluation.external.subgroups.COLUMNS",
    "external/tables/external_decision.csv": "evaluation.external.decision.COLUMNS",
    "external/tables/external_flow.csv": "evaluation.external.flow.COLUMNS",
    "external/tables/external_case_mix.csv": "evaluation.external.case_mix.COLUMNS",
}
# The other tables are compared in the integration tests, with the files of a run.
OF_A_RUN = {
    "cohort/cohort.tsv",
    "cohort/split.tsv",
    "quality/quality.tsv",
    "hemispheres/manifest.tsv",
    "models/<network>/<phase>/<start>/seed-<n>/history.tsv",
    "predictions/<row>/seed-<n>.tsv",
    "end_to_end/detected.tsv",
    "radiomics/<batch>.tsv",
    "radiomics/<phase>_cross_validated.tsv",
    "tables/table1.csv",
    "phantom/cohort.tsv",
    "phantom/readers.tsv",
    "derivatives/truth.tsv",
}


@pytest.fixture(scope="module")
def made(rules):
    """Every file of every rule, below results/<run>/; an example in place of each wildcard."""
    files = {file for listed in rules.values() for rule in listed.values() for file in rule["files"]}
    choices = product(files, ("", "/fold-1"), ("fig6", "fig7", "fig8"))
    return sorted({_fill(file, fold=fold, figure=figure) for file, fold, figure in choices})


def _fill(file, **words):
    words |= {"batch": "b01", "seed": "0", "repeat": "1", "candidate": "1"}
    path = re.sub(r"\{(\w+)\}", lambda word: words.get(word[1], word[1]), file)
    return path.removeprefix("results/names/")


def test_every_file_of_a_rule_has_a_line(made):
    assert len(made) > 200
    unknown = [path for path in made if not find_line(path)]
    assert not unknown, "without a line in docs/reference/files.md"


def test_every_line_is_of_a_file(made):
    lines = list_files()
    assert len(lines) == len({*lines})
    assert BESIDE.issubset(lines)
    others = [line for line in lines if not any(matches(line, path) for path in made)]
    assert {*others} == BESIDE, "docs/reference/files.md names what no rule makes"


def test_the_tree_has_every_folder():
    assert list_folders() == {line.partition("/")[0] for line in list_files() if "/" in line}


def test_every_table_of_a_rule_has_its_columns(made):
    tables = [path for path in made if path.endswith((".csv", ".tsv")) and not path.startswith("repeats/")]
    unknown = [path for path in tables if not any(matches(name, path) for name in list_tables())]
    assert not unknown, "without its columns in docs/reference/tables.md"


def test_every_section_is_compared_with_the_code():
    assert {*read_columns()} == {*COLUMNS} | OF_A_RUN


@pytest.mark.parametrize("table", COLUMNS)
def test_the_columns_are_those_of_the_code(table):
    module, _, name = COLUMNS[table].rpartition(".")
    assert read_columns()[table] == {*getattr(import_module(f"strokeclock.{module}"), name)}


def test_the_quality_columns_are_those_of_the_code():
    from strokeclock.imaging.quality_record import NUMBERS, VERDICT

    assert read_columns()["quality/quality.tsv"] == {*VERDICT, *NUMBERS}


def test_every_target_of_the_workflow_is_on_the_page_of_the_command_line(rules, root):
    targets = {name for listed in rules.values() for name, rule in listed.items() if not rule["outputs"]}
    assert {*list_targets(root)} == targets - {"whole_run"}

"""What a run answers: its own facts, and nothing that it did not do."""

import re

import pandas as pd
import pytest

from strokeclock.report.checklists.answer import (
    AUTHORS,
    DOCUMENTATION,
    DOES_NOT_APPLY,
    IN_PART,
    NOT_DONE,
    RUN,
    STATES,
    Answer,
    by_authors,
    enumerate_words,
    with_authors,
)
from strokeclock.report.checklists.write import ChecklistError, check_places
from strokeclock.statements import STATEMENTS

MADE_UP = re.compile(r"synthetic|phantom|simulat|by construction", re.IGNORECASE)
ALL_SAID = {key: f"Said of {key}" for key in STATEMENTS}

# File that is taken away -> the answer that loses it, its state without it, and words that go with it.
LOST = [
    ("tables/calibration.csv", "measures", RUN, "Brier score"),
    ("tables/decision_curve.csv", "measures", RUN, "net benefit"),
    ("tables/accuracy.csv", "measures", RUN, "likelihood ratios"),
    ("tables/readers.csv", "measures", RUN, "readers' results"),
    ("tables/comparisons.csv", "uncertainty", IN_PART, "Holm"),
    ("tables/gradcam_overlap.csv", "explainability", IN_PART, "is tested"),
    ("tables/occlusion.csv", "robustness", RUN, "lesion replaced"),
    ("tables/repeats.csv", "robustness", RUN, "repeated divisions"),
    ("tables/repeats.csv", "variability", RUN, "repeated divisions"),
    ("tables/end_to_end.csv", "robustness", RUN, "side found"),
    ("tables/end_to_end.csv", "missing_results", RUN, "failures"),
    ("tables/end_to_end.csv", "indeterminate", RUN, "as outcomes"),
    ("tables/abstention.csv", "indeterminate", RUN, "abstaining near"),
    ("tables/worst_errors.csv", "failure_analysis", IN_PART, "worst errors are listed"),
    ("tables/worst_errors.csv", "error_and_fairness", IN_PART, "the worst errors"),
    ("tables/interactions.csv", "error_and_fairness", RUN, "differences between groups"),
    ("tables/subgroups.csv", "fairness_methods", RUN, "age and sex are measured"),
    ("tables/subgroups.csv", "performance", IN_PART, "Groups by age and sex are"),
    ("tables/subgroups.csv", "variability", RUN, "groups by age, sex and site"),
    ("tables/search.csv", "model_building", RUN, "a search of their settings, which"),
    ("tables/search.csv", "training", RUN, "a search of their settings, which"),
    ("tables/sample_size.csv", "sample_size", NOT_DONE, "A table gives"),
    ("tables/case_mix.csv", "characteristics_by_part", IN_PART, "the patients of each part"),
    ("tables/missing.csv", "missing_data", RUN, "Missing values are counted"),
    ("figures/flow", "flow_diagram", IN_PART, ""),
    ("bundle/model.zip", "specification", NOT_DONE, "One file"),
    ("bundle/model.zip", "intended_use", IN_PART, "model card"),
    ("predictions/clinical", "index_blinding", IN_PART, "clinical baseline"),
    ("predictions/clinical", "missing_data", RUN, "median"),
    ("predictions/ml", "predictors", RUN, "radiomics"),
    ("predictions", "prediction_calculation", NOT_DONE, "stored weights"),
    ("predictions", "outputs_stored", NOT_DONE, "Every score"),
    ("models", "training", NOT_DONE, "stopping rule"),
    ("models", "model_building", NOT_DONE, "trained in phases"),
    ("models", "architecture", NOT_DONE, "classify"),
    ("models", "index_development", NOT_DONE, "trained in phases"),
    ("predictions", "index_blinding", NOT_DONE, "images alone"),
    ("lesions/volumes.tsv", "annotators", IN_PART, "Drawn by a person"),
    ("models", "initialisation", NOT_DONE, "random weights"),
    ("cohort/protocol.tsv", "acquisition", NOT_DONE, "Siemens"),
    ("cohort/protocol.tsv", "acquisition_and_preparation", IN_PART, "Siemens"),
    ("quality/quality.tsv", "preparation", RUN, "Verdicts"),
    ("external", "external_testing", NOT_DONE, "was tested on"),
    ("external", "external_differences", NOT_DONE, "standardised"),
    ("external", "objectives", IN_PART, "external cohort"),
    ("external", "updating_methods", RUN, "recalibration"),
    ("external", "development_and_evaluation", RUN, "differs stands in a table"),
]
OF_TABLE2 = (
    *("uncertainty", "measures", "internal_testing", "indeterminate", "performance", "performance_by_part"),
    *("accuracy_estimates", "cross_tabulation", "failure_analysis", "cutoffs", "numbers_analysed"),
    *("ensembling", "model_output"),
)


def test_every_place_is_there(asked, places):
    for answers, files in (
        (asked.answers(), asked.files),
        (asked.bare(), [name for name in asked.files if name.startswith("cohort/")]),
        (asked.of_patients().answers(), asked.files),
        (asked.of_patients().bare(), [name for name in asked.files if name.startswith("cohort/")]),
    ):
        check_places(answers, files=files, **places)


@pytest.mark.parametrize(
    "place",
    [
        "tables/table9.csv",
        "index.html#tables",
        "docs/evaluations.md",
        "docs/methods/paper.md#cohorts",
        "tables/x.csv#a",
    ],
)
def test_a_place_that_is_not_there_is_refused(places, place):
    answers = {"flow": Answer(RUN, "Told.", ("index.html#methods", "docs/methods/paper.md#cohort", place))}
    with pytest.raises(ChecklistError, match=f"the answer flow names {place}, which there is not"):
        check_places(answers, files=["tables/table2.csv"], **places)


def test_no_answer_names_a_file_that_the_run_lacks(asked, places):
    for name in asked.files:
        if name in ("cohort/cohort.tsv", "cohort/split.tsv", "cohort/exclusions.tsv"):
            continue
        answers = asked.answers(without=(name,))
        check_places(answers, files=[one for one in asked.files if one != name], **places)


def test_every_table_and_picture_that_is_made_is_named_by_some_answer(asked):
    named = {place for answer in asked.answers().values() for place in answer.where}
    kinds = ("tables/", "figures/", "external/")
    assert not [name for name in asked.files if name.startswith(kinds) and name not in named]


@pytest.mark.parametrize(
    ("file", "answer", "state", "words"), LOST, ids=[f"{one[1]}: {one[0]}" for one in LOST]
)
def test_without_a_file_nothing_is_said_of_it(asked, file, answer, state, words):
    asked.config["split"]["external"] = {"site": ["B"]}
    asked.of_patients()
    told, untold = asked.answers()[answer], asked.answers(without=(file,))[answer]
    assert words in told.text
    named = any(place.startswith(file) for place in told.where)
    assert named or file.startswith(("predictions", "models", "external"))
    assert untold.state == state
    assert not words or words not in untold.text
    assert not any(place.startswith(file) for place in untold.where)


def test_a_table_that_says_not_run_counts_as_none(asked):
    asked.write("tables/worst_errors.csv", "a,note\n,not run: no row with the target TSS < 4.5 h\n")
    asked.write("tables/repeats.csv", "a,note\n")
    answers = asked.answers()
    assert answers["failure_analysis"].state == IN_PART
    assert "repeated" not in answers["robustness"].text


@pytest.mark.parametrize("answer", OF_TABLE2)
def test_without_an_evaluated_row_nothing_was_measured(asked, answer):
    assert asked.answers()[answer].state != NOT_DONE
    asked.write(
        "tables/table2.csv", "stage,model,start,status\nphase3_tss4h5,2d,random,not run: no patients\n"
    )
    found = asked.answers()[answer]
    assert (found.state, found.where) == (NOT_DONE, ())
    assert found.text == "No row of Table 2 was evaluated."


def test_groups_that_are_too_small_are_not_called_measured(asked):
    asked.write("tables/subgroups.csv", "variable,group,auc,note\nage,< 70,,too few\nall,all,0.7,\n")
    answers = asked.answers(without=("external",))
    assert answers["heterogeneity"] == Answer(
        NOT_DONE, "The cohort sheet names 2 sites, but no site is measured by itself.", ("cohort/cohort.tsv",)
    )
    assert answers["performance"].state == IN_PART
    assert answers["fairness_methods"].text.endswith("no group by age or sex was measured.")


@pytest.mark.parametrize(
    ("sites", "text"),
    [
        (["A", "B"], "The cohort sheet names 2 sites, but no site is measured by itself."),
        (["A", "A"], "The cohort sheet names one site."),
        ([None, None], "The cohort sheet names no site."),
    ],
)
def test_without_groups_by_site_nothing_is_said_of_sites(asked, sites, text):
    cohort = pd.read_csv(asked.folder / "cohort/cohort.tsv", sep="\t")
    cohort["site"] = sites * 20
    asked.write("cohort/cohort.tsv", cohort.to_csv(sep="\t", index=False))
    answers = asked.answers(without=("tables/subgroups.csv", "external"))
    assert (answers["heterogeneity"].state, answers["heterogeneity"].text) == (NOT_DONE, text)
    assert answers["heterogeneity_methods"].state == NOT_DONE


def test_real_patients_are_never_called_synthetic(asked):
    for answers in (asked.of_patients().answers(), asked.of_patients().bare()):
        assert not {name: found.text for name, found in answers.items() if MADE_UP.search(found.text)}
        assert not [name for name, found in answers.items() if found.state == DOES_NOT_APPLY]


def test_synthetic_patients_are_called_so_and_nobody_is_invented(asked):
    answers = asked.answers()
    assert answers["data_source"].text.startswith(
        "41 synthetic patients (phantoms of the simulated hospital siemens"
    )
    for name in (
        "ethics",
        "dates",
        "recruitment",
        "treatments",
        "adverse_events",
        "annotators",
        "study_design",
    ):
        assert answers[name].state == DOES_NOT_APPLY, name
    assert answers["representativeness"].text.startswith("No: phantoms represent no population.")
    assert "The readers of the mismatch are simulated." in answers["predictor_assessors"].text
    assert answers["limitations"].text.startswith("All patients are synthetic")


def test_readers_are_asked_for_where_there_are_readers(asked):
    asked.of_patients()
    assert "key readers" in asked.answers()["index_blinding"].text
    asked.write(
        "tables/table2.csv", "".join(line for line in asked.table2.splitlines(True) if "readers" not in line)
    )
    assert asked.answers()["index_blinding"].state == RUN
    assert "McNemar" not in asked.answers()["uncertainty"].text


def test_a_test_of_another_bundle_is_no_test_of_this_model(asked):
    assert asked.answers()["external_testing"].text == (
        "The frozen bundle was tested on 4 patients of an external cohort."
    )
    asked.config["external"]["bundle"] = "other/model.zip"
    assert asked.answers()["external_testing"].state == NOT_DONE
    assert not [
        one for answer in asked.answers().values() for one in answer.where if one.startswith("external/")
    ]


def test_the_authors_are_asked_for_what_only_they_know(asked):
    answers = asked.of_patients().answers()
    for key in ("title", "funding", "ethics", "registration", "conflicts", "protocol"):
        assert answers[key].state == NOT_DONE
        assert (
            answers[key].text == f"The authors must write {STATEMENTS[key]} (report.statements, key {key})."
        )
    answers = asked.answers(statements={"funding": "Nobody paid", "ethics": "Approved: 7/2021."})
    assert answers["funding"] == Answer(AUTHORS, "Nobody paid.")
    assert answers["ethics"] == Answer(AUTHORS, "Approved: 7/2021.")
    assert answers["title"].state == NOT_DONE


def test_every_statement_is_told_somewhere_and_completes_an_answer(asked):
    silent = asked.of_patients().answers(without=("tables/sample_size.csv",))
    said = asked.answers(statements=ALL_SAID, without=("tables/sample_size.csv",))
    for key in STATEMENTS:
        changed = [name for name in said if f"Said of {key}." in said[name].text]
        assert changed, key
        assert all(silent[name].state in (NOT_DONE, IN_PART, RUN, DOCUMENTATION) for name in changed)
    assert not [name for name, found in said.items() if "report.statements" in found.text]


def test_an_answer_without_its_statement_answers_in_part():
    known = Answer(RUN, "Known.", ("cohort/cohort.tsv",))
    assert with_authors(known, "setting", {"setting": "One centre"}) == Answer(
        RUN, "Known. The authors: One centre.", ("cohort/cohort.tsv",)
    )
    assert with_authors(known, "setting", {}).state == IN_PART
    assert by_authors("setting", {}).state == NOT_DONE


def test_the_numbers_are_the_runs_own(asked):
    answers = asked.answers()
    assert answers["flow"].text == (
        "41 patients entered; 1 patient was excluded (1 at entry). 24 patients for training, 3 for "
        "validation and 9 for test had a known onset. TSS < 4.5 h held for 4, 2 and 2 of them. External "
        "cohort: 4 patients."
    )
    assert answers["disjointness"].text.startswith(
        "The person: none is in two parts (compared: 40 patients of 40 persons)."
    )
    assert "(GE 1.5 T in 1 and Siemens 3 T in 1)" in answers["devices"].text
    assert "simulated scanners: GE 1.5 T in 1 and Siemens 3 T in 1" in answers["acquisition"].text
    assert answers["preparation"].text.endswith("Verdicts of the quality checks: 2 pass and 1 review.")
    assert answers["performance"].text.startswith(
        "Evaluated on the test part (9 patients): 4 rows of Table 2; the AUC of TSS < 4.5 h is .61 to .75 (2 "
        "rows of networks)."
    )
    assert "Some row was evaluated 2 times on this test part." in answers["limitations"].text
    assert "torch 9.9.9" in answers["devices"].text
    assert answers["alternatives"].text.startswith(
        "The condition is TSS < 4.5 h. Without it: 28 patients, who have a stroke with a longer time since "
        "onset"
    )


def test_severity_is_of_those_with_the_condition_and_of_ten_at_least(asked):
    assert asked.answers()["severity"].state == NOT_DONE  # eight patients
    cohort = pd.read_csv(asked.folder / "cohort/cohort.tsv", sep="\t")
    cohort["onset_to_mri_min"] = [20 * k for k in range(1, 41)]  # 1 to 13 are below 270 minutes
    cohort.loc[0, "nihss"] = None
    cohort.loc[39, "onset_to_mri_min"] = 25  # of the external cohort
    asked.write("cohort/cohort.tsv", cohort.to_csv(sep="\t", index=False))
    assert asked.answers()["severity"].text == (
        "Of the 13 patients with TSS < 4.5 h: NIHSS 7.5 (quartiles 4.75 and 10.2; 1 missing); lesion volume "
        "in mL 7 (quartiles 4 and 10)."
    )
    found = asked.answers(without=("lesions/volumes.tsv",))["severity"]
    assert (found.state, "lesion volume" in found.text) == (IN_PART, False)


def test_a_person_in_two_parts_is_told(asked):
    cohort = pd.read_csv(asked.folder / "cohort/cohort.tsv", sep="\t")
    cohort["person"] = cohort["patient"].replace({"p03": "p04"})  # training and test
    asked.write("cohort/cohort.tsv", cohort.to_csv(sep="\t", index=False))
    assert asked.answers()["disjointness"] == Answer(
        NOT_DONE, "Scans of 1 person are in several parts.", ("cohort/split.tsv",)
    )


@pytest.mark.parametrize(
    ("change", "answer", "said"),
    [
        ({"evaluation": {"threshold": "test"}}, "cutoffs", "on the test part itself, which is optimistic"),
        ({"evaluation": {"threshold": "test"}}, "limitations", "chosen on the test part itself"),
        ({"evaluation": {"threshold": "fixed", "fixed_threshold": 0.4}}, "model_output", "fixed at 0.4"),
        ({"evaluation": {"confidence": 0.9}}, "accuracy_estimates", "with 90% intervals"),
        ({"split": {"file": "split.tsv"}}, "partitions", "divided by a given list"),
        ({"training": {"seeds": [7]}}, "ensembling", "one training (one seed)"),
        ({"models": {"channels": ["dwi", "t2w"]}}, "eligibility", "needs DWI and b0 (or ADC), a known"),
        ({"cohort": {"require_onset": False}}, "eligibility", "(or ADC) and FLAIR; then"),
        ({"bundle": {"licence": "CC0-1.0"}}, "specification", "(licence CC0-1.0)"),
        ({"bundle": {"rows": ["ratio/phase3_tss4h5/flair"]}}, "selection", "named the bundle's rows (ratio/"),
        (
            {"preprocessing": {"intensity": {"normalisation": "none"}}},
            "preparation",
            "and registration to the atlas (",
        ),
        ({"phantom": {"space": "template"}}, "preparation", "Registered volumes were made directly"),
        ({"models": {"view": "brain"}}, "subsets", "box around the atlas's brain"),
    ],
)
def test_a_changed_setting_changes_the_answer(asked, change, answer, said):
    before = asked.answers()[answer].text
    for group, keys in change.items():
        for key, value in keys.items():
            inner = asked.config[group][key]
            asked.config[group][key] = inner | value if isinstance(value, dict) else value
    assert said in asked.answers()[answer].text
    assert said not in before


def test_without_a_search_the_settings_are_those_of_the_recipe(asked):
    asked.config["recipe"] = "tuned"
    assert "recipe" not in asked.answers()["model_building"].text
    found = asked.answers(without=("tables/search.csv",))["model_building"].text
    assert "with the settings of the recipe “tuned” and without a search" in found


def test_the_epoch_that_is_kept_is_chosen_by_the_validation_part_or_is_the_last(asked):
    assert "the validation part chooses the epoch" in asked.answers()["selection"].text
    for phase in asked.facts().tasks:
        asked.config["training"][phase]["selection"] = "last"
    assert "the last epoch's weights are kept" in asked.answers()["selection"].text


def test_answers_are_sentences(asked):
    for answers in (asked.answers(), asked.bare(), asked.of_patients().answers(), asked.of_patients().bare()):
        for name, found in answers.items():
            assert found.state in STATES, name
            assert found.text[0].isupper() or found.text[0].isdigit(), (name, found.text)
            assert found.text.endswith("."), (name, found.text)
            assert not re.search(
                r"  |\bnan\b|None\b(?!:)|\.\.|  |\{|\(\)", found.text.removeprefix("None:")
            ), (
                name,
                found.text,
            )
            assert len(set(found.where)) == len(found.where), name


def test_words_are_listed():
    assert [enumerate_words(words) for words in ((), ("a",), ("a", "b"), "abc")] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]

"""Answers about the evaluation: measures, results, groups, errors, and what was not tested."""

from strokeclock.report.checklists.answer import (
    Answer,
    by_run,
    count,
    enumerate_words,
    in_part,
    not_done,
)
from strokeclock.report.checklists.facts import Facts

_TABLE2 = "tables/table2.csv"
_SUBGROUPS = "tables/subgroups.csv"
_CALIBRATION = "tables/calibration.csv"
_DECISION = "tables/decision_curve.csv"
_COMPARISONS = "tables/comparisons.csv"
_ABSTENTION = "tables/abstention.csv"
_END_TO_END = "tables/end_to_end.csv"
_ERRORS = "tables/worst_errors.csv"
_INTERACTIONS = "tables/interactions.csv"
_OCCLUSION = "tables/occlusion.csv"
_OVERLAP = "tables/gradcam_overlap.csv"
_REPEATS = "tables/repeats.csv"
_ACCURACY = "tables/accuracy.csv"
_READERS = "tables/readers.csv"
_FAR = "external/tables/external.csv"
_FAR_SUBGROUPS = "external/tables/external_subgroups.csv"
_NO_ROW = "No row of Table 2 was evaluated."
# Variables of tables/subgroups.csv that describe people, and the one that describes clusters.
_PEOPLE, _SITE = ("age", "sex"), "site"


def measures(facts: Facts) -> Answer:
    if not facts.rows:
        return not_done(_NO_ROW)
    kinds = {
        _TABLE2: "sensitivity, specificity, accuracy and AUC beside the paper's printed values (Table 2)",
        _ACCURACY: "predictive values and likelihood ratios",
        _CALIBRATION: "Brier score, calibration line and reliability",
        _DECISION: "net benefit",
        _COMPARISONS: "paired tests between rows",
        _READERS: "the readers' results",
    }
    used = facts.made(*kinds)
    return by_run(
        f"{_begin(enumerate_words(kinds[name] for name in used))}.",
        *used,
        *facts.figure("fig8"),
        "index.html#methods",
        "docs/methods/evaluation.md",
    )


def _begin(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def uncertainty(facts: Facts) -> Answer:
    if not facts.rows:
        return not_done(_NO_ROW)
    confidence = f"{facts.config['evaluation']['confidence']:.0%}"
    text = (
        f"{confidence} intervals: Wilson's for proportions, DeLong's for AUC, bootstraps of patients where "
        "hemispheres are counted."
    )
    where = (_TABLE2, "docs/methods/evaluation.md#on-which-patients-and-how", "index.html#provenance")
    if facts.has(_COMPARISONS):
        readers = ", with readers McNemar's exact test," if facts.reader_rows else ""
        return by_run(
            f"{text} Differences: DeLong's paired test{readers} corrected after Holm.",
            *where,
            _COMPARISONS,
        )
    return in_part(f"{text} Differences between rows were not tested.", *where)


def heterogeneity_methods(facts: Facts) -> Answer:
    return _by_site(facts, "The models' parameters are not compared between sites.")


def heterogeneity(facts: Facts) -> Answer:
    return _by_site(facts, "")


def _by_site(facts: Facts, further: str) -> Answer:
    if _SITE in facts.groups():
        text = f"AUC, sensitivity and specificity are given for each site of the cohort. {further}"
        return by_run(text.strip(), _SUBGROUPS)
    if facts.is_tested_externally and facts.has(_FAR_SUBGROUPS):
        text = f"AUC and accuracy are given for each external site that is large enough. {further}"
        return by_run(text.strip(), _FAR_SUBGROUPS)
    sites = {0: "names no site", 1: "names one site"}.get(facts.sites, f"names {facts.sites} sites")
    reason = "" if facts.sites < 2 else ", but no site is measured by itself"
    return not_done(f"The cohort sheet {sites}{reason}.", "cohort/cohort.tsv")


def robustness(facts: Facts) -> Answer:
    seeds = len(facts.config["training"]["seeds"])
    shown = {
        "the spread over seeds": (_TABLE2,) if seeds > 1 and facts.rows else (),
        "repeated divisions and trainings": facts.made(_REPEATS),
        "groups by field strength": (_SUBGROUPS,) if "field strength" in facts.groups() else (),
        "images with the lesion replaced": facts.made(_OCCLUSION),
        "the side found instead of given, with failures as outcomes": facts.made(_END_TO_END),
    }
    done = [what for what, where in shown.items() if where]
    if not done:
        return not_done("No analysis of robustness was made.")
    where = dict.fromkeys(name for places in shown.values() for name in places)
    return by_run(f"Reported: {enumerate_words(done)}.", *where)


def explainability(facts: Facts) -> Answer:
    drawn, overlap = facts.figure("fig9"), facts.made(_OVERLAP)
    if not drawn and not overlap:
        return not_done("No map of Grad-CAM was made.")
    layer = facts.config["evaluation"]["gradcam_layer"]
    where = (*drawn, *overlap, *facts.made(_OCCLUSION), "docs/methods/evaluation.md#grad-cam-and-occlusion")
    text = f"Grad-CAM at the {layer} convolutional stage."
    if overlap:
        return by_run(f"{text} It is tested: the maps are compared with the lesion and with chance.", *where)
    return in_part(f"{text} The maps were not compared with the lesions.", *where)


def internal_testing(facts: Facts) -> Answer:
    if not facts.rows:
        return not_done(_NO_ROW)
    curves = facts.curves[:1]
    return in_part(
        f"{_tested(facts)} Networks' losses on training and validation part stand in the training curves; "
        "measures of performance on the training part are not computed.",
        _TABLE2,
        *curves,
        "index.html#training",
    )


def _tested(facts: Facts) -> str:
    """How many rows of Table 2 were tested on how many patients, and the networks' AUCs."""
    found = f"; {facts.aucs_in_words}" if facts.aucs_in_words else ""
    return (
        f"Evaluated on the test part ({count(facts.people.parts['test'], 'patient')}): "
        f"{count(len(facts.rows), 'row')} of Table 2{found}."
    )


def external_testing(facts: Facts) -> Answer:
    if facts.is_tested_externally:
        return by_run(
            f"The frozen bundle was tested on {count(facts.people.external, 'patient')} of an external "
            "cohort.",
            *facts.made(_FAR, "external/tables/external_flow.csv", _FAR_SUBGROUPS),
            "docs/methods/evaluation.md#external-test",
        )
    return not_done(
        "No external cohort was tested in this run (snakemake external), so that nothing is known of other "
        "hospitals.",
        "docs/methods/evaluation.md#external-test",
    )


def fairness_methods(facts: Facts) -> Answer:
    measured = [name for name in _PEOPLE if name in facts.groups()]
    if measured:
        return by_run(
            f"Nothing changes a model towards fairness. Groups by {enumerate_words(measured)} are measured "
            "at the row's own threshold.",
            _SUBGROUPS,
        )
    return by_run(
        "Nothing changes a model towards fairness, and no group by age or sex was measured.",
        *facts.made(_SUBGROUPS),
    )


def error_and_fairness(facts: Facts) -> Answer:
    measured = [name for name in _PEOPLE if name in facts.groups()]
    shown = {
        "the worst errors": facts.made(_ERRORS),
        f"groups by {enumerate_words(measured)}": (_SUBGROUPS,) if measured else (),
        "tests of differences between groups": facts.made(_INTERACTIONS),
    }
    done = [what for what, where in shown.items() if where]
    where = dict.fromkeys(name for places in shown.values() for name in places)
    if not done:
        return not_done("Neither errors nor groups by age or sex were analysed.")
    if facts.has(_ERRORS) and measured:
        return by_run(f"Reported: {enumerate_words(done)}.", *where)
    lacking = "no group by age or sex was measured" if not measured else "single errors were not analysed"
    return in_part(f"Reported: {enumerate_words(done)}; {lacking}.", *where)


def variability(facts: Facts) -> Answer:
    groups = sorted(facts.groups())
    shown = {
        f"groups by {enumerate_words(groups)}": (_SUBGROUPS,) if groups else (),
        "tests of differences between groups": facts.made(_INTERACTIONS),
        "repeated divisions and trainings": facts.made(_REPEATS),
        "images with the lesion replaced": facts.made(_OCCLUSION),
    }
    done = [what for what, where in shown.items() if where]
    if not done:
        return not_done("No group was measured, and no other analysis of variability was made.")
    where = dict.fromkeys(name for places in shown.values() for name in places)
    return by_run(
        f"Reported: {enumerate_words(done)}. They are fixed in the software, not chosen by the results.",
        *where,
        "docs/methods/evaluation.md#statistics-beyond-the-paper",
    )


def indeterminate(facts: Facts) -> Answer:
    if not facts.rows:
        return not_done(_NO_ROW)
    text = "In Table 2 every score is called, also one near the threshold: no result is indeterminate."
    further = {
        _ABSTENTION: "What abstaining near the threshold would give stands in a table.",
        _END_TO_END: "A further table counts abstentions and failures as outcomes.",
    }
    found = facts.made(*further)
    return by_run(" ".join([text, *(further[name] for name in found)]), _TABLE2, *found)


def performance(facts: Facts) -> Answer:
    if not facts.rows:
        return not_done(_NO_ROW)
    people = [name for name in _PEOPLE if name in facts.groups()]
    text = f"{_tested(facts)} All measures have intervals."
    where = (_TABLE2, *facts.figure("fig8"), *facts.made(_SUBGROUPS))
    if people:
        return by_run(f"{text} Groups by {enumerate_words(people)} are measured, too.", *where)
    return in_part(f"{text} No group by age or sex was measured.", *where)


def performance_by_part(facts: Facts) -> Answer:
    if not facts.rows:
        return not_done(_NO_ROW)
    return in_part(
        f"{_tested(facts)} Each training records the networks' AUC or loss on the validation part; "
        "performance on the training part is not computed.",
        _TABLE2,
        "index.html#training",
        *facts.made(_SUBGROUPS),
    )


def accuracy_estimates(facts: Facts) -> Answer:
    if not facts.rows:
        return not_done(_NO_ROW)
    confidence = f"{facts.config['evaluation']['confidence']:.0%}"
    return by_run(
        f"{_tested(facts)} Table 2 gives sensitivity, specificity, accuracy and AUC with {confidence} "
        "intervals and the number of positives.",
        _TABLE2,
        *facts.made(_ACCURACY, _CALIBRATION, _SUBGROUPS),
        *facts.figure("fig8"),
    )


def cross_tabulation(facts: Facts) -> Answer:
    if not facts.rows:
        return not_done(_NO_ROW)
    return by_run(
        "Table 2 counts true positives, false negatives, true negatives and false positives of each row.",
        _TABLE2,
        *facts.made("tables/reliability.csv"),
    )


def failure_analysis(facts: Facts) -> Answer:
    if not facts.rows:
        return not_done(_NO_ROW)
    if facts.has(_ERRORS):
        return by_run(
            "Table 2 counts both kinds of errors; the worst errors are listed.",
            _TABLE2,
            _ERRORS,
            *facts.figure("worst_errors"),
        )
    return in_part("Table 2 counts both kinds of errors; no single error is shown.", _TABLE2)

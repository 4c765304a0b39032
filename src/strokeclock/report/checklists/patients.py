"""Answers about the patients: where they come from, who they are, how they went through the study."""

import pandas as pd

from strokeclock.cohort.labels import has_onset, label_time
from strokeclock.report.checklists.answer import (
    Answer,
    by_authors,
    by_run,
    count,
    does_not_apply,
    enumerate_words,
    in_part,
    not_done,
    with_authors,
)
from strokeclock.report.checklists.facts import FEWEST, Facts
from strokeclock.series import SERIES

_EXCLUSIONS = "cohort/exclusions.tsv"
_TABLE1 = "tables/table1.csv"
_CASE_MIX = "tables/case_mix.csv"
_FAR_CASE_MIX = "external/tables/external_case_mix.csv"
_NO_PERSON = "The patients are synthetic: the software made them."


def data_source(facts: Facts) -> Answer:
    if facts.synthetic:
        made = facts.config["phantom"]
        return by_run(
            f"{count(facts.people.entered, 'synthetic patient')} (phantoms of the simulated hospital "
            f"{made['site']}, seed {made['seed']}), made by the software for this run. They come from no "
            "person and represent no population.",
            "docs/methods/phantoms.md",
            "cohort/cohort.tsv",
        )
    sites = f" from {count(facts.sites, 'site')}" if facts.sites else ""
    known = by_run(
        f"{count(facts.people.entered, 'patient')} of one cohort sheet{sites}. What models learned from and "
        "what they were tested on are parts of this cohort.",
        "cohort/cohort.tsv",
        "cohort/split.tsv",
    )
    return with_authors(known, "data_source", facts.statements)


def dates(facts: Facts) -> Answer:
    if facts.synthetic:
        return does_not_apply(f"{_NO_PERSON} There are no dates.", "docs/methods/phantoms.md")
    return by_authors("dates", facts.statements)


def setting(facts: Facts) -> Answer:
    if facts.synthetic:
        return by_run(
            f"No care: one simulated hospital ({facts.config['phantom']['site']}) with "
            f"{count(facts.sites, 'simulated scanner')}.",
            "docs/methods/phantoms.md",
            "cohort/cohort.tsv",
        )
    named = f"names {count(facts.sites, 'site')}" if facts.sites else "names no site"
    known = by_run(f"The cohort sheet {named}.", "cohort/cohort.tsv")
    return with_authors(known, "setting", facts.statements)


def setting_and_dates(facts: Facts) -> Answer:
    where = setting(facts)
    return where if facts.synthetic else with_authors(where, "dates", facts.statements)


def eligibility(facts: Facts) -> Answer:
    needed = [SERIES[name].label for name in facts.config["models"]["channels"] if name not in ("dwi", "t2w")]
    series = enumerate_words(["DWI", "b0 (or ADC)", *needed])
    onset = ", a known onset and a lesion of known side" if facts.config["cohort"]["require_onset"] else ""
    known = by_run(
        f"A patient needs {series}{onset}; then the images are checked. "
        f"{count(facts.people.entered, 'patient')} entered; {facts.excluded_in_words}.",
        _EXCLUSIONS,
        *facts.made("quality/quality.tsv"),
        "docs/reference/cohort-sheet.md#the-cohort-sheet",
        "docs/methods/quality.md",
    )
    return known if facts.synthetic else with_authors(known, "eligibility", facts.statements)


def recruitment(facts: Facts) -> Answer:
    if facts.synthetic:
        return does_not_apply(f"{_NO_PERSON} Nobody was recruited.", "docs/methods/phantoms.md")
    return by_authors("recruitment", facts.statements)


def sampling(facts: Facts) -> Answer:
    if facts.synthetic:
        seed = facts.config["phantom"]["seed"]
        return by_run(f"A random series: each phantom is drawn by seed {seed}.", "docs/methods/phantoms.md")
    return by_authors("sampling", facts.statements)


def treatments(facts: Facts) -> Answer:
    if facts.synthetic:
        return does_not_apply(f"{_NO_PERSON} Nobody was treated.", "docs/methods/phantoms.md")
    return by_authors("treatments", facts.statements)


def flow(facts: Facts) -> Answer:
    return by_run(
        _flow_in_words(facts),
        *facts.figure("flow"),
        *facts.made("tables/flow.csv"),
        "index.html#patients",
        _EXCLUSIONS,
    )


def flow_diagram(facts: Facts) -> Answer:
    text = _flow_in_words(facts)
    if drawn := facts.figure("flow"):
        return by_run(text, *drawn, *facts.made("tables/flow.csv"), _EXCLUSIONS)
    return in_part(f"{text} No diagram was drawn.", "index.html#patients", _EXCLUSIONS)


def _flow_in_words(facts: Facts) -> str:
    people = facts.people
    short = ""
    if facts.time_tasks:
        limit, target = facts.time_tasks[-1].limit_min, facts.targets[-1]
        train, validation, test = people.below[limit].values()
        short = f" {target} held for {train}, {validation} and {test} of them."
    external = f" External cohort: {count(people.external, 'patient')}." if people.external else ""
    return (
        f"{count(people.entered, 'patient')} entered; {facts.excluded_in_words}. {facts.parts_in_words} had "
        f"a known onset.{short}{external}"
    )


def characteristics(facts: Facts) -> Answer:
    if not facts.has(_TABLE1):
        return not_done("Table 1 was not made.")
    return by_run(
        "Table 1 gives age, sex, NIHSS and time from onset to MRI, with the number of missing values.",
        _TABLE1,
        *facts.made(_CASE_MIX, "tables/missing.csv"),
    )


def characteristics_by_part(facts: Facts) -> Answer:
    protocol = facts.made("cohort/protocol.tsv")
    if facts.has(_CASE_MIX):
        return by_run(
            "A table describes the patients of each part; the protocols give the scanners.",
            _CASE_MIX,
            *protocol,
        )
    if facts.has(_TABLE1):
        return in_part(
            "Table 1 describes the test part beside training and validation part together; the protocols "
            "give the scanners. Training and validation part are not described apart.",
            _TABLE1,
            *protocol,
        )
    return not_done("Neither Table 1 nor a table of the case mix was made.")


def comparison_with_development(facts: Facts) -> Answer:
    compared = facts.made(_TABLE1, _CASE_MIX)
    if not compared:
        return not_done("Neither Table 1 nor a table of the case mix was made.")
    far = facts.made(_FAR_CASE_MIX) if facts.is_tested_externally else ()
    beside = ", and the external cohort stands beside the development's" if far else ""
    return by_run(f"The test part stands beside training and validation part{beside}.", *compared, *far)


def development_and_evaluation(facts: Facts) -> Answer:
    listed = facts.config["split"]["file"]
    divided = "A given list divides the cohort" if listed else "The cohort was divided by chance"
    text = (
        f"{divided}, so that eligibility, outcome and predictors are those of one cohort in development and "
        "internal test."
    )
    if facts.is_tested_externally and facts.has(_FAR_CASE_MIX):
        return by_run(
            f"{text} How the external cohort differs stands in a table.", "cohort/split.tsv", _FAR_CASE_MIX
        )
    return by_run(f"{text} No external cohort was tested.", "cohort/split.tsv")


def external_differences(facts: Facts) -> Answer:
    if facts.is_tested_externally and facts.has(_FAR_CASE_MIX):
        return by_run(
            "A table sets the external patients beside the development's, with standardised differences.",
            _FAR_CASE_MIX,
        )
    return not_done(
        "No external cohort was tested in this run (snakemake external).",
        "docs/methods/evaluation.md#external-test",
    )


def severity(facts: Facts) -> Answer:
    if not facts.time_tasks:
        return not_done("The run has no task about the time since onset.")
    limit, target = facts.time_tasks[-1].limit_min, facts.targets[-1]
    rows = facts.cohort[(label_time(facts.cohort, below_min=limit) == 1) & _is_internal(facts.cohort)]
    found = [_spread("NIHSS", rows["nihss"]), _spread("lesion volume in mL", _volumes(facts, rows.index))]
    told = [text for text in found if text]
    where = ("cohort/cohort.tsv", *facts.made("lesions/volumes.tsv", _CASE_MIX))
    if not told:
        return not_done(
            f"Fewer than {FEWEST} patients with {target} have an NIHSS or a lesion volume.", *where
        )
    text = f"Of the {count(len(rows), 'patient')} with {target}: {'; '.join(told)}."
    if all(found):
        return by_run(text, *where)
    return in_part(f"{text} The other measure is known of fewer than {FEWEST}.", *where)


def _is_internal(rows: pd.DataFrame) -> pd.Series:
    return rows["part"].isin(["train", "validation", "test"])


def _volumes(facts: Facts, patients: pd.Index) -> pd.Series:
    found = {line["patient"]: line["volume_ml"] for line in facts.lines("lesions/volumes.tsv")}
    return pd.to_numeric(pd.Series([found.get(patient) for patient in patients], dtype=object), "coerce")


def _spread(what: str, values: pd.Series) -> str:
    """The median and quartiles of at least `FEWEST` values in words; "" of fewer."""
    known = values.dropna()
    if len(known) < FEWEST:
        return ""
    low, middle, high = (f"{value:.3g}" for value in known.quantile([0.25, 0.5, 0.75]))
    missing = len(values) - len(known)
    return f"{what} {middle} (quartiles {low} and {high}{f'; {missing} missing' if missing else ''})"


def alternatives(facts: Facts) -> Answer:
    if not facts.time_tasks:
        return not_done("The run has no task about the time since onset.")
    limit, target = facts.time_tasks[-1].limit_min, facts.targets[-1]
    rows = facts.cohort[_is_internal(facts.cohort)]
    later = int((label_time(rows, below_min=limit) == 0).sum())
    others = facts.people.without_lesion
    without = (
        f"{count(others, 'patient')} without an acute lesion took no part in it"
        if others
        else "nobody without an acute lesion was tested"
    )
    return by_run(
        f"The condition is {target}. Without it: {count(later, 'patient')}, who have a stroke with a longer "
        f"time since onset; {without}. Conditions that look like a stroke were not tested.",
        *facts.figure("onset"),
        "index.html#patients",
    )


def interval(facts: Facts) -> Answer:
    known = by_run(
        "There is none: the reference standard is the time from onset to the very MRI that the index test "
        "reads.",
        "docs/reference/glossary.md#patients-and-time",
    )
    return known if facts.synthetic else with_authors(known, "treatments", facts.statements)


def representativeness(facts: Facts) -> Answer:
    if facts.synthetic:
        return by_run(
            "No: phantoms represent no population. Their times follow the law of the simulated hospital.",
            "docs/methods/phantom-clock.md",
        )
    if not facts.time_tasks:
        return by_authors("representativeness", facts.statements)
    limit, target = facts.time_tasks[-1].limit_min, facts.targets[-1]
    rows = facts.cohort[_is_internal(facts.cohort) & has_onset(facts.cohort)]
    labels = label_time(rows, below_min=limit).dropna()
    known = by_run(
        f"{target} held for {int(labels.sum())} of {count(len(labels), 'patient')}.", "index.html#patients"
    )
    return with_authors(known, "representativeness", facts.statements)

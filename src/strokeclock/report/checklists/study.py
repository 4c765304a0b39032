"""Answers about the study: what it asks, who is responsible for it, what follows from it."""

from strokeclock.evaluation.tables import FEWEST
from strokeclock.report.checklists.answer import (
    Answer,
    by_authors,
    by_documentation,
    by_run,
    count,
    does_not_apply,
    enumerate_words,
    with_authors,
)
from strokeclock.report.checklists.facts import Facts


def title(facts: Facts) -> Answer:
    return by_authors("title", facts.statements)


def abstract(facts: Facts) -> Answer:
    return by_authors("abstract", facts.statements)


def background(facts: Facts) -> Answer:
    known = by_documentation(
        "The software's documentation names the clinical question (treatment within 4.5 h of an onset that "
        "nobody saw) and the paper whose method is used (Zhang, Polson et al. 2021).",
        "README.md",
        "docs/methods/paper.md",
    )
    return with_authors(known, "background", facts.statements)


def intended_use(facts: Facts) -> Answer:
    return with_authors(_research_only(facts), "intended_use", facts.statements)


def implications(facts: Facts) -> Answer:
    return with_authors(_research_only(facts), "implications", facts.statements)


def _research_only(facts: Facts) -> Answer:
    card = facts.made("bundle/model.zip")
    named = " The model card in the bundle names intended and excluded uses." if card else ""
    return by_documentation(
        "The software is for research only: it is not a medical device, and not for decisions about "
        f"patients.{named}",
        "README.md",
        "docs/how-to/read.md",
        *card,
    )


def health_inequalities(facts: Facts) -> Answer:
    return by_authors("health_inequalities", facts.statements)


def objectives(facts: Facts) -> Answer:
    return with_authors(_goal(facts), "objectives", facts.statements)


def study_goal(facts: Facts) -> Answer:
    return with_authors(_goal(facts), "intended_use", facts.statements)


def _goal(facts: Facts) -> Answer:
    asked = enumerate_words(facts.targets)
    where = "a held-out part of the same cohort"
    if facts.is_tested_externally:
        where += f" and in {count(facts.people.external, 'patient')} of an external cohort"
    test = f"tested in {where}" if facts.rows else "not tested in this run"
    asks = f"tell from MRI whether {asked}" if asked else "tell which hemisphere holds the lesion"
    return by_run(
        f"The run develops networks ({facts.network_titles}) that {asks}; they are {test}.",
        "index.html#methods",
    )


def study_design(facts: Facts) -> Answer:
    if facts.synthetic:
        return does_not_apply(
            "Nobody took part: the patients are synthetic and were made by the software.",
            "docs/methods/phantoms.md",
        )
    return by_authors("study_design", facts.statements)


def ethics(facts: Facts) -> Answer:
    if facts.synthetic:
        return does_not_apply("Nobody took part: the patients are synthetic.", "docs/methods/phantoms.md")
    return by_authors("ethics", facts.statements)


def funding(facts: Facts) -> Answer:
    return by_authors("funding", facts.statements)


def conflicts(facts: Facts) -> Answer:
    return by_authors("conflicts", facts.statements)


def protocol(facts: Facts) -> Answer:
    return by_authors("protocol", facts.statements)


def technical_details(facts: Facts) -> Answer:
    known = by_run(
        "The page describes the run's methods in words and holds every setting, the versions and the "
        "digests; the documentation goes through each step.",
        "index.html#methods",
        "index.html#provenance",
        "docs/methods/paper.md",
        "docs/reference/settings.md",
    )
    return with_authors(known, "protocol", facts.statements) if "protocol" in facts.statements else known


def registration(facts: Facts) -> Answer:
    return by_authors("registration", facts.statements)


def patient_involvement(facts: Facts) -> Answer:
    return by_authors("patient_involvement", facts.statements)


def interpretation(facts: Facts) -> Answer:
    return by_authors("interpretation", facts.statements)


def limitations(facts: Facts) -> Answer:
    known = [limit for limit in _limits(facts) if limit]
    if not known:
        return by_authors("limitations", facts.statements)
    return with_authors(by_run(" ".join(known), "index.html#summary"), "limitations", facts.statements)


def _limits(facts: Facts) -> list[str]:
    fewest = [min(int(row["positives"]), int(row["n"]) - int(row["positives"])) for row in facts.rows]
    most = max((int(row["accesses"]) for row in facts.rows if row["accesses"]), default=0)
    return [
        "All patients are synthetic, so that no number says anything about a real patient."
        if facts.synthetic
        else "",
        f"In some row of Table 2 a class has only {min(fewest)} in the test part."
        if fewest and min(fewest) < FEWEST
        else "",
        "" if facts.rows else "No row of Table 2 was evaluated.",
        "" if facts.is_tested_externally else "No external cohort was tested.",
        "Thresholds were chosen on the test part itself, which is optimistic."
        if facts.config["evaluation"]["threshold"] == "test"
        else "",
        f"Some row was evaluated {most} times on this test part." if most > 1 else "",
        "Time tasks are tested with the side of the lesion given."
        if facts.rows and not facts.has("tables/end_to_end.csv")
        else "",
    ]


def next_steps(facts: Facts) -> Answer:
    return by_authors("next_steps", facts.statements)


def ethical_considerations(facts: Facts) -> Answer:
    return with_authors(_research_only(facts), "ethical_considerations", facts.statements)


def adverse_events(facts: Facts) -> Answer:
    if facts.synthetic:
        return does_not_apply("Nobody was examined: the images are synthetic.", "docs/methods/phantoms.md")
    return by_authors("adverse_events", facts.statements)

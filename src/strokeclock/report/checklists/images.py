"""Answers about the images: how they were acquired, prepared, checked and freed of identities."""

from strokeclock import __version__
from strokeclock.report.checklists.answer import (
    Answer,
    by_documentation,
    by_run,
    count,
    does_not_apply,
    enumerate_words,
    in_part,
    not_done,
    with_authors,
)
from strokeclock.report.checklists.facts import Facts
from strokeclock.series import SERIES

_PROTOCOL = "cohort/protocol.tsv"
_QUALITY = "quality/quality.tsv"
_EXCLUSIONS = "cohort/exclusions.tsv"
_UNKNOWN = ("", "n/a")


def preparation(facts: Facts) -> Answer:
    return by_run(
        f"{_steps(facts)} {_checks(facts)}",
        "index.html#methods",
        *facts.made(_QUALITY),
        "docs/methods/preprocessing.md",
        "docs/methods/quality.md",
    )


def _steps(facts: Facts) -> str:
    if facts.synthetic and facts.config["phantom"]["space"] == "template":
        return "Registered volumes were made directly, so that nothing was preprocessed."
    images = facts.config["preprocessing"]
    steps = ["bias correction", "skull stripping", "registration to the atlas"]
    if images["intensity"]["normalisation"] != "none":
        steps.append("normalisation")
    return (
        f"The same steps for every patient, whoever it is: {enumerate_words(steps)} (toolchain "
        f"{images['toolchain']})."
    )


def _checks(facts: Facts) -> str:
    verdicts = facts.counts(_QUALITY, "verdict")
    if not verdicts:
        return "The images' quality was not judged."
    found = enumerate_words(f"{number} {verdict}" for verdict, number in sorted(verdicts.items()))
    return f"Verdicts of the quality checks: {found}."


def acquisition(facts: Facts) -> Answer:
    if not (scanners := _scanners(facts)):
        return not_done("The protocols of the series are not known: no sidecar gives them.", _EXCLUSIONS)
    made = "simulated " if facts.synthetic else ""
    return by_run(
        f"The protocol of every series of every patient is listed ({made}scanners: {scanners}): TR, TE, TI, "
        "b-value, voxel and number of slices.",
        _PROTOCOL,
        *facts.made("tables/protocol.csv"),
    )


def _scanners(facts: Facts) -> str:
    """Vendors and field strengths in words, with their numbers of patients; "" where none is known."""
    found = {
        line["patient"]: f"{line['vendor']} {line['field_t']} T"
        for line in facts.lines(_PROTOCOL)
        if line["vendor"] not in _UNKNOWN and line["field_t"] not in _UNKNOWN
    }
    names = sorted(set(found.values()))
    return enumerate_words(f"{name} in {list(found.values()).count(name)}" for name in names)


def devices(facts: Facts) -> Answer:
    scanners = _scanners(facts)
    text = f"Made with strokeclock {__version__}{_torch(facts)}."
    if facts.synthetic:
        return by_run(
            f"{text} The scanners are simulated ({scanners or 'registered volumes, without a scanner'}).",
            "index.html#provenance",
            *facts.made(_PROTOCOL),
        )
    told = f"Scanners: {scanners}." if scanners else "The scanners are not known from the sidecars."
    known = by_run(f"{text} {told}", "index.html#provenance", *facts.made(_PROTOCOL))
    return with_authors(known, "devices", facts.statements)


def _torch(facts: Facts) -> str:
    versions = sorted({record.versions["torch"] for record in facts.records if "torch" in record.versions})
    return f" and torch {enumerate_words(versions)}" if versions else ""


def acquisition_and_preparation(facts: Facts) -> Answer:
    acquired, prepared = acquisition(facts), preparation(facts)
    text, where = f"{acquired.text} {prepared.text}", dict.fromkeys([*acquired.where, *prepared.where])
    return by_run(text, *where) if _scanners(facts) else in_part(text, *where)


def subsets(facts: Facts) -> Answer:
    channels = enumerate_words(SERIES[name].label for name in facts.config["models"]["channels"])
    view = (
        "; networks see the box around the atlas's brain" if facts.config["models"]["view"] == "brain" else ""
    )
    return by_run(
        f"For the networks no person picked slices or regions. Of each patient the series {channels} were "
        f"taken, and the program cut the brain at the atlas's mid-sagittal plane into two hemispheres{view}. "
        "Time tasks take the hemisphere with the lesion, whose side is given.",
        "index.html#methods",
        "docs/reference/formats.md#how-series-are-chosen",
    )


def deidentification(facts: Facts) -> Answer:
    if facts.synthetic:
        return does_not_apply(
            "The patients are synthetic: there is nobody to identify.", "docs/methods/phantoms.md"
        )
    known = by_documentation(
        "Tables of the run hold no folders and no time stamps. Where series were imported by strokeclock, "
        "headers and sidecars are cut to a list of fields. Preprocessed volumes hold the brain alone.",
        "docs/reference/formats.md#what-leaves-the-source",
    )
    return with_authors(known, "deidentification", facts.statements)


def missing_data(facts: Facts) -> Answer:
    return by_run(
        "A missing b0 is computed from an ADC map, if there is one. No other image is made up: who lacks a "
        "needed series or a usable one is excluded. "
        f"{count(facts.people.entered, 'patient')} entered; {facts.excluded_in_words}."
        f"{_imputed(facts)}{_missing(facts)}",
        _EXCLUSIONS,
        *facts.made("tables/missing.csv"),
        "docs/methods/evaluation.md#what-is-fitted",
    )


def _imputed(facts: Facts) -> str:
    if not facts.find("predictions/clinical/"):
        return ""
    return " The clinical baseline takes the training part's median in place of a missing covariate."


def _missing(facts: Facts) -> str:
    counted = facts.has("tables/missing.csv")
    return " Missing values are counted in a table." if counted else ""


def missing_results(facts: Facts) -> Answer:
    people = facts.people
    left_out = f" Without onset or side of the lesion, and in no part: {people.unlabelled}."
    unlabelled = left_out if people.unlabelled else ""
    text = f"{count(people.entered, 'patient')} entered; {facts.excluded_in_words}.{unlabelled}"
    if facts.has("tables/end_to_end.csv"):
        return by_run(
            f"{text} A further table counts failures of the index test as outcomes.",
            _EXCLUSIONS,
            "tables/end_to_end.csv",
        )
    return by_run(
        f"{text} Whoever is excluded has no result: such a patient is missing from Table 2, and is not "
        "counted as an error.",
        _EXCLUSIONS,
    )

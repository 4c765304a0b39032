"""Answers about the reference standard and the predictors: what they are, who judged them, knowing what."""

from strokeclock.report.checklists.answer import (
    Answer,
    by_authors,
    by_documentation,
    by_run,
    count,
    does_not_apply,
    enumerate_words,
    not_done,
    with_authors,
)
from strokeclock.report.checklists.facts import Facts
from strokeclock.segmentation.lesion import DRAWN, FOUND
from strokeclock.series import SERIES

_VOLUMES = "lesions/volumes.tsv"
_BY_CONSTRUCTION = "The truth of a phantom is known by construction: nobody judged it."


def reference_standard(facts: Facts) -> Answer:
    targets = enumerate_words(facts.targets) or "no limit"
    text = (
        "The time from onset to MRI in minutes, or its class, as the cohort sheet gives it; time tasks ask "
        f"for {targets}. Phase 1 asks which hemisphere holds the lesion."
    )
    where = ("cohort/cohort.tsv", "docs/reference/cohort-sheet.md#the-cohort-sheet")
    if facts.synthetic:
        return by_run(
            f"{text} Time and side of each phantom are drawn by seed.",
            *where,
            "docs/methods/phantom-clock.md",
        )
    return with_authors(by_run(text, *where), "reference_standard", facts.statements)


def reference_rationale(facts: Facts) -> Answer:
    return by_documentation(
        "Treatment depends on the time since onset, so that this time is the truth; only patients whose "
        "onset is known can teach and test it. The DWI-FLAIR mismatch stands in its place where no onset is "
        "known, and is a comparator here.",
        "README.md",
        "docs/methods/paper.md#cohort",
        "docs/methods/evaluation.md#baselines",
    )


def reference_cutoffs(facts: Facts) -> Answer:
    if not facts.time_tasks:
        return not_done("The run has no task about the time since onset.")
    return by_run(
        f"Fixed in the configuration before anything is trained: {enumerate_words(facts.targets)}. 4.5 h is "
        "the limit of thrombolysis.",
        "index.html#provenance",
        "docs/methods/paper.md#training",
        "README.md",
    )


def outcome_assessors(facts: Facts) -> Answer:
    if facts.synthetic:
        return does_not_apply(_BY_CONSTRUCTION, "docs/methods/phantom-clock.md")
    known = by_run(
        "The time of onset is recorded, not read from images. The lesion's side comes from the cohort sheet "
        "or a drawn mask.",
        "cohort/cohort.tsv",
    )
    return with_authors(known, "annotators", facts.statements)


def outcome_blinding(facts: Facts) -> Answer:
    if facts.synthetic:
        return does_not_apply(_BY_CONSTRUCTION, "docs/methods/phantom-clock.md")
    return by_authors("outcome_blinding", facts.statements)


def index_blinding(facts: Facts) -> Answer:
    if not facts.find("predictions/"):
        return not_done("No score was computed.")
    known = by_run(
        "A network's score is computed from the images alone: neither clinical data nor the label enter, but "
        f"the side of the lesion is given in time tasks.{_clinical(facts)}",
        "index.html#methods",
        "docs/methods/evaluation.md#on-which-patients-and-how",
    )
    if facts.synthetic or not facts.reader_rows:
        return known
    return with_authors(known, "readers", facts.statements)


def _clinical(facts: Facts) -> str:
    if not facts.find("predictions/clinical/"):
        return ""
    return " The clinical baseline gets age, NIHSS and the lesion's volume."


def annotators(facts: Facts) -> Answer:
    if facts.synthetic:
        return does_not_apply(_BY_CONSTRUCTION, "docs/methods/phantoms.md")
    known = by_run(_drawn(facts), *facts.made(_VOLUMES))
    return with_authors(known, "annotators", facts.statements)


def annotation(facts: Facts) -> Answer:
    if facts.synthetic:
        return does_not_apply(_BY_CONSTRUCTION, "docs/methods/phantoms.md")
    known = by_run(f"{_drawn(facts)} No network learns from those of the test part.", *facts.made(_VOLUMES))
    return with_authors(known, "annotation", facts.statements)


def _drawn(facts: Facts) -> str:
    if not facts.has(_VOLUMES):
        return "The run counted no lesions."
    sources = facts.counts(_VOLUMES, "source")
    return (
        f"Drawn by a person (lesion_mask of the cohort sheet): {count(sources[DRAWN], 'lesion')}; found on "
        f"DWI by the program: {sources[FOUND]}."
    )


def annotation_variability(facts: Facts) -> Answer:
    if facts.synthetic:
        return does_not_apply(_BY_CONSTRUCTION, "docs/methods/phantoms.md")
    if "annotation_variability" in facts.statements:
        return by_authors("annotation_variability", facts.statements)
    return not_done(
        "A cohort sheet holds one onset, one side and one mask a patient, so that nothing can be compared "
        "(report.statements, key annotation_variability).",
        "docs/reference/cohort-sheet.md#the-cohort-sheet",
    )


def predictors(facts: Facts) -> Answer:
    return by_run(
        f"Networks get whole images of the series {_channels(facts)}, which the paper names; nothing was "
        f"selected from them.{_radiomics(facts)}",
        "index.html#methods",
        "docs/methods/paper.md#preprocessing",
    )


def _channels(facts: Facts) -> str:
    return enumerate_words(SERIES[name].label for name in facts.config["models"]["channels"])


def _radiomics(facts: Facts) -> str:
    if not facts.find("predictions/ml/"):
        return ""
    return " The radiomics baseline selects its features in the training and validation parts."


def predictor_definitions(facts: Facts) -> Answer:
    return by_run(
        f"Networks get the series {_channels(facts)} of one MRI on the atlas grid, and in time tasks the "
        f"lesion's side.{_clinical(facts)} No time enters a predictor.",
        "index.html#methods",
        *facts.made("cohort/protocol.tsv"),
        "docs/methods/evaluation.md#baselines",
    )


def predictor_assessors(facts: Facts) -> Answer:
    if facts.synthetic:
        readers = " The readers of the mismatch are simulated." if facts.reader_rows else ""
        return does_not_apply(
            f"Nobody judged an image: sides and lesions of phantoms are known.{readers}",
            "docs/methods/phantom-clock.md#readers",
        )
    known = by_run(
        "Networks read the images themselves, but the lesion's side is taken from the cohort sheet or a "
        "mask.",
        "cohort/cohort.tsv",
    )
    answer = with_authors(known, "annotators", facts.statements)
    return with_authors(answer, "readers", facts.statements) if facts.reader_rows else answer

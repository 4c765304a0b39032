"""Answers about the models: how they were built, trained, chosen and made available."""

from strokeclock import __version__
from strokeclock.predictions import SEGMENTED
from strokeclock.report.checklists.answer import (
    IN_PART,
    NOT_DONE,
    Answer,
    by_authors,
    by_documentation,
    by_run,
    count,
    enumerate_words,
    in_part,
    not_done,
    with_authors,
)
from strokeclock.report.checklists.facts import Facts
from strokeclock.report.words import name_start
from strokeclock.training.phases import GENESIS, SEGMENTATION

_SPLIT = "cohort/split.tsv"
_BUNDLE = "bundle/model.zip"
_SEARCH = "tables/search.csv"
_TABLE2 = "tables/table2.csv"
_NO_ROW = "No row of Table 2 was evaluated."
_NO_TRAINING = "No network was trained in this run."


def sample_size(facts: Facts) -> Answer:
    have = f"The run has {facts.parts_in_words}."
    if facts.has("tables/sample_size.csv"):
        return by_run(
            f"{have} A table gives the sizes that the analyses would need.", "tables/sample_size.csv", _SPLIT
        )
    if "sample_size" in facts.statements:
        return with_authors(by_run(have, _SPLIT), "sample_size", facts.statements)
    return not_done(f"{have} No sample size was calculated (report.statements, key sample_size).", _SPLIT)


def partitions(facts: Facts) -> Answer:
    split = facts.config["split"]
    how = (
        "a given list"
        if split["file"]
        else f"chance, stratified on the time since onset (seed {split['seed']})"
    )
    return by_run(
        f"{facts.parts_in_words}, divided by {how}. Networks learn from training, thresholds are chosen on "
        f"{_chosen_on(facts)}, results are those of test.",
        _SPLIT,
        "index.html#patients",
        "docs/methods/evaluation.md#on-which-patients-and-how",
    )


def _chosen_on(facts: Facts) -> str:
    return {
        "validation": "validation",
        "test": "the test part itself, which is optimistic",
        "fixed": "no part (a fixed number)",
    }[facts.config["evaluation"]["threshold"]]


def disjointness(facts: Facts) -> Answer:
    persons = facts.cohort.groupby("person")["part"].nunique()
    torn = int((persons > 1).sum())
    if torn:
        return not_done(f"Scans of {count(torn, 'person')} are in several parts.", _SPLIT)
    return by_run(
        f"The person: none is in two parts (compared: {count(len(facts.cohort), 'patient')} of "
        f"{count(len(persons), 'person')}). Both hemispheres of a patient are in one part.",
        _SPLIT,
        "cohort/cohort.tsv",
        "docs/methods/evaluation.md#on-which-patients-and-how",
    )


def predictor_handling(facts: Facts) -> Answer:
    baselines = any(facts.find(f"predictions/{name}/") for name in ("ratio", "clinical", SEGMENTED))
    regressions = (
        " Regressions take the logarithms of ratios and volumes, standardised by the training part."
        if baselines
        else ""
    )
    return by_run(
        f"Networks take images on the atlas grid, with intensities normalised as the page says.{regressions}",
        "index.html#methods",
        "docs/methods/paper.md#4-intensities",
        "docs/methods/evaluation.md#baselines",
    )


def model_building(facts: Facts) -> Answer:
    if not facts.records:
        return not_done(_NO_TRAINING)
    return by_run(
        f"{_architectures(facts)} They are trained in phases, {_search(facts)}. Internal validation is one "
        f"division into parts. {_threshold(facts)}",
        "index.html#methods",
        *facts.made(_SEARCH),
        "docs/methods/paper.md#training",
    )


def _search(facts: Facts) -> str:
    if facts.has(_SEARCH):
        return "after a search of their settings, which a table reports"
    return f"with the settings of the recipe “{facts.config['recipe']}” and without a search of settings"


def _architectures(facts: Facts) -> str:
    return f"Deep networks ({facts.network_titles}) classify a hemisphere."


def architecture(facts: Facts) -> Answer:
    if not facts.records:
        return not_done(_NO_TRAINING)
    return by_run(
        f"{_architectures(facts)} Input, layers and settings stand on the page, in the documentation and in "
        "the code.",
        "index.html#methods",
        "index.html#training",
        *facts.figure("fig4"),
        "docs/methods/paper.md#networks",
    )


def index_development(facts: Facts) -> Answer:
    if not facts.records:
        return not_done(_NO_TRAINING)
    external = (
        f" {count(facts.people.external, 'patient')} of an external cohort were a further test."
        if facts.is_tested_externally
        else " No external cohort was tested."
    )
    return by_run(
        f"The networks were trained in phases; the run has {facts.parts_in_words}.{external}",
        "index.html#methods",
        _SPLIT,
        *(facts.made("external/tables/external.csv") if facts.is_tested_externally else ()),
        *facts.figure("fig5"),
    )


def software(facts: Facts) -> Answer:
    return by_run(
        f"Made with strokeclock {__version__}; the page lists the version of every package, as installed and "
        "as recorded by the trainings.",
        "index.html#provenance",
    )


def initialisation(facts: Facts) -> Answer:
    starts = sorted({name_start(record.start) for record in facts.records})
    if not starts:
        return not_done(_NO_TRAINING)
    genesis = any(record.phase == GENESIS for record in facts.records)
    restored = " Models Genesis (restoring training hemispheres) came first in one chain." if genesis else ""
    return by_run(
        f"Each training records what it started from ({enumerate_words(starts)}).{restored}",
        "index.html#training",
        "index.html#methods",
        "docs/methods/paper.md#training",
    )


def training(facts: Facts) -> Answer:
    if not facts.records:
        return not_done(_NO_TRAINING)
    curves = facts.curves[:1]
    return by_run(
        f"Recorded for {count(len(facts.records), 'training')}: epochs, the epoch kept, every setting, "
        f"augmentation and stopping rule. They ran {_search(facts)}.",
        "index.html#training",
        "index.html#methods",
        *curves,
        *facts.made(_SEARCH, "tables/training.tsv"),
        "docs/reference/settings.md",
    )


def selection(facts: Facts) -> Answer:
    rows = facts.config["bundle"]["rows"]
    chosen = (
        "The bundle holds the row of TSS < 4.5 h with the highest AUC in the validation part."
        if rows == "best"
        else f"The configuration named the bundle's rows ({enumerate_words(rows)})."
    )
    told = chosen if facts.has(_BUNDLE) else "No model was chosen for use: no bundle was made."
    kept = {facts.config["training"][phase].get("selection") for phase in facts.tasks}
    epochs = (
        "the last epoch's weights are kept"
        if kept == {"last"}
        else "the validation part chooses the epoch whose weights are kept"
    )
    return by_run(
        f"Table 2 reports every configured row, whatever its result. In a training, {epochs}. {told}",
        *facts.made(_TABLE2, _BUNDLE),
        "index.html#methods",
        "docs/reference/readings.md#the-bundle",
    )


def ensembling(facts: Facts) -> Answer:
    if not facts.rows:
        return not_done(_NO_ROW)
    seeds = len(facts.config["training"]["seeds"])
    mean = f"the mean of {seeds} trainings (seeds)" if seeds > 1 else "the score of one training (one seed)"
    joined = (
        " Some rows average the segmented ratios' score with that of a network."
        if facts.config["training"][SEGMENTATION]
        else ""
    )
    return by_run(
        f"A row's score is {mean}.{joined}", *facts.made(_TABLE2), "docs/methods/evaluation.md#baselines"
    )


def class_imbalance(facts: Facts) -> Answer:
    return by_run(
        "No method was used: neither the sampling nor the loss weighs classes. The division into parts is "
        "stratified on the time since onset."
        if not facts.config["split"]["file"]
        else "No method was used: neither the sampling nor the loss weighs classes.",
        "index.html#methods",
    )


def model_output(facts: Facts) -> Answer:
    if not facts.rows:
        return not_done(_NO_ROW)
    return by_run(
        f"A probability (score) of each target ({enumerate_words(facts.targets) or 'lesion'}), and a call at "
        f"the row's threshold. {_threshold(facts)}",
        *facts.made(_TABLE2),
        *facts.made("tables/abstention.csv"),
        "docs/methods/evaluation.md#what-is-fitted",
    )


def _threshold(facts: Facts) -> str:
    settings = facts.config["evaluation"]
    return {
        "validation": "Thresholds are Youden's J on the validation part.",
        "test": "Thresholds are Youden's J on the test part itself, which is optimistic.",
        "fixed": f"The threshold is fixed at {settings['fixed_threshold']:g}.",
    }[settings["threshold"]]


def cutoffs(facts: Facts) -> Answer:
    if not facts.rows:
        return not_done(_NO_ROW)
    return by_run(
        f"{_threshold(facts)} The rule is fixed in the configuration. Columns named optimistic give what the "
        "test part's own threshold would give: these are exploratory.",
        _TABLE2,
        "docs/methods/evaluation.md#on-which-patients-and-how",
    )


def specification(facts: Facts) -> Answer:
    if not facts.has(_BUNDLE):
        return not_done("No bundle was made, so that nobody else can apply the models.")
    licence = facts.config["bundle"]["licence"]
    terms = f"licence {licence}" if licence else "no licence is given, so that others may not use it"
    return by_run(
        f"One file holds weights, regressions, thresholds and preprocessing, and one command applies it to a "
        f"new patient ({terms}).",
        _BUNDLE,
        "docs/reference/readings.md#the-bundle",
    )


def prediction_calculation(facts: Facts) -> Answer:
    predictions = facts.find("predictions/")
    if not predictions:
        return not_done("No predictions were made.")
    return by_run(
        "By the code of this run, from the stored weights; every score of validation and test part stands in "
        f"{count(len(predictions), 'file')}.",
        predictions[0],
        *facts.made(_BUNDLE),
        "docs/methods/evaluation.md#what-is-fitted",
    )


def updating_methods(facts: Facts) -> Answer:
    if facts.is_tested_externally:
        return by_run(
            "Nothing was changed after a test: the external test takes threshold and temperature of the "
            "bundle as they are. Further rows show what a recalibration would bring, cross-fitted.",
            "external/tables/external.csv",
            "docs/methods/evaluation.md#external-test",
        )
    if not facts.rows:
        return not_done(_NO_ROW)
    return by_run(
        "Nothing was changed after a test. Temperatures are fitted on the validation part before it.",
        *facts.made("tables/calibration.csv"),
        "docs/methods/evaluation.md#what-is-fitted",
    )


def updating_results(facts: Facts) -> Answer:
    if facts.is_tested_externally:
        return by_run(
            "No model was updated. The rows “recalibrated” show what an update would bring.",
            "external/tables/external.csv",
        )
    if not facts.rows:
        return not_done(_NO_ROW)
    return by_run("No model was updated, so that there is no result of it.", *facts.made(_TABLE2))


def numbers_analysed(facts: Facts) -> Answer:
    if not facts.rows:
        return not_done(_NO_ROW)
    return by_run(
        "The page counts patients and short times of each part; Table 2 gives number and positives of each "
        "row.",
        "index.html#patients",
        _TABLE2,
        *facts.made("tables/ml_baseline.csv"),
    )


def poor_input(facts: Facts) -> Answer:
    return by_documentation(
        "A reading checks every series; where one is missing, cannot be used or is unlike those of the "
        "training patients, it gives no time and says why.",
        "docs/reference/readings.md#status",
        "docs/reference/readings.md#unlike-the-training-patients",
        "docs/methods/quality.md",
    )


def users(facts: Facts) -> Answer:
    known = by_documentation(
        "Users choose where several series could be meant, and tell the lesion's side from the images where "
        "the program cannot: they must be able to read MRI of stroke.",
        "docs/reference/readings.md#status",
        "docs/how-to/bids.md#4-choose-where-series-are-alike",
    )
    return with_authors(known, "users", facts.statements)


def outputs_stored(facts: Facts) -> Answer:
    predictions = facts.find("predictions/")
    if not predictions:
        return not_done("No predictions were made.")
    return by_run(
        "Every score is stored with a seal, every file has a digest on the page, and a ledger holds each "
        "access to the test part.",
        predictions[0],
        *facts.made("accesses.tsv"),
        "index.html#provenance",
        "docs/methods/evaluation.md#on-which-patients-and-how",
    )


def data_availability(facts: Facts) -> Answer:
    if facts.synthetic:
        return by_run(
            "Anyone can make the same phantoms again from the settings and the seed of this run.",
            "index.html#provenance",
            "docs/methods/phantoms.md",
        )
    return by_authors("data_availability", facts.statements)


def code_availability(facts: Facts) -> Answer:
    known = by_run(
        f"The code is strokeclock {__version__}; the page has its digest.", "index.html#provenance"
    )
    return with_authors(known, "code_availability", facts.statements)


def availability(facts: Facts) -> Answer:
    code, data, model = code_availability(facts), data_availability(facts), specification(facts)
    text = f"Code: {code.text} Data: {data.text} Model: {model.text}"
    where = dict.fromkeys([*code.where, *data.where, *model.where])
    whole = all(one.state not in (IN_PART, NOT_DONE) for one in (code, data, model))
    return by_run(text, *where) if whole else in_part(text, *where)

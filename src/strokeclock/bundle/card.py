"""The model card of a bundle, README.md: Hugging Face's sections, filled from the run."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from strokeclock.bundle.recipe import Recipe, Row
from strokeclock.bundle.summary import Range, Summary
from strokeclock.evaluation.calibration import AS_PREDICTED
from strokeclock.evaluation.digits import format_digits
from strokeclock.evaluation.tables import name_target
from strokeclock.series import SERIES

PHANTOMS, PATIENTS = "phantoms", "patients"  # whom a bundle learned from
_CASE_MIX = {
    "age": "Age, years",
    "nihss": "NIHSS",
    "onset_to_mri_min": "Onset to MRI, min",
    "volume_ml": "Lesion, mL",
}
_RATES = {
    "auc": "AUC",
    "sensitivity": "Sensitivity",
    "specificity": "Specificity",
    "accuracy": "Accuracy",
}
_CALIBRATION = {"brier": "Brier score", "slope": "Calibration slope"}


def write_card(
    recipe: Recipe, summary: Summary, *, config: Mapping[str, Any], facts: Mapping[str, Any]
) -> str:
    """Return the card, Markdown with a YAML head.

    Parameters
    ----------
    config : the cleaned configuration.
    facts : of the manifest: name, version, licence, cohort (`PHANTOMS` or `PATIENTS`), versions.
    """
    parts = (
        _head(facts),
        _details(recipe, config, facts),
        _uses(facts),
        _limits(recipe, facts),
        _cohort(summary, facts),
        _training(config),
        _evaluation(recipe),
        _technical(facts),
    )
    return "\n".join(line for part in parts for line in part) + "\n"


def _head(facts: Mapping[str, Any]) -> Iterator[str]:
    yield "---"
    yield f"license: {facts['licence'].lower() if facts['licence'] else 'unknown'}"
    yield "library_name: strokeclock"
    yield "pipeline_tag: image-classification"
    yield "tags: [medical, mri, stroke, time-since-onset]"
    yield "---"
    yield ""
    yield f"# {facts['name']}, version {facts['version']}"
    yield ""
    if facts["cohort"] == PHANTOMS:
        yield "**This model knows synthetic patients (phantoms) only. It says nothing about a person.**"
        yield ""
    yield (
        "It estimates from a patient's MRI (DWI b0, DWI b1000, FLAIR) whether a stroke began less than a "
        "given time ago. Research use only. It is not a medical device."
    )
    yield ""


def _details(recipe: Recipe, config: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[str]:
    yield "## Model details"
    yield ""
    yield f"- Made by strokeclock {facts['strokeclock']} (recipe {config.get('recipe', 'unknown')})."
    yield f"- Licence: {facts['licence'] or 'none is given, so that others may not use it'}."
    series = ", ".join(SERIES[name].label if name in SERIES else name for name in recipe.series)
    yield f"- Input: {series}; preprocessed with the toolchain {config['preprocessing']['toolchain']}."
    for number, row in enumerate(recipe.rows):
        what = "Headline" if number == 0 else "Further row"
        target, made = name_target(row.below_min), _compose(row)
        yield f"- {what}: probability of {target}, row {row.row.scorer} of Table 2: {made}."
    if recipe.side:
        names = ", ".join(str(one.scorer) for one in recipe.side.networks)
        yield f"- The lesion's side is found by {names}."
    else:
        yield "- The lesion's side must be given: no network of this model finds it."
    yield ""


def _compose(row: Row) -> str:
    made = []
    if row.network:
        made.append(f"a network ({row.network.scorer})")
    if row.regression:
        where = "the segmented lesion" if row.is_segmented else "the lesion found on DWI"
        made.append(f"a regression on the ratios of {where} to the contralateral side")
    seeds = len(row.row.seeds)
    joined = "the mean of " + " and ".join(made) if len(made) > 1 else made[0]
    return f"{joined}, {'mean of ' if seeds > 1 else ''}{seeds} seed{'s' if seeds > 1 else ''}"


def _uses(facts: Mapping[str, Any]) -> Iterator[str]:
    yield "## Uses"
    yield ""
    yield "Intended: research on the time since stroke onset; a frozen model to test in another cohort."
    yield ""
    yield (
        "Out of scope: decisions on treatment; stroke mimics, haemorrhage, infarcts that are not acute; "
        "children; images after treatment; other scanners and protocols without an external test; any use as "
        "a medical device."
    )
    yield ""


def _limits(recipe: Recipe, facts: Mapping[str, Any]) -> Iterator[str]:
    first = recipe.rows[0]
    yield "## Bias, risks and limits"
    yield ""
    if facts["cohort"] == PHANTOMS:
        yield "- It learned from synthetic patients. Nothing shows that it holds for people."
    else:
        yield "- It learned from one cohort. Other hospitals must test it before they use it."
    fitted = first.operating.fitted_on
    if fitted:
        yield (
            f"- Threshold, temperature and abstention rest on {fitted.patients} patients "
            f"({fitted.positives} with the shorter time): they are uncertain."
        )
    yield "- No time is given where no lesion is found, its side is not clear, or the images fail the checks."
    yield (
        "- Whoever holds a scan can find out from the bundle whether that scan was in its cohort (seen.tsv). "
        "Nobody can find a patient from the bundle alone."
    )
    yield ""


def _cohort(summary: Summary, facts: Mapping[str, Any]) -> Iterator[str]:
    yield "## Cohort"
    yield ""
    who = "Synthetic patients" if facts["cohort"] == PHANTOMS else "Patients"
    parts = ", ".join(f"{count} {part}" for part, count in summary.patients.items())
    left = ", ".join(f"{count} at {stage}" for stage, count in summary.excluded.items()) or "none"
    yield f"{who}: {parts}. Excluded: {left}."
    yield ""
    yield "| training part | n | median | quartiles |"
    yield "|---|---|---|---|"
    for name, title in _CASE_MIX.items():
        if found := summary.case_mix.get(name):
            yield f"| {title} | {found.n} | {found.median:g} | {_quartiles(found)} |"
    shares = ", ".join(f"{name} {share:.0%}" for name, share in summary.shares.items())
    if shares:
        yield f"| Shares | | {shares} | |"
    yield ""
    for limit, counts in summary.below.items():
        some = ", ".join(f"{count} of {summary.with_onset[part]} {part}" for part, count in counts.items())
        yield f"{name_target(float(limit))}: {some}."
        yield ""


def _quartiles(found: Range) -> str:
    return f"{found.lower_quartile:g} to {found.upper_quartile:g}"


def _training(config: Mapping[str, Any]) -> Iterator[str]:
    training = config["training"]
    yield "## Training"
    yield ""
    yield (
        f"Seeds {', '.join(map(str, training['seeds']))}; optimizer {training['optimizer']}; precision "
        f"{training['precision']}. Every setting stands in configuration.json."
    )
    yield ""


def _evaluation(recipe: Recipe) -> Iterator[str]:
    yield "## Evaluation"
    yield ""
    yield f"In the test part of its own run, with {recipe.rows[0].operating.confidence:.0%} intervals."
    yield ""
    columns = [*_RATES.values(), *_CALIBRATION.values()]
    yield f"| row | n | {' | '.join(columns)} |"
    yield f"|---|---|{'---|' * len(columns)}"
    for row in recipe.rows:
        cells = [_rate(row.development, name) for name in _RATES]
        cells += [_rate(row.calibration.get(AS_PREDICTED, {}), name) for name in _CALIBRATION]
        count = row.development.get("n")
        yield (
            f"| {row.row.scorer} | {count:g} | {' | '.join(cells)} |"
            if count
            else f"| {row.row.scorer} | – |"
        )
    yield ""
    for row in recipe.rows:
        yield from _operating(row)
    if side := recipe.side:
        yield (
            f"Side: a hemisphere counts from a score of {format_digits(str(side.threshold))}; the sides must "
            f"differ by {side.margin:.2f} in log odds. Fitted on {side.fitted_on.patients} validation "
            "patients."
        )
        yield ""


def _rate(development: Mapping[str, float | str], name: str) -> str:
    if name not in development:
        return "–"
    value, low, high = (development.get(f"{name}{end}") for end in ("", "_low", "_high"))
    interval = f" ({low:.2f} to {high:.2f})" if low is not None and high is not None else ""
    return f"{value:.2f}{interval}"


def _operating(row: Row) -> Iterable[str]:
    point = row.operating
    if point.threshold is None:
        return (f"{row.row.scorer}: no threshold, because the validation part has one class.", "")
    cut = "" if point.cut is None else f" Answered: {point.coverage:.0%} of the validation patients."
    return (f"{row.row.scorer}: threshold {point.threshold:.3f} (from {point.source}).{cut}", "")


def _technical(facts: Mapping[str, Any]) -> Iterator[str]:
    yield "## How to use it"
    yield ""
    yield "    strokeclock bundle verify model.zip"
    yield "    strokeclock read -i STUDY -m model.zip -o OUT"
    yield ""
    yield "## Technical"
    yield ""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    yield f"Made with {versions}. Weights are safetensors, numbers JSON; nothing in the file is run."

"""The sections of a reading's page: what stands in each, as texts."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from strokeclock.evaluation.digits import format_digits
from strokeclock.evaluation.odds import logit
from strokeclock.reading.result import ANSWERED, Answer, Lesion, Outside, Reading, Side
from strokeclock.reading.sentences import (
    STATUSES,
    end_sentence,
    name_hours,
    say_call,
    say_probability,
    say_seeds,
    say_similar,
)
from strokeclock.series import BOTH, NO_LESION, SERIES, SIDES

_ADC_UNIT = "× 10⁻³ mm²/s"
_MODEL = {  # key of `Reading.model` -> what it is
    "name": "Name",
    "version": "Version",
    "licence": "Licence",
    "sha256": "sha256 of the bundle",
    "cohort": "Trained on",
    "strokeclock": "Made with strokeclock",
    "self_test": "Self-test",
}
_QUALITY = {  # number of the quality checks -> what it is, format
    "mask_volume_ml": ("Volume of the brain, mL", ".0f"),
    "dice_to_atlas": ("Overlap of the brain with the atlas’s (Dice; 1 is the best)", ".2f"),
    "nmi_to_atlas": ("Likeness of T2w and atlas (normalised mutual information; higher is better)", ".2f"),
    **{
        f"{name}_coverage": (f"Share of the brain that {series.label} shows", ".0%")
        for name, series in SERIES.items()
        if series.min_coverage is not None
    },
    **{
        f"{name}_fit": (f"Fit of {series.label} to T2w and DWI (1 is the best)", ".2f")
        for name, series in SERIES.items()
        if series.min_fit is not None
    },
    "midplane_tilt_deg": ("Tilt of the mid-sagittal plane, degrees", ".1f"),
    "midplane_offset_mm": ("Offset of the mid-sagittal plane, mm", "+.1f"),
    "infarct_left_ml": ("Restricted diffusion by asymmetry, left, mL", ".1f"),
    "infarct_right_ml": ("Restricted diffusion by asymmetry, right, mL", ".1f"),
}


def say_lead(reading: Reading) -> Iterator[str]:
    """The sentences below the top line."""
    if reading.status == ANSWERED:
        yield say_similar(reading.answers[0])
        yield say_call(reading.answers[0])
    else:
        yield end_sentence(reading.reason)
        yield STATUSES[reading.status].remedy


def list_facts(reading: Reading) -> Iterator[tuple[str, str]]:
    """What stands beside the top line."""
    if reading.is_timed:
        answer = reading.answers[0]
        if reading.status == ANSWERED:
            yield from _list_score(answer)
        yield "Threshold", _say_threshold(answer)
        if answer.cut is not None and answer.certainty is not None:
            yield "Abstention", _say_abstention(answer, answer.cut, answer.certainty)
        if answer.prevalence is not None:
            share = _percent(answer.prevalence)
            yield "Prevalence", f"Of all validation patients, {share} were under {name_hours(answer)}."
    name = " ".join(reading.model[key] for key in ("name", "version") if reading.model.get(key))
    row = f"; row {reading.answers[0].title or reading.answers[0].row}" if reading.is_timed else ""
    yield "Model", f"{name or 'not named'}{row}"


def _say_threshold(answer: Answer) -> str:
    if answer.threshold is None:
        return f"none: {end_sentence(answer.source)}"
    source = "fixed" if answer.source == "fixed" else f"chosen on {answer.source}"
    return (
        f"{_number(answer.threshold)}, {source}. From it on, the score counts as under {name_hours(answer)}."
    )


def _say_abstention(answer: Answer, cut: float, certainty: float) -> str:
    return (
        f"The model answers where log odds, ln(p / (1 − p)), differ by {_number(cut)} or more between score "
        f"and threshold, as for {_percent(answer.coverage)} of the validation patients. Here they differ by "
        f"{_number(certainty)}."
    )


def _list_score(answer: Answer) -> Iterator[tuple[str, str]]:
    """What belongs to a score that is shown."""
    yield (
        "Score",
        f"The model’s probability that less than {name_hours(answer)} have passed since onset: the mean of "
        "its seeds, networks that were trained alike.",
    )
    if answer.similar is not None:
        confidence = _percent(answer.similar.confidence)
        yield "Interval", f"The percentages in brackets are the {confidence} interval."
    if answer.scaled is not None:
        yield (
            "Calibrated",
            f"{say_probability(answer.scaled)}: the score, scaled to fit validation patients.",
        )


def place_on_scale(answer: Answer) -> dict[str, Any]:
    """The places of score, seeds, threshold and band of abstention, in percent of the width."""
    band = None
    if answer.threshold is not None and answer.cut is not None:
        middle = float(logit(answer.threshold))
        ends = [100 / (1 + np.exp(-middle - sign * answer.cut)) for sign in (-1, 1)]
        band = {"left": f"{ends[0]:.1f}", "width": f"{ends[1] - ends[0]:.1f}"}
    score = say_probability(answer.score)
    return {
        "score": f"{100 * answer.score:.1f}",
        "seeds": [f"{100 * score:.1f}" for score in answer.scores],
        "threshold": None if answer.threshold is None else f"{100 * answer.threshold:.1f}",
        "band": band,
        "hours": name_hours(answer),
        "words": f"On a scale from 0 to 1, the score is {score}; {say_seeds(answer)}.",
    }


def say_seen(reading: Reading) -> Iterator[str]:
    """A sentence for each part of the training run that this patient's scans were in."""
    for part, labels in reading.seen.items():
        name, series = "training" if part == "train" else part, ", ".join(map(_label, labels))
        yield (
            f"{series} of this patient was in the model’s {name} part: the score of a known patient does not "
            "tell how the model does on new ones."
        )


def describe_side(side: Side) -> dict[str, Any]:
    """Sentences, contradictions, and the scores by row."""
    where = {BOTH: "both sides", NO_LESION: "no side", "": "not clear"}.get(side.side, side.side)
    found = "Found by the networks" if side.scores else "Found"
    sentences = [f"{found}: {where}." if side.asked == "auto" else f"Given by the user: {side.asked}."]
    if side.asked == "auto" and side.threshold is not None:
        sentences.append(f"A side counts as having a lesion from a score of {_number(side.threshold)} on.")
    if side.asked == "auto" and side.margin is not None:
        here = "" if side.difference is None else f"; here they differ by {_number(side.difference)}"
        sentences.append(f"The sides must differ by {_number(side.margin)} log odds{here}.")
    if side.seen_on_dwi:
        seen = {BOTH: "both sides", NO_LESION: "no side"}.get(side.seen_on_dwi, side.seen_on_dwi)
        sentences.append(f"Restricted diffusion by left-right asymmetry of DWI and ADC: {seen}.")
    rows = [("Mean", side.scores)] if side.scores else []
    rows += [*side.by_row.items()]
    return {
        "sentences": sentences,
        "contradictions": [*_contradict(side)],
        "sides": SIDES,
        "rows": [
            (name, [say_probability(scores[one]) if one in scores else "–" for one in SIDES])
            for name, scores in rows
        ],
    }


def _contradict(side: Side) -> Iterator[str]:
    """Say what speaks against the side on which the time was scored."""
    if side.side not in SIDES:
        return
    other = SIDES[1 - SIDES.index(side.side)]
    own, opposite = side.scores.get(side.side), side.scores.get(other)
    is_clear = side.margin is None or side.difference is None or side.difference >= side.margin
    if own is not None and opposite is not None and opposite > own and is_clear:
        yield (
            f"The networks see a lesion rather on the other side: {other} {say_probability(opposite)}, "
            f"{side.side} {say_probability(own)}."
        )
    if side.seen_on_dwi == other:
        yield f"Restricted diffusion is seen on the other side, {other}."


def list_lesion(lesion: Lesion) -> Iterator[tuple[str, str]]:
    """What is measured, and its value."""
    yield "Volume, in the patient’s own space", f"{lesion.volume_ml:.1f} mL"
    for name, ratio in lesion.ratios.items():
        yield f"Relative {_label(name)} signal", _number(ratio)
    yield "ADC in the lesion", f"{_number(lesion.adc)} {_ADC_UNIT}"
    yield "ADC contralateral", f"{_number(lesion.adc_contralateral)} {_ADC_UNIT}"
    if lesion.adc_contralateral:
        yield "ADC in the lesion over contralateral", _number(lesion.adc / lesion.adc_contralateral)


def describe_outside(one: Outside) -> tuple[str, str, str, str, bool]:
    """What it is, the patient's value, the training patients' range, how far outside, whether far."""
    if isinstance(one.value, str) or one.low is None or one.high is None:
        known = ", ".join(one.known) or "–"
        value = one.value if isinstance(one.value, str) else _shorten(one.value)
        return one.label, value, known, "not among them", one.is_far
    span = f"{_shorten(one.low)} to {_shorten(one.high)}"
    beyond, where = (one.low - one.value, "below") if one.value < one.low else (one.value - one.high, "above")
    width = one.high - one.low
    widths = f" ({_number(beyond / width)} × the range’s width)" if width > 0 else ""
    return one.label, _shorten(one.value), span, f"{_shorten(beyond)} {where}{widths}", one.is_far


def describe_quality(reading: Reading) -> dict[str, Any]:
    numbers = [
        (title, _format(reading.numbers[name], form))
        for name, (title, form) in _QUALITY.items()
        if reading.numbers.get(name) is not None
    ]
    return {"verdict": reading.verdict, "reason": end_sentence(reading.verdict_reason), "numbers": numbers}


def list_rows(reading: Reading) -> Iterator[tuple[str, ...]]:
    """The rows behind the first: row, target, score, seeds, with temperature, threshold, call."""
    if reading.status != ANSWERED:
        return
    for answer in reading.answers[1:]:
        target = f"TSS < {name_hours(answer)}"
        threshold = "–" if answer.threshold is None else _number(answer.threshold)
        if answer.abstained:
            yield answer.title or answer.row, target, "abstained", "–", "–", threshold, "–"
            continue
        call = f"under {name_hours(answer)}" if answer.is_shorter else f"{name_hours(answer)} or longer"
        lowest, highest = (say_probability(pick(answer.scores)) for pick in (min, max))
        yield (
            *(answer.title or answer.row, target, say_probability(answer.score), f"{lowest} to {highest}"),
            *("–" if answer.scaled is None else say_probability(answer.scaled), threshold, call),
        )


def _label(series: str) -> str:
    return SERIES[series].label if series in SERIES else series


def _format(value: float, form: str) -> str:
    """A number of the quality checks, as the page writes numbers."""
    return _number(value) if form == ".2f" else format(value, form).replace("-", "−").replace("%", " %")


def list_series(reading: Reading) -> Iterator[tuple[str, str]]:
    """Each series in words, and what was read."""
    for name, said in reading.series.items():
        yield SERIES[name].title if name in SERIES else name, said


def list_model(reading: Reading) -> Iterator[tuple[str, str]]:
    """What is known of the model."""
    for key, title in _MODEL.items():
        if reading.model.get(key):
            yield title, reading.model[key]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _number(value: float) -> str:
    return format_digits(f"{value}").replace("-", "−")


def _shorten(value: float) -> str:
    """Three digits that count; no exponent."""
    shown = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return shown.replace("-", "−")

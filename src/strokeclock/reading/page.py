"""index.html of a reading: one page for a radiologist, in one file without links to the web or scripts."""

import base64
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from PIL import Image

from strokeclock.evaluation.digits import format_digits
from strokeclock.evaluation.odds import logit
from strokeclock.figures.palette import BLUE, INK, VERMILION
from strokeclock.files import write_whole
from strokeclock.imaging.axial import CONVENTION
from strokeclock.reading.pictures import CONTOUR, OUTLINED, Slice, Tile, describe_windows
from strokeclock.reading.result import ABSTAINED, ANSWERED, Answer, Lesion, Outside, Reading, Side
from strokeclock.reading.sentences import (
    RESEARCH_ONLY,
    STATUSES,
    name_hours,
    say_call,
    say_headline,
    say_limits,
    say_probability,
    say_seeds,
    say_similar,
)
from strokeclock.report.folders import hide_folders
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


def write_page(
    path: str | Path, reading: Reading, *, slices: Sequence[Slice] = (), evidence: Sequence[Slice] = ()
) -> None:
    """Write the page, whole or not at all.

    All texts of the reading count as untrusted: they are escaped, and folders are cut from paths.

    Parameters
    ----------
    path : file
    slices : from `pictures.draw_slices`; none where the reading did not come that far.
    evidence : from `pictures.draw_gradcam`; none where no network was asked.
    """
    reading = _hide(reading)
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = files("strokeclock.reading").joinpath("page.html").read_text(encoding="utf-8")
    text = environment.from_string(template).render(
        ink=INK,
        accent=BLUE,
        warn=VERMILION,
        contour="#{:02x}{:02x}{:02x}".format(*CONTOUR),
        research_only=RESEARCH_ONLY,
        limits=say_limits(reading),
        patient=reading.patient,
        status=STATUSES[reading.status],
        headline=say_headline(reading),
        lead=[*_lead(reading)],
        scale=_place_on_scale(reading.answers[0]) if reading.status == ANSWERED else None,
        facts=[*_list_facts(reading)],
        seen=[*_say_seen(reading)],
        side=_describe_side(reading.side) if reading.side else None,
        slices=[_embed_slice(one) for one in slices],
        evidence=[_embed_slice(one) for one in evidence],
        convention=CONVENTION,
        windows=describe_windows(),
        lesion=[*_list_lesion(reading.lesion)] if reading.lesion else [],
        outlined_by=reading.lesion.source if reading.lesion else "",
        outside=[_describe_outside(one) for one in reading.outside],
        quality=_describe_quality(reading),
        rows=[*_list_rows(reading)],
        abstained=reading.status == ABSTAINED,
        series=[
            (SERIES[name].title if name in SERIES else name, say) for name, say in reading.series.items()
        ],
        notes=reading.notes,
        unchecked=reading.unchecked,
        model=[(title, reading.model[key]) for key, title in _MODEL.items() if reading.model.get(key)],
        versions=reading.versions,
        differs=[(name, *pair) for name, pair in reading.differs.items()],
        seconds=[(step, f"{value:.1f}") for step, value in reading.seconds.items()],
        total=f"{sum(reading.seconds.values()):.1f}",
    )
    write_whole(path, text)


def _hide(value: Any) -> Any:
    """The same, with the folders of paths cut from every text."""
    if isinstance(value, str):
        return hide_folders(value)
    if isinstance(value, Mapping):
        return {_hide(key): _hide(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return tuple(map(_hide, value))
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: _hide(getattr(value, field.name)) for field in fields(value)})
    return value


def _lead(reading: Reading) -> Iterator[str]:
    """The sentences below the top line."""
    if reading.status == ANSWERED:
        yield say_similar(reading.answers[0])
        yield say_call(reading.answers[0])
    else:
        yield _end(reading.reason)
        yield STATUSES[reading.status].remedy


def _end(sentence: str) -> str:
    """The sentence with its full stop."""
    return f"{sentence}." if sentence and sentence[-1] not in ".?!" else sentence


def _list_facts(reading: Reading) -> Iterator[tuple[str, str]]:
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
        yield "Row of the model", answer.title or answer.row
    name = " ".join(reading.model[key] for key in ("name", "version") if reading.model.get(key))
    yield "Model", name or "not named"


def _say_threshold(answer: Answer) -> str:
    if answer.threshold is None:
        return f"none: {_end(answer.source)}"
    source = "fixed" if answer.source == "fixed" else f"chosen on {answer.source}"
    return (
        f"{_number(answer.threshold)}, {source}. From it on, the score counts as under {name_hours(answer)}."
    )


def _say_abstention(answer: Answer, cut: float, certainty: float) -> str:
    return (
        f"The model answers from {_number(cut)} log odds away from the threshold, as for "
        f"{_percent(answer.coverage)} of the validation patients. This patient: {_number(certainty)}."
    )


def _list_score(answer: Answer) -> Iterator[tuple[str, str]]:
    """What belongs to a score that is shown."""
    yield (
        "Score",
        f"The model’s probability that less than {name_hours(answer)} have passed since onset: the mean of its "
        "seeds, networks that were trained alike.",
    )
    if answer.similar is not None:
        confidence = _percent(answer.similar.confidence)
        yield "Interval", f"The percentages in brackets are the {confidence} interval."
    if answer.scaled is not None:
        yield "With temperature", f"{say_probability(answer.scaled)}; the temperature is from validation."


def _place_on_scale(answer: Answer) -> dict[str, Any]:
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


def _say_seen(reading: Reading) -> Iterator[str]:
    """A sentence for each part of the training run that this patient's scans were in."""
    for part, labels in reading.seen.items():
        name = "training" if part == "train" else part
        yield (
            f"{', '.join(labels)} of this patient was in the model’s {name} part: the score of a known "
            "patient does not tell how the model does on new ones."
        )


def _describe_side(side: Side) -> dict[str, Any]:
    """Sentences, contradictions, and the scores by row."""
    where = {BOTH: "both sides", NO_LESION: "no side", "": "not clear"}.get(side.side, side.side)
    found = "Found by the networks" if side.scores else "Found"
    sentences = [f"{found}: {where}." if side.asked == "auto" else f"Given by the user: {side.asked}."]
    if side.threshold is not None:
        sentences.append(f"A side counts as having a lesion from a score of {_number(side.threshold)} on.")
    if side.margin is not None:
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
    if side.asked != "auto" and side.scores and side.scores.get(other, 0) > side.scores.get(side.side, 0):
        yield (
            f"The networks see a lesion rather on the other side: {other} "
            f"{say_probability(side.scores[other])}, {side.side} {say_probability(side.scores[side.side])}."
        )
    if side.seen_on_dwi == other:
        yield f"Restricted diffusion is seen on the other side, {other}."


def _list_lesion(lesion: Lesion) -> Iterator[tuple[str, str]]:
    """What is measured, and its value."""
    yield "Volume, in the patient’s own space", f"{lesion.volume_ml:.1f} mL"
    for name, ratio in lesion.ratios.items():
        yield f"Relative {SERIES[name].label if name in SERIES else name} signal", _number(ratio)
    yield "ADC in the lesion", f"{_number(lesion.adc)} {_ADC_UNIT}"
    yield "ADC contralateral", f"{_number(lesion.adc_contralateral)} {_ADC_UNIT}"
    if lesion.adc_contralateral:
        yield "ADC in the lesion over contralateral", _number(lesion.adc / lesion.adc_contralateral)


def _describe_outside(one: Outside) -> tuple[str, str, str, str, bool]:
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


def _describe_quality(reading: Reading) -> dict[str, Any]:
    numbers = [
        (title, _format(reading.numbers[name], form))
        for name, (title, form) in _QUALITY.items()
        if reading.numbers.get(name) is not None
    ]
    return {"verdict": reading.verdict, "reason": _end(reading.verdict_reason), "numbers": numbers}


def _list_rows(reading: Reading) -> Iterator[tuple[str, ...]]:
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


def _embed_slice(one: Slice) -> dict[str, Any]:
    """A slice for the template: its tiles as data URIs, and the contour as an SVG path."""
    height = f"z {one.height_mm:+.0f} mm".replace("-", "−")
    first = next(iter(one.tiles.values())).image
    tiles = [_embed_tile(tile, height, is_outlined=False) for tile in one.tiles.values()]
    if one.contours:
        tiles += [
            _embed_tile(one.tiles[name], height, is_outlined=True) for name in OUTLINED if name in one.tiles
        ]
    return {
        "id": one.index,
        "height": height,
        "across": first.shape[1],
        "down": first.shape[0],
        "path": " ".join(map(_write_path, one.contours)),
        "tiles": tiles,
    }


def _embed_tile(tile: Tile, height: str, *, is_outlined: bool) -> dict[str, Any]:
    with io.BytesIO() as file:
        Image.fromarray(tile.image).save(file, "PNG", compress_level=6)
        content = base64.b64encode(file.getvalue()).decode()
    title = f"{tile.title} with contour" if is_outlined else tile.title
    return {
        "uri": f"data:image/png;base64,{content}",
        "title": title,
        "alt": f"{title}, axial slice at {height}, the patient’s right on the left",
        "is_outlined": is_outlined,
    }


def _write_path(contour: np.ndarray) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in contour.tolist()) + "Z"


def _format(value: float, form: str) -> str:
    """A number of the quality checks, as the page writes numbers."""
    return _number(value) if form == ".2f" else format(value, form).replace("-", "−").replace("%", " %")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _number(value: float) -> str:
    return format_digits(f"{value}").replace("-", "−")


def _shorten(value: float) -> str:
    """Three digits that count; no exponent."""
    shown = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return shown.replace("-", "−")

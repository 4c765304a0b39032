"""The picture for a person's review of one patient's preprocessing."""

import textwrap
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from strokeclock.batches import Files, read_batches, write_batch
from strokeclock.files import replacing
from strokeclock.imaging.axial import CONVENTION, find_slices, frame_brain
from strokeclock.imaging.exclusion import explain, read_exclusion
from strokeclock.imaging.findings import NAME, describe, read_findings
from strokeclock.imaging.quality import mark_infarcts, sides_disagree
from strokeclock.imaging.quality_record import read_record, read_verdict, write_record
from strokeclock.imaging.reference import Matching, follow_matching, read_reference
from strokeclock.imaging.volume import Volume, read_volume
from strokeclock.series import MATCHED, SERIES

COLOURS = {"pass": (96, 200, 120), "review": (245, 190, 70), "fail": (240, 100, 90)}
_ATLAS, _BRAIN, _MIDLINE = (70, 180, 255), (255, 190, 60), (255, 90, 160)
_DRAWN, _FOUND = (255, 60, 60), (120, 255, 90)  # lesions
_SEEN = (190, 140, 255)  # the patch by which the side is told
_TEXT, _PALE = (235,) * 3, (160,) * 3
_REFERENCE, _BEFORE, _AFTER = (82, 86, 94), (235, 235, 235), (96, 220, 190)
_SCALE = 1.1  # pixels a mm
_SLICES = 8
_LEFT, _TOP, _BOTTOM, _GAP = 56, 92, 28, 8  # pixels around and between the slices
_HISTOGRAM = 180  # pixels across
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
_FROM, _TO, _BINS = -3.0, 5.0, 64  # SD from the brain's mean


def picture_batch(
    preprocessed: str | Path,
    table: str | Path,
    *,
    pictures: Files,
    checks: str | Path,
    quality: str | Path,
    lesions: str | Path,
    drawn: Collection[str],
    atlas_mask: str | Path,
    reference: str | Path | None = None,
    normalisation: str,
    clip: float,
) -> None:
    """Write patients' pictures in turn, and a table of the files.

    Parameters
    ----------
    preprocessed, checks, lesions : paths
        Tables that hold their files (`batches`): the series that are matched, brain_mask and findings;
        record; lesion.
    pictures : patient -> {"picture": file, "matching": file}
        What is written.
    quality : path
        quality/quality.tsv, whose verdicts are final.
    drawn : patients
        Those whose lesions a person drew.
    atlas_mask, reference, normalisation, clip
        See `picture_patient`.
    """
    records, marks = read_batches(checks), read_batches(lesions)
    for patient, files in read_batches(preprocessed, only=pictures).items():
        record = records[patient]["record"]
        try:
            picture_patient(
                {name: file for name, file in files.items() if name in (*MATCHED, "adc", "brain_mask", NAME)},
                patient=patient,
                record=record,
                quality=quality,
                lesion=marks[patient]["lesion"],
                is_drawn=patient in drawn,
                atlas_mask=atlas_mask,
                reference=reference,
                normalisation=normalisation,
                clip=clip,
                **pictures[patient],
            )
        except Exception as error:  # `explain` raises again what is not the patient's
            reason = explain(error, patient=patient, step="quality picture")
            write_picture(pictures[patient]["picture"], draw_reason(read_record(record) | {"reason": reason}))
            write_record(pictures[patient]["matching"], {})
    write_batch(table, pictures)


def picture_patient(
    files: Mapping[str, str | Path],
    *,
    patient: str,
    record: str | Path,
    quality: str | Path,
    lesion: str | Path,
    is_drawn: bool,
    atlas_mask: str | Path,
    reference: str | Path | None,
    picture: str | Path,
    matching: str | Path,
    normalisation: str,
    clip: float,
) -> None:
    """Write one patient's picture, and the histograms' distances from the reference.

    Parameters
    ----------
    files : mapping of series -> path
        The series that are matched, adc and brain_mask on the atlas grid, and findings where there are any;
        or exclusion notes.
    record, quality, lesion, atlas_mask : paths
        quality/<patient>.json, quality/quality.tsv, lesions/<patient>.nii.gz, the atlas's brain on the grid.
    reference : path or None
        hemispheres/reference.npz; None: nothing is matched.
    is_drawn : bool
        A person drew the lesion; else it was found on DWI.
    picture, matching : paths
        Written: PNG, and JSON of series -> [before matching, after it] (see `Matching.distances`), empty
        where there is no reference or no patient.
    normalisation, clip
        See `intensity.normalise`.
    """
    judged = read_record(record) | read_verdict(quality, patient=patient)
    study = read_reference(reference) if reference else None
    followed = {}
    if judged["numbers"] is None:
        image = draw_reason(judged)
    else:
        images = {name: path for name, path in files.items() if name != NAME}
        volumes = {name: read_volume(path, patient=patient, series=name) for name, path in images.items()}
        mask, adc = volumes.pop("brain_mask"), volumes.pop("adc")
        if study is not None:
            followed = follow_matching(
                {name: volume.data for name, volume in volumes.items()},
                mask.data > 0,
                reference=study,
                normalisation=normalisation,
                clip=clip,
            )
        brain = read_volume(atlas_mask, patient="atlas", series="brain_mask")
        image = draw_patient(
            volumes,
            mask,
            atlas_mask=brain,
            record=judged,
            matching=followed,
            lesion=_read_lesion(lesion, patient=patient, is_drawn=is_drawn),
            seen=_mark_seen(volumes["dwi"], adc, mask, numbers=judged["numbers"]),
            notes=describe(read_findings(files[NAME])) if NAME in files else [],
        )
    write_picture(picture, image)
    write_record(matching, {series: followed[series].distances() for series in followed})


class Lesion(NamedTuple):
    """A lesion on the atlas grid, or why there is none; is_drawn: by a person, else found on DWI."""

    volume: Volume | None
    is_drawn: bool
    reason: str = ""


def _read_lesion(path: str | Path, *, patient: str, is_drawn: bool) -> Lesion:
    if reason := read_exclusion(path):
        return Lesion(None, is_drawn, reason)
    return Lesion(read_volume(path, patient=patient, series="lesion"), is_drawn)


def _mark_seen(dwi: Volume, adc: Volume, mask: Volume, *, numbers: Mapping) -> Volume | None:
    """The patches that were taken for an infarct, where they contradict the recorded side; else None."""
    if not sides_disagree(numbers["side_seen"], numbers["side_recorded"]):
        return None
    return Volume(mark_infarcts(dwi, adc, mask.data > 0), mask.affine)


def draw_patient(
    volumes: Mapping[str, Volume],
    mask: Volume,
    *,
    atlas_mask: Volume,
    record: Mapping,
    matching: Mapping[str, Matching],
    lesion: Lesion,
    seen: Volume | None = None,
    notes: Sequence[str] = (),
) -> Image.Image:
    """Draw each series in eight slices with outlines, mid-plane and histograms; numbers and verdict.

    Parameters
    ----------
    volumes : mapping of series -> Volume
        Those that are matched, on the (RAS) atlas grid: DWI, T2w, FLAIR, and others behind them.
    mask, atlas_mask : Volume
        The patient's and the atlas's brain, on the same grid.
    record : mapping
        See `quality_record.make_record`.
    matching : mapping of series -> Matching
        See `reference.follow_matching`; empty where there is no reference.
    lesion : Lesion
        Outlined on every series.
    seen : Volume or None
        Patches that `mark_infarcts` found on the side that is not the recorded one; outlined, too.
    notes : texts
        What else a reader must know (`findings.describe`).
    """
    names = [name for name in MATCHED if name in volumes]
    brain = atlas_mask.data > 0
    frame = frame_brain(brain, spacing=mask.spacing, scale=_SCALE)
    slices, size = find_slices(brain), frame.size
    marks = [volume for volume in (lesion.volume, seen) if volume is not None]
    shown = _choose_slices(slices[0], slices[-1], marks)
    right = _LEFT + _SLICES * (size[0] + _GAP)
    canvas = np.zeros(
        (_TOP + len(names) * size[1] + _BOTTOM, right + _HISTOGRAM + 2 * _GAP, 3), dtype=np.uint8
    )
    x_of = -mask.affine[0, 3] / mask.affine[0, 0] + 0.5  # the plane x = 0, in columns from the volume's edge
    middle = round((frame.columns[-1] + 1 - x_of) * mask.spacing[0] * _SCALE)
    inside = mask.data > 0
    contours = [(atlas_mask, _ATLAS), (mask, _BRAIN)]
    if lesion.volume is not None:
        contours.append((lesion.volume, _DRAWN if lesion.is_drawn else _FOUND))
    if seen is not None:
        contours.append((seen, _SEEN))
    greys = {series: np.percentile(volumes[series].data[inside], [1, 99.7]) for series in names}
    for i, z in enumerate(shown):
        outlines = [
            (_outline(frame.cut(volume.data.astype(np.float32), z) > 0.5), colour)
            for volume, colour in contours
        ]
        for j, series in enumerate(names):
            dark, bright = greys[series]
            grey = np.clip(
                (frame.cut(volumes[series].data, z) - dark) / ((bright - dark) or 1) * 255, 0, 255
            ).astype(np.uint8)
            picture = np.repeat(grey[..., None], 3, axis=2)
            for edge, colour in outlines:
                picture[edge] = picture[edge] // 3 + (np.array(colour) * 2 // 3).astype(np.uint8)
            picture[::4, middle] = _MIDLINE
            y, x = _TOP + j * size[1], _LEFT + i * (size[0] + _GAP)
            canvas[y : y + size[1], x : x + size[0]] = picture

    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    for j, series in enumerate(names):
        middle_of_row = _TOP + (j + 0.5) * size[1]
        draw.text((_LEFT / 2, middle_of_row), SERIES[series].label, _TEXT, _font(16), anchor="mm")
        if series in matching:
            panel = _draw_histogram(matching[series], (_HISTOGRAM, size[1] - 24))
            image.paste(panel, (right + _GAP, _TOP + j * size[1] + 12))
    for i, z in enumerate(shown):
        x = _LEFT + i * (size[0] + _GAP)
        height = mask.affine[2, 2] * z + mask.affine[2, 3]
        draw.text((x + size[0] / 2, _TOP - 5), f"z {height:+.0f} mm", _PALE, _font(12), anchor="mb")
        draw.text((x + 6, _TOP + 2), "R", _TEXT, _font(13))
        draw.text((x + size[0] - 6, _TOP + 2), "L", _TEXT, _font(13), anchor="ra")
    if matching:
        middle = right + _GAP + _HISTOGRAM / 2
        draw.text((middle, _TOP - 5), "histogram in the brain, SD", _PALE, _font(12), anchor="mb")
    absent = [f"no lesion: {lesion.reason}"] if lesion.reason else []
    lines = [_numbers_line(record["numbers"]), "   ".join([*notes, *absent])]
    _write_title(draw, record, [_shorten(draw, line, image.width - 20, _font(13)) for line in lines])
    _write_legend(draw, image.height - 6, lesion=lesion, seen=seen, histograms=bool(matching))
    return image


def draw_reason(record: Mapping) -> Image.Image:
    """Draw the reason why a patient without preprocessed volumes is excluded."""
    lines = textwrap.wrap(record["reason"], 90)
    image = Image.new("RGB", (760, 48 + 20 * len(lines)))
    draw = ImageDraw.Draw(image)
    _write_title(draw, {**record, "reason": ""}, lines)
    return image


def write_picture(path: str | Path, image: Image.Image) -> None:
    """Write as PNG, whole or not at all."""
    with replacing(path) as beside:
        image.save(beside, compress_level=4)


def _shorten(draw: ImageDraw.ImageDraw, text: str, width: float, font: Font) -> str:
    """The text, with … at its end where it is wider; the page has it in full."""
    while len(text) > 1 and draw.textlength(text, font) > width:
        text = text[:-2] + "…"
    return text


def _write_title(draw: ImageDraw.ImageDraw, record: Mapping, lines: Sequence[str]) -> None:
    verdict = record["verdict"].upper() + (" (by a person)" if record["judged_by"] == "person" else "")
    at: float = 10
    width = draw.im.size[0]
    for text, colour in (
        (record["patient"], _TEXT),
        (verdict, COLOURS[record["verdict"]]),
        (record["reason"], _TEXT),
    ):
        text = _shorten(draw, text, width - 10 - at, _font(17))
        draw.text((at, 6), text, colour, _font(17))
        at += draw.textlength(text, _font(17)) + 16
    draw.multiline_text((10, 30), "\n".join(lines), _PALE, _font(13), spacing=5)


def _draw_histogram(matching: Matching, size: tuple[int, int]) -> Image.Image:
    """Densities of the z-scored intensities: the reference filled, before matching dashed, after it solid."""
    width, height = (2 * length for length in size)  # halved at the end, for smooth lines
    image = Image.new("RGB", (width, height))
    draw = ImageDraw.Draw(image)
    densities = [_density(profile) for profile in matching]
    ceiling, floor = 2 * 20, height - 2 * 16
    across = (np.arange(_BINS) + 0.5) / _BINS * width
    lines = [
        list(zip(across, floor - density / max(map(np.max, densities)) * (floor - ceiling), strict=True))
        for density in densities
    ]
    draw.polygon([(across[0], floor), *lines[0], (across[-1], floor)], _REFERENCE)
    _draw_dashed(draw, np.array(lines[1]), _BEFORE)
    draw.line(lines[2], _AFTER, width=3, joint="curve")
    draw.line((0, floor, width, floor), _PALE, width=2)
    for sd in (-2, 0, 2, 4):
        at = (sd - _FROM) / (_TO - _FROM) * width
        draw.line((at, floor, at, floor + 6), _PALE, width=2)
        draw.text((at, height - 1), f"{sd}", _PALE, _font(22), anchor="mb")
    before, after = matching.distances()
    draw.text((width, 2), f"from reference {before:.2f}, then {after:.2f}", _PALE, _font(24), anchor="ra")
    return image.reduce(2)


def _draw_dashed(draw: ImageDraw.ImageDraw, points: np.ndarray, colour: tuple[int, int, int]) -> None:
    """Dashes of equal length along the line through points (n, 2)."""
    along = np.concatenate([[0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
    for start in np.arange(0, along[-1], 18):
        dash = np.linspace(start, min(start + 10, along[-1]), 4)
        draw.line(
            [(np.interp(at, along, points[:, 0]), np.interp(at, along, points[:, 1])) for at in dash],
            colour,
            3,
        )


def _density(profile: np.ndarray) -> np.ndarray:
    """(_BINS,) share of voxels between _FROM and _TO, from the percentiles of `histogram_profile`."""
    voxels = np.interp(np.linspace(0.5, 99.5, 4000), np.arange(0.5, 100), profile)
    return np.histogram(voxels, bins=_BINS, range=(_FROM, _TO))[0] / voxels.size


def _numbers_line(numbers: Mapping) -> str:
    parts = [] if numbers["mask_volume_ml"] is None else [f"brain {numbers['mask_volume_ml']:.0f} mL"]
    parts += [
        f"Dice to atlas {numbers['dice_to_atlas']:.3f}",
        f"NMI {numbers['nmi_to_atlas']:.3f}",
        "shown " + ", ".join(_name_series(numbers, "coverage", "by {} {:.0%}")),
        f"left minus right {numbers['coverage_difference']:+.1%}",
        *_name_series(numbers, "fit", "{} fit {:.2f}"),
        f"left-right asymmetry {numbers['asymmetry']:.3f}",
        f"mid-plane tilt {numbers['midplane_tilt_deg']:.1f}°, offset {numbers['midplane_offset_mm']:+.1f} mm",
        f"DWI/ADC asymmetry {numbers['side_seen']} (L {numbers['infarct_left_ml']:.1f}, "
        f"R {numbers['infarct_right_ml']:.1f} mL), {_say_recorded(numbers['side_recorded'])}",
    ]
    return "   ".join(parts)


def _name_series(numbers: Mapping, what: str, form: str) -> list[str]:
    """Label and "coverage" or "fit" of each series that has it, as text in ``form``."""
    found = ((series.label, numbers.get(f"{name}_{what}")) for name, series in SERIES.items())
    return [form.format(label, value) for label, value in found if value is not None]


def _write_legend(
    draw: ImageDraw.ImageDraw, bottom: int, *, lesion: Lesion, seen: Volume | None, histograms: bool
) -> None:
    draw.text((10, bottom), CONVENTION, _TEXT, _font(13), anchor="ls")
    at = 40 + draw.textlength(CONVENTION, _font(13))
    entries = [("atlas brain", _ATLAS), ("brain mask", _BRAIN), ("mid-sagittal plane, x = 0", _MIDLINE)]
    if lesion.volume is not None:
        entries.append(("lesion, drawn", _DRAWN) if lesion.is_drawn else ("lesion, found on DWI", _FOUND))
    if seen is not None:
        entries.append(("taken for an infarct", _SEEN))
    if histograms:
        entries += [
            ("histogram of the reference", _REFERENCE),
            ("before matching", _BEFORE),
            ("after matching", _AFTER),
        ]
    for text, colour in entries:
        for part in (at, at + 8, at + 16) if colour == _BEFORE else (at,):
            end = part + 5 if colour == _BEFORE else at + 22
            draw.line((part, bottom - 5, end, bottom - 5), colour, width=8 if colour == _REFERENCE else 2)
        shade = _PALE if colour == _REFERENCE else colour
        draw.text((at + 28, bottom), text, shade, _font(13), anchor="ls")
        at += 58 + draw.textlength(text, _font(13))


def _choose_slices(low: int, high: int, marks: Sequence[Volume]) -> np.ndarray:
    """Evenly spaced slices, the nearest moved to where each mark is largest: a small one must be seen."""
    shown = np.linspace(low + 0.11 * (high - low), low + 0.94 * (high - low), _SLICES).round().astype(int)
    kept: set[int] = set()  # the slices of earlier marks
    for mark in marks:
        largest = int(mark.data.sum(axis=(0, 1)).argmax())
        if mark.data.any() and largest not in shown:
            free = [i for i in range(_SLICES) if shown[i] not in kept]
            shown[min(free, key=lambda i: abs(shown[i] - largest))] = largest
            shown.sort()
        kept.add(largest)
    return shown


def _outline(inside: np.ndarray) -> np.ndarray:
    """The pixels inside that touch one outside; (Y, X) bool."""
    padded = np.pad(inside, 1)
    core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~core


def _font(size: int) -> Font:
    return ImageFont.load_default(size)


def _say_recorded(side: str) -> str:
    return f"recorded {side}" if side else "no side recorded"

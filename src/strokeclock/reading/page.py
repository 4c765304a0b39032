"""index.html of a reading: one page for a radiologist, in one file without links to the web or scripts."""

import base64
import io
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from PIL import Image

from strokeclock.figures.palette import BLUE, INK, VERMILION
from strokeclock.files import write_whole
from strokeclock.imaging.axial import CONVENTION
from strokeclock.reading.pictures import CONTOUR, OUTLINED, Slice, Tile, describe_windows
from strokeclock.reading.result import ABSTAINED, ANSWERED, Reading
from strokeclock.reading.sections import (
    describe_outside,
    describe_quality,
    describe_side,
    list_facts,
    list_lesion,
    list_model,
    list_rows,
    list_series,
    place_on_scale,
    say_lead,
    say_seen,
)
from strokeclock.reading.sentences import RESEARCH_ONLY, STATUSES, say_headline, say_limits
from strokeclock.report.folders import hide_all_folders


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
    reading = hide_all_folders(reading)
    has_lesion = any(one.contours for one in slices)
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
        lead=[*say_lead(reading)],
        scale=place_on_scale(reading.answers[0]) if reading.status == ANSWERED else None,
        facts=[*list_facts(reading)],
        seen=[*say_seen(reading)],
        side=describe_side(reading.side) if reading.side else None,
        has_lesion=has_lesion,
        slices=[_embed_slice(one, has_lesion=has_lesion) for one in slices],
        evidence=[_embed_evidence(one) for one in evidence],
        is_early=not reading.numbers,
        convention=CONVENTION,
        windows=describe_windows(),
        lesion=[*list_lesion(reading.lesion)] if reading.lesion else [],
        outlined_by=reading.lesion.source if reading.lesion else "",
        outside=[describe_outside(one) for one in reading.outside],
        quality=describe_quality(reading),
        rows=[*list_rows(reading)],
        abstained=reading.status == ABSTAINED,
        series=[*list_series(reading)],
        notes=reading.notes,
        unchecked=reading.unchecked,
        model=[*list_model(reading)],
        versions=reading.versions,
        differs=[(name, *pair) for name, pair in reading.differs.items()],
        seconds=[(step, f"{value:.1f}") for step, value in reading.seconds.items()],
        total=f"{sum(reading.seconds.values()):.1f}",
    )
    write_whole(path, text)


def _embed_slice(one: Slice, *, has_lesion: bool) -> dict[str, Any]:
    """A slice for the template: its tiles, and those with the contour behind them.

    ``has_lesion``: a lesion is outlined in some slice; the others have as many tiles.
    """
    height = _say_height(one)
    tiles = [_embed_tile(tile, f"{tile.title}, {height}") for tile in one.tiles.values()]
    words = "with the lesion’s contour" if one.contours else "without lesion"
    if has_lesion:
        tiles += [
            _embed_tile(one.tiles[name], f"{one.tiles[name].title} {words}, {height}", is_outlined=True)
            for name in OUTLINED
            if name in one.tiles
        ]
    return _describe_slice(one) | {"tiles": tiles}


def _embed_evidence(one: Slice) -> dict[str, Any]:
    """A slice of evidence for the template; the contour lies on every tile."""
    height = _say_height(one)
    tiles = [
        _embed_tile(tile, f"Grad-CAM, evidence for a {tile.title}, {height}", is_outlined=True)
        for tile in one.tiles.values()
    ]
    return _describe_slice(one) | {"tiles": tiles}


def _describe_slice(one: Slice) -> dict[str, Any]:
    """Its number, size in pixels, and the lesion's contour as an SVG path."""
    down, across = next(iter(one.tiles.values())).image.shape[:2]
    path = " ".join(map(_write_path, one.contours))
    return {"id": one.index, "height": _say_height(one), "across": across, "down": down, "path": path}


def _say_height(one: Slice) -> str:
    return f"axial slice at z {one.height_mm:+.0f} mm".replace("-", "−")


def _embed_tile(tile: Tile, alt: str, *, is_outlined: bool = False) -> dict[str, Any]:
    with io.BytesIO() as file:
        Image.fromarray(tile.image).save(file, "PNG", compress_level=6)
        content = base64.b64encode(file.getvalue()).decode()
    return {
        "uri": f"data:image/png;base64,{content}",
        "alt": f"{alt}; the patient’s right is on the left",
        "is_outlined": is_outlined,
    }


def _write_path(contour: np.ndarray) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in contour.tolist()) + "Z"

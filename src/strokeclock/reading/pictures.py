"""The pictures of a reading: axial slices of every series, the lesion's contour, Grad-CAM; no file is read.

All lie on the atlas grid and follow the radiological convention. A tile is one slice of one series. It stays
unmarked: the contour is kept beside it, so that a page can show both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from skimage.measure import approximate_polygon, find_contours

from strokeclock.evaluation.digits import format_digits
from strokeclock.figures.palette import ORANGE, SKY
from strokeclock.imaging.axial import CONVENTION, AxialFrame, find_slices, frame_brain
from strokeclock.imaging.volume import Volume
from strokeclock.reading.result import ANSWERED, Reading
from strokeclock.reading.sentences import (
    RESEARCH_ONLY,
    STATUSES,
    end_sentence,
    say_call,
    say_headline,
    say_limits,
    say_similar,
)
from strokeclock.report.folders import hide_all_folders
from strokeclock.series import SERIES, SIDES

SHORTER, LONGER = "shorter", "longer"  # what evidence speaks for: time since onset below or above the limit
OUTLINED = (
    "dwi",
    "flair",
)  # shown with the contour, too: where the lesion is found, and where it may be absent
CONTOUR = (255, 214, 0)
WELL = 0.25  # times the lesion's greatest area: the least of a slice that shows it well
INSIDE = 0.5  # share of a voxel from which on it is in the lesion
ADC_WHITE = 2.0e-3  # mm2/s; 0 is black. Infarcts lie near 0.5e-3, normal tissue near 0.8e-3
_DARK, _BRIGHT = 1.0, 99.8  # percentiles of the brain that become black and white in the other series
_WHITE = 1.5  # times the brain's median: without a lesion, normal tissue stays grey
_EVIDENCE = {SHORTER: ORANGE, LONGER: SKY}
_OPACITY = 0.7  # of evidence of 1
_SCALE = 2.0  # pixels a mm
_TOLERANCE = 0.3  # pixels between the contour and its polygon
_ORDER = ("reference", "shared", "own")  # `Series.place`: b0, what was scanned with it, the rest
_WIDTH, _GAP, _EDGE = 1280, 9, 16  # pixels of the one picture
_TEXT, _PALE, _WARNING, _RULE = (240,) * 3, (180,) * 3, (255, 190, 90), (70,) * 3


@dataclass(frozen=True, eq=False)
class Tile:
    """One slice of one series.

    Attributes
    ----------
    title : what it shows.
    image : (down, across) or (down, across, 3) uint8
        With the letters R and L, the title and the height burned in.
    """

    title: str
    image: np.ndarray


@dataclass(frozen=True, eq=False)
class Slice:
    """One axial slice.

    Attributes
    ----------
    index : along z of the grid.
    height_mm : z in atlas space.
    tiles : series -> Tile, b0 first; of evidence: `SHORTER` and `LONGER`.
    contours : arrays (n, 2)
        Closed polygons around the lesion: pixels across and down from the tile's upper left corner.
    """

    index: int
    height_mm: float
    tiles: Mapping[str, Tile]
    contours: tuple[np.ndarray, ...]


class Window(NamedTuple):
    """The values that become black and white."""

    dark: float
    bright: float


def draw_slices(
    volumes: Mapping[str, Volume], *, mask: Volume, lesion: Volume | None = None, count: int = 3
) -> tuple[Slice, ...]:
    """Draw the slices that show most of the lesion, from below to above.

    Parameters
    ----------
    volumes : mapping of series -> Volume
        On the (RAS) atlas grid, not normalised.
    mask : Volume
        The patient's brain (non-zero) on the same grid.
    lesion : Volume or None
        0 to 1 on the same grid; from `INSIDE` on a voxel is in it.
    count : int
        See `choose_slices`.

    Raises
    ------
    ValueError
        The grids differ, or the brain mask is empty.
    """
    inside = mask.data > 0
    _require_one_grid([mask, *volumes.values(), *([lesion] if lesion else [])], inside)
    marked = _mark(lesion, inside.shape)
    frame = frame_brain(inside, spacing=mask.spacing, scale=_SCALE)
    names = _sort_series(volumes)
    windows = {name: find_window(name, volumes[name].data[inside]) for name in names}
    slices = []
    for z in choose_slices(marked, inside, count=count):
        tiles = {}
        for name in names:
            grey = _shade(frame, volumes[name].data, z, windows[name])
            title = SERIES[name].title
            tiles[name] = Tile(title, _label(grey, title, _height(mask, z)))
        slices.append(Slice(z, _height(mask, z), tiles, _trace(frame, marked, z)))
    return tuple(slices)


def draw_gradcam(
    volumes: Mapping[str, Volume],
    evidence: Mapping[str, np.ndarray],
    *,
    mask: Volume,
    slices: Sequence[Slice],
    under: str = "dwi",
) -> tuple[Slice, ...]:
    """Draw the evidence for a shorter and for a longer time over one series, in the same slices.

    Parameters
    ----------
    volumes, mask
        See `draw_slices`.
    evidence : `SHORTER`, `LONGER` -> (x, y, z), 0 to 1
        On the whole grid (`hemispheres.join_hemispheres` puts hemispheres' maps there); each is scaled by its
        own maximum (`gradcam.map_evidence`), so that the two do not show which is stronger.
    slices : from `draw_slices`.
    under : series below the maps.

    Raises
    ------
    ValueError
        A map is not on the grid.
    """
    inside = mask.data > 0
    if wrong := {array.shape for array in evidence.values()} - {inside.shape}:
        raise ValueError(f"evidence of shape {wrong}, and the grid has {inside.shape}")
    frame = frame_brain(inside, spacing=mask.spacing, scale=_SCALE)
    window = find_window(under, volumes[under].data[inside])
    drawn = []
    for one in slices:
        grey = _shade(frame, volumes[under].data, one.index, window)
        tiles = {}
        for name, values in evidence.items():
            title = f"{name} time"
            opacity = _OPACITY * frame.cut(np.asarray(values, np.float32), one.index).clip(0, 1)
            tiles[name] = Tile(title, _label(_tint(grey, opacity, _EVIDENCE[name]), title, one.height_mm))
        drawn.append(Slice(one.index, one.height_mm, tiles, one.contours))
    return tuple(drawn)


def choose_slices(lesion: np.ndarray, brain: np.ndarray, *, count: int) -> list[int]:
    """Choose the slice with most of the lesion and others apart from it, in rising order.

    The others are those with most of the lesion, a `count`-th of its height from each other; its height
    counts the slices with at least `WELL` of the greatest area. Of a lesion in few slices they are
    neighbours. Where the lesion fills fewer slices than asked, those nearest to the first follow. Without a
    lesion they are evenly spaced through the brain.

    Parameters
    ----------
    lesion, brain : (x, y, z) bool
    """
    within = find_slices(brain)
    areas = lesion.sum(axis=(0, 1))
    count = min(count, len(within))
    if not areas.any():
        return [int(within[round((k + 1) * (len(within) - 1) / (count + 1))]) for k in range(count)]
    chosen: list[int] = []
    for least in (WELL * areas.max(), 1):
        used = np.flatnonzero(areas >= least).tolist()
        for apart in range(-(-len(used) // count), 0, -1):
            for z in sorted(used, key=lambda z: -areas[z]):
                if len(chosen) < count and all(abs(z - other) >= apart for other in chosen):
                    chosen.append(z)
    beyond = sorted({*within.tolist()} - {*chosen}, key=lambda z: abs(z - chosen[0]))
    return sorted([*chosen, *beyond[: count - len(chosen)]])


def find_window(series: str, values: np.ndarray) -> Window:
    """Find what is black and white of a series, from its values in the brain; the ADC's window is fixed."""
    if series == "adc":
        return Window(0, ADC_WHITE)
    dark, middle, bright = np.percentile(values, [_DARK, 50, _BRIGHT])
    return Window(float(dark), float(max(bright, _WHITE * middle)))


def describe_windows() -> str:
    """Say how the tiles' greys come about."""
    white = f"{ADC_WHITE * 1e3:.1f}"
    return (
        f"ADC: black is 0, white is {white} × 10⁻³ mm²/s. Other series: black is the {_DARK:g}st, white the "
        f"{_BRIGHT:g}th percentile of the brain, or {_WHITE:g} times its median if that is more."
    )


def draw_picture(reading: Reading, slices: Sequence[Slice] = ()) -> np.ndarray:
    """Draw one picture that stands alone in a PACS: the top line, the slices, and what holds always.

    It shows no identifier of the patient.

    Returns
    -------
    (down, across, 3) uint8
        1280 pixels across.
    """
    reading = hide_all_folders(reading)
    parts = [_write_above(reading)]
    if slices:
        has_lesion = any(one.contours for one in slices)
        parts.append(_head_tiles(slices, has_lesion=has_lesion))
        parts += [_join_tiles(one, has_lesion=has_lesion) for one in slices]
    parts.append(_write_below(reading, has_slices=bool(slices)))
    canvas = Image.new("RGB", (_WIDTH, sum(part.height for part in parts)))
    at = 0
    for part in parts:
        canvas.paste(part, (0, at))
        at += part.height
    return np.asarray(canvas)


def outline(tile: Tile, contours: Sequence[np.ndarray]) -> np.ndarray:
    """A copy of the tile with the lesion's contour, (down, across, 3) uint8."""
    image = Image.fromarray(tile.image).convert("RGB")
    draw = ImageDraw.Draw(image)
    for contour in contours:
        draw.line([*map(tuple, contour.tolist())], CONTOUR, width=2, joint="curve")
    return np.asarray(image)


def _require_one_grid(volumes: Sequence[Volume], inside: np.ndarray) -> None:
    first, *others = volumes
    if not all(first.same_grid(other) for other in others):
        raise ValueError("the volumes of a reading's pictures are not on one grid")
    if not inside.any():
        raise ValueError("the brain mask is empty")


def _mark(lesion: Volume | None, shape: tuple[int, ...]) -> np.ndarray:
    return np.zeros(shape, bool) if lesion is None else lesion.data >= INSIDE


def _sort_series(names: Mapping[str, Volume]) -> list[str]:
    """In the order of the table, b0 first and what was scanned with it behind it."""
    return sorted(
        (name for name in SERIES if name in names), key=lambda name: _ORDER.index(SERIES[name].place)
    )


def _height(grid: Volume, z: int) -> float:
    return float(grid.affine[2, 2] * z + grid.affine[2, 3])


def _shade(frame: AxialFrame, data: np.ndarray, z: int, window: Window) -> np.ndarray:
    """A slice in greys, (down, across) uint8."""
    values = frame.cut(np.asarray(data, np.float32), z, resampling=Image.Resampling.BICUBIC)
    share = (values - window.dark) / ((window.bright - window.dark) or 1)
    return (share.clip(0, 1) * 255).round().astype(np.uint8)


def _tint(grey: np.ndarray, opacity: np.ndarray, colour: str) -> np.ndarray:
    """Lay a colour (#rrggbb) over greys, (down, across, 3) uint8."""
    paint = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)])
    weight = opacity[..., None]
    return ((1 - weight) * grey[..., None] + weight * paint).round().astype(np.uint8)


def _trace(frame: AxialFrame, marked: np.ndarray, z: int) -> tuple[np.ndarray, ...]:
    """Closed polygons around what is marked in a slice."""
    if not marked[..., z].any():
        return ()
    shares = np.pad(frame.cut(marked.astype(np.float32), z), 1)
    polygons = (approximate_polygon(line, _TOLERANCE) for line in find_contours(shares, INSIDE))
    # From places of pixels in the padded slice (down, across) to distances from the slice's corner.
    return tuple(polygon[:, ::-1] - 0.5 for polygon in polygons)


def _label(pixels: np.ndarray, title: str, height_mm: float) -> np.ndarray:
    """The tile with the sides' letters above, its title and height below."""
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    right, low = image.width - 5, image.height - 4
    height = f"z {height_mm:+.0f} mm".replace("-", "−")
    for place, text, anchor, size in (
        ((5, 4), "R", "la", 24),
        ((right, 4), "L", "ra", 24),
        ((5, low), title, "ls", 20),
        ((right, low), height, "rs", 20),
    ):
        white, black = (255, 0) if image.mode == "L" else ((255,) * 3, (0,) * 3)
        draw.text(
            place, text, white, _font(size, bold=True), anchor=anchor, stroke_width=2, stroke_fill=black
        )
    return np.asarray(image)


def _place_tiles(one: Slice, *, has_lesion: bool) -> tuple[list[np.ndarray], int, int]:
    """The pictures of a slice, how many of them are unmarked, and how wide each is in the one picture."""
    images = [tile.image for tile in one.tiles.values()]
    unmarked = len(images)
    if has_lesion:
        images += [outline(one.tiles[name], one.contours) for name in OUTLINED if name in one.tiles]
    room = (_WIDTH - 2 * _EDGE - _GAP * (len(images) - 1)) // len(images)
    return images, unmarked, min(room, images[0].shape[1])


def _join_tiles(one: Slice, *, has_lesion: bool) -> Image.Image:
    """The tiles of a slice side by side, unmarked, and those with the contour behind them."""
    images, unmarked, width = _place_tiles(one, has_lesion=has_lesion)
    size = (width, round(images[0].shape[0] * width / images[0].shape[1]))
    row = Image.new("RGB", (_WIDTH, size[1] + _GAP))
    draw = ImageDraw.Draw(row)
    for k, pixels in enumerate(images):
        x = _EDGE + k * (width + _GAP)
        row.paste(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS), (x, 0))
        if k:
            colour = CONTOUR if k == unmarked else _RULE
            draw.line((x - _GAP // 2 - 1, 0, x - _GAP // 2 - 1, size[1]), colour)
    return row


def _head_tiles(slices: Sequence[Slice], *, has_lesion: bool) -> Image.Image:
    """The words above the unmarked tiles, and above those with the contour."""
    _, unmarked, width = _place_tiles(slices[0], has_lesion=has_lesion)
    row = Image.new("RGB", (_WIDTH, 24))
    draw = ImageDraw.Draw(row)
    draw.text((_EDGE, 2), "without contour" if has_lesion else "no lesion is outlined", _PALE, _font(15))
    if has_lesion:
        place = (_EDGE + unmarked * (width + _GAP), 2)
        draw.text(place, "with the lesion's contour", CONTOUR, _font(15))
    return row


def _write_above(reading: Reading) -> Image.Image:
    lines = [
        (RESEARCH_ONLY, _WARNING, _font(17, bold=True)),
        (say_headline(reading), _TEXT, _font(30, bold=True)),
    ]
    if reading.status == ANSWERED:
        answer = reading.answers[0]
        said = [say_similar(answer), say_call(answer)]
    else:
        said = [end_sentence(reading.reason), STATUSES[reading.status].remedy]
    lines += [(text, _TEXT, _font(18)) for text in (*said, _say_lesion(reading)) if text]
    return _write(lines)


def _write_below(reading: Reading, *, has_slices: bool) -> Image.Image:
    known = (("Model", "name"), ("version", "version"), ("made with strokeclock", "strokeclock"))
    model = ", ".join(f"{word} {reading.model[key]}" for word, key in known if reading.model.get(key))
    notes = [
        f"{CONVENTION}. Registered to the atlas; z is the height in atlas space, mm.",
        describe_windows(),
    ]
    lines = [(text, _PALE, _font(14)) for text in notes if has_slices]
    lines += [(text, _WARNING, _font(15)) for text in say_limits(reading)]
    lines.append((model, _PALE, _font(14)))
    return _write(lines)


def _say_lesion(reading: Reading) -> str:
    lesion, side = reading.lesion, reading.side
    if lesion is None:
        return ""
    ratios = "".join(
        f", relative {SERIES[name].label} signal {format_digits(f'{value}')}"
        for name, value in lesion.ratios.items()
    )
    where = f" {side.side}" if side and side.side in SIDES else ""
    adc, contralateral = (format_digits(f"{value}") for value in (lesion.adc, lesion.adc_contralateral))
    return (
        f"Lesion{where}, {lesion.source}: {lesion.volume_ml:.1f} mL{ratios}, ADC {adc} × 10⁻³ mm²/s "
        f"(contralateral {contralateral})."
    )


def _write(lines: Sequence[tuple[str, tuple[int, ...], ImageFont.FreeTypeFont]]) -> Image.Image:
    """Texts below each other on black, broken into lines that fit."""
    broken = [(part, colour, font) for text, colour, font in lines for part in _break(text, font)]
    image = Image.new("RGB", (_WIDTH, 18 + sum(round(1.35 * font.size) for _, _, font in broken)))
    draw, at = ImageDraw.Draw(image), 12
    for text, colour, font in broken:
        draw.text((_EDGE, at), text, colour, font)
        at += round(1.35 * font.size)
    return image


def _break(text: str, font: ImageFont.FreeTypeFont) -> list[str]:
    """The text in lines that fit; a word that is too long for a line is cut."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if font.getlength(longer) <= _WIDTH - 2 * _EDGE:
            lines[-1] = longer
            continue
        while font.getlength(word) > _WIDTH - 2 * _EDGE:
            word = f"{word[: len(word) * 3 // 4]}…"
        lines.append(word)
    return [line for line in lines if line]


@cache
def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """DejaVu Sans, which comes with matplotlib and has all signs; matplotlib itself takes long to import."""
    found = find_spec("matplotlib")
    if found is None or found.origin is None:
        raise ModuleNotFoundError("matplotlib, whose fonts the pictures of a reading use")
    folder = Path(found.origin).parent / "mpl-data/fonts/ttf"
    return ImageFont.truetype(folder / f"DejaVuSans{'-Bold' * bold}.ttf", size)

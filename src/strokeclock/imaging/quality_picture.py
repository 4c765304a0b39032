"""The picture by which a person judges one patient's preprocessing."""

import os
import textwrap
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from strokeclock.imaging.intensity import SERIES
from strokeclock.imaging.volume import Volume

COLOURS = {"pass": (96, 200, 120), "look": (245, 190, 70), "fail": (240, 100, 90)}
_LABELS = {"dwi": "DWI", "t2w": "T2w", "flair": "FLAIR"}
_ATLAS, _BRAIN, _MIDLINE, _TEXT, _PALE = (
    (70, 180, 255),
    (255, 190, 60),
    (255, 90, 160),
    (235,) * 3,
    (160,) * 3,
)
_CONVENTION = "Radiological convention: R, the patient's right, is on the left of the picture"
_SCALE = 1.1  # pixels a mm
_MARGIN_MM = 6
_SLICES = 8
_LEFT, _TOP, _BOTTOM, _GAP = 56, 74, 28, 8  # pixels around and between the slices


def draw_patient(
    volumes: Mapping[str, Volume],
    mask: Volume,
    *,
    atlas_mask: Volume,
    record: Mapping,
    distances: Mapping[str, float],
) -> Image.Image:
    """Draw DWI, T2w and FLAIR in eight slices, with brain outlines, mid-plane, numbers and verdict.

    Parameters
    ----------
    volumes : mapping of series -> Volume
        dwi, t2w and flair on the (RAS) atlas grid.
    mask, atlas_mask : Volume
        The patient's and the atlas's brain, on the same grid.
    record : mapping
        See `quality_record.make_record`.
    distances : mapping of series -> float
        Histogram distances to the reference in standard deviations; empty where there is none.
    """
    brain = atlas_mask.data > 0
    columns, rows, slices = (_extent(brain, axis, mask.spacing[axis]) for axis in range(3))
    low, high = slices[0], slices[-1]
    shown = np.linspace(low + 0.11 * (high - low), low + 0.94 * (high - low), _SLICES).round().astype(int)
    size = (
        round(len(columns) * mask.spacing[0] * _SCALE),
        round(len(rows) * mask.spacing[1] * _SCALE),
    )

    def tile(data: np.ndarray, z: int) -> np.ndarray:
        """An axial slice as a radiologist looks at it: anterior up, the patient's right on the left."""
        plane = data[columns][:, rows, z][::-1, ::-1].T
        return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR))

    canvas = np.zeros((_TOP + 3 * size[1] + _BOTTOM, _LEFT + _SLICES * (size[0] + _GAP), 3), dtype=np.uint8)
    x_of = -mask.affine[0, 3] / mask.affine[0, 0] + 0.5  # the plane x = 0, in columns from the volume's edge
    middle = round((columns[-1] + 1 - x_of) * mask.spacing[0] * _SCALE)
    for i, z in enumerate(shown):
        outlines = [
            (_outline(tile(volume.data.astype(np.float32), z) > 0.5), colour)
            for volume, colour in ((atlas_mask, _ATLAS), (mask, _BRAIN))
        ]
        for j, series in enumerate(SERIES):
            data = volumes[series].data
            dark, bright = np.percentile(data[mask.data > 0], [1, 99.7])
            grey = np.clip((tile(data, z) - dark) / ((bright - dark) or 1) * 255, 0, 255).astype(np.uint8)
            picture = np.repeat(grey[..., None], 3, axis=2)
            for edge, colour in outlines:
                picture[edge] = picture[edge] // 3 + (np.array(colour) * 2 // 3).astype(np.uint8)
            picture[::4, middle] = _MIDLINE
            y, x = _TOP + j * size[1], _LEFT + i * (size[0] + _GAP)
            canvas[y : y + size[1], x : x + size[0]] = picture

    image = Image.fromarray(canvas)
    draw = ImageDraw.Draw(image)
    for j, series in enumerate(SERIES):
        middle_of_row = _TOP + (j + 0.5) * size[1]
        draw.text((_LEFT / 2, middle_of_row), _LABELS[series], _TEXT, _font(16), anchor="mm")
    for i, z in enumerate(shown):
        x = _LEFT + i * (size[0] + _GAP)
        height = mask.affine[2, 2] * z + mask.affine[2, 3]
        draw.text((x + size[0] / 2, _TOP - 5), f"z {height:+.0f} mm", _PALE, _font(12), anchor="mb")
        draw.text((x + 6, _TOP + 2), "R", _TEXT, _font(13))
        draw.text((x + size[0] - 6, _TOP + 2), "L", _TEXT, _font(13), anchor="ra")
    _write_title(draw, record, _numbers_line(record["numbers"], distances))
    _write_legend(draw, image.height - 6)
    return image


def draw_reason(record: Mapping) -> Image.Image:
    """Draw the reason why a patient without preprocessed volumes is excluded."""
    lines = textwrap.wrap(record["reason"], 90)
    image = Image.new("RGB", (760, 48 + 20 * len(lines)))
    draw = ImageDraw.Draw(image)
    _write_title(draw, record | {"reason": ""}, "\n".join(lines))
    return image


def write_picture(path: str | Path, image: Image.Image) -> None:
    """Write as PNG, whole or not at all."""
    beside = Path(path).with_name(f".{Path(path).name}")
    image.save(beside, compress_level=4)
    os.replace(beside, path)


def _write_title(draw: ImageDraw.ImageDraw, record: Mapping, second_line: str) -> None:
    verdict = record["verdict"].upper() + (" (by a person)" if record["judged_by"] == "person" else "")
    at = 10
    for text, colour in (
        (record["patient"], _TEXT),
        (verdict, COLOURS[record["verdict"]]),
        (record["reason"], _TEXT),
    ):
        draw.text((at, 6), text, colour, _font(17))
        at += draw.textlength(text, _font(17)) + 16
    draw.multiline_text((10, 30), second_line, _PALE, _font(13), spacing=5)


def _numbers_line(numbers: Mapping, distances: Mapping[str, float]) -> str:
    parts = [] if numbers["mask_volume_ml"] is None else [f"brain {numbers['mask_volume_ml']:.0f} mL"]
    parts += [
        f"Dice to atlas {numbers['dice_to_atlas']:.3f}",
        f"NMI to atlas {numbers['nmi_to_atlas']:.3f}",
        f"left-right asymmetry {numbers['asymmetry']:.3f}",
        f"mid-plane tilt {numbers['midplane_tilt_deg']:.1f}°, offset {numbers['midplane_offset_mm']:+.1f} mm",
        f"DWI/ADC asymmetry {numbers['side_seen']} (L {numbers['infarct_left_ml']:.1f}, "
        f"R {numbers['infarct_right_ml']:.1f} mL), recorded {numbers['side_recorded'] or 'not'}",
    ]
    if distances:
        spread = ", ".join(f"{_LABELS[series]} {distance:.2f}" for series, distance in distances.items())
        parts.append(f"histogram to reference {spread} SD")
    return "   ".join(parts)


def _write_legend(draw: ImageDraw.ImageDraw, bottom: int) -> None:
    draw.text((10, bottom), _CONVENTION, _TEXT, _font(13), anchor="ls")
    at = 40 + draw.textlength(_CONVENTION, _font(13))
    for text, colour in (
        ("atlas brain", _ATLAS),
        ("brain mask", _BRAIN),
        ("mid-sagittal plane, x = 0", _MIDLINE),
    ):
        draw.line((at, bottom - 5, at + 22, bottom - 5), colour, width=2)
        draw.text((at + 28, bottom), text, colour, _font(13), anchor="ls")
        at += 58 + draw.textlength(text, _font(13))


def _extent(brain: np.ndarray, axis: int, spacing: float) -> np.ndarray:
    """The indices along one axis that hold brain, in plane with a margin."""
    used = np.flatnonzero(brain.any(axis=tuple(k for k in range(3) if k != axis)))
    margin = round(_MARGIN_MM / spacing) if axis < 2 else 0
    return np.arange(max(used[0] - margin, 0), min(used[-1] + margin + 1, brain.shape[axis]))


def _outline(inside: np.ndarray) -> np.ndarray:
    """The pixels inside that touch one outside; (Y, X) bool."""
    padded = np.pad(inside, 1)
    core = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inside & ~core


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.load_default(size)

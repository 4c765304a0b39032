"""Slices of a stack as DICOM has them: displayed in the radiological way, positions in LPS+ mm."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from strokeclock.phantom.study import Stack, StudySeries

SPACING_DECIMALS = 6  # of mm; an affine in single precision is off by about 1e-7 mm


@dataclass(frozen=True)
class Frame:
    """One slice.

    pixels        (rows, columns)
    orientation   (2, 3) directions of increasing column and of increasing row, LPS
    position      (3,) centre of the first pixel, LPS+ mm
    spacing_mm    between rows, between columns, between slices, to 1e-6 mm
    thickness_mm  of the slice
    b_value       s/mm2; None where it is no diffusion image
    stack, place  numbers from 1 of the stack in the series and of the slice in the stack
    """

    pixels: NDArray
    orientation: NDArray
    position: NDArray
    spacing_mm: tuple[float, float, float]
    thickness_mm: float
    b_value: float | None
    stack: int
    place: int

    @property
    def depth(self) -> float:
        """Position along the normal of the slice, mm."""
        return float(np.cross(*self.orientation) @ self.position)


def cut_series(series: StudySeries) -> list[Frame]:
    """Return all slices of a series, one stack after the other."""
    return [
        frame for number, stack in enumerate(series.stacks, start=1) for frame in _cut(stack, number=number)
    ]


def _cut(stack: Stack, *, number: int) -> Iterator[Frame]:
    """Yield a stack's slices, whatever the order of the stored array.

    Columns run to the patient's left, or to the back in sagittal slices; rows run to the back, or downwards
    in sagittal and coronal slices.
    """
    data, axes = stack.data, np.diag([-1.0, -1.0, 1.0]) @ stack.affine[:3]
    lengths = np.linalg.norm(axes[:, :3], axis=0)
    columns, rows, slices = spacing = lengths.round(SPACING_DECIMALS)
    axes[:, :3] *= spacing / lengths
    for axis in (0, 1):
        main = int(np.abs(axes[:, axis]).argmax())
        if (axes[main, axis] < 0) != (main == 2):
            data = np.flip(data, axis)
            axes[:, 3] += (data.shape[axis] - 1) * axes[:, axis]
            axes[:, axis] *= -1
    for place in range(data.shape[2]):
        yield Frame(
            pixels=data[:, :, place].T,
            orientation=(axes[:, :2] / (columns, rows)).T,
            position=axes[:, 3] + place * axes[:, 2],
            spacing_mm=(float(rows), float(columns), float(slices)),
            thickness_mm=float(slices) if stack.thickness_mm is None else stack.thickness_mm,
            b_value=stack.b_value,
            stack=number,
            place=place + 1,
        )


def add_pixels(image: Dataset, pixels: NDArray, *, signed: bool) -> None:
    """Add pixels (rows, columns) or (frames, rows, columns), whole numbers from 0 to 32767, as 16 bits."""
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.Rows, image.Columns = pixels.shape[-2:]
    image.BitsAllocated = image.BitsStored = 16
    image.HighBit, image.PixelRepresentation = 15, int(signed)
    image.add_new("PixelData", "OW", np.ascontiguousarray(pixels).astype("<u2").tobytes())


def add_window(item: Dataset, pixels: NDArray) -> None:
    """Add the grey levels of the display: black at 0, white at the 99th percentile of the pixels."""
    brightest = int(np.percentile(pixels, 99))
    item.WindowCenter, item.WindowWidth = str(brightest // 2), str(max(brightest, 1))

"""How much room words take, measured with the renderer that draws them; all lengths in points."""

from collections.abc import Iterator
from functools import cache

from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties

_FINE = 200  # dots per inch at which words are measured: fewer move letters to whole dots


@cache
def measure(text: str, *, size: float, bold: bool = False) -> float:
    """The width of a line in the figures' font."""
    font = FontProperties(family="DejaVu Sans", weight="bold" if bold else "normal", size=size)
    pixels, _, _ = RendererAgg(1, 1, _FINE).get_text_width_height_descent(text, font, ismath=False)
    return pixels * 72 / _FINE


def wrap(text: str, width: float, *, size: float) -> Iterator[str]:
    """The text in lines no wider than this."""
    line = ""
    for word in text.split():
        if line and measure(f"{line} {word}", size=size) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    yield line

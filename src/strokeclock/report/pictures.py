"""A picture inside a page, and its caption."""

import base64
import re
from collections.abc import Mapping
from html import escape
from pathlib import Path

from jinja2 import Environment, StrictUndefined

_KINDS = {".svg": "image/svg+xml", ".png": "image/png"}
_MOST_VECTORS = 300_000  # bytes; a larger drawing is slower to show than a picture, and no sharper
_WIDTH = re.compile(rb'<svg [^>]*?\bwidth="([\d.]+)pt"')
_PIXELS_PER_POINT = 1.6  # a fifth larger than in print (4/3), since a screen is farther away


def embed_picture(paths: list[Path]) -> str:
    """Return the picture as a data URI: the .svg, unless it is large and the .png smaller."""
    svg, png = (next((path for path in paths if path.suffix == kind), None) for kind in _KINDS)
    chosen = svg or png
    if chosen is None:
        raise ValueError(f"none of {', '.join(map(str, paths))} is a picture that a page can hold")
    if svg and png and svg.stat().st_size > _MOST_VECTORS and png.stat().st_size < svg.stat().st_size:
        chosen = png
    return f"data:{_KINDS[chosen.suffix]};base64,{base64.b64encode(chosen.read_bytes()).decode()}"


def measure_picture(paths: list[Path]) -> int | None:
    """Return how wide to show the picture, in pixels, from the width of its .svg; None without one."""
    for path in paths:
        if path.suffix == ".svg" and (found := _WIDTH.search(path.read_bytes()[:2000])):
            return round(_PIXELS_PER_POINT * float(found[1]))
    return None


def render_caption(source: str, wildcards: Mapping[str, str]) -> str:
    """Return a caption of ``snakemake --report`` as HTML: its wildcards filled in, ``code`` marked.

    Columns lose their underscores, as in the titles of `tables.Table`.

    Raises
    ------
    jinja2.UndefinedError
        The caption uses a wildcard that is not given.
    """
    text = (
        Environment(undefined=StrictUndefined).from_string(source).render(snakemake={"wildcards": wildcards})
    )
    text = re.sub(r"``([a-z_]+)``", lambda found: f"``{found[1].replace('_', ' ').strip()}``", text)
    return re.sub(r"``(.+?)``", r"<code>\1</code>", escape(" ".join(text.split()), quote=False))

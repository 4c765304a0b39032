"""How a table is printed: as HTML, LaTeX and PNG, the same words in each.

A table has columns with labels, columns with values and, paler, columns beside them for comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from strokeclock.figures.style import INK, house_style, save_figure
from strokeclock.figures.words import measure, wrap
from strokeclock.files import write_whole

GREY = "#767676"  # the palest that is still easy to read on white
NOTHING = "–"


class Row(NamedTuple):
    """Cells under `Table`'s columns; a text as `values` stands in place of them all, in grey."""

    labels: Sequence[str]
    values: Sequence[str] | str
    beside: Sequence[str] = ()


@dataclass(frozen=True)
class Table:
    """`labels`, `values` and `beside` are the columns' titles; a row that is a text heads those after it."""

    title: str
    labels: Sequence[str]
    values: Sequence[str]
    rows: Sequence[Row | str]
    notes: Sequence[str] = ()
    beside: Sequence[str] = ()
    beside_title: str = ""

    @property
    def width(self) -> int:
        """Columns in all."""
        return len(self.labels) + len(self.values) + len(self.beside)


def write_html(table: Table, output: str | Path) -> None:
    """Write a page that needs nothing else; all from its last <style> on can stand in another page."""
    sheet = "landscape" if table.width > _UPRIGHT else "portrait"
    head = f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{escape(table.title)}</title>
<style>@page {{ size: A4 {sheet}; margin: 12mm; }}</style>
"""
    write_whole(output, head + to_html(table))


def write_latex(table: Table, output: str | Path) -> None:
    """Write a document for pdfLaTeX (twice, for the columns' widths), its table within booktabs' rules."""
    write_whole(output, to_latex(table))


_UPRIGHT = 8  # columns that fit an upright page
_CSS = """<style>
figure.typeset { margin: 1em 0; color: #222; background: #fff; overflow-x: auto; container-type: inline-size;
  font: 13px/1.35 system-ui, "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
figure.typeset table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; }
figure.typeset table.wide { font-size: clamp(9px, .95cqi, 13px); }
figure.typeset caption { text-align: left; font-weight: 600; font-size: 1.1em; padding-bottom: .5em; }
figure.typeset th, figure.typeset td { padding: .18em .5em; text-align: right; white-space: nowrap; }
figure.typeset th { font-weight: 600; vertical-align: bottom; }
figure.typeset .label { text-align: left; }
figure.typeset .instead { text-align: left; white-space: normal; }
figure.typeset .beside, figure.typeset tr.unrun { color: #767676; }
figure.typeset .beside { font-weight: 400; }
figure.typeset .first { padding-left: 1.6em; }
figure.typeset th.over { text-align: center; border-bottom: 1px solid #bbb; }
figure.typeset tbody { border-top: 1px solid; }
figure.typeset tbody th { text-align: left; padding-top: .5em; }
figure.typeset p { margin: .35em 0; max-width: 75em; font-size: .92em; }
@media print {
  figure.typeset { font-size: 7.5pt; overflow: visible; container-type: normal; }
  figure.typeset table.wide { font-size: inherit; }
  figure.typeset th, figure.typeset td { padding: .1em .35em; }
  figure.typeset p { max-width: none; }
  figure.typeset thead { display: table-header-group; }
  figure.typeset tr, figure.typeset p { break-inside: avoid; }
}
</style>
"""


def to_html(table: Table) -> str:
    """A <style> and a <figure> with the table and its notes; the style reaches nothing outside it."""
    head = ""
    if table.beside_title:
        over = f'<th class="over beside" colspan="{len(table.beside)}">{escape(table.beside_title)}</th>'
        head = f'<tr><td colspan="{table.width - len(table.beside)}"></td>{over}</tr>\n'
    titles = _html_cells(table.labels, "label", "th") + _html_cells(table.values, "", "th")
    head += f"<tr>{titles}{_html_beside(table.beside, 'th')}</tr>\n"
    body = "<tbody>\n"
    for place, row in enumerate(table.rows):
        if isinstance(row, str):
            body += "</tbody>\n<tbody>\n" if place else ""
            body += f'<tr><th colspan="{table.width}">{escape(row)}</th></tr>\n'
            continue
        unrun = isinstance(row.values, str)
        values = (
            f'<td class="instead" colspan="{len(table.values)}">{escape(row.values)}</td>'
            if unrun
            else _html_cells(row.values, "", "td")
        )
        cells = _html_cells(row.labels, "label", "td") + values + _html_beside(row.beside, "td")
        body += ('<tr class="unrun">' if unrun else "<tr>") + f"{cells}</tr>\n"
    notes = "".join(f"<p>{escape(note)}</p>\n" for note in table.notes)
    wide = ' class="wide"' if table.width > _UPRIGHT else ""
    return (
        f'{_CSS}<figure class="typeset">\n<table{wide}>\n<caption>{escape(table.title)}</caption>\n'
        f"<thead>\n{head}</thead>\n{body}</tbody>\n</table>\n{notes}</figure>\n"
    )


def _html_cells(texts: Sequence[str], kind: str, tag: str) -> str:
    kind = f' class="{kind}"' if kind else ""
    return "".join(f"<{tag}{kind}>{escape(text)}</{tag}>" for text in texts)


def _html_beside(texts: Sequence[str], tag: str) -> str:
    return _html_cells(texts[:1], "beside first", tag) + _html_cells(texts[1:], "beside", tag)


_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "–": "--",
    "±": r"$\pm$",
    "≥": r"$\ge$",
    "×": r"$\times$",
    "−": "$-$",
    "κ": r"$\kappa$",
}


def escape_latex(text: str) -> str:
    """The text with LaTeX's special characters, and those that its fonts lack, written as commands."""
    return "".join(_LATEX.get(character, character) for character in text)


def to_latex(table: Table) -> str:
    """A document with the table alone: booktabs, longtable, xcolor, geometry."""
    columns = "l" * len(table.labels) + "r" * len(table.values)
    columns += r"@{\hspace{1.5em}}" * bool(table.beside) + r">{\color{pale}}r" * len(table.beside)
    head = ""
    if table.beside_title:
        first = table.width - len(table.beside) + 1
        head = " & " * (first - 1) + rf"\multicolumn{{{len(table.beside)}}}{{c}}"
        head += rf"{{\color{{pale}}{escape_latex(table.beside_title)}}} \\ \cmidrule{{{first}-{table.width}}}"
        head += "\n"
    head += _latex_line([*table.labels, *table.values, *table.beside])
    body = ""
    for place, row in enumerate(table.rows):
        if isinstance(row, str):
            body += "\\midrule\n" if place else ""
            body += rf"\multicolumn{{{table.width}}}{{l}}{{\bfseries {escape_latex(row)}}} \\*" + "\n"
        elif isinstance(row.values, str):
            cells = [rf"\color{{pale}}{escape_latex(text)}" for text in row.labels]
            span = rf"\multicolumn{{{len(table.values)}}}{{p{{0.45\linewidth}}}}"
            cells.append(rf"{span}{{\raggedright\color{{pale}}{escape_latex(row.values)}}}")
            body += " & ".join([*cells, *map(escape_latex, row.beside)]) + " \\\\\n"
        else:
            body += _latex_line([*row.labels, *row.values, *row.beside])
    notes = "\n\n".join(escape_latex(note) for note in table.notes)
    return rf"""% pdflatex, twice. Elsewhere, too, the longtable needs these packages and the colour pale.
\documentclass[a4paper,landscape]{{article}}
\usepackage[margin=12mm]{{geometry}}
\usepackage{{array,booktabs,longtable,xcolor}}
\definecolor{{pale}}{{HTML}}{{{GREY[1:]}}}
\setlength{{\tabcolsep}}{{3pt}}
\setlength{{\parindent}}{{0pt}}
\setlength{{\parskip}}{{2pt}}
\pagestyle{{empty}}
\begin{{document}}
\scriptsize
{{\small\bfseries {escape_latex(table.title)}}}
\begin{{longtable}}[l]{{{columns}}}
\toprule
{head}\midrule
\endhead
\bottomrule
\endlastfoot
{body}\end{{longtable}}

{notes}
\end{{document}}
"""


def _latex_line(texts: Sequence[str]) -> str:
    return " & ".join(map(escape_latex, texts)) + " \\\\\n"


_SIZE, _NOTE_SIZE = 7.0, 6.5  # points, as all lengths of the picture
_LINE = 11.0  # from line to line
_GAP, _WIDE_GAP = 9.0, 20.0  # between columns, and before those beside


def draw_table(table: Table, output: str | Path) -> None:
    """Draw the table as a picture (.png), as large as its words need."""
    lefts, widths = _place_columns(table)
    first_value, first_beside = len(table.labels), table.width - len(table.beside)
    right = lefts[-1] + widths[-1]
    page = _Page()

    def put(place: int, text: str, **style) -> None:
        if place < first_value:
            page.write(lefts[place], text, **style)
        else:
            page.write(lefts[place] + widths[place], text, ha="right", **style)

    page.write(0, table.title, size=8.5, weight="bold")
    page.rule(0, right, width=1.2, below=0.8)
    page.skip(0.6)
    if table.beside_title:
        page.skip(0.95)
        page.write((lefts[first_beside] + right) / 2, table.beside_title, ha="center", color=GREY)
        page.rule(lefts[first_beside], right, width=0.5, below=0.35, color=GREY)
    page.skip(1.15)
    for place, title in enumerate([*table.labels, *table.values, *table.beside]):
        put(place, title, **({"color": GREY} if place >= first_beside else {"weight": "bold"}))
    for row in table.rows:
        if isinstance(row, str):
            page.rule(0, right, width=0.7, below=0.45)
            page.skip(1.25)
            page.write(0, row, weight="bold")
            continue
        page.skip()
        unrun = isinstance(row.values, str)
        for place, text in enumerate(row.labels):
            put(place, text, color=GREY if unrun else INK)
        for place, text in enumerate(row.beside, start=first_beside):
            put(place, text, color=GREY)
        if unrun:
            left, end = lefts[first_value], lefts[first_beside - 1] + widths[first_beside - 1]
            for number, line in enumerate(wrap(row.values, end - left, size=_SIZE)):
                page.skip(0.9 if number else 0)
                page.write(left, line, color=GREY)
        else:
            for place, text in enumerate(row.values, start=first_value):
                put(place, text)
    page.rule(0, right, width=1.2, below=0.5)
    page.skip(0.6)
    for note in table.notes:
        page.skip(0.25)
        for line in wrap(note, right, size=_NOTE_SIZE):
            page.skip(0.85)
            page.write(0, line, size=_NOTE_SIZE)
    page.save(output, width=right)


class _Page:
    """What stands where, in points from the upper left; `y` is the line being written."""

    def __init__(self):
        self.y = _LINE
        self.texts: list[tuple[float, float, str, dict]] = []
        self.rules: list[tuple[float, float, float, dict]] = []

    def skip(self, lines: float = 1.0) -> None:
        self.y += lines * _LINE

    def write(self, x: float, text: str, **style) -> None:
        self.texts.append((x, self.y, text, {"size": _SIZE, "va": "baseline", "parse_math": False} | style))

    def rule(self, left: float, right: float, *, width: float, below: float = 0.4, color: str = INK) -> None:
        y = self.y + below * _LINE
        self.rules.append((left, right, y, {"linewidth": width, "color": color}))

    def save(self, output: str | Path, *, width: float) -> None:
        height = self.y + _LINE / 2
        with house_style():
            figure = Figure(figsize=(width / 72, height / 72))
            axis: Axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
            axis.set_axis_off()
            for x, y, text, style in self.texts:
                axis.text(x, y, text, **style)
            for left, right, y, style in self.rules:
                axis.plot([left, right], [y, y], clip_on=False, **style)
            save_figure(figure, output)


def _place_columns(table: Table) -> tuple[list[float], list[float]]:
    """Left edge and width of each column, in points: as wide as its widest cell."""
    widths = [
        measure(title, size=_SIZE, bold=True) for title in [*table.labels, *table.values, *table.beside]
    ]
    first_beside = table.width - len(table.beside)
    for row in table.rows:
        if not isinstance(row, str):
            values = [""] * len(table.values) if isinstance(row.values, str) else row.values
            cells = [*row.labels, *values, *row.beside]
            widths = [
                max(width, measure(cell, size=_SIZE)) for width, cell in zip(widths, cells, strict=True)
            ]
    lefts = [0.0]
    for place, width in enumerate(widths[:-1], start=1):
        lefts.append(lefts[-1] + width + (_WIDE_GAP if place == first_beside else _GAP))
    return lefts, widths

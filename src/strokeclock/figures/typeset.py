"""How a table is printed: as HTML, LaTeX and PNG, the same words in each.

A table has columns with labels, columns with values and, paler, columns beside them for comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from jinja2 import DictLoader, Environment, StrictUndefined
from matplotlib.figure import Figure

from strokeclock.figures.sheet import GREY, LINE, fit, height_of, new_sheet, place_columns, wrap, write
from strokeclock.figures.style import INK, house_style, save_figure
from strokeclock.files import write_whole

NOTHING = "–"
_GAP, _APART = 9.0, 11.0  # points between columns, and more before those beside


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
    def columns(self) -> list[str]:
        """The titles of all."""
        return [*self.labels, *self.values, *self.beside]


def print_table(table: Table, *paths: str | Path) -> None:
    """Write the table to each path, in the format of its suffix: .html, .tex, .png.

    The page needs nothing else, and all from its last <style> on can stand in another page. The document is
    for pdfLaTeX, twice, for the columns' widths.
    """
    for output in map(Path, paths):
        if output.suffix == ".png":
            save_figure(draw_table(table), output)
        else:
            write_whole(output, render_table(table, output.suffix))


def render_table(table: Table, suffix: str) -> str:
    """The table as .html or .tex."""
    columns = table.columns
    template = _TEMPLATES.get_template(suffix)
    return template.render(table=table, columns=columns, wide=len(columns) > 8, grey=GREY)


_LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", '"': "''"}
    | {"<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", "–": "--", "−": "$-$"}
    | {"±": r"$\pm$", "≥": r"$\ge$", "×": r"$\times$", "κ": r"$\kappa$"}
)


def escape_latex(text: str) -> str:
    r"""The text with LaTeX's special characters, and those that its fonts lack, written as commands.

    >>> print(escape_latex("AUC ≥ 50 % – n_test"))
    AUC $\ge$ 50 \% -- n\_test
    """
    return text.translate(_LATEX)


_HTML = """\
[% macro cells(texts, kind, tag="td") %]
[% for text in texts %]
<[[ tag ]] class="[[ kind ]][[ " first" if loop.first ]]">[[ text ]]</[[ tag ]]>
[% endfor %]
[% endmacro %]
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>[[ table.title ]]</title>
<style>@page { size: A4 [[ "landscape" if wide else "portrait" ]]; margin: 12mm; }</style>
<style>
figure.typeset { margin: 1em 0; color: #222; overflow-x: auto; container-type: inline-size;
  background: /* a shadow where it goes on beyond the edge */
    linear-gradient(to right, #fff 30%, #fff0) 0 0 / 3rem 100% no-repeat local,
    linear-gradient(to left, #fff 30%, #fff0) 100% 0 / 3rem 100% no-repeat local,
    linear-gradient(to right, #0004, #0000) 0 0 / .9rem 100% no-repeat scroll,
    linear-gradient(to left, #0004, #0000) 100% 0 / .9rem 100% no-repeat scroll, #fff;
  font: 13px/1.35 system-ui, "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
figure.typeset table { border-collapse: collapse; border-top: 2px solid; border-bottom: 2px solid; }
figure.typeset table.wide { font-size: clamp(9px, .95cqi, 13px); }
figure.typeset caption { text-align: left; font-weight: 600; font-size: 1.1em; padding-bottom: .5em; }
figure.typeset th, figure.typeset td { padding: .18em .5em; text-align: right; white-space: nowrap; }
figure.typeset th { font-weight: 600; vertical-align: bottom; }
figure.typeset .label, figure.typeset .instead, figure.typeset tbody th { text-align: left; }
figure.typeset .instead { white-space: normal; }
figure.typeset .beside, figure.typeset .unrun { color: [[ grey ]]; font-weight: 400; }
figure.typeset .beside.first { padding-left: 1.6em; }
figure.typeset .over { text-align: center; border-bottom: 1px solid #bbb; }
figure.typeset tbody { border-top: 1px solid; }
figure.typeset tbody th { padding-top: .5em; }
figure.typeset p { margin: .35em 0; max-width: 75em; font-size: .92em; }
@media print {
  figure.typeset { font-size: 7.5pt; overflow: visible; container-type: normal; background: none; }
  figure.typeset table.wide { font-size: inherit; }
  figure.typeset th, figure.typeset td { padding: .1em .35em; }
  figure.typeset p { max-width: none; }
  figure.typeset tr, figure.typeset p { break-inside: avoid; }
}
</style>
<figure class="typeset" tabindex="0" role="group" aria-label="[[ table.title ]]">
<table class="[[ "wide" if wide ]]">
<caption>[[ table.title ]]</caption>
<thead>
[% if table.beside_title %]
<tr><td colspan="[[ columns|length - table.beside|length ]]"></td>
<th class="over beside" colspan="[[ table.beside|length ]]">[[ table.beside_title ]]</th></tr>
[% endif %]
<tr>
[[ cells(table.labels, "label", "th") ]][[ cells(table.values, "value", "th") ]]
[[- cells(table.beside, "beside", "th") ]]</tr>
</thead>
<tbody>
[% for row in table.rows %]
[% if row is string %]
[[ "" if loop.first else "</tbody>\n<tbody>\n"|safe -]]
<tr><th colspan="[[ columns|length ]]">[[ row ]]</th></tr>
[% else %]
<tr class="[[ "unrun" if row.values is string ]]">
[[ cells(row.labels, "label") ]]
[%- if row.values is string %]
<td class="instead" colspan="[[ table.values|length ]]">[[ row.values ]]</td>
[% else %]
[[ cells(row.values, "value") ]]
[%- endif %]
[[ cells(row.beside, "beside") ]]</tr>
[% endif %]
[% endfor %]
</tbody>
</table>
[% for note in table.notes %]
<p>[[ note ]]</p>
[% endfor %]
</figure>
"""
_TEX = r"""% pdflatex, twice. Elsewhere, too, the longtable needs these packages and the colour pale.
\documentclass[a4paper,landscape]{article}
\usepackage[margin=12mm]{geometry}
\usepackage{array,booktabs,longtable,xcolor}
\definecolor{pale}{HTML}{[[ grey[1:] ]]}
\setlength{\tabcolsep}{3pt}
\setlength{\parindent}{0pt}
\setlength{\parskip}{2pt}
\pagestyle{empty}
\begin{document}
\scriptsize
{\small\bfseries [[ table.title|tex ]]}
\begin{longtable}[l]{[[ "l" * table.labels|length ]][[ "r" * table.values|length ]]
[%- if table.beside %]@{\hspace{1.5em}}[[ ">{\\color{pale}}r" * table.beside|length ]][% endif %]}
\toprule
[% if table.beside_title %]
[% set first = columns|length - table.beside|length + 1 %]
[[ " & " * (first - 1) -]]
\multicolumn{[[ table.beside|length ]]}{c}{\color{pale}[[ table.beside_title|tex ]]} \\
\cmidrule{[[ first ]]-[[ columns|length ]]}
[% endif %]
[[ columns|map("tex")|join(" & ") ]] \\
\midrule
\endhead
\bottomrule
\endlastfoot
[% for row in table.rows %]
[% if row is string %]
[[ "" if loop.first else "\\midrule\n" ]]\multicolumn{[[ columns|length ]]}{l}{\bfseries [[ row|tex ]]} \\*
[% elif row.values is string %]
[% for text in row.labels %]\color{pale}[[ text|tex ]] & [% endfor %]
\multicolumn{[[ table.values|length ]]}{p{0.45\linewidth}}{\raggedright\color{pale}[[ row.values|tex ]]}
[%- for text in row.beside %] & [[ text|tex ]][% endfor %] \\
[% else %]
[[ (row.labels|list + row.values|list + row.beside|list)|map("tex")|join(" & ") ]] \\
[% endif %]
[% endfor %]
\end{longtable}
[% for note in table.notes %]

[[ note|tex ]]
[% endfor %]
\end{document}
"""
_TEMPLATES = Environment(
    loader=DictLoader({".html": _HTML, ".tex": _TEX}),
    autoescape=lambda suffix: suffix == ".html",
    undefined=StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
    block_start_string="[%",  # braces are CSS's and LaTeX's
    block_end_string="%]",
    variable_start_string="[[",
    variable_end_string="]]",
)
_TEMPLATES.filters["tex"] = escape_latex


def draw_table(table: Table) -> Figure:
    """Draw the table as a picture, as large as its words need."""
    labels, values = len(table.labels), len(table.labels) + len(table.values)
    cells = [
        [*row.labels, *([""] * len(table.values) if isinstance(row.values, str) else row.values), *row.beside]
        for row in table.rows
        if not isinstance(row, str)
    ]
    lefts, widths = place_columns(table.columns, cells, gap=_GAP)
    lefts = [left + _APART * (place >= values) for place, left in enumerate(lefts)]
    right = lefts[-1] + widths[-1]
    with house_style():
        axis = new_sheet()

        def rule(y: float, left: float = 0, *, width: float = 1.2, color: str = INK) -> None:
            axis.plot([left, right], [y, y], linewidth=width, color=color, clip_on=False)

        def put(y: float, texts: Sequence[str], *, start: int = 0, **style: object) -> None:
            for place, text in enumerate(texts, start=start):
                x, ha = (lefts[place], "left") if place < labels else (lefts[place] + widths[place], "right")
                write(axis, x, y, text, ha=ha, **({"color": GREY} if place >= values else {}) | style)

        write(axis, 0, 0, table.title, size=8.5, weight="bold")
        y = 2 * LINE
        rule(y - 4)
        if table.beside_title:
            middle = (lefts[values] + right) / 2
            write(axis, middle, y, table.beside_title, ha="center", color=GREY)
            y += 1.2 * LINE
            rule(y, lefts[values], width=0.5, color=GREY)
        put(y, [*table.labels, *table.values], weight="bold")
        put(y, table.beside, start=values)
        y += 1.3 * LINE
        for row in table.rows:
            if isinstance(row, str):
                rule(y, width=0.7)
                write(axis, 0, y + 2, row, weight="bold")
                y += 2
            elif isinstance(row.values, str):
                text = wrap(row.values, lefts[values - 1] + widths[values - 1] - lefts[labels])
                put(y, row.labels, color=GREY)
                write(axis, lefts[labels], y, text, color=GREY)
                put(y, row.beside, start=values)
                y += height_of(text) - LINE
            else:
                put(y, [*row.labels, *row.values, *row.beside])
            y += 1.15 * LINE
        rule(y + 1)
        y += 5
        for note in table.notes:
            text = wrap(note, right)
            write(axis, 0, y, text)
            y += height_of(text) + 2
        return fit(axis, right, y)

"""A table says the same in HTML, LaTeX and PNG, whatever stands in its cells; nothing is cut or covered."""

import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from strokeclock.figures.style import save_figure
from strokeclock.figures.typeset import Row, Table, draw_table, escape_latex, print_table, render_table

ODD = r"a&b <i>$x^2_{1}$</i> 50% #1 ~ \ | \"q\""
TABLE = Table(
    title=f"A title & {ODD}",
    labels=["Model", "Start"],
    values=["n", "AUC", "Accuracy"],
    rows=[
        "First group",
        Row(["2D", ODD], ["82", ".74 (.63–.85)", "−.3"], [".70", ".74"]),
        Row(
            ["3D", "phase 3"],
            "not run: set initial_weights.imagenet.file " + "or another word " * 12,
            [".5", ".73"],
        ),
        "Second & last",
        Row(["Reader 1", ""], ["82", "–", ".68 ± .01"], ["–", "–"]),
    ],
    notes=["A note, κ ≥ 1 × 2.", "A long note " * 40],
    beside=["Accuracy", "AUC"],
    beside_title="The paper's",
)
PLAIN = Table(title="Plain", labels=["a"], values=["b"], rows=[Row(["1"], ["2"])])


class Cells(HTMLParser):
    """The rows of an HTML table: lists of (text, colspan); and every tag with its attributes."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.tags, self.open = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        self.open = tag in ("td", "th")
        if self.open:
            self.rows[-1].append(["", int(dict(attrs).get("colspan", 1))])

    def handle_endtag(self, tag):
        self.open = self.open and tag not in ("td", "th")

    def handle_data(self, data):
        if self.open:
            self.rows[-1][-1][0] += data


def test_html_has_every_cell_and_no_ragged_row():
    rows = Cells(render_table(TABLE, ".html")).rows
    assert [sum(span for _, span in row) for row in rows] == [7] * 7
    texts = [[text for text, _ in row] for row in rows]
    assert texts[1] == ["Model", "Start", "n", "AUC", "Accuracy", "Accuracy", "AUC"]
    assert texts[2] == ["First group"]
    assert texts[3] == ["2D", ODD, "82", ".74 (.63–.85)", "−.3", ".70", ".74"]
    assert texts[4] == ["3D", "phase 3", TABLE.rows[2].values, ".5", ".73"]


def test_html_needs_nothing_from_elsewhere_and_its_style_stays_in_its_figure():
    page = render_table(TABLE, ".html")
    parsed = Cells(page)
    assert not {"script", "link", "img", "i"} & {tag for tag, _ in parsed.tags}
    assert not any({"src", "href"} & set(attributes) for _, attributes in parsed.tags)
    assert "http" not in page
    assert "url(" not in page
    part = page[page.rindex("<style>") :]
    assert part.count("<figure") == part.count("</figure>") == 1
    selectors = re.findall(r"^ *([^@{}\n]+)\{", part[: part.index("</style>")], re.MULTILINE)
    assert len(selectors) > 10
    assert all(name.strip().startswith("figure.typeset") for line in selectors for name in line.split(","))


WIDE = Table(title="", labels=["a"], values=["b"] * 8, rows=[Row(["1"], ["2"] * 8)])


@pytest.mark.parametrize(("table", "paper"), [(PLAIN, "portrait"), (TABLE, "portrait"), (WIDE, "landscape")])
def test_a_wide_table_is_printed_on_its_side(table, paper):
    assert f"size: A4 {paper}" in render_table(table, ".html")


def unescaped(line, sign):
    return re.findall(rf"(?<!\\){re.escape(sign)}", line)


def test_latex_has_as_many_columns_in_each_line():
    text = render_table(TABLE, ".tex")
    body = text[text.index("\\toprule") : text.index("\\end{longtable}")]
    lines = [line for line in body.splitlines() if "\\\\" in line]
    assert len(lines) == 7
    for line in lines:
        spans = [int(span) for span in re.findall(r"\\multicolumn\{(\d+)\}", line)]
        assert len(unescaped(line, "&")) + 1 + sum(spans) - len(spans) == 7


def test_latex_escapes_what_it_would_obey():
    assert escape_latex("50% & a_b #1 $x$ {y}") == r"50\% \& a\_b \#1 \$x\$ \{y\}"
    assert escape_latex("\\~^<>|") == (
        r"\textbackslash{}\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}\textbar{}"
    )
    assert escape_latex("−.1–.2 ± .3, ≥ 1 × 2") == r"$-$.1--.2 $\pm$ .3, $\ge$ 1 $\times$ 2"


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no pdflatex on this machine")
@pytest.mark.parametrize("table", [TABLE, PLAIN], ids=["odd", "plain"])
def test_latex_compiles_without_a_complaint(tmp_path, table):
    print_table(table, tmp_path / "table.tex")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    for _ in range(2):
        run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stdout
    assert "Output written on table.pdf (1 page" in run.stdout
    assert "Overfull" not in run.stdout
    assert "Missing character" not in (tmp_path / "table.log").read_text(errors="replace")


@pytest.fixture(scope="module")
def drawn():
    """The figure's texts with their boxes, and the figure's size, in pixels."""
    figure = draw_table(TABLE)
    figure.set_dpi(200)  # as it is saved: at fewer, letters are moved to whole pixels
    renderer = FigureCanvasAgg(figure).get_renderer()
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    return [(text.get_text(), text.get_window_extent(renderer)) for text in texts], figure.bbox


def test_the_picture_covers_and_cuts_no_word(drawn):
    texts, page = drawn
    for _, box in texts:
        assert box.x0 >= page.x0 - 2
        assert box.x1 <= page.x1 * 1.01
        assert box.y0 >= page.y0
        assert box.y1 <= page.y1
    for place, (one, box) in enumerate(texts):
        for other, beside in texts[place + 1 :]:
            width = min(box.x1, beside.x1) - max(box.x0, beside.x0)
            height = min(box.y1, beside.y1) - max(box.y0, beside.y0)
            assert min(width, height) < 2, f"{one!r} and {other!r} lie over each other"


def test_the_picture_has_every_word(drawn):
    texts = [text for text, _ in drawn[0]]
    words = " ".join(texts).split()
    for row in TABLE.rows:
        cells = (
            [row]
            if isinstance(row, str)
            else [*row.labels, *row.beside, *([row.values] * isinstance(row.values, str))]
        )
        assert all(word in words for cell in cells for word in cell.split())
    assert sum(text.count("A long note") for text in [" ".join(texts)]) == 40


def test_the_picture_repeats_its_bytes(tmp_path):
    for name in ("one", "two"):
        save_figure(draw_table(TABLE), tmp_path / f"{name}.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.png", "two.png"]

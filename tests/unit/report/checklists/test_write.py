"""The table and the page of the check-lists."""

import csv
from html.parser import HTMLParser

import pytest

from strokeclock.errors import ConfigurationError
from strokeclock.report.checklists.write import COLUMNS, ChecklistError, list_anchors, write_checklists

VOID = {"meta", "link", "br"}


class Page(HTMLParser):
    """Elements that are nested, their links, and the text."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.rows, self.text = [], [], 0, ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.links += [value for name, value in attrs if name in ("href", "src")]
        self.rows += ("class", "item") in attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def write(asked, lists, places, root):
    def write(**more):
        names = [asked.folder / name for name in asked.files if not name.startswith("external/")]
        table, page = asked.folder / "tables/checklists.csv", asked.folder / "checklists.html"
        made = [path for path in names if path not in (table, page)]
        template = root / "workflow/report/checklists.html"
        given = {"config": asked.config, "lists": lists, "template": template} | places | more
        write_checklists(made, table, page, **given)
        with open(table, newline="") as file:
            return [*csv.DictReader(file)], page.read_text()

    return write


def test_every_item_has_a_row(write):
    rows, _ = write()
    assert len(rows) == 52 + 44 + 48
    assert tuple(rows[0]) == COLUMNS
    assert [row["item"] for row in rows if row["list"] == "STARD-AI"][14:18] == ["15a", "15b", "15c", "15d"]
    assert all(row["asked"] and row["section"] and row["state"] and row["answer"] for row in rows)
    (cells,) = [row for row in rows if (row["list"], row["item"]) == ("TRIPOD+AI", "20a")]
    assert cells["where"] == "figures/flow.svg; tables/flow.csv; index.html#patients; cohort/exclusions.tsv"


def test_the_page_holds_every_item_and_links_to_what_is_there(write, asked):
    rows, text = write()
    page = Page(text)
    assert page.rows == len(rows)
    assert "Synthetic patients." in page.text
    assert "doi:10.1148/ryai.240300" in page.text
    assert "not that a study is\ngood" in page.text
    counted = [row["state"] for row in rows if row["list"] == "CLAIM 2024"].count("not done")
    assert f"not done {counted}." in page.text
    for link in page.links:
        assert link.startswith("index.html#") or (asked.folder / link).is_file(), link
    assert "<script" not in text


def test_the_same_run_gives_the_same_files(write):
    assert write() == write()


def test_statements_stand_in_table_and_page_and_are_escaped(write, tmp_path):
    path = tmp_path / "statements.yaml"
    path.write_text("funding: |\n  Grant <7> of a\n  fund\n")
    rows, text = write(statements=path)
    found = {row["answer"] for row in rows if row["state"] == "authors"}
    assert found == {"Grant <7> of a fund."}
    assert "Grant &lt;7&gt; of a fund." in text


def test_unknown_statements_are_refused(write, tmp_path):
    path = tmp_path / "statements.yaml"
    path.write_text("fundings: none\n")
    with pytest.raises(ConfigurationError, match="unknown key fundings: did you mean funding"):
        write(statements=path)


def test_an_external_test_is_told_where_its_tables_are_given(write, asked):
    rows, _ = write()
    assert "external/tables/external.csv" not in {place for row in rows for place in row["where"].split("; ")}
    rows, _ = write(
        external=[asked.folder / f"external/tables/{name}.csv" for name in ("external", "external_case_mix")]
    )
    (row,) = [row for row in rows if (row["list"], row["item"]) == ("CLAIM 2024", "33")]
    assert row["state"] == "run"
    assert row["where"].split("; ")[0] == "external/tables/external.csv"


def test_a_section_that_the_page_loses_is_noticed(write, tmp_path, places):
    changed = tmp_path / "page.html"
    changed.write_text(
        places["page_template"].read_text().replace('<section id="provenance"', '<section id="made"')
    )
    with pytest.raises(ChecklistError, match=r"names index\.html#provenance, which there is not"):
        write(page_template=changed)


def test_without_the_documentation_its_places_are_not_checked(write):
    rows, _ = write(docs=[])
    assert any("docs/methods/paper.md" in row["where"] for row in rows)


def test_anchors_are_those_of_github():
    text = "# 7 View and averages\n\n## Signal (`painting.py`, `tissue.py`)\n#### DICOM\ntext # none\n"
    assert list_anchors(text) == {"7-view-and-averages", "signal-paintingpy-tissuepy", "dicom"}

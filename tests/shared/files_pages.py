"""docs/reference/files.md and tables.md as data, to compare with what rules and runs make."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

REFERENCE = Path(__file__).parents[2] / "docs/reference"
# What the words in paths stand for; all others stand for one name without a slash.
_WORDS = {"<n>": r"\d+", "<batch>": r"b[01]*", "<row>": r"[^/]+/[^/]+/[^/]+", "…": r".+"}
_QUOTED = re.compile(r"`([^`]+)`")


def list_files() -> list[str]:
    """The paths of files.md, in the run's folder."""
    text = (REFERENCE / "files.md").read_text().partition("## In the run's folder")[2]
    return [_QUOTED.search(line)[1] for line in text.splitlines() if line.startswith("| `")]


def list_folders() -> set[str]:
    """The folders of the tree in files.md."""
    tree = (REFERENCE / "files.md").read_text().partition("```text")[2].partition("```")[0]
    return {*re.findall(r"── ([a-z_]+)/", tree)}


def find_line(path: str) -> str | None:
    """The path of files.md that stands for a file of a run; a figure's .png stands with its .svg."""
    names = (path, f"{path.removesuffix('.png')}.svg")
    return next((line for line in list_files() if any(matches(line, name) for name in names)), None)


def list_tables() -> list[str]:
    """The tables that tables.md names, with a section of their own or as having the columns of another."""
    return [
        name
        for name in _QUOTED.findall((REFERENCE / "tables.md").read_text())
        if name[-4:] in (".csv", ".tsv")
    ]


def read_columns() -> dict[str, set[str]]:
    """Table with a section in tables.md -> its columns, with the ends of intervals."""
    text = (REFERENCE / "tables.md").read_text()
    shared = {name for name, _ in _rows(text.partition("## Shared columns")[2].partition("\n## ")[0])}
    found = {}
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        path, _, body = section.partition("\n")
        body = body.partition("\n## ")[0]
        named = re.search(r"^Shared columns: (.*?)\.$", body, re.MULTILINE | re.DOTALL)
        columns = _QUOTED.findall(named[1]) if named else []
        assert shared.issuperset(columns), (
            f"{path}: not among the shared columns: {sorted({*columns} - shared)}"
        )
        for name, ends in _rows(body):
            columns += [name + end for end in ("", *ends)]
        assert len(columns) == len({*columns}), f"{path} has a column twice"
        found[path.strip("`")] = {*columns}
    return found


def matches(line: str, path: str) -> bool:
    """Whether a path with words such as <patient> stands for a file.

    >>> matches("models/<network>/seed-<n>/…", "models/2d/seed-10/model.pt")
    True
    >>> matches("radiomics/<batch>.tsv", "radiomics/phase4_cross_validated.tsv")
    False
    """
    parts = re.split(r"(<\w+>|…)", line)
    return re.fullmatch("".join(_WORDS.get(part, _escape(part)) for part in parts), path) is not None


def check_run(results: Path) -> None:
    """Assert that every file of results/<run>/ has a line, and every column of every table is described."""
    columns = read_columns()
    paths = [path for path in sorted(results.rglob("*")) if path.is_file()]
    assert len(paths) > 100
    unknown = [name for path in paths if not find_line(name := path.relative_to(results).as_posix())]
    assert not unknown, "without a line in docs/reference/files.md"
    for path in paths:
        name = path.relative_to(results).as_posix()
        if path.suffix in (".csv", ".tsv") and (
            section := next((one for one in columns if matches(one, name)), None)
        ):
            with open(path, newline="", encoding="utf-8") as file:
                header = next(csv.reader(file, delimiter="\t" if path.suffix == ".tsv" else ","))
            missing = [
                column for column in header if not any(matches(one, column) for one in columns[section])
            ]
            assert not missing, f"columns of {name} that docs/reference/tables.md lacks"


def _escape(part: str) -> str:
    return r"[^/]+" if part.startswith("<") else re.escape(part)


def _rows(body: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each column of a section's table, and the ends of its interval where it has one."""
    header: list[str] = []
    for line in body.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| column"):
            header = cells
        elif line.startswith("| `"):
            has_interval = "interval" in header and cells[header.index("interval")] == "yes"
            for name in _QUOTED.findall(cells[0]):
                yield name, ("_low", "_high") if has_interval else ()

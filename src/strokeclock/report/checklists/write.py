"""Write a run's check-lists: tables/checklists.csv, and checklists.html to print."""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from strokeclock import __version__
from strokeclock.errors import StrokeclockError
from strokeclock.evaluation.tables import write_table
from strokeclock.figures.style import BLUE, INK, VERMILION
from strokeclock.files import write_whole
from strokeclock.report.checklists.answer import NOT_DONE, STATES, Answer
from strokeclock.report.checklists.facts import Facts
from strokeclock.report.checklists.lists import ANSWERS, Checklist, read_checklist
from strokeclock.statements import read_statements

COLUMNS = ("list", "item", "section", "asked", "state", "answer", "where")
PAGE = "index.html"


class ChecklistError(StrokeclockError):
    """An answer names a file or a section that there is not."""


def write_checklists(
    made: Iterable[str | Path],
    table: str | Path,
    page: str | Path,
    *,
    config: Mapping[str, Any],
    lists: Iterable[str | Path],
    template: str | Path,
    page_template: str | Path,
    docs: Iterable[str | Path] = (),
    statements: str | Path | None = None,
    external: Iterable[str | Path] = (),
) -> None:
    """Answer every item of the check-lists from a run; write table and page.

    Parameters
    ----------
    made : paths of what the run made; needed are cohort/{cohort,split,exclusions}.tsv.
    table : tables/checklists.csv (`COLUMNS`): a row an item; ``where`` holds files of the run's folder,
        sections of its page and of the documentation, parted by semicolons.
    page : checklists.html in the run's folder.
    config : the checked configuration.
    lists : the check-lists (`lists.read_checklist`).
    template : workflow/report/checklists.html.
    page_template : workflow/report/page.html, which has the sections of the run's page.
    docs : files of the documentation; without them, places there are not checked.
    statements : the authors' statements (`statements.read_statements`).
    external : tables of an external test in the run's folder.

    Raises
    ------
    ChecklistError
        An answer names a file or section that there is not.
    ConfigurationError
        The statements, or an item's answer, cannot be read.
    """
    folder = Path(page).parent
    files = {Path(path).relative_to(folder).as_posix(): Path(path) for path in (*made, *external)}
    facts = Facts(config=config, files=files, statements=read_statements(statements))
    answers = {name: answer(facts) for name, answer in ANSWERS.items()}
    check_places(answers, files=files, page_template=page_template, docs=docs)
    read = [read_checklist(path) for path in lists]
    write_table(
        table,
        (
            {"list": one.name, **_cells(asdict(item), answers[item.answer])}
            for one in read
            for item in one.items
        ),
        columns=COLUMNS,
    )
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    text = environment.from_string(Path(template).read_text(encoding="utf-8")).render(
        **{"ink": INK, "accent": BLUE, "warn": VERMILION, "run": config["run"], "version": __version__},
        **{"synthetic": facts.synthetic, "states": STATES, "not_done": NOT_DONE, "files": files},
        lists=[_describe(one, answers) for one in read],
    )
    write_whole(page, re.sub(r"\n\s*\n+", "\n", text))


def _cells(item: Mapping[str, str], answer: Answer) -> dict[str, str]:
    return {**item, "state": answer.state, "answer": answer.text, "where": "; ".join(answer.where)}


def _describe(one: Checklist, answers: Mapping[str, Answer]) -> dict[str, Any]:
    """A check-list with its answers, and how many items each state has."""
    given = [(item, answers[item.answer]) for item in one.items]
    states = Counter(answer.state for _, answer in given)
    return {"about": one, "given": given, "states": {name: states[name] for name in STATES if states[name]}}


def check_places(
    answers: Mapping[str, Answer],
    *,
    files: Collection[str],
    page_template: str | Path,
    docs: Iterable[str | Path] = (),
) -> None:
    """Refuse answers whose ``where`` is no file of the run, section of its page or place of ``docs``.

    Raises
    ------
    ChecklistError
        With the answer and the place.
    """
    sections = {*re.findall(r'<section id="(\w+)"', Path(page_template).read_text(encoding="utf-8"))}
    texts = {Path(path).as_posix(): Path(path) for path in docs}
    for name, answer in answers.items():
        for place in answer.where:
            file, _, anchor = place.partition("#")
            if file == PAGE:
                there = anchor in sections
            elif file.endswith(".md"):
                there = not texts or _is_in_docs(file, anchor, texts)
            else:
                there = file in files and not anchor
            if not there:
                raise ChecklistError(
                    f"Check-lists: the answer {name} names {place}, which there is not: correct it in "
                    "src/strokeclock/report/checklists."
                )


def _is_in_docs(file: str, anchor: str, texts: Mapping[str, Path]) -> bool:
    # README.md is the one at the top, not that of a folder
    found = min((name for name in texts if f"/{name}".endswith(f"/{file}")), key=len, default=None)
    if found is None:
        return False
    return not anchor or anchor in list_anchors(texts[found].read_text(encoding="utf-8"))


def list_anchors(text: str) -> set[str]:
    """The anchors of a Markdown file's headings, as GitHub makes them.

    >>> sorted(list_anchors("# What is fitted\\n## Grad-CAM and occlusion, `in` words"))
    ['grad-cam-and-occlusion-in-words', 'what-is-fitted']
    """
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}

"""The files made from the settings: config/config.yaml, its JSON schema and docs/reference/settings.md."""

import re
import textwrap
from collections.abc import Iterator
from typing import Any, get_args

import yaml
from pydantic.fields import FieldInfo

from strokeclock.settings.configuration import Settings
from strokeclock.settings.group import Group, group_of
from strokeclock.settings.schema import find_node, kind_of, make_schema
from strokeclock.settings.training import PHASE_PATTERN, Phase, Training
from strokeclock.settings.yaml_text import to_yaml

WIDTH = 128  # of a line of config.yaml
COMMENTS = 32  # the column where they begin, if the value leaves room
MADE = "Made from src/strokeclock/settings by python -m strokeclock.settings: change it there."

_QUOTED = re.compile(
    r"""
    (`[^`]*`)                                     # a code span stays
    | (?<![\w/.-]) (?!docs/) (
        [\w./-]* <\w+> [\w./<>-]* (?<!\.)          # a word with a place to fill in
        | (?:[\w-]+/)+ (?:[\w-]+\.\w+)? (?![\w/:])  # the path of a folder, or of a file in it
    )
    """,
    re.VERBOSE,
)

_CONFIG = f"""\
# The paper's settings (Zhang, Polson et al. 2021). Every key has its unit, its source and its choices.
# [P] the paper states it; [D] the paper is silent, and the default is ours (docs/methods/paper.md).
# Limits of all values: docs/reference/settings.md
# Override single keys with a second file: snakemake --configfile config/demo.yaml
# {MADE}
"""
_SCHEMA = f"""\
# What a configuration file may hold, for editors: # yaml-language-server: $schema=<path to this file>
# {MADE}
"""
_REFERENCE = f"""\
<!-- {MADE} -->
# Settings

This page lists every key of the configuration. `config/config.yaml` holds the defaults. Write what differs
into a file of your own, and name it with `--configfile` ([cohort.md](../start/cohort.md)):

```yaml
# config/mine.yaml
run: mine
cohort: {{sheet: /data/stroke/cohort.tsv}}
preprocessing: {{toolchain: open}}
```

- Keys that are unknown, of a wrong type, out of range or contradictory are refused before the first job.
- In the column "source", **P** means that the paper states the default. **D** means that the paper is silent
  and the default is ours ([paper.md](../methods/paper.md)).
- Write a number with an exponent with a point (`1.0e-3`), because YAML reads `1e-3` as text.
- Nested keys that are given with `--config` are read as text as well. Put them into a file.
- The words are explained in the [glossary](glossary.md).
"""


def config_text() -> str:
    """Return config/config.yaml: the defaults, and behind each key what it means."""
    return _CONFIG + "\n" + "\n".join(_block(Settings, 0)) + "\n"


def schema_text() -> str:
    """Return the JSON schema as YAML."""
    return _SCHEMA + yaml.safe_dump(
        make_schema(), sort_keys=False, allow_unicode=True, width=WIDTH, default_flow_style=None
    )


def reference_text() -> str:
    """Return docs/reference/settings.md: tables of all keys."""
    lines = [_REFERENCE, *_table(_rows(Settings, (), nested=False))]
    for name, field in Settings.fields_by_key().items():
        if group := group_of(field):
            lines += ["", f"## {name}", "", *_paragraph(field), *_table(_rows(group, (name,), nested=True))]
    return "\n".join([*lines, "", *_phases()]) + "\n"


def link_pages(text: str) -> str:
    """Turn names of pages into links from a page of docs/reference.

    >>> link_pages("as docs/how-to/gpu.md says")
    'as [gpu.md](../how-to/gpu.md) says'
    """
    return re.sub(r"docs/([\w-]+/([\w-]+\.md)(#[\w-]+)?)", r"[\2](../\1)", text)


def _write(text: str) -> str:
    """A text of a setting as Markdown."""
    return link_pages(quote_paths(text))


def quote_paths(text: str) -> str:
    """Put paths, and words with a place to fill in, into code spans: Markdown takes `<run>` for a tag.

    Names of pages stay, for `link_pages`.

    >>> quote_paths("logs in logs/<run>/; as docs/how-to/gpu.md says, TSS < 3 h, in mm2/s")
    'logs in `logs/<run>/`; as docs/how-to/gpu.md says, TSS < 3 h, in mm2/s'
    """
    return _QUOTED.sub(lambda found: f"`{found[2]}`" if found[2] else found[0], text)


def _extra(field: FieldInfo, what: str) -> Any:
    """Return what `setting` and `section` add to a field; "" where they add nothing."""
    return field.json_schema_extra.get(what, "") if isinstance(field.json_schema_extra, dict) else ""


def _default(field: FieldInfo) -> Any:
    return field.get_default(call_default_factory=True)


def _choices(field: FieldInfo) -> list[object]:
    """Return the choices of a field, or of each member of its list; empty where there are none."""
    inner = [field.annotation]
    while inner and not any(isinstance(one, str | int) for one in inner):
        inner = [arg for one in inner for arg in get_args(one)]
    return [one for one in inner if isinstance(one, str | int)]


def _meaning(field: FieldInfo, *, joint: str = "; ") -> str:
    """Join the parts of a key's comment: members, unit, description, choices; with "; " its source, too."""
    meanings = _extra(field, "x-meanings") or {}
    choices = [
        f"{choice}: {meanings[str(choice)]}" if str(choice) in meanings else str(choice)
        for choice in _choices(field)
    ]
    parts = [
        ", ".join(_extra(field, "x-names")),
        _extra(field, "x-unit"),
        field.description,
        " | ".join(choices),
    ]
    mark = f"[{_extra(field, 'x-source')}]" if joint == "; " and _extra(field, "x-source") else ""
    return " ".join(filter(None, (joint.join(filter(None, parts)), mark)))


def _comment(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ", break_on_hyphens=False
    )


def _block(group: type[Group], depth: int) -> Iterator[str]:
    """Yield the lines of a group's keys."""
    indent = "  " * depth
    for name, field in group.fields_by_key().items():
        inner = group_of(field)
        if depth == 0 and inner:
            yield ""
        if above := _extra(field, "x-above"):
            yield from _comment(above, indent)
        if inner and inner.on_one_line:
            yield from _one_line(name, field, inner, indent)
        elif inner:
            yield from _commented(f"{indent}{name}:", _meaning(field), indent)
            yield from _block(inner, depth + 1)
        else:
            yield from _commented(f"{indent}{name}: {to_yaml(_default(field))}", _meaning(field), indent)


def _commented(line: str, comment: str, indent: str) -> Iterator[str]:
    """Yield a line with its comment behind it, or above it where it is too long."""
    together = f"{line.ljust(COMMENTS - 1)} # {comment}" if comment else line
    if len(together) <= WIDTH:
        yield together
    else:
        yield from _comment(comment, indent)
        yield line


def _one_line(name: str, field: FieldInfo, group: type[Group], indent: str) -> Iterator[str]:
    """Yield a group whose keys share a line, wrapped, below the meaning of each key."""
    if group is not Phase:
        yield from _comment(_meaning(field), indent)
        keys = (f"{key}: {_meaning(inner, joint=', ')}" for key, inner in group.fields_by_key().items())
        yield from _comment("; ".join(keys), indent)
    elif _extra(field, "x-above"):
        for key, inner in group.fields_by_key().items():
            yield from _comment(f"{key}: {_meaning(inner)}", indent)
    line = f"{indent}{name}: {{"
    values = dict(_default(field))
    for number, (key, value) in enumerate(values.items(), start=1):
        piece = f"{key}: {to_yaml(value)}" + ("}" if number == len(values) else ",")
        if len(line) + len(piece) + 1 > WIDTH:
            yield line
            line = f"{indent}  "
        line += piece if line.endswith(("{", "  ")) else f" {piece}"
    yield f"{line}  # [{_extra(field, 'x-source')}]" if group is Phase else line


def _paragraph(field: FieldInfo) -> list[str]:
    if not field.description:
        return []
    return [_write(f"{field.description[0].upper()}{field.description[1:]}."), ""]


def _rows(group: type[Group], place: tuple[str, ...], *, nested: bool) -> Iterator[tuple[str, ...]]:
    """Yield a row of the reference for each key: key, default, type and limits, source, meaning."""
    schema = make_schema()
    for name, field in group.fields_by_key().items():
        inner, here = group_of(field), (*place, name)
        if inner is None:
            yield (
                f"`{'.'.join(here)}`",
                f"`{to_yaml(_default(field))}`",
                _kind(field, find_node(schema, here)),
                _extra(field, "x-source") or "–",
                field.description or "",
            )
        elif nested and inner is not Phase:
            if field.description:
                source = _extra(field, "x-source") or "–"
                yield f"`{'.'.join(here)}`", "", "a group", source, field.description
            yield from _rows(inner, here, nested=True)


def _kind(field: FieldInfo, node: dict) -> str:
    """Return in words what a key may hold, with the meaning of each choice."""
    if not (choices := _choices(field)) or _extra(field, "x-kind"):
        return kind_of(node)
    meanings = _extra(field, "x-meanings") or {}
    words = [
        f"`{to_yaml(choice)}`" + (f" ({meanings[str(choice)]})" if str(choice) in meanings else "")
        for choice in choices
    ]
    if None in node.get("enum", ()):
        words.append("`null`")
    return f"{'a list of' if 'items' in node else 'one of'} {', '.join(words)}"


def _table(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield "| key | default | what it may be | source | meaning |"
    yield "|---|---|---|---|---|"
    for row in rows:
        yield f"| {' | '.join(_write(cell).replace('|', '∣') for cell in row)} |"


def _phases() -> Iterator[str]:
    """Yield the table of a phase's keys, with their values in the paper's phases."""
    schema = make_schema()
    phases = {name: field for name, field in Training.fields_by_key().items() if group_of(field) is Phase}
    first = next(iter(phases.values()))
    yield "## `training.phase<number>_<what>`"
    yield ""
    yield f"{_write(_extra(first, 'x-above'))} A key matches `{PHASE_PATTERN}`."
    yield ""
    yield f"| key | {' | '.join(phases)} | what it may be | meaning |"
    yield f"|---|{'---|' * len(phases)}---|---|"
    for key, field in Phase.fields_by_key().items():
        values = [f"`{to_yaml(getattr(_default(phase), key))}`" for phase in phases.values()]
        kind = _kind(field, find_node(schema, ("training", next(iter(phases)), key)))
        yield f"| `{key}` | {' | '.join(values)} | {_write(kind)} | {_write(field.description or '')} |"


PAGES = {  # file of the checkout -> what makes it
    "config/config.yaml": config_text,
    "workflow/schemas/config.schema.yaml": schema_text,
    "docs/reference/settings.md": reference_text,
}

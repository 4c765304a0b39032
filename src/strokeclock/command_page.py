"""Write docs/reference/command-line.md in this checkout: python -m strokeclock.command_page

The page is made from the parser of `cli`, the docstrings of the workflow's targets, and the Makefile's help.
"""

import argparse
import re
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from strokeclock.cli import make_parser
from strokeclock.files import write_whole
from strokeclock.settings.pages import link_pages

ROOT = Path(__file__).parents[2]
PAGE = "docs/reference/command-line.md"
WIDTH, SYNOPSIS_WIDTH = 110, 76  # of a line
MADE = (
    "Made from src/strokeclock/cli.py, the rules and the Makefile by python -m strokeclock.command_page: "
    "change them there."
)

_NO_BREAK = "\N{NO-BREAK SPACE}"  # textwrap ends no line there

Row = tuple[str, ...]

_HEAD = f"""\
<!-- {MADE} -->
# Command line

Three commands are used: `strokeclock` for single tasks, `snakemake` for runs, and `make` for the demo and the
checks of a checkout. `make demo` and `make lint` install the first two into `.venv/bin`. Put them on the path
once in each terminal, in the checkout's root:

```bash
source .venv/bin/activate
```

Arguments without a dash, and those marked "required", must be given.
"""
_STATUS = (
    ("exit status", "meaning"),
    ("0", "done. `strokeclock read` ends with 0 where a page was written, whatever the page says"),
    ("1", "a fault of the installation, of a bundle or of Slurm"),
    ("2", "wrong use, a wrong configuration, or input that cannot be used"),
)
_FAULTS = """\
A fault is printed as one sentence, which names the file or the key and says what to do.
`strokeclock COMMAND --help` prints what this page says of a command.
"""
_SNAKEMAKE = """\
## snakemake

Run it in the checkout's root. `profiles/default` is read by itself. A target is what is to be made. Several
can be named.

```text
snakemake [TARGET …] --cores N --configfile FILE … [OPTION …]
```
"""
_TARGETS: tuple[Row, ...] = (
    ("target", "what it does"),
    (
        "`results/<run>/…`",
        "Make one file, with all that it needs, for example `results/demo/tables/table2.csv` "
        "([files.md](files.md)).",
    ),
)
_TARGET_NOTES = """\
Where a configuration has neither a cohort sheet nor phantoms, `all` makes what `read` and `external` make.
`snakemake --list-target-rules` lists further rules that can be named.

These options of Snakemake are used most. `snakemake --help` lists all.
"""
_OPTIONS = (
    ("option", "meaning"),
    ("`--cores N`", "how many processor cores the jobs use together"),
    (
        "`--configfile FILE …`",
        "configuration files; a later one overrides an earlier one ([settings.md](settings.md))",
    ),
    ("`-n`", "list the jobs, and run none"),
    ("`--quiet rules host reason`", "print less of each job"),
    ("`--logger strokeclock`", "show one line of progress on the terminal"),
    (
        "`--use-conda`",
        "run each job in its conda environment from `envs/` ([conda-fsl.md](../how-to/conda-fsl.md))",
    ),
    (
        "`--sdm apptainer`",
        "run each job in the image of the key `container` ([container.md](../how-to/container.md))",
    ),
    (
        "`--profile FOLDER`",
        "take options from a profile, for example `profiles/slurm` ([cluster.md](../how-to/cluster.md))",
    ),
    ("`--resources gpu=N`", "how many GPUs there are ([gpu.md](../how-to/gpu.md))"),
    ("`--unlock`", "release the folder after Snakemake was killed"),
    ("`--touch`", "keep the results although code or inputs are newer"),
    ("`--report FILE`", "write Snakemake's own report of a finished run, a `.zip` or `.html` file"),
)
_MAKE = """\
## make

`make` alone prints this list:
"""
_VARIABLES = (
    ("variable", "default", "meaning"),
    ("`CORES`", "all", "processor cores that `make demo` uses"),
    ("`CONFIG`", "`config/demo.yaml`", "configuration of `make demo` and `make report`"),
    ("`RUN`", "`demo`", "the run that `CONFIG` names"),
    ("`PYTHON`", "`python3`", "Python 3.11 or newer, from which `.venv` is made"),
    ("`ENGINE`", "`podman`", "program that builds the container"),
)
_MODULES = (
    ("command", "what it does"),
    (
        "`python -m strokeclock`",
        "the same as `strokeclock`, where the package is not installed (with `PYTHONPATH=src`)",
    ),
    (
        "`python -m strokeclock.settings`",
        "write `config/config.yaml`, its schema and [settings.md](settings.md)",
    ),
    ("`python -m strokeclock.command_page`", "write this page"),
    (
        "`python -m strokeclock.report.summary results/<run>`",
        "print Table 2 of a run on the terminal, as `make demo` does",
    ),
    (
        "`python -m strokeclock.reading.demo MODEL FOLDER`",
        "make the DICOM study of a new phantom and read it with a bundle, as `make demo` does",
    ),
)


def command_text() -> str:
    """Return docs/reference/command-line.md."""
    parser = make_parser()
    head, *more = _TARGETS
    targets = [(f"`{name}`", sentence) for name, sentence in list_targets(ROOT).items()]
    blocks = (
        _HEAD,
        *_describe(parser, level=2, name=parser.prog, between=(_table(_STATUS), _FAULTS)),
        _SNAKEMAKE,
        _table((head, *targets, *more)),
        _TARGET_NOTES,
        _table(_OPTIONS),
        _MAKE,
        _fence(_help_of_make()),
        "Variables are set behind the target, for example `make demo CORES=4`.\n",
        _table(_VARIABLES),
        "## python -m\n",
        _table(_MODULES),
    )
    return "\n".join(blocks)


def list_targets(root: Path) -> dict[str, str]:
    """Return the workflow's targets for people, which have docstrings: name of the rule -> its sentences."""
    files = [root / "Snakefile", *sorted((root / "workflow/rules").glob("*.smk"))]
    pattern = re.compile(r'^ *rule (\w+):\n +"""(.+?)"""$', re.MULTILINE)
    return {name: said for file in files for name, said in pattern.findall(file.read_text(encoding="utf-8"))}


def _help_of_make() -> list[str]:
    """The lines that the Makefile's target help prints."""
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    return re.findall(r'^\t@echo "(make .+)"$', text, re.MULTILINE)


def _describe(
    parser: argparse.ArgumentParser, *, level: int, name: str, between: Iterable[str] = ()
) -> Iterator[str]:
    """Yield the blocks of a command, and of each of its subcommands; ``between`` stands before these."""
    yield f"{'#' * level} {name}\n"
    yield _fill(link_pages(parser.description or "")) + "\n"
    groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if groups:
        rows = [_name_subcommand(one, name) for group in groups for one in group._choices_actions]
        options = [_row(one) for one in parser._actions if isinstance(one, argparse._VersionAction)]
        yield _table((("command", "what it does"), *rows, *options))
    else:
        given = [one for one in parser._actions if not isinstance(one, argparse._HelpAction)]
        given.sort(key=lambda one: bool(one.option_strings))
        words = [word.replace(" ", _NO_BREAK) for word in (name, *map(_use, given))]
        yield _fence([_fill(" ".join(words), width=SYNOPSIS_WIDTH, indent=4).replace(_NO_BREAK, " ")])
        yield _table((("argument", "meaning"), *map(_row, given)))
    yield from between
    for group in groups:
        for key, one in group.choices.items():
            yield from _describe(one, level=level + 1, name=f"{name} {key}")


def _name_subcommand(one: argparse.Action, name: str) -> Row:
    return f"[`{one.dest}`](#{name.replace(' ', '-')}-{one.dest})", one.help or ""


def _value(argument: argparse.Action) -> str:
    """What is written after an option, or in an argument's place."""
    if argument.nargs == 0:
        return ""
    if argument.choices:
        return "{" + ",".join(map(str, argument.choices)) + "}"
    return f"{argument.metavar or argument.dest.upper()}{' …' if argument.nargs == '+' else ''}"


def _use(argument: argparse.Action) -> str:
    """An argument as in a synopsis, in brackets where it may be left out."""
    text = " ".join(filter(None, (*argument.option_strings[:1], _value(argument))))
    return text if argument.required else f"[{text}]"


def _row(argument: argparse.Action) -> Row:
    value = _value(argument)
    names = [" ".join(filter(None, (name, value))) for name in argument.option_strings] or [value]
    notes = [argument.help or ""]
    if argument.required and argument.option_strings:
        notes.append("required")
    if argument.choices:
        notes.append(f"default: `{argument.default}`")
    return ", ".join(f"`{name}`" for name in names), link_pages("; ".join(notes))


def _fill(text: str, *, width: int = WIDTH, indent: int = 0) -> str:
    return textwrap.fill(
        text, width, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False
    )


def _fence(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in ("```text", *lines, "```"))


def _table(rows: Iterable[Row]) -> str:
    lines = [f"| {' | '.join(cells)} |\n" for cells in rows]
    rule = "|" + "---|" * (lines[0].count(" | ") + 1) + "\n"
    return "".join((lines[0], rule, *lines[1:]))


if __name__ == "__main__":
    write_whole(ROOT / PAGE, command_text())
    print(ROOT / PAGE)

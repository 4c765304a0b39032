"""docs/reference/command-line.md is what the parser, the rules and the Makefile make."""

import argparse

import pytest

from strokeclock.cli import make_parser
from strokeclock.command_page import PAGE, command_text, list_targets


def commands(parser, name="strokeclock"):
    """(name, parser) of each command that has no subcommands."""
    groups = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not groups:
        yield name, parser
    for group in groups:
        for key, one in group.choices.items():
            yield from commands(one, f"{name} {key}")


COMMANDS = dict(commands(make_parser()))


def test_the_committed_page_is_what_is_made(root):
    assert (root / PAGE).read_text() == command_text(), f"{PAGE} is stale: python -m strokeclock.command_page"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_argument_says_what_it_is_for(name):
    assert COMMANDS[name].description.endswith(".")
    section = command_text().partition(f"# {name}\n")[2].partition("\n#")[0]
    for argument in COMMANDS[name]._actions:
        if not isinstance(argument, argparse._HelpAction):
            assert argument.help, argument.dest
            assert f"`{(argument.option_strings or [argument.metavar])[0]}" in section


def test_a_synopsis_says_what_must_be_given():
    assert "strokeclock bundle export RUN -o FILE\n" in command_text()
    assert "strokeclock read [-i STUDY] -m FILE -o FOLDER [--t2w FILE] [--dwi FILE]\n    [" in command_text()


def test_targets_are_the_rules_with_a_docstring(tmp_path):
    (tmp_path / "workflow/rules").mkdir(parents=True)
    (tmp_path / "Snakefile").write_text(
        'if True:\n\n    rule all:\n        """Make it."""\n        input: []\n'
    )
    (tmp_path / "workflow/rules/one.smk").write_text(
        'rule one:\n    input: []\n\n\nrule two:\n    """Two."""\n'
    )
    assert list_targets(tmp_path) == {"all": "Make it.", "two": "Two."}

"""config/config.yaml, its schema and docs/reference/settings.md are what the settings make."""

import math

import pytest
import yaml

from strokeclock.settings.configuration import Settings
from strokeclock.settings.group import Group, group_of
from strokeclock.settings.pages import PAGES
from strokeclock.settings.yaml_text import to_yaml


@pytest.mark.parametrize("path", PAGES)
def test_the_committed_file_is_what_is_made(root, path):
    made = PAGES[path]()
    assert (root / path).read_text() == made, f"{path} is stale: python -m strokeclock.settings"


def fields(group: type[Group], place=()):
    for name, field in group.fields_by_key().items():
        yield (*place, name), field
        if inner := group_of(field):
            yield from fields(inner, (*place, name))


def test_every_key_has_a_description_or_choices(root):
    reference = (root / "docs/reference/settings.md").read_text()
    for place, field in fields(Settings):
        said = field.json_schema_extra or {}
        assert said.get("x-source", "P")[0] in "PD"
        if not group_of(field):
            assert f"`{'.'.join(place)}`" in reference or f"| `{place[-1]}` |" in reference
            assert field.description or "Literal" in str(field.annotation), place


def test_every_meaning_is_of_a_choice():
    for place, field in fields(Settings):
        for choice in (field.json_schema_extra or {}).get("x-meanings", {}):
            assert repr(choice) in str(field.annotation), place


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (8, "8"),
        (0.5, "0.5"),
        (2.0, "2.0"),
        (1.0e-3, "1.0e-3"),
        (5e-4, "5.0e-4"),
        (620.0e-6, "6.2e-4"),
        (1.5e300, "1.5e+300"),
        (-math.inf, "-.inf"),
        ("2d", "2d"),
        ("null", "'null'"),
        ("1", "'1'"),
        ("yes", "'yes'"),
        ("it's", "'it''s'"),
        ("", "''"),
        ([1, ["a"]], "[1, [a]]"),
        ({"a": {"b": None}}, "{a: {b: null}}"),
    ],
)
def test_values_are_written_as_yaml_reads_them(value, text):
    assert to_yaml(value) == text
    read = yaml.safe_load(text)
    assert read == value
    assert type(read) is type(value)

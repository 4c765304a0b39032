"""config/config.yaml, its schema and docs/reference/settings.md are what the settings make."""

import math

import pytest
import yaml

from strokeclock.settings.configuration import Settings
from strokeclock.settings.group import Group, group_of
from strokeclock.settings.pages import PAGES, quote_paths, reference_text
from strokeclock.settings.schema import find_node, is_choice, make_schema
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


def test_every_key_has_a_description(root):
    reference = (root / "docs/reference/settings.md").read_text()
    for place, field in fields(Settings):
        said = field.json_schema_extra or {}
        assert said.get("x-source", "P")[0] in "PD"
        if not group_of(field):
            assert f"`{'.'.join(place)}`" in reference or f"| `{place[-1]}` |" in reference
            assert field.description, place


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


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("in results/<run>/, logs in logs/<run>/", "in `results/<run>/`, logs in `logs/<run>/`"),
        ("one file, results/<run>/bundle/model.zip.", "one file, `results/<run>/bundle/model.zip`."),
        ("to phantom/<patient>/dicom/ (native)", "to `phantom/<patient>/dicom/` (native)"),
        ("training.phase<number>_<what>", "`training.phase<number>_<what>`"),
        ("rows <net>/<phase>/<start>", "rows `<net>/<phase>/<start>`"),
        ("changes (training/augmentation.py); none", "changes (`training/augmentation.py`); none"),
        ("another run's hemispheres/reference.npz, to", "another run's `hemispheres/reference.npz`, to"),
        ("`logs/<run>/x` stays", "`logs/<run>/x` stays"),
        ("TSS < 3 h, >= 4.5 h, in mm2/s", "TSS < 3 h, >= 4.5 h, in mm2/s"),
        ("(v / brain median - 1) / 0.32", "(v / brain median - 1) / 0.32"),
        ("as docs/how-to/gpu.md says", "as docs/how-to/gpu.md says"),
        ("docker://registry/name:tag, or", "docker://registry/name:tag, or"),
    ],
)
def test_paths_stand_in_code_spans(text, quoted):
    assert quote_paths(text) == quoted


def read_rows():
    """Key -> cells of its row in the reference."""
    lines = (line for line in reference_text().splitlines() if line.startswith("| `"))
    cells = ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)
    return {row[0].strip("`"): row[1:] for row in cells}


def test_the_reference_says_what_a_value_may_be():
    rows = read_rows()
    assert rows["bundle.rows"][1] == "best, or a list of rows `<net>/<phase>/<start>`"
    assert rows["preprocessing.head_of"][1] == "pairs {patient: whole or stripped}"
    assert rows["preprocessing.head"][1].startswith("one of `auto` (")
    assert rows["initial_weights.medical_2d.source"][1].endswith(", `null`")


def test_a_value_of_several_kinds_says_which():
    schema = make_schema()
    nodes = {place: find_node(schema, place) for place, _ in fields(Settings)}
    several = {place: node for place, node in nodes.items() if is_choice(node)}
    assert ("bundle", "rows") in several
    assert ("training", "phase0_genesis") not in several
    assert [place for place, node in several.items() if "x-kind" not in node] == []

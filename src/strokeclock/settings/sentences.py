"""The error messages for a configuration's faults, each with its key and the remedy."""

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache

import yaml
from pydantic import ValidationError

from strokeclock.settings.schema import find_node, is_choice, kind_of, make_schema
from strokeclock.settings.yaml_text import to_yaml

Place = tuple[object, ...]
_READ_AS: dict[str, set[type]] = {"int_type": {int}, "float_type": {int, float}, "bool_type": {bool}}
_LONGEST = 60  # characters of a value that are shown


_schema = cache(make_schema)


def missing_key(place: Place) -> str:
    return f"Configuration key {_dotted(place)} is missing: take it from config/config.yaml."


def renamed_key(old: str, new: str) -> str:
    return f"Configuration key {old} is now called {new}: rename it in your file."


def unknown_key(key: object, place: Place, known: Sequence[str]) -> str:
    """Say that there is no such key, and which is meant or known.

    >>> unknown_key("epoch", ("training", "phase2_tss3h"), ["epochs", "patience"])
    'Configuration key training.phase2_tss3h.epoch is unknown: did you mean training.phase2_tss3h.epochs?'
    """
    near = difflib.get_close_matches(str(key), known, n=1)
    remedy = f"did you mean {_dotted((*place, near[0]))}?" if near else f"use one of {', '.join(known)}."
    if place == ("models",):
        remedy += " If its network was renamed or removed, run `python -m strokeclock.settings`."
    return f"Configuration key {_dotted((*place, key))} is unknown: {remedy}"


def explain(error: ValidationError) -> Iterator[tuple[Place, str]]:
    """Yield (place, sentence) for each fault that validation found."""
    schema = _schema()
    for fault in error.errors(include_url=False):
        place, value = _leave_choice(fault["loc"], schema), fault["input"]
        if place[-1] == "[key]":  # of pairs whose keys are free
            yield (
                place,
                f"Configuration key {_dotted(place[:-2])} has the key {_show(value)}, which YAML does not "
                "read as a text: write it in quotes, as in the cohort sheet.",
            )
            continue
        node = find_node(schema, place)
        if fault["type"] == "value_error":
            remedy = f"is {_show(value)}, {fault['ctx']['error']}"
        elif "enum" in node or "const" in node:
            choices = ", ".join(map(to_yaml, node.get("enum", [node.get("const")])))
            remedy = f"is {_show(value)}, not one of its choices: {choices}."
        else:
            remedy = f"cannot be {_show(value)}{_misread(fault['type'], value) or f': give {kind_of(node)}.'}"
        yield place, f"Configuration key {_dotted(place)} {remedy}"


def _leave_choice(place: Place, schema: Mapping) -> Place:
    """Return the place of the key, without the kind that validation tried where there are several."""
    ends = (depth for depth in range(1, len(place)) if is_choice(find_node(schema, place[:depth])))
    return place[: next(ends, len(place))]


def _misread(fault: str, value: object) -> str | None:
    """Return what to write where a value has the right meaning and the wrong type."""
    if fault == "int_type" and isinstance(value, float) and value.is_integer():
        return f", a number with decimals: write {value:.0f}."
    if fault in _READ_AS and isinstance(value, str):
        meant = _read(value)
        if type(meant) in _READ_AS[fault]:
            return (
                f", a text: write {to_yaml(meant)} without quotes, in a file of --configfile "
                "(nested keys of --config are texts)."
            )
    if fault == "string_type" and value is not None and not isinstance(value, dict | list):
        return f", which YAML does not read as a text: write it in quotes, '{to_yaml(value)}'."
    return None


def _read(text: str) -> object:
    """Read a text as YAML does without quotes, and numbers as people write them: 1e-3."""
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        return text
    if isinstance(value, str):
        with suppress(ValueError):
            value = float(value)
    return value if not isinstance(value, float) or math.isfinite(value) else text


def _show(value: object) -> str:
    shown = repr(value) if isinstance(value, str) else to_yaml(value)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 2]} …"


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))

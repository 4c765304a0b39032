"""The JSON schema of the configuration, for editors, and in words what a value must be."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from strokeclock.settings.configuration import Settings
from strokeclock.settings.training import PHASE_PATTERN
from strokeclock.settings.yaml_text import to_yaml

_NULL = {"type": "null"}


def make_schema() -> dict:
    """Return the JSON schema (draft 2020-12) of a configuration file.

    No key is required: a file holds what differs from config/config.yaml. Besides JSON schema's own keywords,
    a node has x-unit, x-source, x-names, x-meanings, x-kind (`group.setting`).
    """
    schema = _plain(Settings.model_json_schema(by_alias=True))
    training = schema["$defs"]["Training"]
    training["patternProperties"] = {PHASE_PATTERN: training["additionalProperties"]}
    training["additionalProperties"] = False
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def find_node(schema: Mapping, place: Sequence[object]) -> dict:
    """Return the schema's node of a place in the configuration: keys, and numbers of a list's members."""
    node = schema
    for step in place:
        node = _resolve(node, schema)
        if isinstance(step, int) and "items" in node:
            node = node["items"]
        elif step in node.get("properties", {}):
            node = node["properties"][step]
        else:
            patterns = node.get("patternProperties", {})
            node = next(
                (inner for pattern, inner in patterns.items() if re.search(pattern, str(step))),
                node.get("additionalProperties") or {},
            )
    return _resolve(node, schema)


def kind_of(node: Mapping) -> str:
    """Return in words what a value must be.

    >>> kind_of({"type": ["integer", "null"], "minimum": 1, "x-unit": "minutes"})
    'a whole number from 1 up (minutes), or null'
    >>> kind_of({"type": "array", "items": {"enum": ["dwi", "flair"]}})
    'a list, each of dwi | flair'
    """
    kind = node.get("x-kind") or _kind_of_type(node)
    if unit := node.get("x-unit"):
        kind += f" ({unit})"
    return f"{kind}, or null" if _is_nullable(node) else kind


def is_choice(node: Mapping) -> bool:
    """Whether a node's value may be of several kinds, not counting null; x-kind says which."""
    return len([inner for inner in node.get("anyOf", []) if inner != _NULL]) > 1


def limits_of(node: Mapping) -> str:
    """Return in words which numbers are allowed, such as "from 1 up"; empty where all are."""
    low, high = node.get("minimum"), node.get("maximum")
    above, below = node.get("exclusiveMinimum"), node.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"from {low:g} to {high:.10g}"
    if above is not None and below is not None:
        return f"above {above:g} and below {below:g}"
    if above is not None and high is not None:
        return f"above {above:g}, at most {high:g}"
    if low is not None:
        return f"from {low:g} up"
    return f"above {above:g}" if above is not None else ""


def _kind_of_type(node: Mapping) -> str:
    match next((kind for kind in _types(node) if kind != "null"), "object"):
        case "integer":
            return f"a whole number {limits_of(node)}".rstrip()
        case "number":
            return f"a number {limits_of(node)}".rstrip()
        case "boolean":
            return "true or false"
        case "string" if node.get("format") == "path":
            return "a path"
        case "string":
            return "a text"
        case "array":
            each = node["items"]
            members = " | ".join(map(to_yaml, each["enum"])) if "enum" in each else _kind_of_type(each)
            named = f" [{', '.join(node['x-names'])}]" if "x-names" in node else ""
            return f"a list{named}, each {'of ' if 'enum' in each else ''}{members}"
        case _:
            return "a group of keys, as in config/config.yaml"


def _types(node: Mapping) -> list[str]:
    kinds = node.get("type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def _is_nullable(node: Mapping) -> bool:
    return "null" in _types(node)


def _resolve(node: Mapping, schema: Mapping) -> dict:
    """Return a node with its reference resolved; a choice between a group and null becomes the group.

    A choice between other kinds stays (`is_choice`).
    """
    if is_choice(node):
        return dict(node)
    if "anyOf" in node:
        group = next(inner for inner in node["anyOf"] if inner != _NULL)
        node = {**group, **_without(node, "anyOf"), "type": ["object", "null"]}
    if "$ref" in node:
        target = schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
        node = {**target, **_without(node, "$ref")}
    return dict(node)


def _plain(node: Any) -> Any:
    """Drop what editors do not need, and write "or null" as JSON schema's list of types."""
    if isinstance(node, list):
        return [_plain(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    node = {key: _plain(value) for key, value in node.items() if not _is_dropped(key, value)}
    choices = node.get("anyOf", [])
    if len(choices) == 2 and choices[1] == _NULL and "$ref" not in choices[0]:
        inner = choices[0]
        if "enum" in inner or "const" in inner:
            inner = {"enum": [None, *inner.get("enum", [inner.get("const")])]}
        else:
            inner = {**inner, "type": [inner["type"], "null"]}
        node = {**inner, **_without(node, "anyOf")}
    if node.get("default", ...) is None and not _is_nullable(node) and None not in node.get("enum", [...]):
        del node["default"]
    return node


def _without(node: Mapping, key: str) -> dict:
    return {other: value for other, value in node.items() if other != key}


def _is_dropped(key: str, value: object) -> bool:
    """Whether a key is a title, the list of required keys or a comment, and not a setting with that name."""
    return (key, type(value)) in (("title", str), ("required", list), ("x-above", str))

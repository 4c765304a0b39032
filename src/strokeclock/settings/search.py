"""Faults of a search of hyper-parameters (training.search)."""

from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Annotated, Any

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from strokeclock.settings.yaml_text import to_yaml

MOST = 64  # combinations in the grid of a phase


def list_search_faults(
    search: Mapping[str, Mapping[str, Sequence[Any]]],
    *,
    phases: Sequence[str],
    fields: Mapping[str, FieldInfo],
) -> Iterator[str]:
    """Yield a sentence for each fault of training.search.

    Parameters
    ----------
    search : phase -> setting -> values.
    phases : of the training.
    fields : setting that can be searched -> its field.
    """
    for phase, grid in search.items():
        key = f"Configuration key training.search.{phase}"
        if phase not in phases:
            yield f"{key}: training has no such phase: use one of {', '.join(phases)}."
        elif not grid:
            yield f"{key} is empty: give settings and the values to try, or remove the phase."
        else:
            faults = [
                fault for name in grid for fault in _list_faults(f"{key}.{name}", grid[name], name, fields)
            ]
            yield from faults
            if not faults and (points := prod(map(len, grid.values()))) > MOST:
                yield f"{key} has {points} combinations, and {MOST} are the most: remove values."


def _list_faults(
    key: str, values: Sequence[Any], name: str, fields: Mapping[str, FieldInfo]
) -> Iterator[str]:
    if name not in fields:
        yield f"{key}: {name} is no setting that can be searched: use {', '.join(fields)}."
        return
    accepted = _accept(fields[name])
    for value in values:
        try:
            accepted.validate_python(value)
        except ValidationError as error:
            yield f"{key} holds {to_yaml(value)}, {_explain(value, error, accepted)}."
    if len(values) < 2:
        yield f"{key} has {len(values) or 'no'} value: give two or more, or set {name} itself."
    elif repeated := [value for place, value in enumerate(values) if value in values[:place]]:
        yield f"{key} names {to_yaml(repeated[0])} twice: keep one."


def _accept(field: FieldInfo) -> TypeAdapter:
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    return TypeAdapter(kind, config=ConfigDict(strict=True))


def _explain(value: object, error: ValidationError, accepted: TypeAdapter) -> str:
    """Say why a value is refused; YAML reads 1e-3 as a text."""
    if isinstance(value, str):
        try:
            number = accepted.validate_python(float(value))
        except (ValueError, ValidationError):
            pass
        else:
            return f"a text: write {to_yaml(number)}"
    said = error.errors()[0]["msg"]
    return f"which the setting cannot be: {said[0].lower()}{said[1:]}"

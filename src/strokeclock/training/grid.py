"""The grid of a search of hyper-parameters. Imports nothing heavy: the workflow imports this module, too."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any


def list_points(grid: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """List the points of a grid, setting -> value; the values of the last setting vary fastest.

    >>> list_points({"lr": [0.1, 0.2], "batch": [8, 16]})[:3]
    [{'lr': 0.1, 'batch': 8}, {'lr': 0.1, 'batch': 16}, {'lr': 0.2, 'batch': 8}]
    """
    return [dict(zip(grid, values, strict=True)) for values in product(*grid.values())]


def name_point(point: Mapping[str, Any]) -> str:
    """Write a point of a grid in words.

    >>> name_point({"lr": 1.0e-4, "freeze": True})
    'lr 0.0001, freeze true'
    """
    return ", ".join(
        f"{name} {str(value).lower() if isinstance(value, bool) else value}" for name, value in point.items()
    )

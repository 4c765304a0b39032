"""Where the boxes and arrows of a graph without cycles go: layer under layer, no arrow through a box."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

SWEEPS = 24  # down and up, over the layers' order
STRAIGHT = {0: 1, 1: 2, 2: 8}  # how much a piece of an arrow between so many bends wants to be upright

Edge = tuple[str, str]
# What stands in a layer: a box, or where the arrows of a box pass by: (box, layer)
Place = str | tuple[str, int]


class Layout(NamedTuple):
    """layers: the boxes' names, from above; x: of each box's middle and of each place that an arrow passes;
    routes: for each edge the places from its first box to its last, a layer each.
    """

    layers: list[list[str]]
    x: dict[Place, float]
    routes: dict[Edge, list[Place]]


def reduce_edges(edges: Iterable[Edge]) -> set[Edge]:
    """Leave out the edges that follow from others: a to c where a leads to b and b to c.

    Raises
    ------
    ValueError
        The edges go round in a circle.
    """
    edges = set(edges)
    after: dict[str, set[str]] = {}
    for a, b in edges:
        after.setdefault(a, set()).add(b)
    reach: dict[str, set[str]] = {}
    for name in reversed(sort_names(edges)):
        reach[name] = after.get(name, set()).union(*(reach[next_] for next_ in after.get(name, ())))
    return {(a, c) for a, c in edges if not any(c in reach[b] for b in after[a])}


def sort_names(edges: Iterable[Edge]) -> list[str]:
    """List the names so that each comes after all that lead to it; ties by name.

    Raises
    ------
    ValueError
        The edges go round in a circle.
    """
    edges = set(edges)
    waiting = sorted({name for edge in edges for name in edge})
    order: list[str] = []
    while waiting:
        blocked = {b for a, b in edges if a in waiting}
        free = [name for name in waiting if name not in blocked]
        if not free:
            raise ValueError(f"the edges go round in a circle: {', '.join(waiting)}")
        order += free
        waiting = [name for name in waiting if name in blocked]
    return order


def lay_out(
    widths: Mapping[str, float], edges: Iterable[Edge], *, bands: Iterable[Iterable[str]], gap: float
) -> Layout:
    """Give each box a layer and a place in it, so that arrows run down, are short and seldom cross.

    Parameters
    ----------
    widths : of the boxes.
    edges : pairs of names.
    bands : the names in bands, each wholly below the one before; no edge leads up.
    gap : between boxes, and from them to the arrows that pass; in the widths' unit.

    Raises
    ------
    ValueError
        The edges go round in a circle, or lead up a band.
    """
    edges = sorted(set(edges))
    layer = _choose_layers(edges, bands)
    routes = {(a, b): [a, *((a, at) for at in range(layer[a] + 1, layer[b])), b] for a, b in edges}
    pieces = sorted({piece for route in routes.values() for piece in pairwise(route)}, key=str)
    level = layer | {place: place[1] for route in routes.values() for place in route[1:-1]}
    rows: list[list[Place]] = [[] for _ in range(max(level.values()) + 1)]
    for place in sorted(level, key=str):
        rows[level[place]].append(place)
    rows = _order(rows, pieces)
    x = _place(rows, pieces, {place: widths.get(place, 0) for place in level}, gap)
    return Layout([[place for place in row if place in widths] for row in rows], x, routes)


def _choose_layers(edges: list[Edge], bands: Iterable[Iterable[str]]) -> dict[str, int]:
    """As far up as band and edges allow; what nothing leads to stands just above what it leads to."""
    layer: dict[str, int] = {}
    first = 0
    for names in map(set, bands):
        if upward := [(a, b) for a, b in edges if b in layer and a in names]:
            raise ValueError(
                f"{upward[0][0]} stands in a lower band than {upward[0][1]}, which comes after it"
            )
        inside = [(a, b) for a, b in edges if a in names and b in names]
        order = sort_names(inside)
        for name in [*order, *sorted(names - set(order))]:
            layer[name] = max([first, *(layer[a] + 1 for a, b in inside if b == name)])
        for name in reversed(order):
            if all(b != name for _, b in inside):
                layer[name] = min(layer[b] for a, b in inside if a == name) - 1
        first = max(layer.values()) + 1
    return layer


def _order(rows: list[list[Place]], pieces: list[tuple[Place, Place]]) -> list[list[Place]]:
    """Sort each row by where its neighbours above, then below, stand; keep the order that crosses least."""
    above: dict[Place, list[Place]] = {}
    below: dict[Place, list[Place]] = {}
    for a, b in pieces:
        below.setdefault(a, []).append(b)
        above.setdefault(b, []).append(a)
    best, fewest = rows, np.inf
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        neighbours = above if down else below
        rows = [list(row) for row in rows]
        for row in rows if down else reversed(rows):
            at = {place: number / len(one) for one in rows for number, place in enumerate(one)}
            centre = {
                place: np.mean([at[other] for other in neighbours.get(place, [place])])
                if place in above or place in below
                else np.inf  # what stands alone stands last
                for place in row
            }
            row.sort(key=centre.__getitem__)
        if (crossings := _count_crossings(rows, pieces)) < fewest:
            best, fewest = rows, crossings
    return best


def _count_crossings(rows: list[list[Place]], pieces: list[tuple[Place, Place]]) -> int:
    at = {place: (level, number) for level, row in enumerate(rows) for number, place in enumerate(row)}
    ends = np.array([(at[a][0], at[a][1], at[b][1]) for a, b in pieces])
    level, start, end = (np.subtract.outer(column, column) for column in ends.T)
    return int(((level == 0) & (start * end < 0)).sum()) // 2


def _place(
    rows: list[list[Place]], pieces: list[tuple[Place, Place]], widths: Mapping[Place, float], gap: float
) -> dict[Place, float]:
    """The middles that make all pieces together as upright as can be, by linear programming."""
    number = {place: i for i, place in enumerate(place for row in rows for place in row)}
    n = len(number)
    cost = np.zeros(n + len(pieces))  # unknowns: the middles, and how far each piece leans
    entries: list[tuple[int, int, float]] = []  # row, column, coefficient of `entries @ unknowns <= limits`
    limits: list[float] = []
    for i, (a, b) in enumerate(pieces, start=n):
        cost[i] = STRAIGHT[isinstance(a, tuple) + isinstance(b, tuple)]
        for sign in (1, -1):
            entries += [(len(limits), number[a], sign), (len(limits), number[b], -sign), (len(limits), i, -1)]
            limits.append(0)
    for left, right in (pair for row in rows for pair in pairwise(row)):
        entries += [(len(limits), number[left], 1), (len(limits), number[right], -1)]
        limits.append(-(widths[left] + widths[right]) / 2 - gap)
    lines, columns, values = zip(*entries, strict=True) if entries else ((), (), ())
    matrix = coo_array((values, (lines, columns)), shape=(len(limits), len(cost)))
    bounds = [(widths[place] / 2, None) for place in number] + [(0, None)] * len(pieces)
    cost[:n] = 1e-3  # to the left, where nothing else pulls
    solution = linprog(cost, A_ub=matrix.tocsr(), b_ub=limits, bounds=bounds, method="highs").x
    return {place: float(solution[i]) for place, i in number.items()}

"""CPU time of a call, its child processes included, and the row that a benchmark reports."""

import resource
from collections.abc import Callable
from typing import NamedTuple


class Row(NamedTuple):
    """One line of latest.tsv; ratio = baseline / ours, above 1 where ours is faster."""

    measure: str
    unit: str
    ours: str
    baseline: str
    ratio: str
    goal: str
    n: int


def cpu_seconds(call: Callable[[], object], *, n: int) -> float:
    """The least CPU time of ``n`` calls in seconds, this process and its finished children together."""
    return min(_once(call) for _ in range(n))


def compare(measure: str, ours: float, baseline: float, *, goal: str, n: int, unit: str = "CPU s") -> Row:
    return Row(measure, unit, f"{ours:.3f}", f"{baseline:.3f}", f"{baseline / ours:.2f}", goal, n)


def _spent() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _once(call: Callable[[], object]) -> float:
    before = _spent()
    call()
    return _spent() - before

"""The places of results: of trainings and rows below models/, predictions/ and their like, and of figures."""

from collections.abc import Iterable

from strokeclock.training.phases import Run


def row_of(run: Run) -> str:
    """Name the row of a training, which its seeds share: <net>/<phase>/<start>."""
    return "/".join(run[:3])


def place_of(run: Run) -> str:
    """Name the place of a training below models/ and predictions/: <net>/<phase>/<start>/seed-<seed>."""
    return f"{row_of(run)}/seed-{run.seed}"


def places_of(rows: Iterable[str], seeds: Iterable[int]) -> list[str]:
    """Name the places of rows, seed after seed of each row."""
    seeds = [*seeds]
    return [f"{row}/seed-{seed}" for row in rows for seed in seeds]


def drawn(figure: str) -> list[str]:
    """Name the two files of a figure, given their path without the suffix."""
    return [f"{figure}.svg", f"{figure}.png"]

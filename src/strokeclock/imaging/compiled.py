"""Loops over voxels and points that numba compiles.

A loop is compiled when it is first called, which takes a second, and kept beside the code or in the user's
cache folder. Sums are taken in the order of the loop and without fused operations, so all processors give the
same numbers.
"""

from collections.abc import Callable
from functools import cache, wraps
from typing import Any


def compiled(function: Callable) -> Callable:
    """Decorate a function of arrays and numbers alone; 1 / 0 is infinite in it, as for numpy."""

    @cache
    def compile_once() -> Callable:
        import numba  # a quarter of a second with its first call: only where it is used

        try:
            return numba.njit(function, cache=True, error_model="numpy")
        except RuntimeError:  # no folder can be written
            return numba.njit(function, error_model="numpy")

    @wraps(function)
    def call(*arguments: Any) -> Any:
        return compile_once()(*arguments)

    return call

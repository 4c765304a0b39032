"""From the volumes of a diffusion series to a b0 and a trace-weighted image."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which volumes are combined.

    Attributes
    ----------
    b0 : numbers of the volumes whose mean is the b0, or that it is extrapolated from.
    trace : numbers of the volumes whose geometric mean is the trace-weighted image.
    b_value : of the trace-weighted image, s/mm2.
    low_b : 0, or the b-value from which b0 is extrapolated to 0.
    notes : sentences, without a subject, for a person.
    """

    b0: tuple[int, ...]
    trace: tuple[int, ...]
    b_value: float
    low_b: float = 0.0
    notes: tuple[str, ...] = ()


def read_b_values(path: str | Path) -> tuple[float, ...]:
    """Read a .bval file, a row or a column. Raises ValueError with a sentence without a subject."""
    raise NotImplementedError


def read_directions(path: str | Path) -> np.ndarray:
    """Read a .bvec file, 3 x N or N x 3, as (N, 3). Raises ValueError as `read_b_values`."""
    raise NotImplementedError


def plan_diffusion(b_values: Sequence[float], directions: np.ndarray | None = None) -> Plan:
    """Choose the volumes of b0 and of the trace-weighted image.

    Parameters
    ----------
    b_values : s/mm2, one a volume.
    directions : (N, 3), or None where they are not known.

    Raises
    ------
    ValueError
        There is no b0, or no b-value from 700 to 1300; a sentence without a subject.
    """
    raise NotImplementedError


def combine(data: np.ndarray, plan: Plan, *, to_b1000: bool = False) -> tuple[np.ndarray, np.ndarray, float]:
    """Return b0 and the trace-weighted image, float32 (X, Y, Z), and its b-value.

    Parameters
    ----------
    data : (X, Y, Z, volumes)
    to_b1000 : scale the trace-weighted image to b 1000, exact where the signal decays as one exponential.
    """
    raise NotImplementedError

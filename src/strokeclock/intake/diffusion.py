"""From the volumes of a diffusion series to a b0 and a trace-weighted image.

The trace-weighted image is the geometric mean over directions, as scanners compute it: its ADC is then the
mean of the directions' (the trace of the tensor divided by 3, if the directions are spread evenly).
Volumes are not aligned with one another: motion between them stays, and a note says so.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from strokeclock.cohort import sidecars
from strokeclock.intake.acquisition import LARGEST_B0

ZERO = 10  # s/mm2; below it is b = 0, as scanners report it
LEAST_SHELL, LARGEST_SHELL, WANTED = 700, 1300, 1000  # s/mm2
_GAP = 100  # s/mm2 between the b-values of two shells
_WITHIN = 50  # s/mm2 of the nearest, where b-values run on without gaps
_LEAST_LARGEST = 10  # s/mm2; below it the largest b-value is not in s/mm2
_EVEN = 0.1  # by which the directions' share along any line may differ from one third
_UNIT = 0.1  # by which the length of a direction may differ from 1


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Which volumes are combined.

    Attributes
    ----------
    b0 : numbers of the volumes whose mean is the b0, or that it is extrapolated from.
    trace : numbers of the volumes whose geometric mean is the trace-weighted image.
    b_value : of the trace-weighted image, s/mm2.
    low_b : 0, or the b-value from which b0 is extrapolated to 0.
    notes : sentences for a person.
    """

    b0: tuple[int, ...]
    trace: tuple[int, ...]
    b_value: float
    low_b: float = 0.0
    notes: tuple[str, ...] = ()


def read_b_values(path: str | Path) -> tuple[float, ...]:
    """Read a .bval file, a row or a column. Raises ValueError with a sentence without a subject."""
    values, faults = sidecars.read_b_values(path)
    if faults:
        raise ValueError(faults[0])
    if not values:
        raise ValueError("is missing: put it beside the image")
    return values


def read_directions(path: str | Path) -> np.ndarray:
    """Read a .bvec file, 3 x N or N x 3, as (N, 3); NaN where it has NaN.

    Raises ValueError as `read_b_values`.
    """
    damaged = "does not hold three rows of numbers: correct it or remove it"
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
        rows = np.array([[float(word) for word in line.split()] for line in lines if line.strip()])
    except (OSError, ValueError) as error:
        raise ValueError(damaged) from error
    if rows.ndim != 2 or 3 not in rows.shape:
        raise ValueError(damaged)
    if rows.shape[0] != 3 or (rows.shape == (3, 3) and not _are_directions(rows.T) and _are_directions(rows)):
        return rows
    return rows.T


def _are_directions(vectors: np.ndarray) -> bool:
    lengths = np.linalg.norm(np.nan_to_num(vectors), axis=1)
    return bool(np.all((lengths < _UNIT) | (np.abs(lengths - 1) < _UNIT)))


def plan_diffusion(b_values: Sequence[float], directions: np.ndarray | None = None) -> Plan:
    """Choose the volumes of b0 and of the trace-weighted image.

    b0 is the mean of the volumes up to b 50 where one of them has b 0; with b 50 alone it is extrapolated.
    The trace-weighted image is that of the shell nearest to b 1000, from 700 to 1300; a gap of more than 100
    separates shells. Isotropic volumes (direction 0, b > 50) are used alone where there are any.

    Parameters
    ----------
    b_values : s/mm2, one a volume.
    directions : (N, 3), or None where they are not known.

    Raises
    ------
    ValueError
        There is no b0, no b-value from 700 to 1300, or another number of directions; a sentence without a
        subject.
    """
    b = np.asarray(b_values, dtype=np.float64)
    listed = _list_values(b)
    if not np.isfinite(b).all() or b.min(initial=0) < 0:
        raise ValueError("gives b-values that are negative or no numbers: correct them")
    if not b.size or b.max() < _LEAST_LARGEST:
        raise ValueError(f"gives b-values of {listed}, none in s/mm² above 0: write the scanner's, in s/mm²")
    low = np.flatnonzero(b <= LARGEST_B0)
    if not low.size:
        raise ValueError(
            f"gives b-values of {listed}, none up to {LARGEST_B0:g} s/mm²: there is no b0; add one"
        )
    shell = _choose_shell(b)
    if not shell.size:
        raise ValueError(
            f"gives b-values of {listed}, none from {LEAST_SHELL} to {LARGEST_SHELL} s/mm²: give a series "
            f"near b {WANTED}"
        )
    notes = []
    if np.unique(b[b > LARGEST_B0]).size > np.unique(b[shell]).size:
        notes.append(f"of the b-values {listed} the volumes at {_list_values(b[shell])} s/mm² are used")
    shell, spread = _choose_directions(shell, directions, count=b.size)
    notes += spread
    low_b = 0.0 if b.min() <= ZERO else float(b[low].mean())
    if low_b:
        notes.append(f"b0 is extrapolated from b {low_b:g} s/mm², for there is no volume at 0")
    if b.size > 1:
        notes.append("the volumes were not aligned with one another: motion between them stays")
    return Plan(
        b0=tuple(map(int, low)),
        trace=tuple(map(int, shell)),
        b_value=float(b[shell].mean()),
        low_b=low_b,
        notes=tuple(notes),
    )


def _list_values(b: np.ndarray) -> str:
    values = [f"{value:g}" for value in np.unique(b)]
    return ", ".join(values if len(values) <= 8 else [*values[:4], "…", *values[-3:]])


def _choose_shell(b: np.ndarray) -> np.ndarray:
    """Return the numbers of the volumes of the shell nearest to the wanted b-value, if one is near."""
    values = np.unique(b[b > LARGEST_B0])
    shells = np.split(values, np.flatnonzero(np.diff(values) > _GAP) + 1)
    shells = [part for shell in shells if shell.size for part in _part(shell)]
    near = [shell for shell in shells if LEAST_SHELL <= shell.mean() <= LARGEST_SHELL]
    if not near:
        return np.array([], dtype=int)
    chosen = min(near, key=lambda shell: abs(shell.mean() - WANTED))
    return np.flatnonzero(np.isin(b, chosen))


def _part(shell: np.ndarray) -> list[np.ndarray]:
    """Return a shell as it is; of b-values that run on without gaps only those around the wanted one."""
    if shell[-1] - shell[0] <= _GAP:
        return [shell]
    nearest = shell[np.abs(shell - WANTED).argmin()]
    return [shell[np.abs(shell - nearest) < _WITHIN]]


def _choose_directions(
    shell: np.ndarray, directions: np.ndarray | None, *, count: int
) -> tuple[np.ndarray, list[str]]:
    """Return the volumes to use of a shell, and sentences on how its directions are spread."""
    if directions is None:
        if shell.size > 2:
            return shell, []
        of = "the volume" if shell.size == 1 else "the mean of 2 volumes"
        return shell, [f"{of} at the b-value is taken for trace-weighted: its direction is not known"]
    if directions.shape != (count, 3):
        raise ValueError(f"gives {count} b-values and {len(directions)} directions: correct the wrong one")
    vectors = directions[shell]
    if not np.isfinite(vectors).all():
        raise ValueError("has directions that are no numbers: correct them, or remove the .bvec file")
    lengths = np.linalg.norm(vectors, axis=1)
    if (lengths < _UNIT).any():
        return shell[lengths < _UNIT], []
    units = vectors / lengths[:, None]
    distinct = _count_lines(units)
    shares = np.linalg.eigvalsh(units.T @ units / len(units))
    if distinct < 3:
        return shell, [
            f"the trace-weighted image is made of {distinct} direction{'s' * (distinct > 1)}, fewer than 3: "
            "it depends on how fibres run; give the scanner's trace image if there is one"
        ]
    if np.abs(shares - 1 / 3).max() > _EVEN:
        return shell, [
            f"the {distinct} directions are not spread evenly, so the trace-weighted image depends on how "
            "fibres run"
        ]
    return shell, []


def _count_lines(units: np.ndarray) -> int:
    """Count the directions (N, 3) that differ by more than 8 degrees; opposite ones are the same."""
    lines: list[np.ndarray] = []
    for unit in units:
        if all(abs(unit @ line) < 0.99 for line in lines):
            lines.append(unit)
    return len(lines)


def combine(data: np.ndarray, plan: Plan, *, to_b1000: bool = False) -> tuple[np.ndarray, np.ndarray, float]:
    """Return b0 and the trace-weighted image, float32 (X, Y, Z), and its b-value.

    Where a direction has no signal, the trace-weighted image is 0.

    Parameters
    ----------
    data : (X, Y, Z, volumes)
    to_b1000 : scale the trace-weighted image to b 1000, exact where the signal decays as one exponential.
    """
    b0 = _mean(data, plan.b0)
    trace = _geometric_mean(data, plan.trace)
    if plan.low_b:
        b0 *= _decay(b0, trace, plan.low_b / (plan.b_value - plan.low_b))
    b_value = plan.b_value
    if to_b1000:
        trace = np.where((b0 > 0) & (trace > 0), b0 / _decay(b0, trace, WANTED / b_value), trace)
        b_value = float(WANTED)
    return b0.astype(np.float32), trace.astype(np.float32), b_value


def _mean(data: np.ndarray, volumes: Sequence[int]) -> np.ndarray:
    total = np.zeros(data.shape[:3])
    for volume in volumes:
        total += data[..., volume]
    return total / len(volumes)


def _geometric_mean(data: np.ndarray, volumes: Sequence[int]) -> np.ndarray:
    if len(volumes) == 1:
        return data[..., volumes[0]].astype(np.float64)
    total, is_dark = np.zeros(data.shape[:3]), np.zeros(data.shape[:3], bool)
    for volume in volumes:
        signal = data[..., volume].astype(np.float64)
        is_dark |= signal <= 0
        total += np.log(signal, out=np.zeros_like(signal), where=~(signal <= 0))
    return np.where(is_dark, 0, np.exp(total / len(volumes)))


def _decay(signal: np.ndarray, later: np.ndarray, power: float) -> np.ndarray:
    """Return (signal / later) to a power; 1 where either has no signal."""
    has_signal = (signal > 0) & (later > 0)
    return np.divide(signal, later, out=np.ones_like(signal), where=has_signal) ** power

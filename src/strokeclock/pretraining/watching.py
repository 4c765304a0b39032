"""Who watches a pretraining: every fifth patient is not learned from, but tells when to stop."""

from collections.abc import Sequence

import numpy as np

from strokeclock.errors import StrokeclockError

EVERY = 5


class TooFewPatientsError(StrokeclockError):
    """None would be left to watch."""


def part_patients(patients: Sequence[str], *, source: object) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of units to learn from and of those to watch the loss by; no patient is in both.

    Parameters
    ----------
    patients : of each unit.
    source : where they come from, for errors.

    Raises
    ------
    TooFewPatientsError
        There are fewer than five patients.
    """
    known = sorted(set(patients))
    if len(known) < EVERY:
        raise TooFewPatientsError(
            f"{source}: {len(known)} patients are too few, give {EVERY} or more: one in {EVERY} only watches."
        )
    watching = np.isin(patients, known[EVERY - 1 :: EVERY])
    return np.flatnonzero(~watching), np.flatnonzero(watching)

"""Internal validation of a pretraining: every fifth patient is held out, for early stopping."""

from collections.abc import Sequence

import numpy as np

from strokeclock.errors import StrokeclockError

EVERY = 5


class TooFewPatientsError(StrokeclockError):
    """No patient would be left for internal validation."""


def hold_out(patients: Sequence[str], *, source: object) -> tuple[np.ndarray, np.ndarray]:
    """Return the indices of the units to train on and of those held out; no patient is in both.

    Parameters
    ----------
    patients : of each unit.
    source : of the patients, for errors.

    Raises
    ------
    TooFewPatientsError
        There are fewer than five patients.
    """
    known = sorted(set(patients))
    if len(known) < EVERY:
        raise TooFewPatientsError(
            f"{source}: {len(known)} patients are too few, for one in {EVERY} is held out for internal "
            f"validation: give {EVERY} or more."
        )
    held_out = np.isin(patients, known[EVERY - 1 :: EVERY])
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)

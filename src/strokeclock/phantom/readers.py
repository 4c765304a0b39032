"""Three readers who judge DWI-FLAIR mismatch by eye, fitted to the paper's neuroradiologists."""

from typing import NamedTuple

import numpy as np

from strokeclock.phantom.clinic import PatientRecord
from strokeclock.phantom.contrast import true_log_ratios


class Reader(NamedTuple):
    """Log FLAIR ratio under which a reader sees no lesion, and its error (SD); per unit of contrast gain."""

    threshold: float
    error: float


# Fitted, at the default settings, to sensitivity and specificity for TSS < 4.5 h of .55 and .85, .43 and .93,
# .57 and .65, and to Fleiss' kappa .46. The nuisance changes the ratio before the readers' error.
READERS = (Reader(0.079, 0.012), Reader(0.0485, 0.008), Reader(0.108, 0.200))
SHARED_ERROR = 0.65  # share of the error's variance that is common to the readers


def read_mismatch(
    record: PatientRecord, *, seed: int, contrast_gain: float, time_sigma: float
) -> tuple[int, int, int]:
    """Each reader's call: 1 where FLAIR does not show the lesion (mismatch, read as TSS < 4.5 h), else 0.

    Readers judge the white matter, where FLAIR shows a lesion first. Calls have a random stream of their own
    and repeat whatever else is drawn for the patient.
    """
    (log_ratio,) = true_log_ratios([record], [0.0], contrast_gain=contrast_gain, time_sigma=time_sigma)[
        "flair"
    ]
    shared, *own = np.random.default_rng([seed, record.number, 101]).normal(size=1 + len(READERS))
    errors = np.sqrt(SHARED_ERROR) * shared + np.sqrt(1 - SHARED_ERROR) * np.array(own)
    first, second, third = (
        int(log_ratio + contrast_gain * reader.error * error < contrast_gain * reader.threshold)
        for reader, error in zip(READERS, errors, strict=True)
    )
    return first, second, third

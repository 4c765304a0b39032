"""The readers' DWI-FLAIR mismatch calls of the external patients."""

from pathlib import Path

import numpy as np
import pandas as pd

from strokeclock.evaluation.external.patients import ExternalTest, Tested
from strokeclock.evaluation.readers import read_readers, vote


def read_external_calls(readers: str | Path, *, test: ExternalTest, tested: Tested) -> pd.DataFrame:
    """Read each reader's calls and the majority's, of the tested patients who were not excluded.

    Their index is the patient. ConfigurationError for any fault of the sheet (`read_readers`).
    """
    excluded = np.isin(tested.patient, list(test.exclusions))
    known = {*test.cohort.index, *test.exclusions}
    calls = read_readers(readers, known=known, needed=tested.patient[~excluded].tolist())
    return calls.assign(majority=vote(calls)) if len(calls) else calls

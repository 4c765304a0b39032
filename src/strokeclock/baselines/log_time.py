"""Odds of a short time since onset from a regression of its logarithm.

Whether TSS is below a limit says less than TSS itself: 1 h and 4 h are one class. A ridge regression of log
time needs fewer patients than a logistic regression of the class on the same terms, and is as good with many.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from strokeclock.baselines.regression import Regression, take_numbers

STRENGTH = 100.0  # of the ridge regression (scikit-learn's alpha), for 14 terms
FARTHEST = 5.0  # a time beyond the limit times or over this counts as there: it says no more of the class


def fit_log_time(
    measured: np.ndarray, minutes: np.ndarray, labels: np.ndarray, *, below_min: float, inputs: Sequence[str]
) -> Regression:
    """Fit log time on measures, their squares and products, and the class on the log time expected.

    Parameters
    ----------
    measured : (n, inputs), NaN where there is no measure; it is replaced by the mean.
    minutes : (n,), from onset to MRI. Where they are not known (NaN), the class counts as half the limit, or
        as twice the limit.
    labels : (n,), 1 where the time is below ``below_min`` minutes, else 0; both classes.
    inputs : the measures' names, in order.

    Returns
    -------
    Regression
        Its log odds are a straight line of the expected log time.
    """
    # imported here, for it takes 1 s and the workflow does not need it
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    inside = np.where(labels == 1, below_min / 2, below_min * 2)
    known = np.where(np.isnan(minutes), inside, minutes).astype(float)
    log_time = np.log(np.clip(known, below_min / FARTHEST, below_min * FARTHEST))
    line = make_pipeline(
        SimpleImputer(keep_empty_features=True),
        StandardScaler(),
        PolynomialFeatures(2, include_bias=False),
        Ridge(STRENGTH),
    ).fit(measured, log_time)
    expected = line.predict(measured)[:, None]
    odds = make_pipeline(StandardScaler(), LogisticRegression()).fit(expected, labels)
    # per unit of log time, and at log time 0
    origin, one = odds.decision_function([[0.0], [1.0]]).tolist()
    slope = one - origin
    fitted = take_numbers(line, inputs=inputs)
    return replace(
        fitted,
        coefficients=tuple(slope * number for number in fitted.coefficients),
        intercept=origin + slope * fitted.intercept,
    )

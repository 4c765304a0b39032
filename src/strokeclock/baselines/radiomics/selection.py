"""The choice of features by Welch's t-test, as a step of a scikit-learn pipeline."""

import warnings
from typing import Self

import numpy as np
from scipy import stats
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin

P = 0.2  # of all tests together: Bonferroni's correction divides it by the number of features
LEAST = 5  # features that are kept at any rate: those with the least p


class WelchSelection(SelectorMixin, BaseEstimator):
    """Keep the features that differ between the classes: p < `P` / features, at least `LEAST` (Lee 2020).

    Attributes
    ----------
    pvalues_ : (features,), 1 for a feature with one value.
    """

    pvalues_: np.ndarray

    def fit(self, features: np.ndarray, label: np.ndarray) -> Self:
        """Test (n, features) between the classes of (n,) labels, 0 and 1."""
        one, other = features[label == 1], features[label == 0]
        with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
            warnings.simplefilter("ignore", RuntimeWarning)  # of features with one value
            p = stats.ttest_ind(one, other, equal_var=False).pvalue
        self.pvalues_ = np.where(np.isnan(p), 1, p)
        self.n_features_in_ = features.shape[1]
        return self

    def _get_support_mask(self) -> np.ndarray:
        kept = self.pvalues_ < P / len(self.pvalues_)
        if kept.sum() < LEAST:
            kept[np.argsort(self.pvalues_, kind="stable")[:LEAST]] = True
        return kept

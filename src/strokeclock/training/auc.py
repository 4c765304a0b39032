"""The area under the ROC curve, without importing scikit-learn, which takes 2 s."""

import numpy as np


def measure_auc(labels: np.ndarray, scores: np.ndarray) -> float:
    """Return the area under the ROC curve of labels (n,), 0 and 1, both present, and scores (n,).

    The operations are in the order of scikit-learn's `roc_auc_score`, so that the last digit is the same: it
    may decide which epoch is selected.
    """
    order = np.argsort(scores, kind="stable")[::-1]
    sorted_scores, positive = scores[order], labels[order] == 1
    last_of_equals = np.append(np.flatnonzero(np.diff(sorted_scores)), len(scores) - 1)
    true = np.cumsum(positive)[last_of_equals]
    false = 1 + last_of_equals - true
    corners = np.ones(len(true), bool)  # where the curve turns, and its ends
    corners[1:-1] = (np.diff(true, 2) != 0) | (np.diff(false, 2) != 0)
    true, false = (np.append(0, counts[corners]) / counts[-1] for counts in (true, false))
    return float(np.trapezoid(true, false))

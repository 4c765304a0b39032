import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from strokeclock.training.auc import measure_auc


@pytest.mark.parametrize("levels", [1, 2, 3, 30, None], ids=lambda levels: f"{levels or 'all'} values")
def test_equals_scikit_learns_to_the_last_digit(levels):
    """The AUC selects an epoch, so that the last digit may decide."""
    generator = np.random.default_rng(0)
    for _ in range(300):
        labels = np.zeros(generator.integers(2, 140), np.float32)
        labels[: generator.integers(1, len(labels))] = 1
        generator.shuffle(labels)
        scores = generator.normal(size=len(labels)).astype(np.float32)
        if levels:
            scores = generator.integers(0, levels, len(labels)).astype(np.float32)
        assert measure_auc(labels, scores) == roc_auc_score(labels, scores)

"""Scores as log odds, and scaled by a temperature."""

import numpy as np
from numpy.typing import ArrayLike

CLOSEST = 1e-6  # a probability's least distance to 0 and 1, so that its log odds are finite


def logit(probability: ArrayLike) -> np.ndarray:
    """Log odds; probabilities nearer to 0 or 1 than `CLOSEST` are moved there."""
    probability = np.clip(np.asarray(probability, float), CLOSEST, 1 - CLOSEST)
    return np.log(probability / (1 - probability))


def scale(score: ArrayLike, temperature: float) -> np.ndarray:
    """Divide the log odds by the temperature; probabilities in, probabilities out.

    Examples
    --------
    Above 1 it moves them towards one half, odds of 1 to 9 to 1 to 3 here:

    >>> scale([0.1, 0.5, 0.9], 2.0).round(3).tolist()
    [0.25, 0.5, 0.75]
    """
    return 1 / (1 + np.exp(-logit(score) / temperature))

"""Score <-> unbounded scale, between a floor and a ceiling.

The one place that knows the logistic link: ``score = floor + (ceiling - floor) * logistic(eta)``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["clipped_logit", "inverse", "logistic"]

Array = NDArray[np.float64]


def logistic(eta: ArrayLike) -> Array:
    """Logistic function without overflow, elementwise.

    Parameters
    ----------
    eta : array_like
        Any shape, unbounded scale.

    Returns
    -------
    ndarray
        Same shape, in (0, 1).

    Examples
    --------
    >>> logistic([-1000.0, 0.0]).tolist()
    [0.0, 0.5]
    """
    half = 0.5 * np.asarray(eta, dtype=float)
    return np.asarray(0.5 * (1.0 + np.tanh(half)))


def inverse(eta: ArrayLike, score_floor: ArrayLike = 0.0, ceiling: ArrayLike = 1.0) -> Array:
    """Score that belongs to a point of the unbounded scale.

    Parameters
    ----------
    eta : array_like of shape (..., n_benchmarks)
        Unbounded scale.
    score_floor, ceiling : array_like, broadcast against `eta`
        Fractions.

    Returns
    -------
    ndarray
        Fractions between floor and ceiling.
    """
    floor = np.asarray(score_floor, dtype=float)
    return floor + (np.asarray(ceiling, dtype=float) - floor) * logistic(eta)


def clipped_logit(
    score: ArrayLike, score_floor: ArrayLike = 0.0, ceiling: ArrayLike = 1.0, margin: float = 0.01
) -> Array:
    """Logit of a score between floor and ceiling, kept `margin` away from both.

    Parameters
    ----------
    score : array_like of shape (..., n_benchmarks)
        Fractions; NaN stays NaN.
    score_floor, ceiling : array_like, broadcast against `score`
        Fractions.
    margin : float
        Smallest distance from either end, as a share of ceiling - floor.

    Returns
    -------
    ndarray
        Unbounded scale. Scores at or below the floor are censored at ``logit(margin)``.

    Examples
    --------
    >>> float(clipped_logit(0.625, score_floor=0.25))
    0.0
    """
    floor = np.asarray(score_floor, dtype=float)
    share = (np.asarray(score, dtype=float) - floor) / (np.asarray(ceiling, dtype=float) - floor)
    share = np.clip(share, margin, 1.0 - margin)
    return np.asarray(np.log(share) - np.log1p(-share))

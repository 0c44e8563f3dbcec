"""Huber's loss as the Sloth paper scales it: the absolute error, rounded off where it is below a point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["THRESHOLD", "curvature", "huber", "slope"]

Array = NDArray[np.float64]

THRESHOLD = 0.01


def huber(residual: Array, known: Array, threshold: float = THRESHOLD) -> float:
    """Mean over the known cells of the loss divided by its threshold.

    Parameters
    ----------
    residual : ndarray of shape (n, J)
        Fractions.
    known : ndarray of shape (n, J)
        1 where a cell counts, 0 where it does not.
    threshold : float
        Below it the loss is quadratic.

    Returns
    -------
    float

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, section 3.3: Huber loss with threshold 0.01, averaged over cells.
    """
    size = np.abs(residual)
    small = np.minimum(size, threshold)
    return float((known * small * (size - 0.5 * small)).sum() / (threshold * known.sum()))


def slope(residual: Array, known: Array, threshold: float = THRESHOLD) -> Array:
    """Differentiate the loss by each residual, times the number of known cells; shape (n, J)."""
    return known * np.clip(residual / threshold, -1.0, 1.0)


def curvature(residual: Array, known: Array, threshold: float = THRESHOLD) -> Array:
    """Give the second derivative to step with, times the number of known cells; shape (n, J).

    Inside the threshold the true one. Outside it is zero, which is no basis for a step, and the majorant's is
    1 / |residual|, whose steps are too short by a factor that nears two: half of it.
    """
    size = np.abs(residual)
    return known * np.where(size <= threshold, 1.0 / threshold, 0.5 / np.maximum(size, threshold))

"""Huber's loss as the Sloth paper scales it: the absolute error, rounded off where it is below a point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["THRESHOLD", "derivatives", "huber"]

Array = NDArray[np.float64]

THRESHOLD = 0.01


def huber(residual: Array, known: Array, threshold: float = THRESHOLD, n_known: float | None = None) -> float:
    """Mean over the known cells of the loss divided by its threshold.

    Parameters
    ----------
    residual : ndarray of shape (n, J)
        Fractions.
    known : ndarray of shape (n, J)
        1 where a cell counts, 0 where it does not.
    threshold : float
        Below it the loss is quadratic.
    n_known : float, optional
        Sum of `known`, where it is at hand.

    Returns
    -------
    float

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, section 3.3: Huber loss with threshold 0.01, averaged over cells.
    """
    size = np.abs(residual)
    small = np.minimum(size, threshold)
    size -= 0.5 * small
    small *= known
    return float(np.vdot(small, size) / (threshold * (known.sum() if n_known is None else n_known)))


def derivatives(residual: Array, known: Array | float, threshold: float = THRESHOLD) -> tuple[Array, Array]:
    """First derivative of the loss by each residual, and the second to step with; both times the number of known cells.

    The second is the true one inside the threshold. Outside it is zero, which is no basis for a step, and the
    majorant's is 1 / |residual|, whose steps are too short by a factor that nears two: half of it.

    Parameters
    ----------
    residual, known, threshold
        See `huber`; 1 for `known` where every cell counts.

    Returns
    -------
    tuple of ndarray
        Shapes as `residual`.
    """
    size = np.abs(residual)
    outside = size > threshold
    rate = known / np.maximum(size, threshold)
    return residual * rate, rate - 0.5 * (rate * outside)

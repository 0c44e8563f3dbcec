"""The score of guessing, where scores bear it out.

A declared floor can be wrong for the way a benchmark was run: few-shot answers that are matched word by word score half
of what guessing among the options would, for every model. A curve that may not go below it then misses all of them.
In: scores and declared floors. Out: the floors that a fit starts from. Called by the forecaster, and for new
benchmarks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["credible_floor"]

# chosen on `obsscaling-downstream`: docs/backtests.md, "Floors that scores contradict"
_WEIGHT = 3  # scores that the declaration counts for


def credible_floor(scores: Array, declared: Array) -> Array:
    """Lower the floor of a benchmark to the median score where most scores lie below it.

    Parameters
    ----------
    scores : ndarray of shape (M, J)
        Fractions, NaN where not evaluated.
    declared : ndarray of shape (J,)
        Expected score of guessing; counts as three scores.

    Returns
    -------
    ndarray of shape (J,)
        At most as declared.

    Examples
    --------
    >>> scores = np.array([[0.26, 0.7], [0.28, 0.4], [0.3, 0.9], [0.27, 0.6], [0.27, 0.8]])
    >>> credible_floor(scores, np.array([0.5, 0.5])).round(2).tolist()
    [0.29, 0.5]
    """
    out = declared.copy()
    below, seen = (scores < declared).sum(axis=0), np.isfinite(scores).sum(axis=0)
    for j in np.flatnonzero(below > (seen + _WEIGHT) / 2):
        column = scores[np.isfinite(scores[:, j]), j]
        out[j] = np.median(np.concatenate([column, np.full(_WEIGHT, declared[j])]))
    return out

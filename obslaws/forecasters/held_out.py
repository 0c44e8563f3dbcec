"""Spread of a matrix rule's own errors: hide a fifth of the cells in turn, fill them in, look.

Called by forecasters whose authors give no intervals.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = ["cell_spread"]

Array = NDArray[np.float64]

FOLDS = 5
PRIOR = 5.0  # how many errors the spread over all benchmarks is worth beside a benchmark's own


def cell_spread(scores: Array, fill: Callable[[Array], Array], fallback: Array) -> Array:
    """Root mean square error of filling hidden cells, per benchmark, drawn towards that over all.

    Parameters
    ----------
    scores : ndarray of shape (n, J)
        NaN where unknown.
    fill : callable
        Takes scores with some cells hidden, gives answers for all of shape (n, J), NaN where it has none.
    fallback : ndarray of shape (J,)
        Spread where nothing could be tried.

    Returns
    -------
    ndarray of shape (J,)
    """
    rows, columns = np.nonzero(np.isfinite(scores))
    if len(rows) < 2 * FOLDS:
        return fallback
    # cells are dealt out by the rank of their score within the benchmark: the order of models does not matter
    order = np.lexsort((scores[rows, columns], columns))
    fold = np.empty(len(rows), dtype=np.intp)
    fold[order] = np.arange(len(rows)) % FOLDS
    squares, counts = np.zeros(scores.shape[1]), np.zeros(scores.shape[1])
    for k in range(FOLDS):
        at = rows[fold == k], columns[fold == k]
        hidden = scores.copy()
        hidden[at] = np.nan
        errors = fill(hidden)[at] - scores[at]
        tried = np.isfinite(errors)
        squares += np.bincount(at[1][tried], errors[tried] ** 2, minlength=len(squares))
        counts += np.bincount(at[1][tried], minlength=len(squares))
    if counts.sum() == 0:
        return fallback
    overall = squares.sum() / counts.sum()
    return np.sqrt((squares + PRIOR * overall) / (counts + PRIOR))

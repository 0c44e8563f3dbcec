"""Many small positive definite systems at once: Cholesky's steps written out, each one operation over all of them.

For blocks of a few rows LAPACK's calls, one per block, cost more than the arithmetic. A block and its right sides are
one array, so that a step is one operation over both.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["halve", "solve", "substitute"]

Array = NDArray[Any]


def halve(systems: Array) -> Array:
    """Factor the blocks and apply the inverse factors: blocks = C C', halves = C^-1 right; all in place.

    Parameters
    ----------
    systems : ndarray of shape (d, d + m, ...)
        Blocks, symmetric and positive definite, and their right sides. Left with C' on and above the blocks' diagonal
        and nothing of use below it.

    Returns
    -------
    ndarray of shape (d, m, ...)
        The halves, a view.
    """
    d = len(systems)
    for k, row in enumerate(systems):
        row /= np.sqrt(row[k])
        if k + 1 < d:
            systems[k + 1 :] -= row[k + 1 : d, None] * row
    return systems[:, d:]


def substitute(systems: Array, halves: Array) -> Array:
    """Finish what `halve` began, in place: C'^-1 halves.

    Parameters
    ----------
    systems : ndarray of shape (d, d + m, ...)
        As `halve` left them.
    halves : ndarray of shape (d, k, ...)

    Returns
    -------
    ndarray of shape (d, k, ...)
        `halves`.
    """
    for k in reversed(range(len(halves))):
        halves[k] /= systems[k, k]
        if k:
            halves[:k] -= systems[:k, k, None] * halves[k]
    return halves


def solve(systems: Array) -> Array:
    """Apply the blocks' inverses to their right sides, in place; shapes as in `halve`.

    Examples
    --------
    >>> solve(np.array([[[4.0], [8.0]]])).tolist()
    [[[2.0]]]
    """
    return substitute(systems, halve(systems))

"""Many small positive definite systems at once: Cholesky's steps written out, each one operation over all of them.

For blocks of a few rows LAPACK's calls, one per block, cost more than the arithmetic.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["halve", "solve", "substitute"]

Array = NDArray[np.float64]


def halve(blocks: Array, right: Array) -> tuple[Array, Array]:
    """Factor the blocks and apply the inverse factors: blocks = C C', halves = C^-1 right.

    Parameters
    ----------
    blocks : ndarray of shape (d, d, ...)
        Symmetric and positive definite.
    right : ndarray of shape (m, d, ...)

    Returns
    -------
    factors : ndarray of shape (d, d, ...)
        C below and on the diagonal; above it nothing of use.
    halves : ndarray of shape (m, d, ...)
    """
    factors, halves = blocks.copy(), right.copy()
    for k in range(len(factors)):
        inverse_root = 1.0 / np.sqrt(factors[k, k])
        factors[k:, k] *= inverse_root
        halves[:, k] *= inverse_root
        for later in range(k + 1, len(factors)):
            factors[later:, later] -= factors[later:, k] * factors[later, k]
            halves[:, later] -= factors[later, k] * halves[:, k]
    return factors, halves


def substitute(factors: Array, halves: Array) -> Array:
    """Finish what `halve` began: C'^-1 halves; shape (m, d, ...)."""
    out = halves.copy()
    for k in reversed(range(len(factors))):
        for later in range(k + 1, len(factors)):
            out[:, k] -= factors[later, k] * out[:, later]
        out[:, k] /= factors[k, k]
    return out


def solve(blocks: Array, right: Array) -> Array:
    """Apply the blocks' inverses; shapes as in `halve`.

    Examples
    --------
    >>> solve(np.array([[[4.0]], ]), np.array([[[8.0]]])).tolist()
    [[[2.0]]]
    """
    return substitute(*halve(blocks, right))

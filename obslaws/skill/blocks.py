"""Stacks of small symmetric matrices, and sums over groups of rows: the arithmetic under the skill model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Groups", "propagate", "sandwich", "spd_inverse", "spd_logdet", "stacked"]


class Groups:
    """Rows that belong together, ready to be summed again and again.

    Parameters
    ----------
    index : ndarray of int, shape (n,)
        Group of each row.
    n_groups : int
        How many groups there are; some may be empty.
    """

    def __init__(self, index: NDArray[np.intp], n_groups: int) -> None:
        self.index, self.n_groups = index, n_groups
        self._order = np.argsort(index, kind="stable")
        sorted_index = index[self._order]
        self._in_order = bool((self._order == np.arange(len(index))).all())
        self._starts = (
            np.flatnonzero(np.r_[True, np.diff(sorted_index) > 0]) if len(index) else np.zeros(0, dtype=np.intp)
        )
        self._filled = sorted_index[self._starts]

    def __len__(self) -> int:
        return self.n_groups

    def sum(self, values: Array) -> Array:
        """Sum rows by group.

        Parameters
        ----------
        values : ndarray of shape (n, ...)

        Returns
        -------
        ndarray of shape (n_groups, ...)
        """
        flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
        if not self._in_order:
            flat = flat[self._order]
        if len(self._starts) == len(flat) == self.n_groups:
            summed = flat.copy()
        else:
            summed = np.zeros((self.n_groups, flat.shape[1]))
            if len(flat):
                summed[self._filled] = np.add.reduceat(flat, self._starts, axis=0)
        return summed.reshape(self.n_groups, *values.shape[1:])

    def products(self, left: Array, right: Array) -> Array:
        """Sum the products of rows by group, left transposed.

        Parameters
        ----------
        left : ndarray of shape (n, d, a)
        right : ndarray of shape (n, d, b)

        Returns
        -------
        ndarray of shape (n_groups, a, b)
        """
        if not self._in_order:
            left, right = left[self._order], right[self._order]
        (n, d, a), b = left.shape, right.shape[2]
        out = np.zeros((self.n_groups, a, b))
        rows, columns = left.reshape(n * d, a), right.reshape(n * d, b)
        for group, first, last in zip(self._filled, self._starts * d, np.r_[self._starts[1:], n] * d, strict=True):
            np.matmul(rows[first:last].T, columns[first:last], out=out[group])
        return out


def spd_inverse(blocks: Array) -> Array:
    """Inverse of stacked symmetric positive definite matrices.

    Parameters
    ----------
    blocks : ndarray of shape (..., d, d)

    Returns
    -------
    ndarray of shape (..., d, d)
        Closed form for d <= 3.
    """
    d = blocks.shape[-1]
    if d == 1:
        return np.asarray(1.0 / blocks)
    out = np.empty_like(blocks)
    if d == 2:
        a, b, c = blocks[..., 0, 0], blocks[..., 0, 1], blocks[..., 1, 1]
        scale = 1.0 / (a * c - b * b)
        out[..., 0, 0], out[..., 1, 1] = c * scale, a * scale
        out[..., 0, 1] = out[..., 1, 0] = -b * scale
        return out
    if d == 3:
        a, b, c = blocks[..., 0, 0], blocks[..., 0, 1], blocks[..., 0, 2]
        e, f, i = blocks[..., 1, 1], blocks[..., 1, 2], blocks[..., 2, 2]
        c00, c01, c02 = e * i - f * f, c * f - b * i, b * f - c * e
        scale = 1.0 / (a * c00 + b * c01 + c * c02)
        out[..., 0, 0] = c00 * scale
        out[..., 0, 1] = out[..., 1, 0] = c01 * scale
        out[..., 0, 2] = out[..., 2, 0] = c02 * scale
        out[..., 1, 1] = (a * i - c * c) * scale
        out[..., 1, 2] = out[..., 2, 1] = (b * c - a * f) * scale
        out[..., 2, 2] = (a * e - b * b) * scale
        return out
    inverse = np.linalg.inv(blocks)
    return np.asarray(0.5 * (inverse + np.swapaxes(inverse, -1, -2)))


def spd_logdet(blocks: Array) -> float:
    """Sum of the log determinants of stacked symmetric positive definite matrices, shape (..., d, d)."""
    return float(np.linalg.slogdet(blocks)[1].sum())


def propagate(response: Array, noise: Array, covariance: Array) -> Array:
    """Posterior covariance of effects that follow shared parameters linearly.

    Parameters
    ----------
    response : ndarray of shape (n, d, G)
    noise : ndarray of shape (n, d, d)
        Covariance at fixed shared parameters.
    covariance : ndarray of shape (G, G)

    Returns
    -------
    ndarray of shape (n, d, d)
    """
    spread = response @ covariance
    return noise + spread @ np.swapaxes(response, 1, 2)


def stacked(blocks: Array) -> Array:
    """All rows of all blocks as one matrix: (n, a, b) -> (n*a, b)."""
    return blocks.reshape(blocks.shape[0] * blocks.shape[1], blocks.shape[2])


def sandwich(outer: Array, inner: Array) -> Array:
    """Covariance of what follows linearly: outer inner outer', (n, d, q), (n, q, q) -> (n, d, d)."""
    return outer @ inner @ np.swapaxes(outer, 1, 2)

"""Stacks of small symmetric matrices, and sums over groups of rows: the arithmetic under the skill model."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg.lapack import dpotrf, dpotrs
from scipy.sparse import csr_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Groups", "propagate", "sandwich", "spd_factor", "spd_inverse", "spd_logdet", "spd_solve", "stacked"]


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
        count = np.bincount(index, minlength=n_groups)
        ends = count.cumsum()
        self._slices = [(g, ends[g] - count[g], ends[g]) for g in np.flatnonzero(count).tolist()]
        self._in_order = bool((self._order == np.arange(len(index))).all())
        # as a product with zeros and ones, ten times as fast as sums between positions
        self._sums = csr_array(
            (np.ones(len(index)), self._order, np.concatenate([[0], ends])), shape=(n_groups, len(index))
        )

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
        flat = values.reshape(len(values), prod(values.shape[1:]))
        return np.asarray((self._sums @ flat).reshape(self.n_groups, *values.shape[1:]))

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
        for group, first, last in self._slices:
            np.matmul(rows[first * d : last * d].T, columns[first * d : last * d], out=out[group])
        return out


def spd_inverse(blocks: Array) -> Array:
    """Inverse of stacked symmetric positive definite matrices.

    Parameters
    ----------
    blocks : ndarray of shape (..., d, d)

    Returns
    -------
    ndarray of shape (..., d, d)
        Closed form for d <= 4.
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
    if d == 4:
        return _inverse_of_four(blocks)
    inverse = np.linalg.inv(blocks)
    return np.asarray(0.5 * (inverse + np.swapaxes(inverse, -1, -2)))


def _inverse_of_four(blocks: Array) -> Array:
    """Invert by halves: the upper left block, then what is left of the lower right one."""
    a, b, c, d, _, e, f, g, _, _, h, i, _, _, _, j = blocks.reshape(-1, 16).T.copy()
    scale = 1.0 / (a * e - b * b)
    p00, p01, p11 = e * scale, -b * scale, a * scale
    w00, w01, w10, w11 = p00 * c + p01 * f, p00 * d + p01 * g, p01 * c + p11 * f, p01 * d + p11 * g
    s00, s01, s11 = h - c * w00 - f * w10, i - c * w01 - f * w11, j - d * w01 - g * w11
    scale = 1.0 / (s00 * s11 - s01 * s01)
    t00, t01, t11 = s11 * scale, -s01 * scale, s00 * scale
    v00, v01, v10, v11 = w00 * t00 + w01 * t01, w00 * t01 + w01 * t11, w10 * t00 + w11 * t01, w10 * t01 + w11 * t11
    x00, x01, x11 = p00 + v00 * w00 + v01 * w01, p01 + v00 * w10 + v01 * w11, p11 + v10 * w10 + v11 * w11
    out = np.array([x00, x01, -v00, -v01, x01, x11, -v10, -v11, -v00, -v10, t00, t01, -v01, -v11, t01, t11])
    return np.ascontiguousarray(out.T).reshape(blocks.shape)


def spd_factor(matrix: Array) -> Array:
    """Lower Cholesky factor of one matrix of shape (n, n); what lies above the diagonal is not cleared.

    Raises
    ------
    LinAlgError
        Not positive definite.
    """
    if not len(matrix):
        return matrix
    root, info = dpotrf(matrix, lower=1, clean=0)
    if info:
        raise np.linalg.LinAlgError(f"{len(matrix)} x {len(matrix)} matrix is not positive definite: minor {info}.")
    return np.asarray(root)


def spd_solve(root: Array, rhs: Array) -> Array:
    """Solve for right-hand sides, shape (n,) or (n, m), by the `spd_factor` of a matrix."""
    return np.asarray(dpotrs(root, rhs, lower=1)[0].reshape(rhs.shape)) if len(root) else rhs


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

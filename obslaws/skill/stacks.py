"""Stacks of small matrices with the stack as the last axis: each step is a handful of long vector operations.

The twin of `obslaws.skill.blocks` for hundreds of thousands of blocks: ``(d, d, n)`` instead of ``(n, d, d)``, so that
numpy's loops run over the blocks and not inside of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Runs", "apply", "inverted", "product", "sandwich", "unpacked"]


class Runs:
    """Neighbours that belong together, ready to be summed again and again.

    Parameters
    ----------
    label : ndarray of int, shape (n,)
        Run of each entry, ascending.
    n_runs : int
        How many runs there are; some may be empty.
    """

    def __init__(self, label: NDArray[np.intp], n_runs: int) -> None:
        self.label, self.n_runs = label, n_runs
        self.starts = np.flatnonzero(np.r_[True, np.diff(label) > 0]) if len(label) else np.zeros(0, dtype=np.intp)
        self.filled = label[self.starts]

    def sum(self, values: Array) -> Array:
        """Sum along the last axis by run: (..., n) -> (..., n_runs)."""
        if len(self.starts) == self.n_runs:
            return np.add.reduceat(values, self.starts, axis=-1)
        out = np.zeros((*values.shape[:-1], self.n_runs))
        if len(self.starts):
            out[..., self.filled] = np.add.reduceat(values, self.starts, axis=-1)
        return out


def apply(blocks: Array, vectors: Array) -> Array:
    """Each block times its own vector: (a, b, n), (b, n) -> (a, n); a stack of one block serves all vectors."""
    if blocks.shape[2] == 1:
        return blocks[:, :, 0] @ vectors
    out = blocks[:, 0] * vectors[0]
    for i in range(1, len(vectors)):
        out += blocks[:, i] * vectors[i]
    return out


def product(left: Array, right: Array) -> Array:
    """Each block times its partner: (a, b, n), (b, c, n) -> (a, c, n); either stack may hold one block for all."""
    if left.shape[2] == 1 != right.shape[2]:
        return (left[:, :, 0] @ right.reshape(len(right), -1)).reshape(len(left), *right.shape[1:])
    return np.stack([apply(left, right[:, c]) for c in range(right.shape[1])], axis=1)


def sandwich(outer: Array, inner: Array) -> Array:
    """Covariance of what follows linearly: outer inner outer', (a, b, n), (b, b, n) -> (a, a, n)."""
    return product(product(outer, inner), np.swapaxes(outer, 0, 1))


def inverted(blocks: Array) -> tuple[Array, Array]:
    """Invert symmetric positive definite blocks by sweeping each diagonal entry in turn (Goodnight 1979).

    Parameters
    ----------
    blocks : ndarray of shape (d, d, n)

    Returns
    -------
    tuple of ndarray
        Inverses (d, d, n) and log determinants (n,).
    """
    out = blocks.copy()
    d = len(out)
    determinant = np.ones(out.shape[2])
    for k in range(d):
        pivot = out[k, k].copy()
        determinant = determinant * pivot
        column = out[:, k] / pivot
        for i in range(d):
            if i != k:
                for j in range(i, d):
                    if j != k:
                        out[i, j] -= column[i] * out[k, j]
                        out[j, i] = out[i, j]
        out[:, k] = out[k] = column
        out[k, k] = -1.0 / pivot
    return -out, np.log(determinant)


def unpacked(packed: Array, d: int) -> Array:
    """Symmetric blocks from their upper triangles, row by row: (d (d + 1) / 2, n) -> (d, d, n)."""
    out = np.empty((d, d, packed.shape[1]))
    for entry, (i, j) in zip(packed, zip(*np.triu_indices(d), strict=True), strict=True):
        out[i, j] = out[j, i] = entry
    return out

"""Completion of a sparse matrix: an offset per column and per row, and a few factors, all with ridge.

z_ij = offset_j + loading_j . factor_i with a first loading near 1 for the row's offset, by alternating least squares in
closed form. The columns come in standardised logits; what is known of a new row gives its factors in one more solve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Completion", "complete", "pairwise", "row_factors"]

Array = NDArray[np.float64]

BEST, LEAST_COMMON, LEAST_FIT = 5, 5, 0.2


@dataclass(frozen=True)
class Completion:
    """A completed matrix.

    Parameters
    ----------
    offsets : ndarray of shape (J,)
    loadings : ndarray of shape (J, 1 + rank)
        The first belongs to the offset of a row.
    factors : ndarray of shape (n, 1 + rank)
        Offset of a row, then its factors.
    ridge : float
    objective : float
        Sum of squared errors and penalties.
    n_iter : int
    """

    offsets: Array
    loadings: Array
    factors: Array
    ridge: float
    objective: float
    n_iter: int

    def values(self, factors: Array) -> Array:
        """Entries of rows with given factors; shape (n, J)."""
        return self.offsets + factors @ self.loadings.T


def complete(values: Array, rank: int, ridge: float, max_iter: int = 500, tolerance: float = 1e-7) -> Completion:
    """Minimise squared errors on the known entries plus ridge on factors and on loadings' distance from their start.

    Parameters
    ----------
    values : ndarray of shape (n, J)
        NaN where unknown; columns of about unit variance.
    rank : int
        Factors beside the offset of a row.
    ridge : float
        In units of the error variance: larger shrinks more.
    max_iter : int
        Most rounds.
    tolerance : float
        Stops when a round brings less than this share of the objective.

    Returns
    -------
    Completion

    References
    ----------
    .. [1] Koren, Bell, Volinsky (2009), Computer 42(8): matrix factorisation with biases, regularised.
    """
    known = np.isfinite(values).astype(float)
    Z = np.nan_to_num(values)
    n, J = Z.shape
    centre = np.zeros((J, 1 + rank))
    centre[:, 0] = 1.0
    offsets = Z.sum(axis=0) / np.maximum(known.sum(axis=0), 1.0)
    loadings = centre.copy()
    # a deterministic start: leading directions of what row offsets leave over
    factors = _rows(Z - offsets, known, loadings[:, :1], ridge)
    left = known * (Z - offsets - factors @ loadings[:, :1].T)
    u, s, v = np.linalg.svd(left, full_matrices=False)
    width = min(rank, len(s))
    extra = np.zeros((n, rank))
    extra[:, :width] = u[:, :width] * np.sqrt(n)
    loadings[:, 1 : 1 + width] = v[:width].T * s[:width] / np.sqrt(n)
    factors = np.concatenate([factors, extra], axis=1)
    value, n_iter = np.inf, 0
    while n_iter < max_iter:
        n_iter += 1
        factors = _rows(Z - offsets, known, loadings, ridge)
        design = np.concatenate([np.ones((n, 1)), factors], axis=1)
        solved = _rows((Z - factors @ centre.T).T, known.T, design, ridge, free=1)
        offsets, loadings = solved[:, 0], centre + solved[:, 1:]
        error = known * (Z - offsets - factors @ loadings.T)
        new = float((error**2).sum() + ridge * ((factors**2).sum() + ((loadings - centre) ** 2).sum()))
        if value - new < tolerance * new:
            value = new
            break
        value = new
    return Completion(offsets, loadings, factors, ridge, value, n_iter)


def row_factors(fit: Completion, values: Array) -> Array:
    """Factors of further rows from what is known of them; zero where nothing is; shape (n, 1 + rank)."""
    known = np.isfinite(values).astype(float)
    return _rows(np.nan_to_num(values) - fit.offsets, known, fit.loadings, fit.ridge)


def pairwise(values: Array, queries: Array) -> Array:
    """Each entry from the row's entries in the columns that go with it best, by straight lines over common rows.

    Parameters
    ----------
    values : ndarray of shape (n, J)
        What the lines are fitted to; NaN where unknown.
    queries : ndarray of shape (m, J)
        Rows to be answered for; NaN where unknown. An entry's own value is not used for itself.

    Returns
    -------
    ndarray of shape (m, J)
        Mean of the lines' answers weighted by their squared correlations; NaN where no line answers.

    References
    ----------
    .. [1] BenchPress (2026), github.com/anadim/llm-benchmark-matrix: five best columns, at least five common rows,
       squared correlation of at least 0.2.
    """
    here = np.isfinite(values).astype(float)
    Z = np.nan_to_num(values)
    n = np.maximum(here.T @ here, 1.0)
    mean_x, mean_xx = Z.T @ here / n, (Z * Z).T @ here / n  # of the row's column over rows that know the column's too
    mean_y = mean_x.T
    var_x, var_y = mean_xx - mean_x**2, mean_xx.T - mean_y**2
    product = Z.T @ Z / n - mean_x * mean_y
    usable = (here.T @ here >= LEAST_COMMON) & (n * var_x > 1e-10) & (n * var_y > 1e-10)
    np.fill_diagonal(usable, False)
    safe_x, safe_y = np.where(usable, var_x, 1.0), np.where(usable, var_y, 1.0)
    fit = np.where(usable, product**2 / (safe_x * safe_y), 0.0)
    best = np.argsort(-fit, axis=0, kind="stable")[:BEST]
    weight = np.zeros_like(fit)
    np.put_along_axis(weight, best, np.take_along_axis(fit, best, axis=0), axis=0)
    weight[weight < LEAST_FIT] = 0.0
    line = np.where(usable, product / safe_x, 0.0)
    asked, known = np.nan_to_num(queries), np.isfinite(queries).astype(float)
    total = known @ weight
    answer = asked @ (weight * line) + known @ (weight * (mean_y - line * mean_x))
    return np.where(total > 0, answer / np.where(total > 0, total, 1.0), np.nan)


def _rows(Z: Array, known: Array, design: Array, ridge: float, free: int = 0) -> Array:
    """Ridge regression of every row of Z on one design, over its known entries; the first `free` go unpenalised."""
    k = design.shape[1]
    outer = (design[:, :, None] * design[:, None, :]).reshape(len(design), k * k)
    penalty = np.full(k, ridge)
    penalty[:free] = 1e-6
    gram = (known @ outer).reshape(-1, k, k) + np.diag(penalty)
    solved = np.linalg.solve(gram, ((known * Z) @ design)[:, :, None])
    return np.asarray(solved[:, :, 0])

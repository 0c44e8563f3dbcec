"""Minimise one problem from many starts at once: Levenberg-Marquardt on the Huber loss, batched and within bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from obslaws.laws.problem import Problem

__all__ = ["Solution", "solve"]

Array = NDArray[np.float64]

_CELLS = 40_000  # batch x points that are worked on at a time: what stays in a processor's cache


@dataclass(frozen=True)
class Solution:
    """Where a batch of minimisations ended.

    Parameters
    ----------
    z : ndarray of shape (n_batch, n_params)
    objective : ndarray of shape (n_batch,)
        Infinite where a start lies outside the curve's domain.
    converged : ndarray of bool, shape (n_batch,)
    n_iter : ndarray of int, shape (n_batch,)
    """

    z: Array
    objective: Array
    converged: NDArray[np.bool_]
    n_iter: NDArray[np.int_]


def solve(
    problem: Problem,
    z: Array,
    weights: Array | None = None,
    lower: Array | None = None,
    upper: Array | None = None,
    max_iter: int = 200,
    tol: float = 1e-9,
    outer: float = 0.1,
) -> Solution:
    """Minimise from every start.

    Parameters
    ----------
    problem : Problem
    z : ndarray of shape (n_batch, n_params)
        Starts; moved into the bounds.
    weights : ndarray of shape (n_points,) or (n_batch, n_points), optional
        Weight of each point, e.g. how often a bootstrap drew it.
    lower, upper : ndarray of shape (n_batch, n_params), optional
        Bounds of each start; those of the problem by default. Equal bounds hold a parameter.
    max_iter : int
        Steps at most, for each start.
    tol : float
        Converged when two steps in a row lower the objective by less than this share.
    outer : float
        Share of the curvature of reweighted least squares that is kept where the Huber loss is straight and has none of
        its own: 1 travels safely from far away, less arrives faster.

    Returns
    -------
    Solution
    """
    n_batch, n_points = len(z), len(problem.y)
    w = np.broadcast_to(np.ones(n_points) if weights is None else weights, (n_batch, n_points))
    lower = np.broadcast_to(problem.lower if lower is None else lower, z.shape)
    upper = np.broadcast_to(problem.upper if upper is None else upper, z.shape)
    size = max(1, _CELLS // n_points)
    parts = [
        _solve(
            problem, z[i : i + size], w[i : i + size], lower[i : i + size], upper[i : i + size], max_iter, tol, outer
        )
        for i in range(0, n_batch, size)
    ]
    return Solution(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _solve(
    problem: Problem, z: Array, w: Array, lower: Array, upper: Array, max_iter: int, tol: float, outer: float
) -> tuple[Array, Array, NDArray[np.bool_], NDArray[np.int_]]:
    z = np.clip(z, lower, upper)
    residuals, jacobian = problem.residuals(z)
    best = problem.objective(residuals, w)
    damping = np.full(len(z), 1e-2)
    calm = np.zeros(len(z), dtype=int)
    n_iter = np.zeros(len(z), dtype=int)
    live = np.flatnonzero(np.isfinite(best))
    for _ in range(max_iter):
        if not len(live):
            break
        step = _step(
            problem, residuals[live], jacobian[live], w[live], z[live], lower[live], upper[live], damping[live], outer
        )
        trial = np.clip(z[live] + step, lower[live], upper[live])
        r, jac = problem.residuals(trial)
        value = problem.objective(r, w[live])
        better = value < best[live]
        gain = np.where(better, 1 - value / np.maximum(best[live], 1e-300), 0.0)
        won = live[better]
        z[won], residuals[won], jacobian[won], best[won] = trial[better], r[better], jac[better], value[better]
        n_iter[live] += 1
        damping[live] = np.where(better, np.maximum(damping[live] * 0.2, 1e-12), damping[live] * 5)
        # a step that does not help is no sign of rest unless it was a short one already
        still = better & (gain < tol) | ~better & (damping[live] > 1e6) | (best[live] < 1e-28)
        calm[live] = np.where(still, calm[live] + 1, np.where(better, 0, calm[live]))
        live = live[(calm[live] < 2) & (damping[live] < 1e12)]
    return z, best, np.isfinite(best) & (calm >= 2), n_iter


def _step(
    problem: Problem,
    r: Array,
    jacobian: Array,
    w: Array,
    z: Array,
    lower: Array,
    upper: Array,
    damping: Array,
    outer: float,
) -> Array:
    """Take a damped Gauss-Newton step of the Huber loss, with parameters at rest where a bound stops them."""
    share = np.minimum(1.0, problem.delta / np.maximum(np.abs(r), 1e-300))  # weight of a reweighted least squares
    gradient = np.einsum("bpn,bn->bp", jacobian, w * share * r)
    curvature = w * np.where(share < 1.0, outer * share, 1.0)
    hessian = np.matmul(jacobian * curvature[:, None, :], jacobian.transpose(0, 2, 1))
    held = (z <= lower) & (gradient > 0) | (z >= upper) & (gradient < 0) | (lower == upper)
    bad = ~np.isfinite(hessian).all(axis=(1, 2)) | ~np.isfinite(gradient).all(axis=1)
    gradient = np.where(held | bad[:, None], 0.0, gradient)
    hessian = np.where(held[:, :, None] | held[:, None, :] | bad[:, None, None], 0.0, hessian)
    diagonal = np.einsum("bpp->bp", hessian)
    floor = 1e-14 * diagonal.max(axis=1, keepdims=True)
    extra = np.where(held | bad[:, None], 1.0, damping[:, None] * diagonal + floor + 1e-300)
    hessian = hessian + extra[:, :, None] * np.eye(z.shape[1])
    scale = 1.0 / np.sqrt(np.einsum("bpp->bp", hessian))
    scaled = hessian * scale[:, :, None] * scale[:, None, :]
    scaled += 1e-13 * np.eye(z.shape[1])
    return -np.linalg.solve(scaled, (gradient * scale)[:, :, None])[:, :, 0] * scale

"""How sure a fit is: covariance, profiles, bootstrap. All refits of one kind are one batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from obslaws.errors import UsageError
from obslaws.laws.problem import Problem
from obslaws.laws.solver import Solution, solve

__all__ = ["bootstrap", "bootstrap_weights", "condition_number", "covariance", "profile_interval", "reaches_bound"]

Array = NDArray[np.float64]


def covariance(
    problem: Problem, z: Array, free: NDArray[np.bool_], weights: Array, clusters: NDArray[np.int_] | None = None
) -> Array:
    """Estimate the covariance of a Huber fit on the z scale.

    Parameters
    ----------
    problem : Problem
    z : ndarray of shape (n_params,)
        The optimum.
    free : ndarray of bool, shape (n_params,)
        False for parameters that are held or rest on a bound; their rows are NaN.
    weights : ndarray of shape (n_points,)
        Unequal ones call for the sandwich, each point its own cluster.
    clusters : ndarray of int, shape (n_points,), optional
        Points of one cluster may err together.

    Returns
    -------
    ndarray of shape (n_params, n_params)

    References
    ----------
    .. [1] Huber (1973). Robust regression: asymptotics, conjectures and Monte Carlo, Annals of Statistics 1(5), the
       estimate with the factor K; with clusters the sandwich of Liang and Zeger (1986), Biometrika 73(1), theorem 2.
    """
    out = np.full((len(z), len(z)), np.nan)
    residuals, jacobian = problem.residuals(z[None])
    r, jac = residuals[0], jacobian[0][free]
    n_points, k = len(r), int(free.sum())
    if k == 0 or n_points <= k:
        return out
    psi = weights * np.clip(r, -problem.delta, problem.delta)
    slope, factor = _slope(r, problem.delta, k)
    scaled, scale = _normalised(jac * np.sqrt(weights))
    bread = np.linalg.pinv(scaled @ scaled.T, rcond=1e-14) * np.outer(scale, scale)
    if clusters is None and np.ptp(weights) == 0:
        cov = bread * (psi @ psi) / weights[0] / (n_points - k) / slope**2
    else:
        labels, codes = np.unique(np.arange(n_points) if clusters is None else clusters, return_inverse=True)
        parts = np.zeros((len(labels), k))
        np.add.at(parts, codes, (jac * psi).T)
        m = len(labels)
        cov = bread @ (parts.T @ parts) @ bread / slope**2 * (m / max(m - 1, 1))
    out[np.ix_(free, free)] = cov * factor**2
    return out


def _slope(r: Array, delta: float, k: int) -> tuple[float, float]:
    """Estimate the mean derivative of psi, and Huber's factor for small samples.

    The derivative is 1 within delta and 0 beyond. A fit that is nearly one of absolute residuals runs through about k
    of the points, which say nothing of the density there and are left out. Where few others lie within delta, a kernel
    counts instead.
    """
    within = int((np.abs(r) <= delta).sum())
    share = (within - k) / (len(r) - k) if within < len(r) else 1.0
    if share < 0.1:
        spread = float(np.median(np.abs(r))) / 0.6745
        width = max(1.06 * spread * len(r) ** -0.2, delta)
        density = float(np.mean(np.exp(-0.5 * (r / width) ** 2))) / (width * np.sqrt(2 * np.pi))
        share = float(np.clip(2 * delta * density, 1e-9, 1.0))
    return share, 1 + k / len(r) * (1 - share) / share


def _allowance(problem: Problem, z: Array, free: NDArray[np.bool_], weights: Array, level: float) -> float:
    """Compute by how much the objective may rise within an interval: half a chi-square times lambda.

    References
    ----------
    .. [1] Schrader and Hettmansperger (1980). Robust analysis of variance based upon a likelihood ratio criterion,
       Biometrika 67(1), 93-101.
    """
    from scipy.stats import chi2

    r, k = problem.residuals(z[None])[0][0], int(free.sum())
    slope, factor = _slope(r, problem.delta, k)
    psi = np.clip(r, -problem.delta, problem.delta)
    spread = float(weights @ psi**2) / max(float(weights.sum()) - k, 1.0)
    return 0.5 * float(chi2.ppf(level, 1)) * spread / slope * min(factor, 3.0) ** 2


def condition_number(problem: Problem, z: Array, free: NDArray[np.bool_]) -> float:
    """Compute the condition number of the derivatives at the optimum, each parameter's column scaled to length 1."""
    if free.sum() < 2:
        return 1.0
    jac = problem.residuals(z[None])[1][0][free]
    values = np.linalg.svd(_normalised(jac)[0], compute_uv=False)
    return float(values[0] / values[-1]) if values[-1] > 0 else np.inf


def _normalised(jac: Array) -> tuple[Array, Array]:
    length = np.sqrt((jac**2).sum(axis=1))
    scale = 1.0 / np.where(length > 0, length, 1.0)
    return jac * scale[:, None], scale


def bootstrap_weights(
    n_points: int, n_draws: int, rng: np.random.Generator, clusters: NDArray[np.int_] | None = None
) -> Array:
    """Draw how often each point enters each bootstrap sample; clusters are drawn whole.

    Returns
    -------
    ndarray of shape (n_draws, n_points)
    """
    codes = np.arange(n_points) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    n_groups = int(codes.max()) + 1
    if n_groups < 2:
        raise UsageError("bootstrap: all points belong to one cluster; expected at least two.")
    counts = rng.multinomial(n_groups, np.full(n_groups, 1.0 / n_groups), size=n_draws)
    return counts[:, codes].astype(float)


def bootstrap(problem: Problem, optima: Array, weights: Array, point_weights: Array) -> Solution:
    """Refit every bootstrap sample from each of the optima; the best end counts.

    Parameters
    ----------
    problem : Problem
    optima : ndarray of shape (n_optima, n_params)
    weights : ndarray of shape (n_draws, n_points)
    point_weights : ndarray of shape (n_points,)

    Returns
    -------
    Solution
        Of n_draws rows.
    """
    ends = [
        solve(problem, np.broadcast_to(z, (len(weights), len(z))), weights * point_weights, tol=1e-7, max_iter=100)
        for z in optima
    ]
    best = np.argmin([end.objective for end in ends], axis=0)
    rows = np.arange(len(weights))
    stack = [np.stack([getattr(e, f) for e in ends])[best, rows] for f in ("z", "objective", "converged", "n_iter")]
    return Solution(*stack)


def profile_interval(
    problem: Problem, z: Array, objective: float, at: int, width: float, level: float, weights: Array
) -> tuple[float, float]:
    """Find where the objective, all other parameters refitted, rises by more than chance allows.

    Parameters
    ----------
    problem : Problem
    z : ndarray of shape (n_params,)
        The optimum.
    objective : float
        There.
    at : int
        Which parameter.
    width : float
        A first guess of the distance, z scale.
    level : float
        Nominal coverage.
    weights : ndarray of shape (n_points,)

    Returns
    -------
    (float, float)
        On the z scale; the bound where the objective does not rise far enough before it.
    """
    free = problem.lower < problem.upper
    target = objective + _allowance(problem, z, free, weights, level)
    ends = []
    for sign, bound in ((-1.0, problem.lower[at]), (1.0, problem.upper[at])):
        near, far = 0.0, abs(bound - z[at])
        reach, end = min(width, far), None
        for _ in range(8):  # outwards until the objective has risen, then between the last two
            steps = near + (reach - near) * np.arange(1, 7) / 6
            crossed = np.flatnonzero(_profiled(problem, z, at, z[at] + sign * steps, weights) > target)
            if len(crossed):
                i = int(crossed[0])
                near, reach, end = near if i == 0 else steps[i - 1], steps[i], steps[i]
                if reach - near < 0.02 * reach:
                    break
            elif end is None:
                if reach >= far:
                    break
                near, reach = reach, min(reach * 2.5, far)
        ends.append(bound if end is None else z[at] + sign * 0.5 * (near + reach))
    return float(ends[0]), float(ends[1])


def reaches_bound(
    problem: Problem, z: Array, objective: float, free: NDArray[np.bool_], weights: Array, level: float = 0.95
) -> list[tuple[int, str]]:
    """Find the parameters whose profile does not rise by more than chance allows anywhere up to a bound.

    Every free parameter walks to both bounds in eight steps, the others refitted on the way; all walks are one batch.

    Parameters
    ----------
    problem, z, objective, weights, level
        As in `profile_interval`.
    free : ndarray of bool, shape (n_params,)
        Those to try.

    Returns
    -------
    list of (int, {"lower", "upper"})
    """
    walks = [(int(j), end) for j in np.flatnonzero(free) for end in ("lower", "upper")]
    if not walks:
        return []
    target = objective + _allowance(problem, z, free, weights, level)
    ends = np.array([problem.lower[j] if end == "lower" else problem.upper[j] for j, end in walks])
    at = np.array([j for j, _ in walks])
    rows = np.arange(len(walks))
    here, open_ = np.repeat(z[None], len(walks), axis=0), np.ones(len(walks), dtype=bool)
    for share in (0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0):
        live = rows[open_]
        start = here[live]
        lower, upper = (np.repeat(b[None], len(live), axis=0) for b in (problem.lower, problem.upper))
        value = z[at[live]] + share * (ends[live] - z[at[live]])
        own = np.arange(len(live))
        start[own, at[live]] = lower[own, at[live]] = upper[own, at[live]] = value
        found = solve(problem, start, weights, lower, upper, tol=1e-6, max_iter=60)
        here[live] = found.z
        open_[live] = found.objective <= target
        if not open_.any():
            break
    return [walk for walk, still in zip(walks, open_, strict=True) if still]


def _profiled(problem: Problem, z: Array, at: int, values: Array, weights: Array) -> Array:
    start = np.repeat(z[None], len(values), axis=0)
    lower, upper = (np.repeat(b[None], len(values), axis=0) for b in (problem.lower, problem.upper))
    start[:, at] = lower[:, at] = upper[:, at] = values
    ends = solve(problem, start, weights, lower, upper, tol=1e-7, max_iter=100)
    return ends.objective

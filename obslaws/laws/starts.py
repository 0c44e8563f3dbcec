"""Where a fit begins: published coefficients, and a Latin hypercube in which linear coefficients are solved for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from obslaws.laws.problem import Problem

__all__ = ["draw_starts"]

Array = NDArray[np.float64]


def draw_starts(problem: Problem, n_starts: int, rng: np.random.Generator) -> Array:
    """Draw starts within the ranges that the law declares.

    Coefficients in which the curve is affine are not drawn: given the others they follow from linear least squares
    (variable projection; Golub and Pereyra 1973, section 2), so that few starts cover much.

    Parameters
    ----------
    problem : Problem
    n_starts : int
        Of the hypercube; complete published sets come on top.
    rng : Generator

    Returns
    -------
    ndarray of shape (n_starts + n_published, n_params)
        On the z scale.
    """
    law = problem.law
    ranges = np.array([p.start or (p.lower, p.upper) for p in law.params])
    low, high = problem.z(ranges[:, 0]), problem.z(ranges[:, 1])
    cells = np.array([rng.permutation(n_starts) for _ in law.params]).T
    z = low + (high - low) * (cells + rng.random(cells.shape)) / n_starts
    known = [[s.params[n] for n in law.param_names] for s in law.published if set(s.params) >= set(law.param_names)]
    drawn = _solve_linear(problem, z)
    starts = np.vstack([drawn, z, problem.z(np.array(known, dtype=float).reshape(-1, len(law.params)))])
    starts = np.clip(np.where(np.isfinite(starts), starts, (low + high) / 2), problem.lower, problem.upper)
    value = problem.objective(problem.residuals(starts)[0])
    # of a draw and its solved twin the better one goes on
    twin = value[:n_starts] <= value[n_starts : 2 * n_starts]
    first = np.where(twin[:, None], starts[:n_starts], starts[n_starts : 2 * n_starts])
    return np.vstack([first, starts[2 * n_starts :]])


def _solve_linear(problem: Problem, z: Array) -> Array:
    """Replace linear coefficients by their least-squares values given the rest."""
    linear = [j for j, p in enumerate(problem.law.params) if p.linear and problem.lower[j] < problem.upper[j]]
    if not linear:
        return z
    theta = problem.theta(z)
    theta[:, linear] = 0.0
    weight = 1.0 / problem.y if problem.space == "log" else np.ones_like(problem.y)
    with np.errstate(all="ignore"):
        base = _curve(problem, theta)
        columns = []
        for j in linear:
            one = theta.copy()
            one[:, j] = 1.0
            columns.append((_curve(problem, one) - base) * weight)
        basis = np.stack(columns, axis=-1)
        norm = np.sqrt(np.einsum("bnk,bnk->bk", basis, basis)) + 1e-300
        basis /= norm[:, None, :]
        gram = np.matmul(basis.transpose(0, 2, 1), basis) + 1e-10 * np.eye(len(linear))
        right = np.matmul(basis.transpose(0, 2, 1), ((problem.y - base) * weight)[:, :, None])
    fine = np.isfinite(gram).all(axis=(1, 2)) & np.isfinite(right).all(axis=(1, 2))
    found = np.full((len(z), len(linear)), np.nan)
    found[fine] = np.linalg.solve(gram[fine], right[fine])[:, :, 0] / norm[fine]
    bounds = np.array([(problem.law.params[j].lower, problem.law.params[j].upper) for j in linear])
    theta[:, linear] = np.clip(found, bounds[:, 0], bounds[:, 1])
    with np.errstate(invalid="ignore"):
        return problem.z(theta)


def _curve(problem: Problem, theta: Array) -> Array:
    out = problem.law.curve(problem.points, *theta.T[:, :, None])
    return np.broadcast_to(np.asarray(out, dtype=float), (len(theta), len(problem.y)))

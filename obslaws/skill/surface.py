"""Logits as functions of size, tokens and the other covariates: what each benchmark gains from each of them.

In: a fit. Out: coefficients per benchmark, effects per family, and the rows that say how they follow the shared
parameters. Loadings times slopes and loadings times effects do not depend on the rotation of the skills, so everything
that is told of a benchmark, or of a weighted basket of them, is told here. Called by `obslaws.questions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.fit import Fit

    Array = NDArray[np.float64]

__all__ = ["Coefficients", "FamilyEffects", "base_effects", "coefficients", "family_effects", "normal_draws"]


@dataclass(frozen=True)
class Coefficients:
    """``logit = intercept + slopes . covariates`` of a family without effect; J benchmarks, p covariates.

    Parameters
    ----------
    mean : ndarray of shape (J, 1 + p)
        Intercept first, then logit per standardised covariate.
    rows : ndarray of shape (J, 1 + p, G)
        Their derivatives by the shared parameters.
    """

    mean: Array
    rows: Array


@dataclass(frozen=True)
class FamilyEffects:
    """What each family adds to the logits of its models; F families, J benchmarks, q unknowns of a base family.

    Parameters
    ----------
    mean : ndarray of shape (F, J)
        Loadings . family effect + own intercept of the base family.
    rows : ndarray of shape (F, J, G)
        Derivatives by the shared parameters.
    follow : ndarray of shape (F, J, q)
        Derivatives by the unknowns of the base family.
    base_noise : ndarray of shape (F, q, q)
        Covariance of those at fixed shared parameters.
    inner : ndarray of shape (F, J, J)
        Covariance at fixed base family and shared parameters.
    """

    mean: Array
    rows: Array
    follow: Array
    base_noise: Array
    inner: Array

    def cov(self, weights: Array, other: Array, shared_cov: Array) -> Array:
        """Covariance of each family's basket effect with other linear functions of the shared parameters.

        Parameters
        ----------
        weights : ndarray of shape (J,)
        other : ndarray of shape (m, G)
        shared_cov : ndarray of shape (G, G)

        Returns
        -------
        ndarray of shape (F, 1 + m, 1 + m)
            The basket effect first.
        """
        n = len(self.mean)
        rows = np.concatenate([(weights @ self.rows)[:, None], np.broadcast_to(other, (n, *other.shape))], axis=1)
        out = rows @ shared_cov @ np.swapaxes(rows, 1, 2)
        branch = (weights @ self.follow)[:, None]
        out[:, 0, 0] += (branch @ self.base_noise @ np.swapaxes(branch, 1, 2))[:, 0, 0] + weights @ self.inner @ weights
        return out


def coefficients(fit: Fit) -> Coefficients:
    """Coefficients of each benchmark under a fit."""
    state, k = fit.state, fit.system.n_slopes
    (p, d), n_benchmarks, at = state.slopes.shape, len(state.loadings), np.arange(len(state.loadings))
    rows = np.zeros((n_benchmarks, 1 + p, len(fit.system.shared)))
    rows[at, 0, k + at] = 1.0
    for covariate in range(p):
        rows[:, 1 + covariate, covariate * d : covariate * d + d] = state.loadings
        rows[at[:, None], 1 + covariate, k + n_benchmarks + at[:, None] * d + np.arange(d)] = state.slopes[covariate]
    return Coefficients(np.column_stack([state.intercepts, state.loadings @ state.slopes.T]), rows)


def family_effects(fit: Fit) -> FamilyEffects:
    """Effects of all families of a fit on all benchmarks."""
    state, system, response = fit.state, fit.system, fit.system.response()
    (n_benchmarks, d), k, base = state.loadings.shape, system.n_slopes, system.nesting.base
    at, loadings = np.arange(n_benchmarks), state.loadings
    rows = loadings @ response.family.response + response.base[base, d:]
    rows[:, at[:, None], k + n_benchmarks + at[:, None] * d + np.arange(d)] += state.family[:, None, :]
    follow = loadings @ response.family.follow
    follow[:, at, d + at] += 1.0
    inner = loadings @ response.family.inner @ loadings.T
    return FamilyEffects(state.family @ loadings.T + state.own[base], rows, follow, response.base_noise[base], inner)


def base_effects(fit: Fit) -> FamilyEffects:
    """Effects of all base families of a fit: those of a family of which nothing but its base family is known."""
    state, system, response = fit.state, fit.system, fit.system.response()
    (n_benchmarks, d), k = state.loadings.shape, system.n_slopes
    at, loadings, n_bases = np.arange(n_benchmarks), state.loadings, len(state.base)
    follow = np.broadcast_to(
        np.column_stack([loadings, np.eye(n_benchmarks)]), (n_bases, n_benchmarks, d + n_benchmarks)
    )
    rows = follow @ response.base
    rows[:, at[:, None], k + n_benchmarks + at[:, None] * d + np.arange(d)] += state.base[:, None, :]
    inner = np.broadcast_to(np.zeros((n_benchmarks, n_benchmarks)), (n_bases, n_benchmarks, n_benchmarks))
    return FamilyEffects(state.base @ loadings.T + state.own, rows, follow, response.base_noise, inner)


def normal_draws(mean: Array, cov: Array, n_draws: int, rng: np.random.Generator) -> Array:
    """Draw from a normal distribution whose covariance may be singular.

    Parameters
    ----------
    mean : ndarray of shape (n,)
    cov : ndarray of shape (n, n)
    n_draws : int
    rng : Generator

    Returns
    -------
    ndarray of shape (n_draws, n)
    """
    values, vectors = np.linalg.eigh(0.5 * (cov + cov.T))
    # the symmetric root is the same on every machine; signs and order of the vectors are not
    root = vectors * np.sqrt(np.maximum(values, 0.0)) @ vectors.T
    return np.asarray(mean + rng.standard_normal((n_draws, len(mean))) @ root)

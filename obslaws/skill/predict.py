"""Logits of models under a fit: means and covariances over benchmarks, whoever the model's relatives are.

In: a fit, and for each model what the fit knows of it: itself, its family, its base family, its lab, or nothing. Out:
the posterior on the logit scale, before any score that the fit has not seen. Called by the forecaster and by replays.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.fit import Fit
    from obslaws.skill.state import State
    from obslaws.skill.tree import System

    Array = NDArray[np.float64]

__all__ = ["DenseLogits", "JointLogits", "Relatives", "fitted_logits", "logits"]


@dataclass(frozen=True)
class Relatives:
    """What the fit knows of each of n models; -1 where it does not know model, family, base family, lab.

    Parameters
    ----------
    row, family, base, lab : ndarray of int, shape (n,)
        The lab is read only where nothing further down is known.
    size : ndarray of shape (n,)
        Log2 active parameters; NaN unknown.
    covariates : ndarray of shape (n, p)
        Standardised.
    covariate_cov : ndarray of shape (n, p, p)
        Covariance of the unknown ones.
    """

    row: NDArray[np.intp]
    family: NDArray[np.intp]
    base: NDArray[np.intp]
    lab: NDArray[np.intp]
    size: Array
    covariates: Array
    covariate_cov: Array

    def __len__(self) -> int:
        return len(self.row)

    def take(self, rows: NDArray[np.intp]) -> Relatives:
        """Take some of the models, in the order of `rows`."""
        return Relatives(*(getattr(self, part.name)[rows] for part in fields(self)))

    def join(self, *others: Relatives) -> Relatives:
        """Put others behind these models."""
        every = (self, *others)
        return Relatives(*(np.concatenate([getattr(one, part.name) for one in every]) for part in fields(self)))


class JointLogits(Protocol):
    """Posterior of the logits of n models on J benchmarks under one fit."""

    @property
    def mean(self) -> Array:
        """Means, shape (n, J)."""

    def block(self, i: int, at: NDArray[np.intp]) -> Array:
        """Covariance of one model's logits on some benchmarks, (b,) -> (b, b)."""


@dataclass(frozen=True)
class DenseLogits:
    """`JointLogits` with every covariance at hand.

    Parameters
    ----------
    mean : ndarray of shape (n, J)
    cov : ndarray of shape (n, J, J)
    """

    mean: Array
    cov: Array

    def block(self, i: int, at: NDArray[np.intp]) -> Array:
        """Covariance of one model's logits, see `JointLogits.block`."""
        return np.asarray(self.cov[i][np.ix_(at, at)])


def logits(fit: Fit, who: Relatives) -> tuple[Array, Array]:
    """Posterior of each model's logits; siblings of a size near its own move the mean.

    Parameters
    ----------
    fit : Fit
    who : Relatives

    Returns
    -------
    tuple of ndarray
        Means (n, J) and covariances (n, J, J).
    """
    state, variances, system, shared_cov = fit.state, fit.variances, fit.system, fit.shared_cov
    response, k, d = system.response(), system.n_slopes, state.loadings.shape[1]
    n, n_shared, n_own = len(who.row), len(shared_cov), state.own.shape[1]
    seen, family = who.row >= 0, (who.row < 0) & (who.family >= 0)
    base = np.where(who.family >= 0, system.nesting.base[who.family], who.base)
    kin = base >= 0
    alone = (who.row < 0) & (who.family < 0)
    below = np.where(alone & kin, base, -1)
    lab = np.where(kin, -1, who.lab)
    new = lab >= 0
    skills, follows = np.zeros((n, d)), np.zeros((n, d, n_shared))
    follow, inner = np.zeros((n, d, d + n_own)), np.zeros((n, d, d))
    skills[below >= 0], follows[below >= 0] = state.base[below[below >= 0]], response.base[below[below >= 0], :d]
    skills[new], follows[new] = state.lab[lab[new]], response.lab[lab[new]]
    follow[alone, :, :d] = np.eye(d)
    inner[alone] = variances.family
    at = who.family[family]
    skills[family], follows[family] = state.family[at], response.family.response[at]
    follow[family], inner[family] = response.family.follow[at], response.family.inner[at]
    skills += who.covariates @ state.slopes
    follows[:, :, :k] += (who.covariates[:, None, :, None] * np.eye(d)[None, :, None, :]).reshape(n, d, k)
    inner += variances.model + state.slopes.T @ who.covariate_cov @ state.slopes
    at = who.row[seen]
    skills[seen], follows[seen] = state.skills[at], response.model.response[at]
    follow[seen], inner[seen] = response.model.follow[at], response.model.inner[at]
    base_noise = np.zeros((n, d + n_own, d + n_own))
    base_noise[:, :d, :d], base_noise[:, d:, d:] = variances.base + variances.lab, np.diag(variances.own)
    base_noise[new, :d, :d] = variances.base + response.lab_noise[lab[new]]
    base_noise[kin] = response.base_noise[base[kin]]
    own, own_follows = np.zeros((n, n_own)), np.zeros((n, n_own, n_shared))
    own[kin], own_follows[kin] = state.own[base[kin]], response.base[base[kin], d:]
    mean, cov = _moments(state, skills, follows, own, own_follows, follow, base_noise, inner, shared_cov, k)
    return mean + fit.residuals.carried(who.row, who.family, who.size), cov


def fitted_logits(state: State, system: System, shared_cov: Array, rows: NDArray[np.intp]) -> tuple[Array, Array]:
    """Posterior of the logits of models that the system holds, by row; means (n, J) and covariances (n, J, J)."""
    response, d = system.response(), state.loadings.shape[1]
    base, model = system.nesting.base_of_model[rows], response.model
    return _moments(
        state, state.skills[rows], model.response[rows], state.own[base], response.base[base, d:],
        model.follow[rows], response.base_noise[base], model.inner[rows], shared_cov, system.n_slopes,
    )  # fmt: skip


def _moments(
    state: State,
    skills: Array,
    follows: Array,
    own: Array,
    own_follows: Array,
    follow: Array,
    base_noise: Array,
    inner: Array,
    shared_cov: Array,
    k: int,
) -> tuple[Array, Array]:
    """Mean and covariance over benchmarks of ``intercept + own intercept + loading . skills``.

    Skills and benchmark parameters vary jointly, so the rotation and scale that are free between them cancel.
    """
    loadings, (n, d) = state.loadings, skills.shape
    n_benchmarks = len(loadings)
    at = np.arange(n_benchmarks)
    rows = loadings @ follows + own_follows  # (n, J, G): logits by shared parameters
    rows[:, at, k + at] += 1.0
    rows[:, at[:, None], k + n_benchmarks + at[:, None] * d + np.arange(d)] += skills[:, None, :]
    cov = (rows.reshape(n * n_benchmarks, -1) @ shared_cov).reshape(rows.shape) @ np.swapaxes(rows, 1, 2)
    branch = loadings @ follow
    branch[:, at, d + at] += 1.0
    cov += branch @ base_noise @ np.swapaxes(branch, 1, 2) + loadings @ inner @ loadings.T
    return state.intercepts + own + skills @ loadings.T, cov

"""Logits as functions of size, tokens and the other covariates: what each benchmark gains from each of them.

In: a fit. Out: coefficients per benchmark and effects per family with their posterior covariances. Loadings times
slopes and loadings times effects do not depend on the rotation of the skills, so everything that is told of a
benchmark, or of a weighted basket of them, is told here; the skills themselves are given with what varies of them, for
`obslaws.skill.interpretation` to turn. `Surface` is what `obslaws.questions` and `obslaws.skill.onboarding` ask,
`DenseSurface` answers for a fit with every covariance, `obslaws.skill.sparse_surface` for one to a large panel.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.blocks import spd_factor, spd_solve
from obslaws.skill.predict import DenseLogits, logits
from obslaws.skill.together import Level, Together, by_slopes, numbered
from obslaws.skill.update import skills_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.fit import Fit
    from obslaws.skill.predict import JointLogits, Relatives
    from obslaws.skill.sparse_fit import SparseFit
    from obslaws.skill.update import Kin

    Array = NDArray[np.float64]
    Index = NDArray[np.intp]

__all__ = [
    "Coefficients",
    "DenseSurface",
    "FamilyEffects",
    "OwnIntercepts",
    "Surface",
    "base_effects",
    "coefficients",
    "family_effects",
    "normal_draws",
]


@dataclass(frozen=True)
class OwnIntercepts:
    """What base families score on benchmarks beyond their skills, n pairs of the two.

    Parameters
    ----------
    base, benchmark : ndarray of int, shape (n,)
    mean, var : ndarray of shape (n,)
        Logits, and their posterior variance.
    """

    base: Index
    benchmark: Index
    mean: Array
    var: Array


class Surface(ABC):
    """What can be told of one fit; J benchmarks, p covariates, F families.

    All but what is said of skills is free of the axes that they are measured along.

    A line is ``logit = intercept + slopes . covariates``: 1 + p coefficients, the intercept first, covariates
    standardised.

    Parameters
    ----------
    fit : Fit or SparseFit
    """

    fit: Fit | SparseFit

    def __init__(self, fit: Fit | SparseFit) -> None:
        self.fit = fit

    @property
    def n_skills(self) -> int:
        """Count of skills, d."""
        return self.fit.n_skills

    @abstractmethod
    def joint(self, who: Relatives) -> JointLogits:
        """Joint posterior of the logits of models, before any score that the fit has not seen."""

    @abstractmethod
    def together(self, kin: Kin) -> Together:
        """How the skills of models vary together, benchmark parameters held."""

    @abstractmethod
    def untold(self) -> Array:
        """Mean variance over its models of each benchmark's logit given their scores on the others; shape (J,)."""

    @abstractmethod
    def open_asymptotes(self) -> Array:
        """Posterior variances of the ceiling logits and of the floor logits, shape (2, J)."""

    @abstractmethod
    def lines(self, at: Index, family: int = -1, base: int = -1) -> tuple[Array, Array]:
        """Lines of some benchmarks for the models of a family.

        Parameters
        ----------
        at : ndarray of int, shape (b,)
            Benchmarks.
        family, base : int
            Family; if that is not known (-1), base family; without either, a family without effect.

        Returns
        -------
        tuple of ndarray
            Coefficients (b, 1 + p) and the covariance of all of them, (b (1 + p), b (1 + p)).
        """

    @abstractmethod
    def contrast(self, weights: Array) -> tuple[Array, Array]:
        """Weighted sum of the coefficients of each benchmark, for a family without effect.

        Parameters
        ----------
        weights : ndarray of shape (1 + p,)

        Returns
        -------
        tuple of ndarray
            Means (J,) and variances (J,).
        """

    @abstractmethod
    def gains(self, basket: Array, step: Array) -> tuple[Array, Array]:
        """Tell what each family adds to a basket of benchmarks, beside what a step in the covariates adds.

        Parameters
        ----------
        basket : ndarray of shape (J,)
            Weights.
        step : ndarray of shape (1 + p,)
            In the covariates, after a zero.

        Returns
        -------
        tuple of ndarray
            Means (F, 2), the family first, and covariances (F, 2, 2).
        """

    @abstractmethod
    def own(self) -> OwnIntercepts:
        """Own intercepts of all pairs that the fit keeps, in the order of base families."""

    @abstractmethod
    def standardised(self, n_skills: int) -> tuple[Array, Array]:
        """Give loadings (J, n_skills) and slopes (p, n_skills) in units of uncorrelated skills, padded by zeros."""

    @abstractmethod
    def drawn(self, n_draws: int, n_skills: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Posterior draws of the standardised loadings (S, J, n_skills) and slopes (S, p, n_skills), each by itself."""


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


class DenseSurface(Surface):
    """A `Fit`, which keeps the joint covariance of everything."""

    fit: Fit

    @cached_property
    def _coefficients(self) -> Coefficients:
        return coefficients(self.fit)

    def joint(self, who: Relatives) -> JointLogits:
        """Joint posterior of logits, see `Surface.joint`."""
        return DenseLogits(*logits(self.fit, who))

    def together(self, kin: Kin) -> Together:
        """Skills of models, see `Surface.together`."""
        fit, who, n, d = self.fit, kin.who, len(kin), self.n_skills
        system, variances, response = fit.system, fit.variances, fit.system.response(slopes_only=True)
        nesting, k, q = system.nesting, system.n_slopes, response.base.shape[1]
        family = np.where(who.row >= 0, nesting.family[who.row], who.family)
        base = np.where(family >= 0, nesting.base[family], who.base)
        lab = np.where(base >= 0, nesting.lab[base], who.lab)
        eye = np.broadcast_to(np.eye(d), (n, d, d))

        def where(known: NDArray[np.bool_], one: Array, other: Array) -> Array:
            return np.where(known[:, None, None], one, other)

        seen, kept, kin_only = who.row >= 0, (who.row < 0) & (family >= 0), (family < 0) & (base >= 0)
        through = by_slopes(who.covariates, d)
        slopes = through + where((base < 0) & (lab >= 0), response.lab[lab], np.zeros((d, k)))
        slopes = where(kin_only, through + response.base[base, :d], slopes)
        slopes = where(kept, through + response.family.response[family], slopes)
        slopes = where(seen, response.model.response[who.row], slopes)
        top = np.zeros((n, d, q))
        top[:, :, :d] = np.eye(d)
        top = where(kept, response.family.follow[family], top)
        top = where(seen, response.model.follow[who.row], top)
        prior = np.zeros((q, q))
        prior[:d, :d], prior[d:, d:] = variances.base, np.diag(variances.own)
        own = variances.model + fit.state.slopes.T @ who.covariate_cov @ fit.state.slopes
        pulled = where(base >= 0, system.base_pull[base], np.eye(q, d))
        number = numbered(nesting, kin)
        levels = {
            "lab": (top @ pulled, where(lab >= 0, response.lab_noise[lab], variances.lab)),
            "base": (top, where(base >= 0, system.base_inverse[base], prior)),
            "family": (
                where(seen, system.pull[who.row], eye),
                where(family >= 0, system.family_inverse[family], variances.family),
            ),
            "model": (eye, where(seen, system.model_inverse[who.row], own)),
        }
        slopes_cov = spd_solve(spd_factor(system.shared[:k, :k]), np.eye(k))
        parts = {name: Level(follow, noise, number[name]) for name, (follow, noise) in levels.items()}
        return Together(skills_of(fit, who)[0], slopes, slopes_cov, parts)

    def untold(self) -> Array:
        """How unsure other benchmarks leave each one, see `Surface.untold`."""
        problem, state, variances = self.fit.problem, self.fit.state, self.fit.variances
        loadings, curvature = state.loadings, problem.cells(state, variances.noise).curvature
        pairs = loadings[:, :, None] * loadings[:, None, :]
        told = np.einsum("mj,jab->mab", curvature, pairs)
        prior = np.linalg.inv(variances.model + variances.family + variances.base)
        out = np.empty(len(loadings))
        for j, loading in enumerate(loadings):
            others = told - curvature[:, j, None, None] * pairs[j] + prior
            seen = problem.mask[:, j]
            # a model without other scores says nothing of how well others tell
            seen = seen & (problem.mask.sum(axis=1) > 1) if (seen & (problem.mask.sum(axis=1) > 1)).any() else seen
            rest = np.linalg.solve(others[seen], np.broadcast_to(loading, (int(seen.sum()), len(loading)))[:, :, None])
            out[j] = (rest[:, :, 0] @ loading).mean() if seen.any() else loading @ np.linalg.inv(prior) @ loading
        return out

    def open_asymptotes(self) -> Array:
        """Tell how open ceilings and floors are, see `Surface.open_asymptotes`."""
        n_benchmarks = len(self.fit.state.loadings)
        return np.diag(self.fit.shared_cov)[-2 * n_benchmarks :].reshape(2, n_benchmarks)

    def lines(self, at: Index, family: int = -1, base: int = -1) -> tuple[Array, Array]:
        """Lines of some benchmarks for a family, see `Surface.lines`."""
        fit, n, found = self.fit, len(at), self._coefficients
        mean, rows = found.mean[at], found.rows[at]  # (b, 1 + p), (b, 1 + p, G)
        extra = np.zeros((n, n))
        if family >= 0 or base >= 0:
            effects, f = (family_effects(fit), family) if family >= 0 else (base_effects(fit), base)
            mean, rows = mean.copy(), rows.copy()
            mean[:, 0] += effects.mean[f, at]
            rows[:, 0] += effects.rows[f, at]
            follow = effects.follow[f, at]
            extra = follow @ effects.base_noise[f] @ follow.T + effects.inner[f][np.ix_(at, at)]
        width = mean.shape[1]
        flat = rows.reshape(n * width, -1)
        cov = flat @ fit.shared_cov @ flat.T
        level = np.arange(n) * width
        cov[np.ix_(level, level)] += extra
        return mean, cov

    def contrast(self, weights: Array) -> tuple[Array, Array]:
        """Weighted sum of coefficients, see `Surface.contrast`."""
        found = self._coefficients
        rows = np.einsum("jkg,k->jg", found.rows, weights)
        return found.mean @ weights, np.einsum("jg,jg->j", rows @ self.fit.shared_cov, rows)

    def gains(self, basket: Array, step: Array) -> tuple[Array, Array]:
        """Tell what families and a step add, see `Surface.gains`."""
        found, effects = self._coefficients, family_effects(self.fit)
        row = np.einsum("j,jkg,k->g", basket, found.rows, step)
        cov = effects.cov(basket, row[None], self.fit.shared_cov)
        gain = np.full(len(effects.mean), basket @ found.mean @ step)
        return np.column_stack([effects.mean @ basket, gain]), cov

    def own(self) -> OwnIntercepts:
        """Own intercepts of every base family on every benchmark."""
        fit, d = self.fit, self.fit.n_skills
        response, (n_bases, n_benchmarks) = fit.system.response(), fit.state.own.shape
        rows = response.base[:, d:]
        var = np.einsum("bjj->bj", response.base_noise[:, d:, d:])
        var = var + np.einsum("bjg,bjg->bj", rows @ fit.shared_cov, rows)
        base, benchmark = np.indices((n_bases, n_benchmarks), dtype=np.intp).reshape(2, -1)
        return OwnIntercepts(base, benchmark, fit.state.own.ravel(), var.ravel())

    def standardised(self, n_skills: int) -> tuple[Array, Array]:
        """Give loadings and slopes, see `Surface.standardised`."""
        loadings, slopes = self._moved(np.zeros((1, len(self.fit.system.shared))), n_skills)
        return loadings[0], slopes[0]

    def drawn(self, n_draws: int, n_skills: int, rng: np.random.Generator) -> tuple[Array, Array]:
        """Draws of both, see `Surface.drawn`; skills move along."""
        nothing = np.zeros(len(self.fit.system.shared))
        return self._moved(normal_draws(nothing, self.fit.shared_cov, n_draws, rng), n_skills)

    def _moved(self, moves: Array, n_skills: int) -> tuple[Array, Array]:
        """Give loadings (S, J, n_skills) and slopes (S, p, n_skills) for moves (S, G) of the shared parameters."""
        fit = self.fit
        state, k = fit.state, fit.system.n_slopes
        (n_benchmarks, d), (p, _) = state.loadings.shape, state.slopes.shape
        response = fit.system.response()
        model, above = response.model, response.base_noise[fit.system.nesting.base_of_model]
        within = (model.inner + model.follow @ above @ np.swapaxes(model.follow, 1, 2)).mean(axis=0)
        loadings = state.loadings + moves[:, k + n_benchmarks : k + n_benchmarks * (1 + d)].reshape(-1, n_benchmarks, d)
        slopes = state.slopes + moves[:, :k].reshape(-1, p, d)
        skills = state.skills + np.moveaxis(model.response @ moves.T, 2, 0)  # (S, M, d)
        centred = skills - skills.mean(axis=1, keepdims=True)
        root = np.linalg.cholesky(np.swapaxes(centred, 1, 2) @ centred / skills.shape[1] + within)
        more = ((0, 0), (0, 0), (0, n_skills - d))
        return np.pad(loadings @ root, more), np.pad(slopes @ np.swapaxes(np.linalg.inv(root), 1, 2), more)


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

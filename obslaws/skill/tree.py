"""Linear algebra of nested effects: model -> family -> base family -> shared parameters, eliminated leaf by leaf.

The Gauss-Newton system of the skill model couples each model only to its family, each family only to its base family,
and all of them to a small block of shared parameters (slopes and benchmark parameters). Eliminating models, then
families, then base families costs time linear in their number and leaves one small dense system. The same elimination,
read backwards, gives every posterior covariance that the fit and the forecasts need.

Shapes: d skills, M models, F families, B base families, G shared parameters (p*d slopes first, then benchmark parameters).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Index = NDArray[np.intp]

__all__ = ["Nesting", "Response", "System", "propagate", "segment_sum", "spd_inverse", "spd_logdet"]


@dataclass(frozen=True)
class Nesting:
    """Who belongs to whom.

    Parameters
    ----------
    family : ndarray of int, shape (M,)
        Family of each model.
    base : ndarray of int, shape (F,)
        Base family of each family.
    n_bases : int
        B.
    """

    family: Index
    base: Index
    n_bases: int

    @property
    def n_families(self) -> int:
        """F."""
        return len(self.base)


def segment_sum(values: Array, index: Index, n_segments: int) -> Array:
    """Sum rows by segment.

    Parameters
    ----------
    values : ndarray of shape (n, ...)
    index : ndarray of int, shape (n,)
        Segment of each row.
    n_segments : int

    Returns
    -------
    ndarray of shape (n_segments, ...)
    """
    flat = values.reshape(len(values), -1)
    out = np.zeros((n_segments, flat.shape[1]))
    if len(flat):
        order = np.argsort(index, kind="stable")
        sorted_index = index[order]
        starts = np.flatnonzero(np.r_[True, np.diff(sorted_index) > 0])
        out[sorted_index[starts]] = np.add.reduceat(flat[order], starts, axis=0)
    return out.reshape(n_segments, *values.shape[1:])


def spd_inverse(blocks: Array) -> Array:
    """Inverse of stacked symmetric positive definite matrices, shape (..., d, d); closed form for d <= 2."""
    d = blocks.shape[-1]
    if d == 1:
        return 1.0 / blocks
    if d == 2:
        a, b, c = blocks[..., 0, 0], blocks[..., 0, 1], blocks[..., 1, 1]
        out = np.empty_like(blocks)
        out[..., 0, 0], out[..., 1, 1] = c, a
        out[..., 0, 1] = out[..., 1, 0] = -b
        return out / (a * c - b * b)[..., None, None]
    inverse = np.linalg.inv(blocks)
    return 0.5 * (inverse + np.swapaxes(inverse, -1, -2))


def spd_logdet(blocks: Array) -> float:
    """Sum of the log determinants of stacked symmetric positive definite matrices, shape (..., d, d)."""
    return float(np.linalg.slogdet(blocks)[1].sum())


class System:
    """One Gauss-Newton system, eliminated.

    Parameters
    ----------
    nesting : Nesting
    covariates : ndarray of shape (M, p)
        Standardised covariates of the models.
    data : ndarray of shape (M, d, d)
        Curvature of the likelihood in each model's skills.
    prior : ndarray of shape (M, d, d)
        Precision of each model's skills around their expectation.
    coupling : ndarray of shape (M, d, I)
        Curvature between a model's skills and the benchmark parameters.
    shared : ndarray of shape (G, G)
        Curvature of the shared parameters from likelihood and prior, without what the covariates contribute through
        the models' prior; it is added here.
    family_precision, base_precision : ndarray of shape (d, d)
        Prior precision of a family around its base family, and of a base family around zero.
    """

    def __init__(
        self,
        nesting: Nesting,
        covariates: Array,
        data: Array,
        prior: Array,
        coupling: Array,
        shared: Array,
        family_precision: Array,
        base_precision: Array,
    ) -> None:
        n_models, d, n_items = coupling.shape
        p = covariates.shape[1]
        self.nesting, self.covariates, self.n_slopes = nesting, covariates, p * d
        self.family_precision = family_precision
        self.curvature = data + prior
        self.prior = prior
        self.coupling = coupling
        self.model_inverse = spd_inverse(self.curvature)  # A
        self.pull = self.model_inverse @ prior  # A P: how a model follows its expectation
        kept = prior - prior @ self.pull  # what is left of the prior once the model is eliminated
        carried = np.swapaxes(self.pull, 1, 2) @ coupling  # P A C
        n_shared = self.n_slopes + n_items
        link = np.empty((n_models, d, n_shared))
        link[:, :, : self.n_slopes] = (covariates[:, None, :, None] * kept[:, :, None, :]).reshape(n_models, d, self.n_slopes)
        link[:, :, self.n_slopes :] = carried
        by_family = segment_sum(np.concatenate([kept, link], axis=2), nesting.family, nesting.n_families)
        self.family_link = by_family[:, :, d:]  # E_f
        self.family_inverse = spd_inverse(by_family[:, :, :d] + family_precision)
        self.family_pull = self.family_inverse @ family_precision
        family_kept = family_precision - family_precision @ self.family_pull
        passed = np.swapaxes(self.family_pull, 1, 2) @ self.family_link
        by_base = segment_sum(np.concatenate([family_kept, passed], axis=2), nesting.base, nesting.n_bases)
        self.base_link = by_base[:, :, d:]
        self.base_inverse = spd_inverse(by_base[:, :, :d] + base_precision)
        self.shared = self._shared(shared, kept, carried)
        self.factor = cho_factor(self.shared, lower=True, check_finite=False)

    def _shared(self, shared: Array, kept: Array, carried: Array) -> Array:
        x, k, d = self.covariates, self.n_slopes, kept.shape[1]
        p, n_items = x.shape[1], carried.shape[2]
        out = shared.copy()
        outer = (x[:, :, None] * x[:, None, :]).reshape(len(x), p * p)
        out[:k, :k] += (outer.T @ kept.reshape(len(x), d * d)).reshape(p, p, d, d).transpose(0, 2, 1, 3).reshape(k, k)
        cross = (x.T @ carried.reshape(len(x), d * n_items)).reshape(p * d, n_items)
        out[:k, k:] += cross
        out[k:, :k] += cross.T
        flat = self.coupling.reshape(-1, n_items)
        out[k:, k:] -= flat.T @ (self.model_inverse @ self.coupling).reshape(-1, n_items)
        for inverse, link in ((self.family_inverse, self.family_link), (self.base_inverse, self.base_link)):
            rows = link.reshape(-1, link.shape[2])
            out -= rows.T @ (inverse @ link).reshape(rows.shape)
        return out

    def logdet(self) -> float:
        """Log determinant of the skills' part: models, families, base families (not the shared block)."""
        return spd_logdet(self.curvature) - spd_logdet(self.family_inverse) - spd_logdet(self.base_inverse)

    def solve(
        self, model_gradient: Array, family_gradient: Array, base_gradient: Array, shared_gradient: Array, damping: float = 0.0
    ) -> tuple[Array, Array, Array, Array]:
        """Newton step for all parameters.

        Parameters
        ----------
        model_gradient : ndarray of shape (M, d)
        family_gradient : ndarray of shape (F, d)
        base_gradient : ndarray of shape (B, d)
        shared_gradient : ndarray of shape (G,)
            Descent directions of the objective, each with respect to its own block.
        damping : float
            Levenberg-Marquardt factor on the diagonal of the shared block.

        Returns
        -------
        tuple of ndarray
            Steps of models (M, d), families (F, d), base families (B, d), shared parameters (G,).
        """
        k = self.n_slopes
        moved = np.einsum("mab,mb->ma", self.model_inverse, model_gradient)
        lifted = np.einsum("mab,mb->ma", self.prior, moved)
        family_rhs = family_gradient + segment_sum(lifted, self.nesting.family, self.nesting.n_families)
        family_moved = np.einsum("fab,fb->fa", self.family_inverse, family_rhs)
        base_rhs = base_gradient + segment_sum(family_moved @ self.family_precision, self.nesting.base, self.nesting.n_bases)
        base_moved = np.einsum("bac,bc->ba", self.base_inverse, base_rhs)
        rhs = shared_gradient.copy()
        rhs[:k] += (self.covariates.T @ lifted).ravel()
        rhs[k:] -= np.einsum("mai,ma->i", self.coupling, moved)
        rhs -= np.einsum("fag,fa->g", self.family_link, family_moved) + np.einsum("bag,ba->g", self.base_link, base_moved)
        factor = self.factor
        if damping:
            damped = self.shared + np.diag(damping * np.diag(self.shared))
            factor = cho_factor(damped, lower=True, check_finite=False)
        shared = cho_solve(factor, rhs, check_finite=False)
        base = base_moved - np.einsum("bac,bcg,g->ba", self.base_inverse, self.base_link, shared, optimize=True)
        pulled = np.einsum("fab,fb->fa", self.family_pull, base[self.nesting.base])
        family = family_moved + pulled - np.einsum("fac,fcg,g->fa", self.family_inverse, self.family_link, shared, optimize=True)
        expected = family[self.nesting.family] + self.covariates @ shared[:k].reshape(self.covariates.shape[1], -1)
        model = moved + np.einsum("mab,mb->ma", self.pull, expected)
        model -= np.einsum("mab,mb->ma", self.model_inverse, self.coupling @ shared[k:])
        return model, family, base, shared

    def response(self) -> Response:
        """How skills and effects follow the shared parameters, and their covariance at fixed shared parameters."""
        k, x, d = self.n_slopes, self.covariates, self.curvature.shape[1]
        base_response = -self.base_inverse @ self.base_link
        family_response = self.family_pull @ base_response[self.nesting.base] - self.family_inverse @ self.family_link
        base_noise = self.base_inverse[self.nesting.base]
        family_noise = self.family_inverse + self.family_pull @ base_noise @ np.swapaxes(self.family_pull, 1, 2)
        expected = family_response[self.nesting.family]
        expected[:, :, :k] += (x[:, None, :, None] * np.eye(d)[None, :, None, :]).reshape(len(x), d, k)
        model_response = self.pull @ expected
        model_response[:, :, k:] -= self.model_inverse @ self.coupling
        above = family_noise[self.nesting.family]
        stray = self.pull - np.eye(d)
        family_stray = self.family_pull - np.eye(d)
        return Response(
            model=model_response,
            model_noise=self.model_inverse + self.pull @ above @ np.swapaxes(self.pull, 1, 2),
            residual=model_response - expected,
            residual_noise=self.model_inverse + stray @ above @ np.swapaxes(stray, 1, 2),
            family=family_response,
            family_noise=family_noise,
            deviation=family_response - base_response[self.nesting.base],
            deviation_noise=self.family_inverse + family_stray @ base_noise @ np.swapaxes(family_stray, 1, 2),
            base=base_response,
            base_noise=self.base_inverse,
        )


@dataclass(frozen=True)
class Response:
    """Linear response to the shared parameters, and covariance at fixed shared parameters, of each kind of effect.

    A quantity ``q`` moves as ``response @ shared``; its posterior covariance is ``noise + response C response'`` with C
    the covariance of the shared parameters.

    Parameters
    ----------
    model, residual : ndarray of shape (M, d, G)
        Skills of a model; what neither covariates nor family explain of them.
    family, deviation : ndarray of shape (F, d, G)
        Effect of a family; its deviation from the base family.
    base : ndarray of shape (B, d, G)
        Effect of a base family.
    model_noise, residual_noise, family_noise, deviation_noise, base_noise : ndarray of shape (n, d, d)
        Covariances at fixed shared parameters.
    """

    model: Array
    model_noise: Array
    residual: Array
    residual_noise: Array
    family: Array
    family_noise: Array
    deviation: Array
    deviation_noise: Array
    base: Array
    base_noise: Array


def propagate(response: Array, noise: Array, covariance: Array) -> Array:
    """Posterior covariance of stacked effects.

    Parameters
    ----------
    response : ndarray of shape (n, d, G)
    noise : ndarray of shape (n, d, d)
    covariance : ndarray of shape (G, G)

    Returns
    -------
    ndarray of shape (n, d, d)
    """
    spread = (response.reshape(-1, response.shape[2]) @ covariance).reshape(response.shape)
    return noise + spread @ np.swapaxes(response, 1, 2)

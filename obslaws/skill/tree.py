"""Linear algebra of nested effects: model -> family -> base family -> shared parameters, eliminated leaf by leaf.

The Gauss-Newton system of the skill model couples each model only to its family, each family only to its base family,
and all of them to a small block of shared parameters (slopes and benchmark parameters). Eliminating models, then
families, then base families costs time linear in their number and leaves one small dense system. The same elimination,
read backwards, gives every posterior covariance that the fit and the forecasts need.

Shapes: d skills, M models, F families, B base families, G shared parameters (p*d slopes, then benchmark parameters).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from obslaws.skill.blocks import Groups, spd_inverse, spd_logdet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Steps = tuple[Array, Array, Array, Array]

__all__ = ["Nesting", "Response", "System"]


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

    def __init__(self, family: NDArray[np.intp], base: NDArray[np.intp], n_bases: int) -> None:
        self.family, self.base, self.n_bases = family, base, n_bases
        self.models_of_family = Groups(family, len(base))
        self.families_of_base = Groups(base, n_bases)

    @property
    def n_families(self) -> int:
        """F."""
        return len(self.base)

    @property
    def base_of_model(self) -> NDArray[np.intp]:
        """Base family of each model, shape (M,)."""
        return self.base[self.family]

    def branch(self, base: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Nesting]:
        """Models and families of one base family, and the nesting among them alone."""
        families = np.flatnonzero(self.base == base)
        models = np.flatnonzero(self.base_of_model == base)
        renumbered = np.searchsorted(families, self.family[models])
        return models, families, Nesting(renumbered, np.zeros(len(families), dtype=np.intp), 1)


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
        Curvature of the shared parameters from likelihood and prior; overwritten by what is left of it once models,
        families and base families are eliminated.
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
        self.nesting, self.covariates, self.n_slopes = nesting, covariates, covariates.shape[1] * d
        self.prior, self.coupling, self.family_precision = prior, coupling, family_precision
        self.curvature = data + prior
        self.model_inverse = spd_inverse(self.curvature)
        self.pull = self.model_inverse @ prior  # how a model follows its expectation
        kept = prior - prior @ self.pull  # what is left of the prior once the model is eliminated
        carried = np.swapaxes(self.pull, 1, 2) @ coupling
        link = np.empty((n_models, d, d + self.n_slopes + n_items))
        link[:, :, :d] = kept
        link[:, :, d : d + self.n_slopes] = (covariates[:, None, :, None] * kept[:, :, None, :]).reshape(
            n_models, d, -1
        )
        link[:, :, d + self.n_slopes :] = carried
        by_family = nesting.models_of_family.sum(link)
        self.family_link = by_family[:, :, d:]
        self.family_inverse = spd_inverse(by_family[:, :, :d] + family_precision)
        self.family_pull = self.family_inverse @ family_precision
        passed = np.empty_like(by_family)
        passed[:, :, :d] = family_precision - family_precision @ self.family_pull
        passed[:, :, d:] = np.swapaxes(self.family_pull, 1, 2) @ self.family_link
        by_base = nesting.families_of_base.sum(passed)
        self.base_link = by_base[:, :, d:]
        self.base_inverse = spd_inverse(by_base[:, :, :d] + base_precision)
        self.shared = self._eliminated(shared, kept, carried)

    def _eliminated(self, out: Array, kept: Array, carried: Array) -> Array:
        x, k = self.covariates, self.n_slopes
        (n_models, p), d, n_items = x.shape, kept.shape[1], carried.shape[2]
        outer = (x[:, :, None] * x[:, None, :]).reshape(n_models, p * p)
        slopes = (outer.T @ kept.reshape(n_models, d * d)).reshape(p, p, d, d)
        out[:k, :k] += slopes.transpose(0, 2, 1, 3).reshape(k, k)
        cross = (x.T @ carried.reshape(n_models, d * n_items)).reshape(k, n_items)
        out[:k, k:] += cross
        out[k:, :k] += cross.T
        coupled = (n_models * d, n_items)
        out[k:, k:] -= self.coupling.reshape(coupled).T @ (self.model_inverse @ self.coupling).reshape(coupled)
        for inverse, link in ((self.family_inverse, self.family_link), (self.base_inverse, self.base_link)):
            rows = link.reshape(link.shape[0] * d, link.shape[2])
            out -= rows.T @ (inverse @ link).reshape(rows.shape)
        return out

    @cached_property
    def factor(self) -> tuple[Array, bool]:
        """Cholesky factor of what is left for the shared parameters."""
        return cho_factor(self.shared, lower=True, check_finite=False)

    @cached_property
    def shared_cov(self) -> Array:
        """Posterior covariance of the shared parameters, shape (G, G)."""
        return np.asarray(cho_solve(self.factor, np.eye(len(self.shared)), check_finite=False))

    def logdet(self) -> float:
        """Log determinant of the skills' part: models, families, base families (not the shared block)."""
        return spd_logdet(self.curvature) - spd_logdet(self.family_inverse) - spd_logdet(self.base_inverse)

    def reduce(self, gradients: Steps) -> tuple[Array, Array, Array, Array]:
        """Eliminate the right-hand side.

        Parameters
        ----------
        gradients : tuple of ndarray
            Downhill directions of models (M, d), families (F, d), base families (B, d), shared parameters (G,).

        Returns
        -------
        tuple of ndarray
            What each block would move at fixed parents, and the right-hand side left for the shared parameters.
        """
        model_gradient, family_gradient, base_gradient, shared_gradient = gradients
        k = self.n_slopes
        moved = (self.model_inverse @ model_gradient[:, :, None])[:, :, 0]
        lifted = (self.prior @ moved[:, :, None])[:, :, 0]
        family_rhs = family_gradient + self.nesting.models_of_family.sum(lifted)
        family_moved = (self.family_inverse @ family_rhs[:, :, None])[:, :, 0]
        base_rhs = base_gradient + self.nesting.families_of_base.sum(family_moved @ self.family_precision)
        base_moved = (self.base_inverse @ base_rhs[:, :, None])[:, :, 0]
        rhs = shared_gradient.copy()
        rhs[:k] += (self.covariates.T @ lifted).ravel()
        rhs[k:] -= moved.ravel() @ self.coupling.reshape(moved.size, self.coupling.shape[2])
        rhs -= family_moved.ravel() @ self.family_link.reshape(family_moved.size, len(rhs))
        rhs -= base_moved.ravel() @ self.base_link.reshape(base_moved.size, len(rhs))
        return moved, family_moved, base_moved, rhs

    def expand(self, moved: Array, family_moved: Array, base_moved: Array, shared: Array) -> Steps:
        """Recover the steps of all blocks from the answer of `reduce` and the step of the shared parameters (G,)."""
        k, x = self.n_slopes, self.covariates
        base = base_moved - (self.base_inverse @ (self.base_link @ shared)[:, :, None])[:, :, 0]
        followed = (self.family_pull @ base[self.nesting.base][:, :, None])[:, :, 0]
        family = family_moved + followed - (self.family_inverse @ (self.family_link @ shared)[:, :, None])[:, :, 0]
        expected = family[self.nesting.family] + x @ shared[:k].reshape(x.shape[1], family.shape[1])
        held = (self.model_inverse @ (self.coupling @ shared[k:])[:, :, None])[:, :, 0]
        return moved + (self.pull @ expected[:, :, None])[:, :, 0] - held, family, base, shared

    def solve(self, gradients: Steps, damping: float = 0.0) -> Steps:
        """Newton step for all parameters, the shared block damped in the manner of Levenberg and Marquardt.

        Parameters
        ----------
        gradients : tuple of ndarray
            As in `reduce`.
        damping : float
            Factor on the diagonal of the shared block.

        Returns
        -------
        tuple of ndarray
            Steps of models (M, d), families (F, d), base families (B, d), shared parameters (G,).
        """
        model, family, base, rhs = self.reduce(gradients)
        factor = self.factor
        if damping:
            factor = cho_factor(self.shared + np.diag(damping * np.diag(self.shared)), lower=True, check_finite=False)
        return self.expand(model, family, base, cho_solve(factor, rhs, check_finite=False))

    def response(self, slopes_only: bool = False) -> Response:
        """How skills and effects follow the shared parameters, and their covariance at fixed shared parameters.

        Parameters
        ----------
        slopes_only : bool
            Leave the benchmark parameters out, which saves most of the work where they are held fixed.

        Returns
        -------
        Response
        """
        k, x, d = self.n_slopes, self.covariates, self.curvature.shape[1]
        reach = k if slopes_only else len(self.shared)
        base = -self.base_inverse @ self.base_link[:, :, :reach]
        family = self.family_pull @ base[self.nesting.base] - self.family_inverse @ self.family_link[:, :, :reach]
        base_noise = self.base_inverse[self.nesting.base]
        family_noise = self.family_inverse + self.family_pull @ base_noise @ np.swapaxes(self.family_pull, 1, 2)
        expected = family[self.nesting.family]
        expected[:, :, :k] += (x[:, None, :, None] * np.eye(d)[None, :, None, :]).reshape(len(x), d, k)
        model = self.pull @ expected
        if not slopes_only:
            model[:, :, k:] -= self.model_inverse @ self.coupling
        above = family_noise[self.nesting.family]
        stray, family_stray = self.pull - np.eye(d), self.family_pull - np.eye(d)
        return Response(
            model=model,
            model_noise=self.model_inverse + self.pull @ above @ np.swapaxes(self.pull, 1, 2),
            residual=model - expected,
            residual_noise=self.model_inverse + stray @ above @ np.swapaxes(stray, 1, 2),
            family=family,
            family_noise=family_noise,
            deviation=family - base[self.nesting.base],
            deviation_noise=self.family_inverse + family_stray @ base_noise @ np.swapaxes(family_stray, 1, 2),
            base=base,
            base_noise=self.base_inverse,
        )


@dataclass(frozen=True)
class Response:
    """Linear response to the shared parameters, and covariance at fixed shared parameters, of each kind of effect.

    A quantity moves as ``response @ shared``; its posterior covariance is ``noise + response C response'`` with C the
    covariance of the shared parameters (`obslaws.skill.blocks.propagate`). G counts the slopes alone if only those were
    asked for.

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

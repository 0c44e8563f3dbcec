"""The posterior of a forecaster fitted to a large panel, for pages that compute: `obslaws.report.moments` by its parts.

Polynomials over pairs of benchmarks for every family would be hundreds of megabytes. A large fit needs none: logits of
a new model move together through its few skills, and beside them each benchmark varies by itself. So the page is given
slopes, loadings and effects, and multiplies. `check_moments` compares them with the forecaster's own answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from obslaws.report.packing import packed, plain
from obslaws.skill.sparse_predict import effects_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.sparse_surface import SparseSurface
    from obslaws.skill.surface import OwnIntercepts

    Array = NDArray[np.float64]
    Index = NDArray[np.intp]

__all__ = ["LargeMoments", "large_moments"]


@dataclass(frozen=True)
class LargeMoments:
    """Logits of a new model under one fit to a large panel; R kinds of relatives, d skills, B base families, P pairs.

    Its skills have mean ``effect[r] + x @ slopes``, and their covariance is ``spread[r]`` beside what the slopes and
    the covariates that are not known leave open. Then ``logit = intercept + own + loading . skills``.

    Parameters
    ----------
    effect : ndarray of shape (R, d)
    spread : ndarray of shape (R, d, d)
    base : ndarray of int, shape (R,)
        Base family, -1 for none.
    slopes : ndarray of shape (p, d)
    slopes_cov : ndarray of shape (p d, p d)
    intercepts : ndarray of shape (J,)
    loadings : ndarray of shape (J, d)
    items_cov : ndarray of shape (J, 1 + d, 1 + d)
        Covariance of each benchmark's intercept and loadings.
    own : OwnIntercepts
        Of base families on the benchmarks that they were scored on, P pairs in the order of base families.
    own_prior : ndarray of shape (J,)
        Variance of own intercepts that no score speaks of.
    """

    effect: Array
    spread: Array
    base: Index
    slopes: Array
    slopes_cov: Array
    intercepts: Array
    loadings: Array
    items_cov: Array
    own: OwnIntercepts
    own_prior: Array

    @property
    def sizes(self) -> tuple[Array, ...]:
        """Log2 active parameters of siblings that move the mean: none do under a large fit."""
        return (np.zeros(0),) * len(self.effect)

    @property
    def seen(self) -> tuple[NDArray[np.bool_], ...]:
        """Which benchmarks each of them was scored on, (0, J)."""
        return (np.zeros((0, len(self.loadings)), dtype=bool),) * len(self.effect)

    def at(self, relatives: int, x: Array, unknown: Array, size: float) -> tuple[Array, Array]:
        """Evaluate mean and covariance, see `obslaws.report.moments.Moments.at`; whatever the size."""
        p, d = self.slopes.shape
        skills = self.effect[relatives] + x @ self.slopes
        cov = np.einsum("p,pdqe,q->de", x, self.slopes_cov.reshape(p, d, p, d), x)
        cov = cov + self.spread[relatives] + self.slopes.T @ unknown @ self.slopes
        own, beside = np.zeros(len(self.loadings)), self.own_prior.copy()
        some = slice(*np.searchsorted(self.own.base, [self.base[relatives], self.base[relatives] + 1]))
        own[self.own.benchmark[some]], beside[self.own.benchmark[some]] = self.own.mean[some], self.own.var[some]
        ones = np.r_[1.0, skills]
        beside += ones @ self.items_cov @ ones
        mean = self.intercepts + own + self.loadings @ skills
        return mean, self.loadings @ cov @ self.loadings.T + np.diag(beside)

    def record(self) -> dict[str, Any]:
        """Give the numbers as `templates/arithmetic.js` reads them."""
        n_bases = int(max(self.base.max(), self.own.base.max(initial=-1))) + 1
        upper = np.triu_indices(self.items_cov.shape[1])
        return {
            "effect": packed(self.effect.ravel()),
            "spread": packed(self.spread.ravel()),
            "base": self.base.tolist(),
            "slopes": [plain(row) for row in self.slopes],
            "slopes_cov": [plain(row) for row in self.slopes_cov],
            "intercepts": plain(self.intercepts),
            "loadings": [plain(row) for row in self.loadings],
            "items_cov": [plain(one[upper]) for one in self.items_cov],  # of any size, as scores tell of a benchmark
            "own_bounds": np.searchsorted(self.own.base, np.arange(n_bases + 1)).tolist(),
            "own_benchmark": self.own.benchmark.tolist(),
            "own": packed(self.own.mean),
            "own_var": packed(self.own.var),
            "own_prior": plain(self.own_prior),
        }


def large_moments(surface: SparseSurface, family: Index, base: Index) -> LargeMoments:
    """Collect the parts of one fit.

    Parameters
    ----------
    surface : SparseSurface
    family, base : ndarray of int, shape (R,)
        Relatives as numbered in the fit; -1 for none. A known family brings its own base family.

    Returns
    -------
    LargeMoments
    """
    fit, d = surface.fit, surface.n_skills
    effect, spread, base = effects_of(fit, family, base)
    return LargeMoments(
        effect, spread + fit.variances.model, base, fit.state.slopes, fit.slopes_cov, fit.state.intercepts,
        fit.state.loadings, fit.items_cov[:, : d + 1, : d + 1], surface.own(), fit.variances.own,
    )  # fmt: skip

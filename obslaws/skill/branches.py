"""Linear algebra of nested effects at any number of models: model -> family -> base family -> slopes.

`obslaws.skill.tree` without the benchmark parameters, on stacks. One elimination solves for all effects and slopes and
gives their covariances at fixed slopes; time and memory are linear in the models.

Shapes: d skills, M models, F families, B base families, p covariates, k = p*d slopes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.blocks import spd_factor, spd_solve
from obslaws.skill.stacks import apply, inverted, product, sandwich

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.cells import CellTable

    Array = NDArray[np.float64]
    Effects = tuple[Array, Array, Array, Array]

__all__ = ["Branches", "Spreads"]


@dataclass(frozen=True)
class Spreads:
    """Posterior covariances at fixed slopes and benchmark parameters.

    Parameters
    ----------
    model : ndarray of shape (d, d, M)
        Skills.
    residual : ndarray of shape (d, d)
        Sum over models of the covariance of what family and covariates leave of the skills.
    family, base : ndarray of shape (d, d, F), (d, d, B)
    deviation : ndarray of shape (d, d)
        Sum over families of the covariance of their deviation from the base family.
    """

    model: Array
    residual: Array
    family: Array
    deviation: Array
    base: Array


class Branches:
    """One system, eliminated.

    Parameters
    ----------
    cells : CellTable
        For who belongs to whom.
    covariates : ndarray of shape (p, M)
    data : ndarray of shape (d, d, M)
        Curvature of the likelihood in each model's skills.
    prior : ndarray of shape (d, d, M) or (d, d, 1)
        Precision of each model's skills around their expectation.
    family_precision, base_precision : ndarray of shape (d, d)
    slope_precision : ndarray of shape (p,)
        inf holds all slopes fast.
    """

    def __init__(
        self,
        cells: CellTable,
        covariates: Array,
        data: Array,
        prior: Array,
        family_precision: Array,
        base_precision: Array,
        slope_precision: Array,
    ) -> None:
        self.cells, self.covariates, self.prior = cells, covariates, prior
        self.data, self.family_precision = data, family_precision[:, :, None]
        self.moving = bool(np.isfinite(slope_precision).all()) and len(covariates) > 0
        self.model_inverse, model_log = inverted(data + prior)
        self.pull = product(self.model_inverse, prior)
        kept = prior - product(prior, self.pull)
        by_family = cells.models_of_family.sum(kept)
        self.family_inverse, family_log = inverted(by_family + self.family_precision)
        self.family_pull = product(self.family_inverse, self.family_precision)
        by_base = cells.families_of_base.sum(self.family_precision - product(self.family_precision, self.family_pull))
        self.base_inverse, base_log = inverted(by_base + base_precision[:, :, None])
        self.logdet = float(model_log.sum() + family_log.sum() + base_log.sum())
        self.slopes = np.zeros((0, 0))
        if self.moving:
            self._link_slopes(kept, slope_precision)

    def _link_slopes(self, kept: Array, slope_precision: Array) -> None:
        cells, x = self.cells, self.covariates
        d, p = len(kept), len(x)
        rows = [cells.models_of_family.sum(kept * x[i]) for i in range(p)]
        self.family_link = np.concatenate(rows, axis=1)  # (d, p*d, F)
        yielding = product(self.family_inverse, self.family_link)
        self.base_link = cells.families_of_base.sum(product(self.family_precision, yielding))
        pairs = np.stack([x[i] * x[j] for i, j in zip(*np.triu_indices(p), strict=True)])
        weighed = pairs @ kept.reshape(d * d, -1).T
        slopes = np.empty((p, p, d, d))
        for entry, (i, j) in zip(weighed.reshape(-1, d, d), zip(*np.triu_indices(p), strict=True), strict=True):
            slopes[i, j] = slopes[j, i] = entry
        left = slopes.transpose(0, 2, 1, 3).reshape(p * d, p * d) + np.diag(np.repeat(slope_precision, d))
        left -= _gram(self.family_link, yielding) + _gram(self.base_link, product(self.base_inverse, self.base_link))
        self.slopes = 0.5 * (left + left.T)
        self._factor = spd_factor(self.slopes)

    def solve(self, gradients: Effects) -> Effects:
        """Solve for models (d, M), families (d, F), base families (d, B) and slopes (p, d)."""
        cells, x = self.cells, self.covariates
        model, family, base, slopes = gradients
        moved = apply(self.model_inverse, model)
        lifted = apply(self.prior, moved)
        family_moved = apply(self.family_inverse, family + cells.models_of_family.sum(lifted))
        passed = apply(self.family_precision, family_moved)
        base_moved = apply(self.base_inverse, base + cells.families_of_base.sum(passed))
        step = np.zeros_like(slopes)
        if self.moving:
            rhs = (slopes + x @ lifted.T).ravel()
            rhs -= np.tensordot(self.family_link, family_moved, axes=([0, 2], [0, 1]))
            rhs -= np.tensordot(self.base_link, base_moved, axes=([0, 2], [0, 1]))
            flat = spd_solve(self._factor, rhs)
            step = flat.reshape(slopes.shape)
            base_moved = base_moved - apply(self.base_inverse, np.tensordot(self.base_link, flat, axes=(1, 0)))
            family_moved -= apply(self.family_inverse, np.tensordot(self.family_link, flat, axes=(1, 0)))
        family_moved += apply(self.family_pull, base_moved[:, cells.families_of_base.label])
        expected = family_moved[:, cells.models_of_family.label]
        if self.moving:
            expected += step.T @ x
        return moved + apply(self.pull, expected), family_moved, base_moved, step

    def slopes_cov(self) -> Array:
        """Posterior covariance of the slopes at fixed benchmark parameters, shape (k, k); (0, 0) where none moves."""
        if not self.moving:
            return self.slopes
        return spd_solve(self._factor, np.eye(len(self.slopes)))

    def by_slopes(self) -> tuple[Array, Array]:
        """How families (d, k, F) and base families (d, k, B) move with the slopes; k is 0 where none moves."""
        cells, d = self.cells, len(self.data)
        if not self.moving:
            return np.zeros((d, 0, cells.n_families)), np.zeros((d, 0, cells.n_bases))
        base = -product(self.base_inverse, self.base_link)
        above = base[:, :, cells.families_of_base.label]
        return product(self.family_pull, above) - product(self.family_inverse, self.family_link), base

    def spreads(self) -> Spreads:
        """Read the elimination backwards."""
        cells, eye = self.cells, np.eye(len(self.data))[:, :, None]
        above = self.base_inverse[:, :, cells.families_of_base.label]
        family = self.family_inverse + sandwich(self.family_pull, above)
        deviation = self.family_inverse + sandwich(self.family_pull - eye, above)
        above = family[:, :, cells.models_of_family.label]
        model = self.model_inverse + sandwich(self.pull, above)
        residual = self.model_inverse + sandwich(self.pull - eye, above)
        return Spreads(model, residual.sum(axis=2), family, deviation.sum(axis=2), self.base_inverse)


def _gram(left: Array, right: Array) -> Array:
    return np.tensordot(left, right, axes=([0, 2], [0, 2]))

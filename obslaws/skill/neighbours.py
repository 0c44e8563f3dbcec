"""What siblings of nearly the same size have in common beyond family, size and data.

The fit takes what is left of each model as its own. It is not: where a family bends away from the line in log size, or
is trained a little differently from some size on, neighbours in size stray alike. So residuals at the mode, those of
skills and those of single benchmarks, are carried over to siblings by their distance in log size: simple kriging
(Rasmussen and Williams 2006, equations 2.23 and 4.17). A forecast between two known sizes then runs through them, and
far from all known sizes it is the family's line.

In: a problem at its mode. Out: what each scored model adds to the logits of a sibling of its own size. Called by the
fit, by replays, and, through `obslaws.skill.predict`, by every forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.problem import Cells, Problem
    from obslaws.skill.state import State, Variances

    Array = NDArray[np.float64]
    Index = NDArray[np.intp]

__all__ = ["RANGE", "Residuals", "closeness", "enclosed", "steepness"]

# chosen on development data: docs/backtests.md, "How the form of the model was chosen"
_SHARE = 0.8  # of the variance of residuals, what siblings of one size have in common
_SAME = 1e-6  # doublings that count as no difference in size
RANGE = 2.0
"""Distance at which half is left in common, doublings of active parameters."""


def closeness(distance: Array) -> Array:
    """Correlation of what siblings have in common, by their distance in doublings; Matern's with smoothness 3/2."""
    scaled = np.sqrt(3.0) / RANGE * np.abs(distance)
    return np.asarray((1.0 + scaled) * np.exp(-scaled))


def enclosed(asked: Array, sizes: Array, seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell between which scored siblings a size lies.

    Parameters
    ----------
    asked : ndarray of shape (n,)
        Log2 active parameters; NaN lies nowhere.
    sizes : ndarray of shape (k,)
        Those of the siblings.
    seen : ndarray of bool, shape (k, J)
        Which benchmarks these were scored on.

    Returns
    -------
    ndarray of bool, shape (n, J)
        Whether one is smaller and one is larger, by more than rounding.
    """
    low = np.where(seen, sizes[:, None], np.inf).min(axis=0, initial=np.inf)
    high = np.where(seen, sizes[:, None], -np.inf).max(axis=0, initial=-np.inf)
    return np.asarray((low + _SAME < asked[:, None]) & (asked[:, None] < high - _SAME))


def steepness(problem: Problem, cells: Cells) -> Array:
    """Root mean squared slope of the scores of each benchmark by their logits; shape (J,)."""
    squared = (problem.weight * cells.slope**2).sum(axis=0)
    return np.asarray(np.sqrt(squared / np.maximum(problem.weight.sum(axis=0), 1.0)))


@dataclass(frozen=True)
class Residuals:
    """Residuals of M models, F families, weighed so that they are only to be multiplied by `closeness`.

    Parameters
    ----------
    size : ndarray of shape (M,)
        Log2 active parameters; NaN unknown.
    order : ndarray of int
        Rows of the models that were scored and whose size is known, family by family.
    bounds : ndarray of int, shape (F + 1,)
        Where each family begins in `order`.
    by_skill : ndarray of shape (M, J)
        What a model's skills beyond those expected of it add to the logits of a sibling.
    by_benchmark : ndarray of shape (M, J)
        What its scores beyond its skills add.
    seen : ndarray of bool, shape (M, J)
        Scores that were fitted.
    """

    size: Array
    order: Index
    bounds: Index
    by_skill: Array
    by_benchmark: Array
    seen: NDArray[np.bool_]

    @classmethod
    def of(cls, problem: Problem, state: State, variances: Variances, cells: Cells, steep: Array) -> Residuals:
        """Weigh the residuals of a problem at a state.

        A score says less of a residual where its curve is flat, and as much less as its questions are few.

        Parameters
        ----------
        problem : Problem
        state : State
        variances : Variances
        cells : Cells
            Of that state.
        steep : ndarray of shape (J,)
            Slope at which the noise of each benchmark is turned into logits, from `steepness`.

        Returns
        -------
        Residuals
        """
        data, seen = problem.data, problem.weight > 0.0
        size, family = data.size, data.nesting.family
        placed = np.flatnonzero(seen.any(axis=1) & np.isfinite(size))
        order = placed[np.argsort(family[placed], kind="stable")]
        bounds = np.searchsorted(family[order], np.arange(data.nesting.n_families + 1))
        stray = state.skills - data.covariates @ state.slopes - state.family[family]
        slopes = np.where(seen, cells.slope, 0.0)  # a score that is missing says nothing
        left = np.where(seen, cells.variance - _SHARE * variances.noise, 1.0)
        bend = (_SHARE * variances.noise / np.maximum(steep, 1e-4) ** 2)[:, None]  # squared logits
        by_skill, by_benchmark = np.zeros(seen.shape), np.zeros(seen.shape)
        counts = np.diff(bounds)
        for n in np.unique(counts[counts > 0]):  # side by side, families of as many models
            rows, own = order[bounds[:-1][counts == n][:, None] + np.arange(n)], np.eye(n)
            close = closeness(size[rows][:, :, None] - size[rows][:, None, :])
            common = np.linalg.solve(_SHARE * close + (1.0 - _SHARE) * own, _SHARE * stray[rows])
            by_skill[rows] = common @ state.loadings.T
            slope, noise, residual = (np.swapaxes(part[rows], 1, 2) for part in (slopes, left, cells.residual))
            cov = bend[:, :, None] * close[:, None] * slope[..., :, None] * slope[..., None, :]
            cov += noise[..., None] * own
            weighed = np.linalg.solve(cov, residual[..., None])[..., 0]
            by_benchmark[rows] = np.swapaxes(bend * slope * weighed, 1, 2)
        return cls(size, order, bounds, by_skill, by_benchmark, seen)

    def siblings(self, family: int) -> Index:
        """Rows of the scored models of a family whose size is known; none of family -1."""
        return self.order[self.bounds[family] : self.bounds[family + 1]] if family >= 0 else self.order[:0]

    def enclose(self, family: Index, size: Array) -> NDArray[np.bool_]:
        """Tell of models by family (-1 unknown) and size on what scored siblings are smaller and larger; (n, J)."""
        out = np.zeros((len(family), self.seen.shape[1]), dtype=bool)
        for number in {*family[(family >= 0) & np.isfinite(size)].tolist()}:
            asked, kin = family == number, self.siblings(number)
            out[asked] = enclosed(size[asked], self.size[kin], self.seen[kin])
        return out

    def carried(self, row: Index, family: Index, size: Array) -> Array:
        """Logits that siblings add to models.

        Parameters
        ----------
        row, family : ndarray of int, shape (n,)
            As numbered in the fit; -1 for what it does not know.
        size : ndarray of shape (n,)
            Log2 active parameters; NaN unknown.

        Returns
        -------
        ndarray of shape (n, J)
            Of a model that was fitted itself only the residuals of benchmarks that it has no score on: the rest is
            in its skills already.
        """
        seen = np.where((row >= 0)[:, None], self.seen[row], False)
        new = np.asarray(~seen.any(axis=1))
        out = np.zeros(seen.shape)
        placed = (family >= 0) & np.isfinite(size)
        for number in {*family[placed].tolist()}:
            asked = np.flatnonzero((family == number) & placed)
            kin = self.siblings(number)
            close = closeness(size[asked, None] - self.size[kin])
            out[asked] = close @ self.by_benchmark[kin] + (new[asked, None] * close) @ self.by_skill[kin]
        return np.where(seen, 0.0, out)

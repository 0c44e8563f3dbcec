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

__all__ = ["RANGE", "Residuals", "closeness", "steepness"]

# chosen on development data: docs/backtests.md, "How the form of the model was chosen"
_SHARE = 0.8  # of the variance of residuals, what siblings of one size have in common
RANGE = 2.0
"""Distance at which little is left in common, doublings of active parameters."""


def closeness(distance: Array) -> Array:
    """Correlation of what siblings have in common, by their distance in doublings; Matern's with smoothness 3/2."""
    scaled = np.sqrt(3.0) / RANGE * distance
    return np.asarray((1.0 + scaled) * np.exp(-scaled))


def steepness(problem: Problem, cells: Cells) -> Array:
    """Root mean squared slope of the scores of each benchmark by their logits; shape (J,)."""
    squared = (problem.weight * cells.slope**2).sum(axis=0)
    return np.asarray(np.sqrt(squared / np.maximum(problem.weight.sum(axis=0), 1.0)))


@dataclass(frozen=True)
class Residuals:
    """Residuals of the scored models, weighed so that they are only to be multiplied by `closeness`; M models.

    Parameters
    ----------
    size : ndarray of shape (M,)
        Log2 active parameters; NaN unknown.
    family : ndarray of int, shape (M,)
    by_skill : ndarray of shape (M, J)
        What a model's skills beyond those expected of it add to the logits of a sibling.
    by_benchmark : ndarray of shape (M, J)
        What its scores beyond its skills add.
    seen : ndarray of bool, shape (M, J)
        Scores that were fitted.
    """

    size: Array
    family: Index
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
        stray = state.skills - data.covariates @ state.slopes - state.family[family]
        bend = _SHARE * variances.noise / np.maximum(steep, 1e-4) ** 2  # squared logits
        by_skill, by_benchmark = np.zeros(seen.shape), np.zeros(seen.shape)
        placed = seen.any(axis=1) & np.isfinite(size)
        for number in np.unique(family[placed]):
            rows = np.flatnonzero(placed & (family == number))
            close = closeness(np.abs(size[rows, None] - size[rows]))
            own = np.eye(len(rows))
            common = np.linalg.solve(_SHARE * close + (1.0 - _SHARE) * own, _SHARE * stray[rows])
            by_skill[rows] = common @ state.loadings.T
            slope = np.where(seen[rows], cells.slope[rows], 0.0).T  # (J, n): a score that is missing says nothing
            left = np.where(seen[rows], cells.variance[rows] - _SHARE * variances.noise, 1.0).T
            cov = bend[:, None, None] * close * slope[:, :, None] * slope[:, None, :] + left[:, :, None] * own
            weighed = np.linalg.solve(cov, (cells.residual[rows].T * seen[rows].T)[:, :, None])[:, :, 0]
            by_benchmark[rows] = (bend[:, None] * slope * weighed).T
        return cls(size, family, by_skill, by_benchmark, seen)

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
        kin = (family[:, None] == self.family) & np.isfinite(size)[:, None] & np.isfinite(self.size)
        close = np.where(kin, closeness(np.abs(np.where(kin, size[:, None] - self.size, 0.0))), 0.0)
        seen = np.where((row >= 0)[:, None], self.seen[row], False)
        new = ~seen.any(axis=1)
        out = np.where(seen, 0.0, close @ self.by_benchmark)
        out[new] += close[new] @ self.by_skill
        return out

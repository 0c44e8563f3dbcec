"""How fast EM's updates of the variances are followed.

In: variances before and after a plain update. Out: those to go on with. EM creeps where a variance is known badly: each
variance is moved further in the direction of its update for as long as that keeps its sign (adaptive overrelaxation,
Salakhutdinov and Roweis 2003). Called by both solvers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.state import Variances

    Array = NDArray[np.float64]

__all__ = ["Pace", "log_size"]

_MATRICES = ("model", "family", "base", "lab")
_VECTORS = ("own", "slope", "noise")
_FIRST, _FASTEST, _FASTEST_MATRIX = 1.5, 6.0, 3.0  # factors on a step; the entries of a matrix share one
_WIDEST = 1.5  # the most that a log variance may move in a round beyond the plain update


@dataclass(frozen=True)
class Pace:
    """Factor on the step of each variance, and the direction that it last moved in.

    Parameters
    ----------
    factor, direction : ndarray of shape (4 + 2 J + p,)
        One number per matrix, then one per entry of the vectors.
    """

    factor: Array
    direction: Array

    @classmethod
    def start(cls, variances: Variances) -> Pace:
        """Before the first update."""
        zero = np.zeros_like(_levels(variances))
        return cls(zero + _FIRST, zero)

    def further(self, old: Variances, new: Variances) -> tuple[Variances, Pace]:
        """Go beyond an update where the last ones went the same way; back to it where they turned."""
        step, n = _levels(new) - _levels(old), len(_MATRICES)
        same = step * self.direction
        factor = np.where(same > 0.0, 1.3 * self.factor, np.where(same < 0.0, 1.0, self.factor))
        factor[:n], factor[n:] = np.minimum(factor[:n], _FASTEST_MATRIX), np.minimum(factor[n:], _FASTEST)
        far = np.minimum(factor, np.maximum(_WIDEST / np.maximum(np.abs(step), 1e-12), 1.0))
        out = dict(zip(_MATRICES, _relaxed(_stacked(old), _stacked(new), far[:n]), strict=True))
        vectors = _vectors(old) * np.exp(far[n:] * step[n:])
        ends = np.cumsum([len(getattr(old, name)) for name in _VECTORS])
        out |= dict(zip(_VECTORS, np.split(vectors, ends[:-1]), strict=True))
        return replace(new, **out), Pace(factor, step)


def _stacked(variances: Variances) -> Array:
    return np.stack([getattr(variances, name) for name in _MATRICES])


def _vectors(variances: Variances) -> Array:
    return np.concatenate([getattr(variances, name) for name in _VECTORS])


def _levels(variances: Variances) -> Array:
    """Logarithms: the mean one of the eigenvalues of each matrix, then those of all entries of the vectors."""
    return np.concatenate([log_size(_stacked(variances)), np.log(_vectors(variances))])


def log_size(matrices: Array) -> Array:
    """Mean log eigenvalue of positive definite matrices: (..., d, d) -> (...)."""
    return np.asarray(np.linalg.slogdet(matrices)[1] / matrices.shape[-1])


def _relaxed(old: Array, new: Array, factor: Array) -> Array:
    """Go further than `new` where the result is safely positive definite; (n, d, d), (n, d, d), (n,) -> (n, d, d)."""
    further = old + factor[:, None, None] * (new - old)
    further = 0.5 * (further + np.swapaxes(further, 1, 2))  # else further steps blow up what rounding leaves
    safe = np.linalg.eigvalsh(further)[:, 0] > 0.3 * np.linalg.eigvalsh(new)[:, 0]
    return np.where(safe[:, None, None], further, new)

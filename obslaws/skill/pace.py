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
    factor, direction : dict of str to ndarray
        By name of the variance; one number per matrix, as many as there are for the others.
    """

    factor: dict[str, Array]
    direction: dict[str, Array]

    @classmethod
    def start(cls, variances: Variances) -> Pace:
        """Before the first update."""
        shapes = {name: np.zeros(()) for name in _MATRICES} | {
            name: np.zeros_like(getattr(variances, name)) for name in _VECTORS
        }
        return cls({name: zero + _FIRST for name, zero in shapes.items()}, shapes)

    def further(self, old: Variances, new: Variances) -> tuple[Variances, Pace]:
        """Go beyond an update where the last ones went the same way; back to it where they turned."""
        out, factors, directions = {}, {}, {}
        for name in (*_MATRICES, *_VECTORS):
            before, after = getattr(old, name), getattr(new, name)
            matrix = name in _MATRICES
            step = log_size(after) - log_size(before) if matrix else np.log(after / before)
            same = step * self.direction[name]
            factor = np.where(same > 0.0, 1.3 * self.factor[name], np.where(same < 0.0, 1.0, self.factor[name]))
            factor = np.minimum(factor, _FASTEST_MATRIX if matrix else _FASTEST)
            far = np.minimum(factor, np.maximum(_WIDEST / np.maximum(np.abs(step), 1e-12), 1.0))
            out[name] = _relaxed(before, after, float(far)) if matrix else before * np.exp(far * step)
            factors[name], directions[name] = factor, step
        return replace(new, **out), Pace(factors, directions)


def log_size(matrix: Array) -> Array:
    """Mean log eigenvalue of a positive definite matrix."""
    return np.asarray(np.linalg.slogdet(matrix)[1] / len(matrix))


def _relaxed(old: Array, new: Array, factor: float) -> Array:
    """Go further than `new` when the result is safely positive definite; `new` otherwise."""
    further = old + factor * (new - old)
    further = 0.5 * (further + further.T)  # going further would blow up what rounding leaves of asymmetry
    smallest = np.linalg.eigvalsh(further)[0]
    return further if smallest > 0.3 * np.linalg.eigvalsh(new)[0] else new

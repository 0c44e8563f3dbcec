"""One law per benchmark: a logistic of a linear form, with a floor that is fitted or held, by Huber's loss.

The baselines of the Sloth paper: what a benchmark's scores follow from compute, or size and tokens, and the family,
without learning from other benchmarks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from obslaws.links import clipped_logit, logistic
from obslaws.peers.huber import derivatives, huber

__all__ = ["Law", "fit_law"]

Array = NDArray[np.float64]

MARGINS = (0.01, 0.1)
NUDGE = 1e-5  # a floor is held as a logit, so that 0 becomes this


@dataclass(frozen=True)
class Law:
    """A fitted law.

    Parameters
    ----------
    weights : ndarray of shape (q,)
        Of the design's columns.
    floor : float
        Fraction.
    objective : float
    n_iter : int
    """

    weights: Array
    floor: float
    objective: float
    n_iter: int

    def scores(self, design: Array) -> Array:
        """Scores of rows of a design; shape (n,)."""
        return self.floor + (1.0 - self.floor) * logistic(design @ self.weights)


def fit_law(
    design: Array, score: Array, floor: float, train_floor: bool, tolerance: float = 1e-7, max_iter: int = 300
) -> Law:
    """Minimise Huber's loss from two starts; deterministic.

    Parameters
    ----------
    design : ndarray of shape (n, q)
    score : ndarray of shape (n,)
        Fractions, none missing.
    floor : float
        Score of guessing: held, or where the fit of the floor starts.
    train_floor : bool
    tolerance : float
        Stops when a step brings less than this share of the objective.
    max_iter : int
        Most steps from a start.

    Returns
    -------
    Law

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, section 4: baselines.
    """
    fits = []
    for margin in MARGINS:
        logits = clipped_logit(score, floor, margin=margin)
        start: Array = np.asarray(np.linalg.lstsq(design, logits, rcond=1e-8)[0], dtype=float)
        fits.append(_descend(design, score, start, floor, train_floor, tolerance, max_iter))
    return min(fits, key=lambda fit: fit.objective)


def _descend(
    design: Array, score: Array, start: Array, floor: float, train_floor: bool, tolerance: float, max_iter: int
) -> Law:
    known = np.ones_like(score)
    z = np.append(start, np.log((floor + NUDGE) / (1.0 - floor + NUDGE)))

    def at(z: Array) -> tuple[Array, float, Array, float]:
        share, low = logistic(design @ z[:-1]), float(logistic(z[-1]))
        r = score - low - (1.0 - low) * share
        return share, low, r, huber(r, known)

    share, low, r, value = at(z)
    damping, taken = 1e-3, 0
    while taken < max_iter:
        by_floor = (1.0 - share) * low * (1.0 - low) * train_floor
        J = np.column_stack([((1.0 - low) * share * (1.0 - share))[:, None] * design, by_floor])
        first, second = derivatives(r, known)
        H = J.T @ (second[:, None] * J)
        g = J.T @ first
        while True:
            left = H + np.diag(damping * np.maximum(H.diagonal(), 1e-3))
            trial = z + np.linalg.solve(left, g)
            new = at(trial)
            if new[3] < value or damping > 1e8:
                break
            damping *= 5.0
        if new[3] >= value:
            break
        gain, taken = value - new[3], taken + 1
        z = trial
        share, low, r, value = new
        damping = max(damping / 5.0, 1e-9)
        if gain < tolerance * value:
            break
    return Law(z[:-1], low, value, taken)

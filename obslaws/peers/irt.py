"""One capability per model, a slope and a difficulty per benchmark: the item response model behind Epoch's index.

score = logistic(slope_j (capability_m - difficulty_j)) by least squares with a light ridge. A model's capability meets
the others only through the benchmarks, so that each step eliminates all models and solves for the benchmarks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from obslaws.links import logistic

__all__ = ["TwoParameter", "capability", "fit_two_parameter"]

Array = NDArray[np.float64]

RIDGE = 0.1
CLIP = 1e-3
LARGEST, LEAST_SLOPE = 10.0, 0.1
TOLERANCE = 1e-10


@dataclass(frozen=True)
class TwoParameter:
    """A fitted model.

    Parameters
    ----------
    capabilities : ndarray of shape (n,)
        NaN for a model without scores.
    difficulties, slopes : ndarray of shape (J,)
        NaN for a benchmark without scores.
    ridge : float
        Weight of the squares of all parameters beside the sum of squared errors.
    objective : float
    n_iter : int
    """

    capabilities: Array
    difficulties: Array
    slopes: Array
    ridge: float
    objective: float
    n_iter: int

    def scores(self, capabilities: Array) -> Array:
        """Scores of models of given capabilities; shape (n, J)."""
        return logistic(self.slopes * (capabilities[:, None] - self.difficulties))


def fit_two_parameter(scores: Array, max_iter: int = 200) -> TwoParameter:
    """Fit capabilities, difficulties and slopes.

    Parameters
    ----------
    scores : ndarray of shape (n, J)
        Fractions, NaN where a model was not evaluated.
    max_iter : int
        Most steps.

    Returns
    -------
    TwoParameter
        The slope of the benchmark with the most scores is held at 1, which sets the unit; capabilities and
        difficulties lie in [-10, 10], slopes in [0.1, 10].

    References
    ----------
    .. [1] Epoch AI (2025). Epoch Capabilities Index, epoch.ai/eci: two-parameter logistic model, least squares with
       ridge 0.1 on the mean square of all parameters, scores clipped to [0.001, 0.999].
    """
    known = np.isfinite(scores)
    models, tests = np.flatnonzero(known.any(axis=1)), np.flatnonzero(known.any(axis=0))
    known = known[np.ix_(models, tests)]
    Y = np.where(known, np.clip(scores[np.ix_(models, tests)], CLIP, 1.0 - CLIP), 0.0)
    anchor = int(known.sum(axis=0).argmax())
    n, J = Y.shape
    ridge = RIDGE / (n + 2 * J - 1)
    free = np.arange(2 * J) != J + anchor
    C = np.zeros(n)
    shared = np.concatenate([np.zeros(J), np.ones(J)])

    def at(C: Array, shared: Array) -> tuple[Array, Array, float]:
        fitted = logistic(shared[J:] * (C[:, None] - shared[:J]))
        r = np.where(known, Y - fitted, 0.0)
        penalty = ridge * ((C**2).sum() + (shared[free] ** 2).sum())
        return fitted, r, float((r**2).sum() + penalty)

    fitted, r, value = at(C, shared)
    damping, n_iter = 1e-2, 0
    while n_iter < max_iter:
        n_iter += 1
        a, gap = shared[J:], C[:, None] - shared[:J]
        rate = np.where(known, fitted * (1.0 - fitted), 0.0)
        by_model, by_slope = rate * a, rate * gap  # derivatives; by difficulty it is minus by_model
        cross = np.concatenate([-by_model * by_model, by_model * by_slope], axis=1)
        g_model = (by_model * r).sum(axis=1) - ridge * C
        g_shared = np.concatenate([-(by_model * r).sum(axis=0), (by_slope * r).sum(axis=0)]) - ridge * shared * free
        own = (by_model**2).sum(axis=1) + ridge
        H = np.zeros((2 * J, 2 * J))
        each = np.arange(J)
        H[each, each] = (by_model**2).sum(axis=0) + ridge
        H[J + each, J + each] = (by_slope**2).sum(axis=0) + ridge
        H[each, J + each] = H[J + each, each] = -(by_model * by_slope).sum(axis=0)
        # a bound that pushes outwards takes its parameter out of the step
        held = ~free | _stuck(shared, g_shared, J)
        while True:
            damped = own * (1.0 + damping)
            left = H - cross.T @ (cross / damped[:, None])
            left[np.diag_indices(2 * J)] += damping * np.diagonal(H)
            right = g_shared - cross.T @ (g_model / damped)
            step = np.zeros(2 * J)
            step[~held] = np.linalg.solve(left[np.ix_(~held, ~held)], right[~held])
            new_C = np.clip(C + (g_model - cross @ step) / damped, -LARGEST, LARGEST)
            new_shared = shared + step
            new_shared[:J] = np.clip(new_shared[:J], -LARGEST, LARGEST)
            new_shared[J:] = np.clip(new_shared[J:], LEAST_SLOPE, LARGEST)
            new = at(new_C, new_shared)
            if new[2] < value or damping > 1e8:
                break
            damping *= 4.0
        if new[2] >= value:
            break
        gain = value - new[2]
        C, shared = new_C, new_shared
        fitted, r, value = new
        damping = max(damping / 4.0, 1e-9)
        if gain < TOLERANCE * value:
            break
    capabilities = np.full(len(scores), np.nan)
    capabilities[models] = C
    difficulties, slopes = np.full(scores.shape[1], np.nan), np.full(scores.shape[1], np.nan)
    difficulties[tests], slopes[tests] = shared[:J], shared[J:]
    return TwoParameter(capabilities, difficulties, slopes, ridge, value, n_iter)


def _stuck(shared: Array, gradient: Array, J: int) -> NDArray[np.bool_]:
    low = np.concatenate([np.full(J, -LARGEST), np.full(J, LEAST_SLOPE)])
    return ((shared <= low) & (gradient < 0)) | ((shared >= LARGEST) & (gradient > 0))


def capability(fit: TwoParameter, scores: Array, n_iter: int = 60) -> Array:
    """Capabilities of further models from their scores, benchmarks as fitted.

    Parameters
    ----------
    fit : TwoParameter
    scores : ndarray of shape (n, J)
        NaN where unknown.
    n_iter : int
        Damped Newton steps for all models at once.

    Returns
    -------
    ndarray of shape (n,)
        Median of the fitted models where no score is known: nothing tells them apart.
    """
    usable = np.isfinite(scores) & np.isfinite(fit.slopes)
    Y = np.where(usable, np.clip(np.nan_to_num(scores), CLIP, 1.0 - CLIP), 0.0)
    a, D = np.nan_to_num(fit.slopes, nan=1.0), np.nan_to_num(fit.difficulties)
    middle = float(np.nanmedian(fit.capabilities))
    C = np.full(len(scores), middle)

    def loss(C: Array) -> tuple[Array, Array, Array]:
        fitted = logistic(a * (C[:, None] - D))
        r = np.where(usable, Y - fitted, 0.0)
        return fitted, r, (r**2).sum(axis=1) + fit.ridge * C**2

    damping = np.full(len(scores), 1e-2)
    fitted, r, value = loss(C)
    for _ in range(n_iter):
        rate = np.where(usable, fitted * (1.0 - fitted) * a, 0.0)
        step = ((rate * r).sum(axis=1) - fit.ridge * C) / (((rate**2).sum(axis=1) + fit.ridge) * (1.0 + damping))
        trial = np.clip(C + step, -LARGEST, LARGEST)
        new_fitted, new_r, new_value = loss(trial)
        better = new_value < value
        C = np.where(better, trial, C)
        fitted = np.where(better[:, None], new_fitted, fitted)
        r = np.where(better[:, None], new_r, r)
        value = np.where(better, new_value, value)
        damping = np.where(better, damping / 4.0, damping * 4.0)
    return np.where(usable.any(axis=1), C, middle)

"""The sigmoid law under a weakly informative prior: its most probable coefficients and how far they may be off.

A dozen models near the floor hardly say how steep a law is; least squares then takes any slope, and beyond the cutoff
the curve is a step. Here each weight has the prior Normal(0, 1.25 logits per standard deviation of its predictor), the
scale that Gelman et al. recommend for logistic regressions whatever their subject, and the variance of the residuals is
estimated along with the weights. Pure functions of arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.downstream.law import FLOOR_MAX, LawFit, SigmoidLaw, checked, curve, objective, scatter, starts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["INTERCEPT_SD", "WEIGHT_SD", "fit_posterior"]

WEIGHT_SD = 1.25
"""Logits per standard deviation of a predictor: 2.5 per two of them."""
INTERCEPT_SD = 10.0
"""Logits, at the mean of the predictors."""
_LEAST_NOISE = 1e-3  # of the score range: no benchmark has questions enough for less
_ROUNDS, _STEPS, _TRIES = 60, 8, 12


@dataclass(frozen=True)
class _Mode:
    """Where one search ended: coefficients of standardised predictors, their covariance, and the residual variance."""

    params: Array
    cov: Array
    noise: float
    evidence: float
    converged: bool
    n_rounds: int


def fit_posterior(x: Array, share: Array, law: SigmoidLaw, weight_sd: float = WEIGHT_SD) -> LawFit:
    """Find the most probable law.

    Parameters
    ----------
    x : ndarray of shape (n, k)
        Predictors; centred and scaled inside, so that units do not matter.
    share : ndarray of shape (n,)
        Score's way through its range.
    law : SigmoidLaw
        A free floor is uniform on its interval.
    weight_sd : float
        Prior standard deviation of each weight, logits per standard deviation of its predictor.

    Returns
    -------
    LawFit
        Of several starts the one with the largest evidence. Its covariance is that of the normal approximation, prior
        included; its forecast (`LawFit.is_posterior`) is the mean over that normal and not the most probable curve.

    Raises
    ------
    FitError
        Fewer than two models, or predictors that are not finite.

    References
    ----------
    .. [1] Gelman, Jakulin, Pittau and Su (2008), A weakly informative default prior distribution for logistic and other
       regression models, Annals of Applied Statistics 2, 1360-1383: scales 2.5 for a predictor with standard deviation
       0.5, and 10 for the intercept. Theirs is a Cauchy distribution, which has no normal approximation to speak of.
    .. [2] MacKay (1992), Bayesian interpolation, Neural Computation 4, 415-447, section 4: the residual variance.
    """
    checked(x, share)
    n, k = x.shape
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    z = (x - mean) / scale
    precision = np.concatenate([[INTERCEPT_SD**-2.0], np.full(k, weight_sd**-2.0), [0.0] if law.has_floor else []])
    found = [_search(z, share, law.has_floor, precision, start) for start in starts(z, share, law.has_floor)]
    best = max(found, key=lambda one: one.evidence)
    back, turn = best.params.copy(), np.eye(len(precision))
    turn[1 : k + 1, 1 : k + 1] = np.diag(1.0 / scale)
    turn[0, 1 : k + 1] = -mean / scale
    back = turn @ back
    fitted, slopes = curve(back, x, law.has_floor)
    return LawFit(
        law, float(back[0]), back[1 : k + 1], float(back[k + 1]) if law.has_floor else 0.0,
        turn @ best.cov @ turn.T, scatter(slopes, fitted - share), float(((fitted - share) ** 2).mean()),
        objective(back, x, share, law), best.converged, best.n_rounds, len(found),
        sum(one.evidence >= best.evidence - 1e-3 for one in found), is_posterior=True,
    )  # fmt: skip


def _search(z: Array, share: Array, has_floor: bool, precision: Array, start: Array) -> _Mode:
    """Take coefficients and residual variance in turns until neither moves."""
    n = len(share)
    params, noise = start.copy(), max(float(share.var()), _LEAST_NOISE**2)
    converged, done, cov, evidence = False, 0, np.empty((0, 0)), -np.inf
    while not converged and done < _ROUNDS:
        before, done = params, done + 1
        params = _mode(z, share, has_floor, precision, params, noise)
        fitted, slopes = curve(params, z, has_floor)
        residual = fitted - share
        free = np.ones(len(params), dtype=bool)
        if has_floor:
            free[-1] = 1e-9 < params[-1] < FLOOR_MAX - 1e-9
        at = np.ix_(free, free)
        told = (slopes.T @ slopes / noise)[at]
        information = told + np.diag(precision)[at]
        inverse = np.linalg.pinv(information)
        learned = float(np.trace(inverse @ told))  # coefficients that the scores decide, rather than the prior
        last, noise = noise, max(float(residual @ residual) / max(n - learned, 1.0), _LEAST_NOISE**2)
        converged = abs(np.log(noise / last)) < 1e-4 and float(np.abs(params - before).max()) < 1e-4
        cov = np.zeros((len(params), len(params)))
        cov[at] = inverse
        evidence = -0.5 * float(
            n * np.log(noise) + residual @ residual / noise + precision @ params**2
            + np.linalg.slogdet(information)[1]
        )  # fmt: skip
    return _Mode(params, cov, noise, evidence, converged, done)


def _mode(z: Array, share: Array, has_floor: bool, precision: Array, params: Array, noise: float) -> Array:
    """Take Levenberg-Marquardt steps towards the most probable coefficients at one residual variance."""
    damping = 1e-3
    for _ in range(_STEPS):
        fitted, slopes = curve(params, z, has_floor)
        residual = fitted - share
        gradient = slopes.T @ residual / noise + precision * params
        information = slopes.T @ slopes / noise + np.diag(precision)
        free = np.ones(len(params), dtype=bool)
        if has_floor:
            free[-1] = not ((params[-1] <= 0.0 and gradient[-1] > 0) or (params[-1] >= FLOOR_MAX and gradient[-1] < 0))
        here = _cost(residual, noise, precision, params)
        for _ in range(_TRIES):
            part = information[np.ix_(free, free)]
            damped = part + damping * np.diag(np.diag(part)) + 1e-12 * np.eye(len(part))
            moved = params.copy()
            moved[free] -= np.linalg.solve(damped, gradient[free])
            if has_floor:
                moved[-1] = np.clip(moved[-1], 0.0, FLOOR_MAX)
            there = _cost(curve(moved, z, has_floor)[0] - share, noise, precision, moved)
            if there <= here:
                damping = max(damping / 5.0, 1e-9)
                break
            damping = min(5.0 * damping, 1e8)
        else:
            return params
        params = moved
        if here - there < 1e-9 * (1.0 + here):
            return params
    return params


def _cost(residual: Array, noise: float, precision: Array, params: Array) -> float:
    return float(0.5 * (residual @ residual / noise + precision @ params**2))

"""The density whose most likely curve is the Huber fit, so that criteria and profiles agree with the fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["log_likelihood", "residual_scale"]

Array = NDArray[np.float64]


def log_likelihood(objective: ArrayLike, n_points: float, delta: float) -> Array:
    """Maximise the log-likelihood of Huber's density over its scale.

    The density is exp(-rho(r) / s^2) / Z(s) with Huber's rho, which turns linear at `delta`; s is a free scale. With
    infinite `delta` it is the normal density.

    Parameters
    ----------
    objective : array_like
        Sums of rho over the points.
    n_points : float
        Points, or the sum of their weights.
    delta : float
        In units of the residual.

    Returns
    -------
    ndarray
        Same shape as `objective`, in nats.

    References
    ----------
    .. [1] Huber (1964). Robust estimation of a location parameter, Annals of Mathematical Statistics 35(1), 73-101.
    """
    total = np.maximum(np.asarray(objective, dtype=float), 1e-300)
    s = _scales(total, n_points, delta)
    return np.asarray(-n_points * np.log(_normaliser(s, delta)) - total / s**2)


def residual_scale(objective: float, n_points: int, n_params: int, delta: float) -> float:
    """Estimate the standard deviation of residuals under that density, degrees of freedom taken off.

    Parameters
    ----------
    objective, delta
        As above.
    n_points, n_params : int

    Returns
    -------
    float
        In units of the residual.
    """
    free = max(n_points - n_params, 1)
    s = float(_scales(np.array(max(objective, 1e-300)), free, delta))
    if not np.isfinite(delta):
        return s
    # variance of the density, by quadrature over its centre and in closed form over its tails
    grid = np.linspace(0, delta, 401)
    inner = np.trapezoid(grid**2 * np.exp(-(grid**2) / (2 * s**2)), grid)
    rate, edge = delta / s**2, np.exp(-(delta**2) / (2 * s**2))
    outer = edge * (delta**2 / rate + 2 * delta / rate**2 + 2 / rate**3)
    return float(np.sqrt(2 * (inner + outer) / _normaliser(np.array(s), delta)))


def _normaliser(s: Array, delta: float) -> Array:
    from scipy.special import erf

    centre = s * np.sqrt(2 * np.pi)
    if not np.isfinite(delta):
        return np.asarray(centre)
    ratio = delta / s
    return np.asarray(centre * erf(ratio / np.sqrt(2)) + 2 * s / ratio * np.exp(-(ratio**2) / 2))


def _scales(total: Array, n_points: float, delta: float) -> Array:
    """Find the scale of most likelihood: closed form for the normal, else by ternary search in its logarithm."""
    mean = total / n_points
    normal = np.sqrt(2 * mean)
    if not np.isfinite(delta):
        return np.asarray(normal)
    # between the normal's scale and that of the two-sided exponential, s^2 = delta * mean absolute residual
    other = np.sqrt(mean + delta**2)
    low, high = np.log(np.minimum(normal, np.sqrt(mean)) / 4), np.log(np.maximum(normal, other) * 4)
    for _ in range(90):
        a, b = low + (high - low) / 3, high - (high - low) / 3
        left, right = (n_points * np.log(_normaliser(np.exp(v), delta)) + total / np.exp(2 * v) for v in (a, b))
        low, high = np.where(left > right, a, low), np.where(left > right, high, b)
    return np.asarray(np.exp((low + high) / 2))

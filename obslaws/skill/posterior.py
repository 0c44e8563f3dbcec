"""From the posterior of the latent scale to predictive distributions of scores.

In: means and covariances on the logit scale, benchmark parameters, noise. Out: distribution function and quantiles of
the score that would be measured: logistic-normal between floor and ceiling, plus Student-t noise, averaged over the
fits of an ensemble. Conditioning on scores already known of a model happens here too, without a refit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri, stdtr

from obslaws.forecasters.base import Predictive
from obslaws.links import logistic

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["LatentPredictive", "condition", "settle"]

_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(33)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def condition(
    mean: Array,
    cov: Array,
    scores: Array,
    floor: Array,
    ceiling: Array,
    noise_var: Array,
    n_items: Array,
    dof: float,
    max_iter: int = 30,
) -> tuple[Array, Array]:
    """Update one model's logits by scores that are known of it: Gauss-Newton with Student-t weights, then Laplace.

    Parameters
    ----------
    mean : ndarray of shape (J,)
        Prior mean of the logits.
    cov : ndarray of shape (J, J)
        Prior covariance.
    scores : ndarray of shape (J,)
        Fractions, NaN unknown.
    floor, ceiling : ndarray of shape (J,)
    noise_var, n_items : ndarray of shape (J,)
    dof : float

    Returns
    -------
    tuple of ndarray
        Posterior mean (J,) and covariance (J, J).
    """
    at = np.flatnonzero(np.isfinite(scores))
    if not len(at):
        return mean, cov
    cross, inner = cov[:, at], cov[np.ix_(at, at)]
    gap, noise, worth = settle(
        mean[at], inner, scores[at], floor[at], ceiling[at], noise_var[at], n_items[at], dof, max_iter
    )
    taken = np.linalg.solve(inner + np.diag(worth), cross.T)
    return mean + cross @ np.linalg.solve(inner + np.diag(noise), gap), cov - cross @ taken


def settle(
    mean: Array,
    cov: Array,
    scores: Array,
    floor: Array,
    ceiling: Array,
    noise_var: Array,
    n_items: Array,
    dof: float,
    max_iter: int = 30,
) -> tuple[Array, Array, Array]:
    """Turn n scores into observations of their logits, linearised at the mode and weighed by how far off they are.

    Parameters
    ----------
    mean : ndarray of shape (n,)
        Prior mean of the logits, of one model or of several.
    cov : ndarray of shape (n, n)
        Prior covariance.
    scores : ndarray of shape (n,)
        Fractions.
    floor, ceiling, noise_var, n_items : ndarray of shape (n,)
        Of the benchmark of each score.
    dof : float
    max_iter : int

    Returns
    -------
    tuple of ndarray
        Observed minus expected logit (n,), its noise variance at the mode (n,), and the noise variance that says what
        the observation is worth to the covariance (n,).
    """
    room = ceiling - floor
    logit = mean.copy()
    # a Student-t tells less than its curvature at the mode pretends: its Fisher information is what it tells on average
    fisher = (dof + 1.0) / (dof + 3.0)
    for _ in range(max_iter):
        share = logistic(logit)
        expected = floor + room * share
        slope = np.maximum(room * share * (1.0 - share), 1e-4)
        residual = scores - expected
        p = np.clip(expected, 0.01, 0.99)
        variance = noise_var + p * (1.0 - p) / n_items
        robust = (dof + 1.0) / (dof + residual**2 / variance)
        # the working observation of the linearised logit, with its variance
        gap = logit + residual / slope - mean
        noise = variance / robust / slope**2
        moved = mean + cov @ np.linalg.solve(cov + np.diag(noise), gap)
        step = np.clip(moved - logit, -2.0, 2.0)
        logit = logit + step
        if np.abs(step).max() < 1e-8:
            break
    worth = np.minimum(robust, 1.0) * fisher  # an outlier tells even less
    return gap, noise, variance / worth / slope**2


@dataclass(frozen=True)
class LatentPredictive(Predictive):
    """Scores whose logit is normal, between floor and ceiling, measured with Student-t noise; K fits averaged.

    Parameters
    ----------
    logit, logit_sd : ndarray of shape (K, n, J)
        Mean and standard deviation on the latent scale.
    floor, ceiling : ndarray of shape (K, J)
        Fractions.
    noise_var : ndarray of shape (K, J)
        Squared scale of the noise beyond item sampling.
    weight : ndarray of shape (K,)
        Weight of each fit; sums to 1.
    n_items : ndarray of shape (J,)
        Questions per benchmark, inf where unknown.
    dof : float
        Degrees of freedom of the noise.
    stretch : ndarray of shape (n, J)
        Factor on both spreads, learned by replaying forecasts inside the training data; 1 for none.
    basis : ndarray of str, shape (n, J)
    """

    logit: Array
    logit_sd: Array
    floor: Array
    ceiling: Array
    noise_var: Array
    weight: Array
    n_items: Array
    dof: float
    stretch: Array
    basis: NDArray[np.str_]

    @cached_property
    def point(self) -> Array:
        """Weighted mean of the fits' medians; shape (n, J)."""
        scores = self.floor[:, None] + (self.ceiling - self.floor)[:, None] * logistic(self.logit)
        return np.asarray(np.clip(np.tensordot(self.weight, scores, axes=1), 0.0, 1.0))

    @cached_property
    def _mixture(self) -> tuple[Array, Array]:
        spread = self.logit[..., None] + (self.stretch * self.logit_sd)[..., None] * _NODES
        room = (self.ceiling - self.floor)[:, None, :, None]
        expected = self.floor[:, None, :, None] + room * logistic(spread)
        p = np.clip(expected, 0.01, 0.99)
        scale = np.sqrt(self.noise_var[:, None, :, None] + p * (1.0 - p) / self.n_items[:, None])
        return expected, scale * self.stretch[..., None]

    def cdf(self, scores: Array) -> Array:
        """Probability of a score at or below the given one.

        Parameters
        ----------
        scores : ndarray of shape (n, J)
            Fractions; NaN gives NaN.

        Returns
        -------
        ndarray of shape (n, J)
        """
        expected, scale = self._mixture
        below = stdtr(self.dof, (scores[..., None] - expected) / scale) @ _WEIGHTS
        return np.asarray(np.tensordot(self.weight, below, axes=1))

    def normal_score(self, scores: Array) -> Array:
        """Express each measured score as a standard normal deviate under the prediction; shape (n, J)."""
        return np.asarray(ndtri(np.clip(self.cdf(scores), 1e-9, 1.0 - 1e-9)))

    def quantile(self, share: float) -> Array:
        """Quantile, see `Predictive.quantile`; by bisection of the distribution function to 1e-7."""
        expected, scale = self._mixture
        low = (expected - 12.0 * scale).min(axis=(0, -1))
        high = (expected + 12.0 * scale).max(axis=(0, -1))
        for _ in range(26):
            middle = 0.5 * (low + high)
            below = self.cdf(middle) < share
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        out = np.clip(0.5 * (low + high), 0.0, 1.0)
        return np.minimum(out, self.point) if share <= 0.5 else np.maximum(out, self.point)

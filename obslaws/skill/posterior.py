"""From the posterior of the latent scale to predictive distributions of scores.

In: means and covariances on the logit scale, benchmark parameters, noise. Out: distribution function and quantiles of
the score that would be measured: the logistic of a heavy-tailed logit between floor and ceiling, plus Student-t noise,
averaged over the fits of an ensemble. Conditioning on scores already known of a model happens here too, without a
refit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import ndtri

from obslaws.forecasters.base import Predictive
from obslaws.links import logistic
from obslaws.skill.student import heavy, student_t

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["NODES", "NODE_WEIGHTS", "NORMAL_NODES", "LatentPredictive", "condition", "settle"]

# the trapezoidal rule: closer together than those of Gauss and Hermite, so that little noise makes small steps
NORMAL_NODES = np.linspace(-4.5, 4.5, 33)
NODES = heavy(NORMAL_NODES)
NODE_WEIGHTS = np.exp(-0.5 * NORMAL_NODES**2) / np.exp(-0.5 * NORMAL_NODES**2).sum()
_AT_ONCE = 2048  # cells whose quantiles are sought side by side: what fits the cache


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
    """Update logits by scores that are known of the models: Gauss-Newton with Student-t weights, then Laplace.

    Parameters
    ----------
    mean : ndarray of shape (J,) or (n, J)
        Prior mean of the logits, of one model or of n.
    cov : ndarray of shape (J, J) or (n, J, J)
        Prior covariance.
    scores : ndarray of shape (J,) or (n, J)
        Fractions, NaN unknown.
    floor, ceiling, noise_var : ndarray of shape (J,) or (n, J)
    n_items : ndarray of shape (J,)
    dof : float

    Returns
    -------
    tuple of ndarray
        Posterior mean and covariance, of the shapes of the prior ones.
    """
    if mean.ndim == 1:
        one = condition(mean[None], cov[None], scores[None], floor, ceiling, noise_var, n_items, dof, max_iter)
        return one[0][0], one[1][0]
    known = np.isfinite(scores)
    count = known.sum(axis=1)
    mean, cov = mean.copy(), cov.copy()
    floor, ceiling, noise_var, n_items = (np.broadcast_to(a, mean.shape) for a in (floor, ceiling, noise_var, n_items))
    for k in np.unique(count[count > 0]):  # side by side, models of whom as much is known
        rows = np.flatnonzero(count == k)
        at, i = np.nonzero(known[rows])[1].reshape(len(rows), k), rows[:, None]
        inner = cov[i[:, :, None], at[:, :, None], at[:, None, :]]
        cross = cov[i[:, :, None], at[:, :, None], np.arange(mean.shape[1])]  # (rows, k, J)
        gap, noise, worth = settle(
            mean[i, at], inner, scores[i, at], floor[i, at], ceiling[i, at], noise_var[i, at], n_items[i, at], dof,
            max_iter,
        )  # fmt: skip
        across = np.swapaxes(cross, 1, 2)
        mean[rows] += (across @ np.linalg.solve(inner + _diagonal(noise), gap[..., None]))[..., 0]
        cov[rows] -= across @ np.linalg.solve(inner + _diagonal(worth), cross)
    return mean, cov


def _pulled(cov: Array, noise: Array, gap: Array) -> Array:
    """How far n logits move with what was observed of them, ``cov (cov + noise)^-1 gap``; shape (..., n)."""
    if gap.shape[-1] == 1:
        return np.asarray(cov[..., 0] / (cov[..., 0] + noise) * gap)
    return np.asarray((cov @ np.linalg.solve(cov + _diagonal(noise), gap[..., None]))[..., 0])


def _diagonal(values: Array) -> Array:
    """Diagonal matrices: (..., n) -> (..., n, n)."""
    return np.asarray(values[..., None] * np.eye(values.shape[-1]))


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
    mean : ndarray of shape (..., n)
        Prior mean of the logits, of one model or of several; each of the leading dimensions stands by itself.
    cov : ndarray of shape (..., n, n)
        Prior covariance.
    scores : ndarray of shape (..., n)
        Fractions.
    floor, ceiling, noise_var, n_items : ndarray of shape (..., n)
        Of the benchmark of each score.
    dof : float
    max_iter : int

    Returns
    -------
    tuple of ndarray
        Observed minus expected logit, its noise variance at the mode, and the noise variance that says what the
        observation is worth to the covariance; each of shape (..., n).
    """
    room = ceiling - floor
    logit = mean.copy()
    # a Student-t tells less than its curvature at the mode pretends: its Fisher information is what it tells on average
    fisher = (dof + 1.0) / (dof + 3.0)
    moving = np.ones((*mean.shape[:-1], 1), dtype=bool)
    for _ in range(max_iter):
        share = logistic(logit)
        lift = room * share
        expected = floor + lift
        slope = np.maximum(lift * (1.0 - share), 1e-4)
        residual = scores - expected
        p = expected.clip(0.01, 0.99)
        variance = noise_var + p * (1.0 - p) / n_items
        robust = (dof + 1.0) / (dof + residual**2 / variance)
        # the working observation of the linearised logit, with its variance
        gap = logit + residual / slope - mean
        noise = variance / robust / slope**2
        moved = mean + _pulled(cov, noise, gap)
        step = np.where(moving, (moved - logit).clip(-2.0, 2.0), 0.0)
        logit = logit + step
        moving = moving & (np.abs(step).max(axis=-1, keepdims=True) >= 1e-8)
        if not moving.any():
            break
    worth = np.minimum(robust, 1.0) * fisher  # an outlier tells even less
    return gap, noise, variance / worth / slope**2


@dataclass(frozen=True)
class LatentPredictive(Predictive):
    """Scores whose logit is spread as `heavy` has it, between floor and ceiling, with Student-t noise; K fits averaged.

    Parameters
    ----------
    logit, logit_sd : ndarray of shape (K, n, J)
        Mean and posterior standard deviation on the latent scale.
    floor, ceiling : ndarray of shape (K, J) or (K, n, J)
        Fractions.
    noise_var : ndarray of shape (K, J) or (K, n, J)
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
    open_var : ndarray of shape (K, n, J), optional
        Squared scale that ceilings which the data leave open add to the noise, squared fractions; none by default.
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
    open_var: Array | None = None

    @cached_property
    def point(self) -> Array:
        """Weighted mean of the fits' medians; shape (n, J)."""
        floor, ceiling, _ = self._curves
        scores = floor + (ceiling - floor) * logistic(self.logit)
        return np.asarray(np.clip(np.tensordot(self.weight, scores, axes=1), 0.0, 1.0))

    @property
    def _curves(self) -> Iterator[Array]:
        """Floors, ceilings and noise, each of shape (K, n or 1, J)."""
        return (part.reshape(len(part), -1, part.shape[-1]) for part in (self.floor, self.ceiling, self.noise_var))

    @cached_property
    def _mixture(self) -> tuple[Array, Array]:
        spread = self.logit[..., None] + (self.stretch * self.logit_sd)[..., None] * NODES
        floor, ceiling, noise = self._curves
        expected = floor[..., None] + (ceiling - floor)[..., None] * logistic(spread)
        p = np.clip(expected, 0.01, 0.99)
        noise = noise if self.open_var is None else noise + self.open_var
        scale = np.sqrt(noise[..., None] + p * (1.0 - p) / self.n_items[:, None])
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
        below = student_t((scores[..., None] - expected) / scale, self.dof)[0] @ NODE_WEIGHTS
        return np.asarray(np.tensordot(self.weight, below, axes=1))

    def normal_score(self, scores: Array) -> Array:
        """Express each measured score as a standard normal deviate under the prediction; shape (n, J)."""
        return np.asarray(ndtri(np.clip(self.cdf(scores), 1e-9, 1.0 - 1e-9)))

    def quantile(self, share: float) -> Array:
        """Quantile, see `Predictive.quantile`; by Newton's method between bounds, to 1e-9."""
        expected, scale = (np.moveaxis(a, 0, -2).reshape(self.point.size, -1) for a in self._mixture)
        weight = np.outer(self.weight, NODE_WEIGHTS).ravel()
        out = np.empty(len(expected))
        for first in range(0, len(out), _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            out[some] = _inverted(share, self.point.ravel()[some], expected[some], scale[some], weight, self.dof)
        out = np.clip(out.reshape(self.point.shape), 0.0, 1.0)
        return np.minimum(out, self.point) if share <= 0.5 else np.maximum(out, self.point)


def _inverted(share: float, start: Array, expected: Array, scale: Array, weight: Array, dof: float) -> Array:
    """Invert n mixtures of m Student distributions each; `start` (n,), `expected` and `scale` (n, m), `weight` (m,)."""
    low, high = (expected - 12.0 * scale).min(axis=1), (expected + 12.0 * scale).max(axis=1)
    out, at = np.clip(start, low, high), np.arange(len(start))
    for _ in range(80):
        below, density = student_t((out[at, None] - expected) / scale, dof)
        over = below @ weight - share
        low[at], high[at] = np.where(over < 0.0, out[at], low[at]), np.where(over < 0.0, high[at], out[at])
        there = out[at] - over / np.maximum((density / scale) @ weight, 1e-300)
        there = np.where((there > low[at]) & (there < high[at]), there, 0.5 * (low[at] + high[at]))
        step, out[at] = np.abs(there - out[at]), there
        far = (step > 1e-9) & (high[at] - low[at] > 1e-9)
        if not far.any():
            break
        at, expected, scale = at[far], expected[far], scale[far]
    return out

"""Skills with random family effects and a beta likelihood, after Cai et al. (2025).

score ~ Beta(precision_j mu, precision_j (1 - mu)), mu = floor_j + (1 - floor_j) logistic(b_j + loading_j . theta),
theta = effect of the family + slopes' x, effects normal with unit variance (loadings are free, so that the correlation
of effects that the paper estimates is in them). Not the paper's estimator: effects are not integrated out by Monte
Carlo, the joint density of effects and parameters is maximised by quasi-Newton with analytic gradients, and Laplace's
method gives the effects' covariance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln, polygamma

from obslaws.links import logistic
from obslaws.peers.lowrank import Factors, fit_low_rank

__all__ = ["BetaModel", "fit_beta"]

Array = NDArray[np.float64]

EDGE = 1e-3  # scores are kept this far from 0 and 1, where a beta density has none
NEAR = 1e-6
PRECISION = (1.0, 1e4)


@dataclass(frozen=True)
class BetaModel:
    """A fitted model.

    Parameters
    ----------
    effects : ndarray of shape (F, d)
        Posterior mode of each family.
    effect_cov : ndarray of shape (F, d, d)
        Laplace's covariance of it.
    slopes : ndarray of shape (p, d)
    loadings : ndarray of shape (J, d)
    offsets, precisions : ndarray of shape (J,)
    log_posterior : float
        Joint log density at the modes.
    n_iter : int
    """

    effects: Array
    effect_cov: Array
    slopes: Array
    loadings: Array
    offsets: Array
    precisions: Array
    log_posterior: float
    n_iter: int


def fit_beta(data: Factors, n_skills: int, max_iter: int = 400) -> BetaModel:
    """Alternate between the families' effects with everything else, and the precisions.

    Parameters
    ----------
    data : Factors
        Covariates standardised.
    n_skills : int
    max_iter : int
        Most quasi-Newton steps, over all rounds.

    Returns
    -------
    BetaModel

    References
    ----------
    .. [1] Cai et al. (2025), arXiv 2512.06553: model and likelihood. There 10,000 Monte Carlo draws per step and Adam.
    """
    from scipy.optimize import minimize

    known = np.isfinite(data.scores)
    Y = np.clip(np.where(known, data.scores, 0.5), EDGE, 1.0 - EDGE)
    n, J = Y.shape
    F = int(data.family.max()) + 1
    start = fit_low_rank(data, n_skills, tolerance=1e-3, max_iter=30)
    d = start.loadings.shape[1]
    member = np.zeros((F, n))
    member[data.family, np.arange(n)] = 1.0
    # effects of unit variance around zero; their mean goes into the offsets
    centre, spread = start.intercepts.mean(axis=0), np.maximum(start.intercepts.std(axis=0), 1e-3)
    parts = [np.clip((start.intercepts - centre) / spread, -3, 3), start.slopes / spread, start.loadings * spread,
             start.offsets + start.loadings @ centre]  # fmt: skip
    shapes = [part.shape for part in parts]
    cuts = np.cumsum([0, *(part.size for part in parts)])
    weak = (1.0, 1e-2, 1e-2, 1e-3)  # precision of the normal priors; the first is the model's, the others only hold
    phi = np.full(J, 30.0)

    def split(z: Array) -> list[Array]:
        return [z[a:b].reshape(s) for a, b, s in zip(cuts[:-1], cuts[1:], shapes, strict=True)]

    def minus_log(z: Array) -> tuple[float, Array]:
        effects, slopes, loadings, offsets = split(z)
        theta = effects[data.family] + data.covariates @ slopes
        mu, rate = _mean(theta @ loadings.T + offsets, data.score_floor)
        value = _log_beta(Y, mu, phi)[known].sum()
        by_mu = phi * (np.log(Y) - np.log1p(-Y) - digamma(mu * phi) + digamma((1.0 - mu) * phi))
        by_eta = np.where(known, by_mu * rate, 0.0)
        by_theta = by_eta @ loadings
        gradient = [member @ by_theta, data.covariates.T @ by_theta, by_eta.T @ theta, by_eta.sum(axis=0)]
        prior = sum(0.5 * w * (part**2).sum() for w, part in zip(weak, split(z), strict=True))
        flat = np.concatenate([(g - w * q).ravel() for g, w, q in zip(gradient, weak, split(z), strict=True)])
        return float(prior - value), -flat

    z = np.concatenate([part.ravel() for part in parts])
    rounds, taken, value = 4, 0, np.inf
    for _ in range(rounds):
        phi = _precision(Y, known, split(z), data, phi)
        found = minimize(
            minus_log, z, jac=True, method="L-BFGS-B", options={"maxiter": max_iter // rounds, "maxcor": 20}
        )
        z, value, taken = found.x, float(found.fun), taken + int(found.nit)
    phi = _precision(Y, known, split(z), data, phi)
    effects, slopes, loadings, offsets = split(z)
    mu, rate = _mean((effects[data.family] + data.covariates @ slopes) @ loadings.T + offsets, data.score_floor)
    weight = np.where(known, phi**2 * (polygamma(1, mu * phi) + polygamma(1, (1.0 - mu) * phi)) * rate**2, 0.0)
    outer = (loadings[:, :, None] * loadings[:, None, :]).reshape(J, d * d)
    precision = (member @ weight @ outer).reshape(F, d, d) + np.eye(d)
    covariance = np.asarray(np.linalg.inv(precision), dtype=float)
    return BetaModel(effects, covariance, slopes, loadings, offsets, phi, -value, taken)


def _mean(eta: Array, floor: Array) -> tuple[Array, Array]:
    share = logistic(eta)
    mu = np.clip(floor + (1.0 - floor) * share, NEAR, 1.0 - NEAR)
    return mu, (1.0 - floor) * share * (1.0 - share)


def _log_beta(Y: Array, mu: Array, phi: Array) -> Array:
    a, b = mu * phi, (1.0 - mu) * phi
    out: Array = gammaln(phi) - gammaln(a) - gammaln(b) + (a - 1.0) * np.log(Y) + (b - 1.0) * np.log1p(-Y)
    return out


def _precision(Y: Array, known: NDArray[np.bool_], parts: list[Array], data: Factors, phi: Array) -> Array:
    """Newton steps on the log of each benchmark's precision, with a wide normal prior around 30."""
    effects, slopes, loadings, offsets = parts
    mu, _ = _mean((effects[data.family] + data.covariates @ slopes) @ loadings.T + offsets, data.score_floor)
    u = np.log(phi)
    for _ in range(30):
        phi = np.exp(u)
        a, b = mu * phi, (1.0 - mu) * phi
        first = digamma(phi) - mu * digamma(a) - (1 - mu) * digamma(b) + mu * np.log(Y) + (1 - mu) * np.log1p(-Y)
        second = polygamma(1, phi) - mu**2 * polygamma(1, a) - (1 - mu) ** 2 * polygamma(1, b)
        g = np.where(known, first, 0.0).sum(axis=0) * phi - (u - np.log(30.0)) / 4.0
        h = np.where(known, second, 0.0).sum(axis=0) * phi**2 + np.where(known, first, 0.0).sum(axis=0) * phi - 0.25
        step = np.clip(-g / np.minimum(h, -1e-3), -1.0, 1.0)
        u = np.clip(u + step, *np.log(PRECISION))
        if np.abs(step).max() < 1e-6:
            break
    return np.exp(u)

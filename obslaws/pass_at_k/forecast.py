"""Coverage beyond the samples drawn: the exponentiated power law, and a beta distribution of problem difficulty."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from obslaws.errors import FitError, UnknownNameError
from obslaws.laws.registry import law
from obslaws.laws.solver import solve
from obslaws.pass_at_k.estimate import check_counts, pass_at_k

__all__ = ["METHODS", "CoverageFit", "curve", "fit_coverage"]

Array = NDArray[np.float64]

METHODS = ("beta-binomial", "zero-inflated", "power-law")
_LEAST = 5  # problems
_MOST_STEPS = 200


@dataclass(frozen=True)
class CoverageFit:
    """A fitted model of coverage.

    Parameters
    ----------
    method : str
    params : dict of str to float
        ``alpha``, ``beta`` of the beta distribution and ``unsolvable``, the share of problems that no number of samples
        solves; or ``a``, ``b`` of the power law.
    draws : ndarray of shape (n_draws, n_params)
        Problems resampled.
    aic : float
        Of the counts; NaN for the power law, which is no model of counts.
    n_problems : int
    most_samples : float
        Smallest number of samples drawn for a problem.
    """

    method: str
    params: dict[str, float]
    draws: Array
    aic: float
    n_problems: int
    most_samples: float

    def coverage(self, k: ArrayLike, level: float = 0.9) -> pd.DataFrame:
        """Forecast coverage.

        Parameters
        ----------
        k : array_like of shape (n_k,)
            Samples per problem, also more than were drawn.
        level : float

        Returns
        -------
        DataFrame
            k, coverage, lower, upper, level, distance (decades beyond the samples drawn).
        """
        size = np.atleast_1d(np.asarray(k, dtype=float))
        middle = curve(self.method, np.array([[*self.params.values()]]), size)[0]
        drawn = curve(self.method, self.draws, size)
        lower, upper = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
        far = np.maximum(np.log10(size / self.most_samples), 0.0)
        return pd.DataFrame(
            {"k": size, "coverage": middle, "lower": lower, "upper": upper, "level": level, "distance": far}
        )


def fit_coverage(
    counts: pd.DataFrame,
    method: str = "beta-binomial",
    n_draws: int = 300,
    random_state: int = 0,
    where: str = "coverage",
) -> CoverageFit:
    """Fit coverage to counts.

    Parameters
    ----------
    counts : DataFrame
        problem, n_samples, n_correct.
    method : {"beta-binomial", "zero-inflated", "power-law"}
        Success probabilities of problems follow a beta distribution; the same with a share of problems that are never
        solved; or exp(a k^b) fitted to the unbiased estimates.
    n_draws : int
        Bootstrap samples of problems.
    random_state : int
    where : str
        File and model, for messages.

    Returns
    -------
    CoverageFit

    Raises
    ------
    UnknownNameError
        No such method.
    FitError
        Fewer than five problems, or none solved.

    References
    ----------
    .. [1] Brown et al. (2024), arXiv:2407.21787, equations 2 and 3 (power law).
    .. [2] Schaeffer et al. (2025), arXiv:2502.17578, coverage from the distribution of success probabilities.
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    checked = check_counts(counts)
    n, c = checked["n_samples"].to_numpy(), checked["n_correct"].to_numpy()
    if len(n) < _LEAST or c.sum() == 0:
        raise FitError(
            f"{where}: {len(n)} problems, {int(c.sum())} correct samples; "
            f"expected at least {_LEAST} problems and one correct sample."
        )
    rng = np.random.default_rng(random_state)
    weights = rng.multinomial(len(n), np.full(len(n), 1 / len(n)), size=n_draws).astype(float)
    weights = np.vstack([np.ones(len(n)), weights])
    weights = weights[weights @ c > 0]  # a sample without any success says nothing of the curve
    if method == "power-law":
        theta, aic = _power_law(n, c, weights), np.nan
        names: tuple[str, ...] = ("a", "b")
    else:
        theta, likelihood = _beta(n, c, weights, method == "zero-inflated")
        names = ("alpha", "beta", "unsolvable")
        aic = 2 * (2 + (method == "zero-inflated")) - 2 * likelihood
    params = dict(zip(names, map(float, theta[0]), strict=True))
    return CoverageFit(method, params, theta[1:], float(aic), len(n), float(n.min()))


def curve(method: str, theta: Array, k: Array) -> Array:
    """Evaluate a method's coverage: theta of shape (n_draws, n_params), k of shape (n_k,), result (n_draws, n_k)."""
    from scipy.special import betaln

    a, b = theta[:, 0, None], theta[:, 1, None]
    if method == "power-law":
        return np.asarray(np.exp(a * k**b))
    return np.asarray((1 - theta[:, 2, None]) * -np.expm1(betaln(a, b + k) - betaln(a, b)))


def _power_law(n: Array, c: Array, weights: Array) -> Array:
    """Fit every sample's curve of estimates by least squares on log coverage, all in one batch."""
    k = np.unique(np.round(np.geomspace(1, n.min(), 25)))
    estimates = weights @ pass_at_k(n, c, k) / weights.sum(axis=1, keepdims=True)
    one = law("coverage")
    shown = estimates[0] > 0
    fit = one.fit({"n_samples": k[shown]}, estimates[0][shown], delta=np.inf, n_starts=40)
    out = [fit.params.to_numpy()]
    for one_curve in estimates[1:]:
        own = one_curve > 0
        if own.sum() < 2:
            out.append(out[0])
            continue
        points = {"n_samples": k[own]}
        problem = type(fit.problem)(one, points, one_curve[own], "log", np.inf, fit.problem.lower, fit.problem.upper)
        out.append(problem.theta(solve(problem, fit.z[None], max_iter=60, tol=1e-8).z)[0])
    return np.array(out)


def _beta(n: Array, c: Array, weights: Array, inflated: bool) -> tuple[Array, float]:
    """Maximise the (zero-inflated) beta-binomial likelihood of every sample by damped Newton steps, in one batch.

    On log alpha, log beta and the logit of the unsolvable share. Problems with the same counts are one.
    """
    pairs, inverse = np.unique(np.column_stack([n, c]), axis=0, return_inverse=True)
    grouped = np.zeros((len(weights), len(pairs)))
    np.add.at(grouped.T, inverse.ravel(), weights.T)
    mean = float(np.clip(c.sum() / n.sum(), 1e-4, 1 - 1e-4))
    z = np.tile([np.log(0.5 * mean), np.log(0.5), -2.0 if inflated else -40.0], (len(weights), 1))
    k = 3 if inflated else 2
    value, gradient, hessian = _likelihood(z, pairs, grouped)
    damping = np.full(len(z), 1.0)
    for _ in range(_MOST_STEPS):
        eye = np.eye(k) * (damping[:, None, None] * np.abs(np.einsum("bkk->bk", hessian[:, :k, :k]))[:, :, None] + 1e-9)
        step = np.linalg.solve(-hessian[:, :k, :k] + eye, gradient[:, :k, None])[:, :, 0]
        trial = z.copy()
        trial[:, :k] = np.clip(z[:, :k] + np.clip(step, -2, 2), -14, 14)
        fresh = _likelihood(trial, pairs, grouped)
        better = fresh[0] > value
        gain = np.where(better, fresh[0] - value, 0.0)
        z = np.where(better[:, None], trial, z)
        value = np.where(better, fresh[0], value)
        gradient = np.where(better[:, None], fresh[1], gradient)
        hessian = np.where(better[:, None, None], fresh[2], hessian)
        damping = np.where(better, damping * 0.2, np.minimum(damping * 5, 1e9))
        if ((gain < 1e-9 * np.abs(value)) & (better | (damping > 1e6))).all():
            break
    theta = np.column_stack([np.exp(z[:, 0]), np.exp(z[:, 1]), 1 / (1 + np.exp(-z[:, 2]))])
    return theta, float(value[0] + grouped[0] @ _log_choose(pairs))


def _log_choose(pairs: Array) -> Array:
    from scipy.special import gammaln

    n, c = pairs.T
    return np.asarray(gammaln(n + 1) - gammaln(c + 1) - gammaln(n - c + 1))


def _likelihood(z: Array, pairs: Array, weights: Array) -> tuple[Array, Array, Array]:
    """Log-likelihood without binomial coefficients, its gradient, and the outer product of scores as curvature."""
    from scipy.special import betaln, psi

    n, c = pairs.T[:, None, :]
    a, b = np.exp(z[:, 0, None]), np.exp(z[:, 1, None])
    none = 1 / (1 + np.exp(-z[:, 2, None]))
    beta = betaln(a + c, b + n - c) - betaln(a, b)
    solvable = np.log1p(-none) + beta
    log_p = np.where(c == 0, np.logaddexp(np.log(none), solvable), solvable)
    share = np.exp(solvable - log_p)  # that the problem is a solvable one
    total = psi(a + b + n) - psi(a + b)
    by_a = share * a * (psi(a + c) - psi(a) - total)
    by_b = share * b * (psi(b + n - c) - psi(b) - total)
    by_none = (1 - share) - none
    scores = np.stack([by_a, by_b, by_none], axis=1)
    value = (weights * log_p).sum(axis=1)
    gradient = (weights[:, None, :] * scores).sum(axis=2)
    curvature = -np.einsum("bin,bjn,bn->bij", scores, scores, weights)
    return value, gradient, curvature

"""Gaussian factor models of score tables with missing cells, fitted by the exact likelihood of what was observed.

Scores of a model are normal with covariance W W' + diag(noise); one noise for all benchmarks makes it probabilistic
principal components, one for each makes it factor analysis. A missing cell is integrated out, which for a normal means
that its row and column leave the covariance. Models with the same cells missing are handled together, and all patterns
at once: the cost is one small Cholesky factor per pattern and step, whatever the number of models. Called by the
transformers of this room.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from obslaws.errors import FitError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["FactorModel", "Patterns", "fit_factor_model", "log_likelihood", "missing_patterns"]

NOISE_FLOOR = 0.005  # share of a benchmark's variance below which its noise may not fall, as in R's factanal
_SHARED_FLOOR = 1e-8  # the same for one shared noise, which only reaches zero when factors outnumber the models
_EM_PASSES = 20


@dataclass(frozen=True)
class Patterns:
    """Models grouped by which of their cells are observed: P patterns, J benchmarks, zeros where not observed.

    Parameters
    ----------
    seen : ndarray of bool, shape (P, J)
        Observed benchmarks of each pattern; at least one.
    which : ndarray of int, shape (n,)
        Pattern of each model, -1 for a model without any score.
    n : ndarray of shape (P,)
        Count of models.
    mean : ndarray of shape (P, J)
        Of their scores.
    scatter : ndarray of shape (P, J, J)
        Sum of squares and products about that mean.
    """

    seen: NDArray[np.bool_]
    which: NDArray[np.intp]
    n: Array
    mean: Array
    scatter: Array


@dataclass(frozen=True)
class FactorModel:
    """Normal distribution of score rows: J benchmarks, q factors.

    Parameters
    ----------
    mean : ndarray of shape (J,)
        Fractions.
    loadings : ndarray of shape (J, q)
        W, in score units per standard deviation of a factor; any rotation of it fits as well.
    noise : ndarray of shape (J,)
        Variances beside the factors.
    log_likelihood : float
        Of the observed cells.
    n_iter : int
        Passes of EM and steps of L-BFGS together.
    converged : bool
        Whether the gradient vanished, to the tolerance.
    """

    mean: Array
    loadings: Array
    noise: Array
    log_likelihood: float
    n_iter: int
    converged: bool

    @property
    def covariance(self) -> Array:
        """W W' + diag(noise), shape (J, J)."""
        return self.loadings @ self.loadings.T + np.diag(self.noise)

    def fill(self, scores: Array) -> Array:
        """Fill in missing cells with their expectation given the observed ones of the same row.

        Parameters
        ----------
        scores : ndarray of shape (n, J)
            NaN missing.

        Returns
        -------
        ndarray of shape (n, J)
            Observed cells unchanged; a row without any stays missing.
        """
        filled, covariance = scores.copy(), self.covariance
        for rows, seen, hidden in _groups(scores):
            if len(hidden):
                weights = np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[np.ix_(seen, hidden)])
                drawn = self.mean[hidden] + (scores[np.ix_(rows, seen)] - self.mean[seen]) @ weights
                filled[np.ix_(rows, hidden)] = drawn
        return filled

    def factors(self, scores: Array) -> tuple[Array, Array]:
        """Expect the factors of models given their observed cells.

        Parameters
        ----------
        scores : ndarray of shape (n, J)
            NaN missing.

        Returns
        -------
        mean : ndarray of shape (n, q)
            Missing for a row without any score.
        covariance : ndarray of shape (n, q, q)
            The identity, which is the prior, for such a row.
        """
        q = self.loadings.shape[1]
        mean = np.full((len(scores), q), np.nan)
        covariance = np.tile(np.eye(q), (len(scores), 1, 1))
        for rows, seen, _ in _groups(scores):
            weighted = self.loadings[seen] / self.noise[seen, None]
            spread = np.linalg.inv(np.eye(q) + self.loadings[seen].T @ weighted)
            mean[rows] = (scores[np.ix_(rows, seen)] - self.mean[seen]) @ weighted @ spread
            covariance[rows] = spread
        return mean, covariance


def missing_patterns(scores: Array) -> Patterns:
    """Group models by which of their cells are observed.

    Parameters
    ----------
    scores : ndarray of shape (n, J)
        NaN missing.

    Returns
    -------
    Patterns
    """
    known = ~np.isnan(scores)
    seen, which = np.unique(known, axis=0, return_inverse=True)
    which = which.ravel()
    if len(seen) and not seen[0].any():  # sorted, so a pattern without cells comes first
        seen, which = seen[1:], which - 1
    width = scores.shape[1]
    n, mean, scatter = np.zeros(len(seen)), np.zeros((len(seen), width)), np.zeros((len(seen), width, width))
    for at in range(len(seen)):
        rows = np.where(known[which == at], scores[which == at], 0.0)
        n[at], mean[at] = len(rows), rows.mean(axis=0)
        scatter[at] = (rows - mean[at]).T @ (rows - mean[at])
    return Patterns(seen, which, n, mean, scatter)


def _groups(scores: Array) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]]:
    """Go through the patterns: their models, observed benchmarks and hidden ones."""
    patterns = missing_patterns(scores)
    for at, seen in enumerate(patterns.seen):
        yield np.flatnonzero(patterns.which == at), np.flatnonzero(seen), np.flatnonzero(~seen)


def log_likelihood(patterns: Patterns, mean: Array, covariance: Array) -> tuple[float, Array, Array]:
    """Evaluate the normal log-likelihood of the observed cells, with its derivatives.

    Parameters
    ----------
    patterns : Patterns
    mean : ndarray of shape (J,)
    covariance : ndarray of shape (J, J)
        Positive definite.

    Returns
    -------
    value : float
    by_mean : ndarray of shape (J,)
    by_covariance : ndarray of shape (J, J)
        Symmetric: d value = sum(by_covariance * d covariance).

    References
    ----------
    .. [1] Little and Rubin (2019), Statistical Analysis with Missing Data, 3rd ed., section 11.2.
    """
    precision, log_det = _precisions(patterns, covariance)
    n, off = patterns.n, np.where(patterns.seen, patterns.mean - mean, 0.0)
    scatter = patterns.scatter + n[:, None, None] * off[:, :, None] * off[:, None, :]
    pulled = precision @ scatter
    value = -0.5 * float(n @ (patterns.seen.sum(axis=1) * np.log(2 * np.pi) + log_det) + np.einsum("pii->", pulled))
    by_mean = np.einsum("p,pij,pj->i", n, precision, off)
    return value, by_mean, 0.5 * (pulled @ precision - n[:, None, None] * precision).sum(axis=0)


def _precisions(patterns: Patterns, covariance: Array) -> tuple[Array, Array]:
    """Invert the observed part of the covariance for each pattern, zeros elsewhere; and its log determinant."""
    both = patterns.seen[:, :, None] & patterns.seen[:, None, :]
    # an unobserved benchmark stands in with variance 1: it changes neither the others' inverse nor the determinant
    padded = np.where(both, covariance, np.eye(len(covariance)))
    lower = np.linalg.cholesky(padded)
    log_det = 2.0 * np.log(np.einsum("pii->pi", lower)).sum(axis=1)
    return np.where(both, np.linalg.inv(padded), 0.0), log_det


def fit_factor_model(
    scores: Array, n_factors: int, noise: Literal["shared", "own"], tol: float = 1e-6, max_iter: int = 1000
) -> FactorModel:
    """Maximise the likelihood of the observed cells.

    Some passes of EM lead near the maximum; L-BFGS with the exact gradient finishes, where EM would creep.

    Parameters
    ----------
    scores : ndarray of shape (n, J)
        Fractions, NaN missing.
    n_factors : int
        q, less than J.
    noise : {"shared", "own"}
        One noise variance for all benchmarks (principal components) or one for each (factor analysis).
    tol : float
        Largest derivative of the log-likelihood per cell, in standardised units, that counts as zero.
    max_iter : int
        Most steps.

    Returns
    -------
    FactorModel

    Raises
    ------
    FitError
        A benchmark without any observed score, or fewer than two models with one.

    References
    ----------
    .. [1] Tipping and Bishop (1999), Probabilistic principal component analysis, JRSS B 61, 611-622.
    .. [2] Rubin and Thayer (1982), EM algorithms for ML factor analysis, Psychometrika 47, 69-76.
    """
    patterns = missing_patterns(scores)
    _check(scores, patterns)
    # one unit for shared noise, which knows no other scaling; each its own for factor analysis, which knows all
    spread = np.nanvar(scores, axis=0)
    if noise == "shared":
        spread = np.full_like(spread, spread.mean())
    unit = np.sqrt(np.where(spread > 0, spread, 1.0))
    centre = np.nanmean(scores, axis=0)
    z = (scores - centre) / unit
    patterns = missing_patterns(z)
    floor = _SHARED_FLOOR if noise == "shared" else NOISE_FLOOR
    improve = partial(_principal if noise == "shared" else _rubin_thayer, n_factors=n_factors, floor=floor)
    mean, loadings, variances = np.zeros(z.shape[1]), np.zeros((z.shape[1], n_factors)), np.ones(z.shape[1])
    mean, moments = _expected_moments(patterns, mean, np.diag(variances))
    loadings, variances = _principal(moments, loadings, variances, n_factors=n_factors, floor=floor)
    complete = not np.isnan(z).any()
    passes = 1 if complete and noise == "shared" else min(_EM_PASSES, max_iter)
    for _ in range(passes - 1):
        mean, moments = _expected_moments(patterns, mean, loadings @ loadings.T + np.diag(variances))
        loadings, variances = improve(moments, loadings, variances)
    steps, converged = passes, True
    if not (complete and noise == "shared"):
        mean, loadings, variances, more, converged = _polish(
            patterns, mean, loadings, variances, noise == "shared", floor, tol, max_iter
        )
        steps += more
    value = log_likelihood(patterns, mean, loadings @ loadings.T + np.diag(variances))[0]
    value -= float((~np.isnan(z)).sum(axis=0) @ np.log(unit))
    return FactorModel(centre + unit * mean, unit[:, None] * loadings, unit**2 * variances, value, steps, converged)


def _check(scores: Array, patterns: Patterns) -> None:
    blank = np.isnan(scores).all(axis=0)
    if blank.any():
        columns = ", ".join(map(str, np.flatnonzero(blank)))
        raise FitError(
            f"Factor model: no observed score in column {columns}. Leave the benchmark out, or add its scores."
        )
    n = int(patterns.n.sum())
    if n < 2:
        raise FitError(f"Factor model: {n} of {len(scores)} models have a score; expected at least 2.")


def _expected_moments(patterns: Patterns, mean: Array, covariance: Array) -> tuple[Array, Array]:
    """Expect mean and covariance of the complete table, given the observed cells: the E step."""
    precision, _ = _precisions(patterns, covariance)
    weights = covariance @ precision  # regression of everything on what was observed; identity on the observed part
    off = np.where(patterns.seen, patterns.mean - mean, 0.0)
    at = mean + np.einsum("pij,pj->pi", weights, off)
    total = patterns.n.sum()
    first = patterns.n @ at / total
    second = (weights @ patterns.scatter @ weights.swapaxes(1, 2)).sum(axis=0)
    second += np.einsum("p,pi,pj->ij", patterns.n, at, at)
    second += total * covariance - np.einsum("p,pij,jk->ik", patterns.n, weights, covariance)
    return first, second / total - np.outer(first, first)


def _principal(moments: Array, loadings: Array, variances: Array, n_factors: int, floor: float) -> tuple[Array, Array]:
    """Solve for shared noise in closed form, given complete moments (Tipping and Bishop, equations 7 and 8)."""
    roots, axes = np.linalg.eigh(moments)
    roots, axes = roots[::-1], axes[:, ::-1]
    shared = max(float(roots[n_factors:].mean()), floor)
    size = np.sqrt(np.maximum(roots[:n_factors] - shared, 0.0))
    return axes[:, :n_factors] * size, np.full(len(moments), shared)


def _rubin_thayer(
    moments: Array, loadings: Array, variances: Array, n_factors: int, floor: float
) -> tuple[Array, Array]:
    """Improve loadings and noises of the benchmarks, given complete moments (Rubin and Thayer, section 2)."""
    weighted = loadings / variances[:, None]
    spread = np.linalg.inv(np.eye(n_factors) + loadings.T @ weighted)
    regression = spread @ weighted.T
    crossed = moments @ regression.T
    loadings = crossed @ np.linalg.inv(spread + regression @ crossed)
    return loadings, np.maximum(np.diag(moments - loadings @ crossed.T), floor)


def _polish(
    patterns: Patterns,
    mean: Array,
    loadings: Array,
    variances: Array,
    shared: bool,
    floor: float,
    tol: float,
    max_iter: int,
) -> tuple[Array, Array, Array, int, bool]:
    from scipy.optimize import minimize

    width, q = loadings.shape
    n_cells = float(patterns.n @ patterns.seen.sum(axis=1))
    at = np.concatenate([mean, loadings.ravel(), np.log(variances[:1] if shared else variances)])

    def parts(at: Array) -> tuple[Array, Array, Array]:
        logs = at[width + width * q :]
        return at[:width], at[width : width + width * q].reshape(width, q), np.exp(np.broadcast_to(logs, width))

    def objective(at: Array) -> tuple[float, Array]:
        mean, loadings, variances = parts(at)
        value, by_mean, by_covariance = log_likelihood(patterns, mean, loadings @ loadings.T + np.diag(variances))
        by_log = np.diag(by_covariance) * variances
        slope = [by_mean, (2 * by_covariance @ loadings).ravel(), [by_log.sum()] if shared else by_log]
        return -value / n_cells, -np.concatenate(slope) / n_cells

    limits: list[tuple[float | None, float | None]] = [(None, None)] * (width + width * q)
    limits += [(float(np.log(floor)), 5.0)] * (len(at) - len(limits))
    at[len(at) - (1 if shared else width) :] = np.maximum(at[len(at) - (1 if shared else width) :], np.log(floor))
    options = {"maxiter": max_iter, "maxfun": 4 * max_iter, "gtol": tol, "ftol": 0.0, "maxcor": 30}
    found = minimize(objective, at, jac=True, method="L-BFGS-B", bounds=limits, options=options)
    best, slope = found.x, objective(found.x)[1]
    low = np.array([-np.inf if low is None else low for low, _ in limits])
    free = (best > low + 1e-12) | (slope < 0)
    converged = bool(np.abs(slope[free]).max(initial=0.0) <= 10 * tol)
    return *parts(best), int(found.nit), converged

"""Sloth's factor model with the logistic link: skills from covariates and families, scores from skills.

score = floor + (1 - floor) * logistic(b_j + loading_j . theta), theta = intercept of the family + covariates * slopes,
fitted by Huber's loss. Gauss-Newton with damping: a family's intercepts meet other families only through slopes,
loadings and offsets, so that each step eliminates them family by family and solves one small system.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from obslaws.links import clipped_logit, logistic
from obslaws.peers.huber import curvature, huber, slope

__all__ = ["Factors", "LowRank", "fit_low_rank", "starts"]

Array = NDArray[np.float64]

MARGINS = (0.003, 0.01, 0.03, 0.1)  # how far clipped logits stay from floor and 1, one start each
TRIAL = 10  # steps from each start before the best goes on
DAMPING = (1e-3, 1e-8, 1e6)


@dataclass(frozen=True)
class Factors:
    """What is fitted, and to what.

    Parameters
    ----------
    scores : ndarray of shape (n, J)
        Fractions, NaN where a model was not evaluated.
    covariates : ndarray of shape (n, p)
        Without missing values.
    family : ndarray of int, shape (n,)
        Group that shares its intercepts, counted from 0; all 0 for one intercept.
    score_floor : ndarray of shape (J,)
    """

    scores: Array
    covariates: Array
    family: NDArray[np.intp]
    score_floor: Array


@dataclass(frozen=True)
class LowRank:
    """A fitted factor model.

    Parameters
    ----------
    intercepts : ndarray of shape (F, d)
    slopes : ndarray of shape (p, d)
    loadings : ndarray of shape (J, d)
    offsets : ndarray of shape (J,)
    objective : float
        Huber's loss as `obslaws.peers.huber` scales it.
    n_iter : int
        Steps, all starts together.
    """

    intercepts: Array
    slopes: Array
    loadings: Array
    offsets: Array
    objective: float = np.inf
    n_iter: int = 0

    def skills(self, covariates: Array, family: NDArray[np.intp]) -> Array:
        """Skills of models; shape (n, d)."""
        return self.intercepts[family] + covariates @ self.slopes


def starts(data: Factors, n_skills: int) -> list[LowRank]:
    """Least squares of clipped logits, cut to the rank asked for; one start per margin of `MARGINS`.

    Parameters
    ----------
    data : Factors
    n_skills : int

    Returns
    -------
    list of LowRank
    """
    n, n_benchmarks = data.scores.shape
    count = np.bincount(data.family).astype(float)
    member = np.zeros((len(count), n))
    member[data.family, np.arange(n)] = 1.0
    centres = member @ data.covariates / count[:, None]
    inside = data.covariates - centres[data.family]
    plain = np.column_stack([np.ones(n), data.covariates])
    out = []
    for margin in MARGINS:
        logits = clipped_logit(data.scores, data.score_floor, margin=margin)
        for j in range(n_benchmarks):
            gap = np.isnan(logits[:, j])
            if gap.any() and not gap.all():
                line = np.linalg.lstsq(plain[~gap], logits[~gap, j], rcond=1e-8)[0]
                logits[gap, j] = plain[gap] @ line
        logits = np.nan_to_num(logits)
        levels = member @ logits / count[:, None]
        slopes = np.linalg.lstsq(inside, logits - levels[data.family], rcond=1e-8)[0]
        intercepts = levels - centres @ slopes
        fitted = intercepts[data.family] + data.covariates @ slopes
        offsets = fitted.mean(axis=0)
        _, stretch, right = np.linalg.svd(fitted - offsets, full_matrices=False)
        scale = np.maximum(stretch[:n_skills], 1e-6) / np.sqrt(n)
        loadings = right[:n_skills].T * scale
        back = right[:n_skills].T / scale
        out.append(LowRank((intercepts - offsets) @ back, slopes @ back, loadings, offsets))
    return out


def fit_low_rank(data: Factors, n_skills: int, tolerance: float = 1e-6, max_iter: int = 400) -> LowRank:
    """Minimise Huber's loss; deterministic.

    Parameters
    ----------
    data : Factors
    n_skills : int
        At most the number of benchmarks and of models.
    tolerance : float
        Stops when a step brings less than this share of the objective.
    max_iter : int
        Most steps after the trial.

    Returns
    -------
    LowRank

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, sections 3.1 to 3.3.
    """
    n_skills = min(n_skills, *data.scores.shape)
    steps = _Steps(data)
    tried = [steps.descend(start, tolerance, TRIAL) for start in starts(data, n_skills)]
    best = min(tried, key=lambda fit: fit.objective)
    done = steps.descend(best, tolerance, max_iter)
    total = sum(fit.n_iter for fit in tried) + done.n_iter
    return LowRank(done.intercepts, done.slopes, done.loadings, done.offsets, done.objective, total)


class _Steps:
    """Damped Gauss-Newton steps on one data set; letters as in the paper."""

    def __init__(self, data: Factors) -> None:
        self.known = np.isfinite(data.scores).astype(float)
        self.Y = np.nan_to_num(data.scores)
        self.X, self.family, self.floor = data.covariates, data.family, data.score_floor
        self.span = 1.0 - self.floor
        self.n, self.J = data.scores.shape
        self.F, self.p = int(self.family.max()) + 1, self.X.shape[1]
        self.member = np.zeros((self.F, self.n))
        self.member[self.family, np.arange(self.n)] = 1.0
        self.ones = np.ones((self.n, 1))

    def descend(self, start: LowRank, tolerance: float, max_iter: int) -> LowRank:
        alpha, B, L, b = start.intercepts, start.slopes, start.loadings, start.offsets
        damping, least, most = DAMPING
        theta, share, r, value = self._at(alpha, B, L, b)
        taken = 0
        for _ in range(max_iter):
            system = self._system(theta, share, r, L)
            while True:
                d_alpha, d_B, d_L, d_b = self._solve(system, damping, L.shape[1])
                trial = (alpha + d_alpha, B + d_B, L + d_L, b + d_b)
                new = self._at(*trial)
                if new[3] < value or damping > most:
                    break
                damping *= 5.0
            if new[3] >= value:
                break
            gain, taken = value - new[3], taken + 1
            alpha, B, L, b = trial
            theta, share, r, value = new
            damping = max(damping / 5.0, least)
            if gain < tolerance * value:
                break
        return LowRank(alpha, B, L, b, value, taken)

    def _at(self, alpha: Array, B: Array, L: Array, b: Array) -> tuple[Array, Array, Array, float]:
        theta = alpha[self.family] + self.X @ B
        share = logistic(theta @ L.T + b)
        r = self.Y - self.floor - self.span * share
        return theta, share, r, huber(r, self.known)

    def _system(self, theta: Array, share: Array, r: Array, L: Array) -> tuple[Array, Array, Array, Array, Array]:
        """Set up the normal equations: family by family, family by shared, shared by shared, and both gradients."""
        n, J, F, p, d = self.n, self.J, self.F, self.p, L.shape[1]
        rate = self.span * share * (1.0 - share)
        g = slope(r, self.known) * rate
        c = curvature(r, self.known) * rate * rate
        T = np.concatenate([theta, self.ones], axis=1)
        LL = (L[:, :, None] * L[:, None, :]).reshape(J, d * d)
        M, gL = c @ LL, g @ L
        cT = (c[:, :, None] * T[:, None, :]).reshape(n, -1)
        XM = (self.X[:, :, None] * M[:, None, :]).reshape(n, -1)
        by_family = self.member @ np.concatenate([M, XM, cT, gL], axis=1)
        at = np.cumsum([d * d, p * d * d, J * (d + 1)])
        own = by_family[:, : at[0]].reshape(F, d, d)
        with_slopes = by_family[:, at[0] : at[1]].reshape(F, p, d, d).transpose(0, 2, 1, 3).reshape(F, d, p * d)
        with_loadings = by_family[:, at[1] : at[2]].reshape(F, 1, J, d + 1) * L.T[None, :, :, None]
        cross = np.concatenate([with_slopes, with_loadings.reshape(F, d, -1)], axis=2)
        k = p * d
        shared = np.zeros((k + J * (d + 1), k + J * (d + 1)))
        shared[:k, :k] = (self.X.T @ XM).reshape(p, p, d, d).transpose(0, 2, 1, 3).reshape(k, k)
        shared[:k, k:] = ((self.X.T @ cT).reshape(p, 1, J, d + 1) * L.T[None, :, :, None]).reshape(k, -1)
        shared[k:, :k] = shared[:k, k:].T
        each = np.arange(J)
        blocks = np.matmul(cT.reshape(n, J, d + 1).transpose(1, 2, 0), T)
        shared[k:, k:].reshape(J, d + 1, J, d + 1)[each, :, each, :] = blocks
        gradient = np.concatenate([(self.X.T @ gL).ravel(), (g.T @ T).ravel()])
        return own, cross, shared, by_family[:, at[2] :], gradient

    def _solve(
        self, system: tuple[Array, Array, Array, Array, Array], damping: float, d: int
    ) -> tuple[Array, Array, Array, Array]:
        own, cross, shared, own_gradient, gradient = system
        F, size = len(own), len(gradient)
        diagonal = np.maximum(np.einsum("fkk->fk", own), 1e-3)
        damped = own + damping * diagonal[:, :, None] * np.eye(d)
        solved = np.linalg.solve(damped, np.concatenate([cross, own_gradient[:, :, None]], axis=2))
        flat = cross.reshape(F * d, size)
        left = shared - flat.T @ solved[:, :, :size].reshape(F * d, size)
        left[np.diag_indices(size)] += damping * np.maximum(shared.diagonal(), 1e-3)
        right = gradient - flat.T @ solved[:, :, size].ravel()
        step = np.asarray(np.linalg.solve(left, right), dtype=float)
        own_step: Array = np.asarray(solved[:, :, size] - solved[:, :, :size] @ step, dtype=float)
        k = self.p * d
        per_benchmark: Array = step[k:].reshape(self.J, d + 1)
        return own_step, np.asarray(step[:k].reshape(self.p, d), dtype=float), per_benchmark[:, :d], per_benchmark[:, d]

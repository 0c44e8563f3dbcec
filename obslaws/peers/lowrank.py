"""Sloth's factor model with the logistic link: skills from covariates and families, scores from skills.

score = floor + (1 - floor) * logistic(b_j + loading_j . theta), theta = intercept of the family + covariates * slopes,
fitted by Huber's loss. Gauss-Newton with damping: a family's intercepts meet other families only through slopes,
loadings and offsets, so that each step eliminates them family by family and solves one small system. Tables are small:
a step's cost is the number of numpy's calls, which is why arrays are few, large and have the models last, sorted by
family.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from obslaws.links import clipped_logit, logistic
from obslaws.peers.blocks import halve, substitute
from obslaws.peers.huber import THRESHOLD, derivatives, huber
from obslaws.peers.places import Places

__all__ = ["QUICK", "THOROUGH", "Factors", "LowRank", "Search", "fit_low_rank", "starts"]

Array = NDArray[np.float64]
Unknowns = tuple[Array, Array, Array]  # intercepts, slopes, loadings with offsets

DAMPING = (1e-8, 1e6)  # least and most


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
class Search:
    """Where to start and when to start again.

    Parameters
    ----------
    margins : tuple of float
        How far clipped logits stay from floor and 1; one start each.
    trial : int
        Steps from each start before the best goes on; of no use with one start.
    restarts : int
        Descents from the best end with its intercepts moved.
    gap : int
        Steps before the first look for better places of families, see `obslaws.peers.places`; 0 never looks, and
        takes no step further than it was computed.
    damping : float
        Of the first step.
    """

    margins: tuple[float, ...]
    trial: int
    restarts: int
    gap: int = 0
    damping: float = 1e-3


THOROUGH = Search((0.003, 0.01, 0.03, 0.1), 10, 0)
# these reach low objectives soonest on tables of resampled families, and so does going on by as much again
QUICK = Search((0.15,), 0, 3, 3, 1e-2)
FURTHER = 2.0  # steps are tried at this multiple once they succeed
JITTER = 0.3  # intercepts are moved by this share of their spread


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


def starts(data: Factors, n_skills: int, margins: tuple[float, ...] = THOROUGH.margins) -> list[LowRank]:
    """Least squares of clipped logits, cut to the rank asked for; one start per margin.

    Parameters
    ----------
    data : Factors
    n_skills : int
    margins : tuple of float
        See `Search`.

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
    for margin in margins:
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


def fit_low_rank(
    data: Factors,
    n_skills: int,
    tolerance: float = 1e-6,
    max_iter: int = 400,
    target: float = -np.inf,
    search: Search = THOROUGH,
) -> LowRank:
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
    target : float
        Stops as soon as the objective is no larger.
    search : Search
        Shaking the best end loose finds lower minima at times, and forecasts that are none the better for it: the
        default does without.

    Returns
    -------
    LowRank

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, sections 3.1 to 3.3.
    """
    n_skills = min(n_skills, *data.scores.shape)
    steps = _Steps(data)
    tried = starts(data, n_skills, search.margins)
    if len(tried) > 1:
        tried = [steps.descend(start, tolerance, search.trial, target, replace(search, gap=0)) for start in tried]
    best = min(tried, key=lambda fit: fit.objective)
    best = steps.descend(best, tolerance, max_iter, target, search)
    total = sum(fit.n_iter for fit in tried) + best.n_iter
    # families whose scores all lie at an end of the link are stuck where a start put them: shake them loose
    rng = np.random.default_rng(0)
    spread = JITTER * best.intercepts.std(axis=0)
    for _ in range(search.restarts):
        if best.objective <= target:
            break
        moved = best.intercepts + spread * rng.normal(size=best.intercepts.shape)
        again = LowRank(moved, best.slopes, best.loadings, best.offsets)
        end = steps.descend(again, tolerance, max_iter, target, search)
        total += end.n_iter
        best = min(best, end, key=lambda fit: fit.objective)
    return LowRank(best.intercepts, best.slopes, best.loadings, best.offsets, best.objective, total)


class _Steps:
    """Damped Gauss-Newton steps on one data set; letters as in the paper, offsets as the last column of L.

    Models lie along the last axis, those of a family side by side.
    """

    def __init__(self, data: Factors) -> None:
        order = np.argsort(data.family, kind="stable")
        self.family, scores = data.family[order], data.scores[order].T
        self.X = np.ascontiguousarray(data.covariates[order])
        self.n, self.J, self.p = len(order), len(scores), self.X.shape[1]
        self.F = int(self.family[-1]) + 1
        self.first = np.searchsorted(self.family, np.arange(self.F))
        self.by_covariate = np.ascontiguousarray(self.X.T)
        self.known = np.ascontiguousarray(np.isfinite(scores), dtype=float)
        self.n_known = float(self.known.sum())
        self.floor = data.score_floor[:, None]
        self.span = 1.0 - self.floor
        self.above = np.ascontiguousarray(np.nan_to_num(scores)) - self.floor
        self.places: Places | None = None

    def descend(self, start: LowRank, tolerance: float, max_iter: int, target: float, search: Search) -> LowRank:
        """Step downhill, and look for better places as `search` has it."""
        at = start.intercepts, start.slopes, np.column_stack([start.loadings, start.offsets])
        damping, gap, (least, most) = search.damping, search.gap, DAMPING
        theta, share, r, value = self._at(*at)
        taken, since, before = 0, 0, value
        while taken < max_iter and value > target:
            system = self._system(theta, share, r, at[2])
            while True:
                step = self._solve(system, damping)
                trial = _moved(at, step)
                new = self._at(*trial)
                if new[3] < value or damping > most:
                    break
                damping *= 5.0
            if gap and target < new[3] < value:
                further = _moved(at, step, FURTHER)
                there = self._at(*further)
                trial, new = (further, there) if there[3] < new[3] else (trial, new)
            ended = new[3] >= value
            if not ended:
                ended = value - new[3] < tolerance * value
                taken, since = taken + 1, since + 1
                at = trial
                theta, share, r, value = new
                damping = max(damping / 5.0, least)
            if gap and (ended or since == gap) and value > target:
                looked = self._look(*at), *at[1:]
                new = self._at(*looked)
                gain, pace = value - new[3], (before - value) / max(since, 1)
                if gain > 0:
                    at, (theta, share, r, value) = looked, new
                # looks that bring less than a step grow rare
                gap, since, before = 2 * gap if gain < pace else gap, 0, value
                ended = ended and gain < tolerance * value
            if ended:
                break
        alpha, B, L = at
        return LowRank(alpha, B, L[:, :-1], L[:, -1], value, taken)

    def _look(self, alpha: Array, B: Array, L: Array) -> Array:
        if self.places is None:
            member = np.zeros((self.n, self.F))
            member[np.arange(self.n), self.family] = 1.0
            self.places = Places(self.above, self.known, self.span, member)
        return self.places.better(alpha, B.T @ self.by_covariate, L[:, :-1], L[:, -1])

    def _at(self, alpha: Array, B: Array, L: Array) -> tuple[Array, Array, Array, float]:
        """Skills with a row of ones below (d + 1, n), shares and residuals (J, n), objective."""
        d = alpha.shape[1]
        theta = np.empty((d + 1, self.n))
        theta[d] = 1.0
        alpha.T.take(self.family, axis=1, out=theta[:d])
        theta[:d] += B.T @ self.by_covariate
        share = logistic(L @ theta)
        r = self.above - self.span * share
        return theta, share, r, huber(r, self.known, THRESHOLD, self.n_known)

    def _system(self, theta: Array, share: Array, r: Array, L: Array) -> tuple[Array, Array, Array, Array, Array]:
        """Set up the normal equations: family by family, family by shared in two parts, shared by shared, gradient."""
        n, J, F, p, d = self.n, self.J, self.F, self.p, L.shape[1] - 1
        rate = 1.0 - share
        rate *= share
        rate *= self.span
        g, c = derivatives(r, self.known)
        g *= rate
        rate *= rate
        c *= rate
        loadings = np.ascontiguousarray(L[:, :d])
        # every sum over models is a row: by families of neighbours, covariates and skills
        one, two, three = d * d, (1 + p) * d * d, (1 + p) * d * d + J * (d + 1)
        summed = np.empty((three + d, n))
        M = np.matmul((loadings[:, :, None] * loadings[:, None, :]).reshape(J, one).T, c, out=summed[:one])
        np.multiply(self.by_covariate[:, None, :], M, out=summed[one:two].reshape(p, one, n))
        np.multiply(c[:, None, :], theta, out=summed[two:three].reshape(J, d + 1, n))
        np.matmul(loadings.T, g, out=summed[three:])
        by_family, by_covariate = np.add.reduceat(summed, self.first, axis=1), summed[one:] @ self.X
        k, size = p * d, p * d + J * (d + 1)
        # what loadings and offsets share with a family are multiples of a benchmark's loadings
        cross = np.empty((k + J + 1, d, F))
        cross[:k] = by_family[one:two].reshape(k, d, F)
        cross[k:-1] = loadings[:, :, None]
        cross[-1] = by_family[three:]
        multiples = by_family[two:three].reshape(J, d + 1, 1, F)
        shared = np.zeros((size, size))
        shared[:k, :k] = by_covariate[: two - one].reshape(p, d, d, p).transpose(0, 1, 3, 2).reshape(k, k)
        mixed = by_covariate[two - one : three - one].reshape(J, d + 1, p).transpose(2, 0, 1)[:, None]
        mixed = (mixed * loadings.T[:, :, None]).reshape(k, -1)
        shared[:k, k:], shared[k:, :k] = mixed, mixed.T
        own_blocks = np.einsum("jajb->jab", shared[k:, k:].reshape(J, d + 1, J, d + 1))
        own_blocks[...] = (summed[two:three] @ theta.T).reshape(J, d + 1, d + 1)
        gradient = np.concatenate([by_covariate[three - one :].T.ravel(), (g @ theta.T).ravel()])
        return by_family[:one].reshape(d, d, F), cross, multiples, shared, gradient

    def _solve(self, system: tuple[Array, Array, Array, Array, Array], damping: float) -> Unknowns:
        from scipy.linalg.lapack import dposv

        own, cross, multiples, shared, gradient = system
        size, d, F, k = len(gradient), len(own), self.F, self.p * len(own)
        damped = own.copy()
        diagonal = damped.reshape(d * d, F)[:: d + 1]
        diagonal += damping * np.maximum(diagonal, 1e-3)
        factors, halves = halve(damped, cross)
        flat = np.empty((size, d * F))
        flat[:k] = halves[:k].reshape(k, d * F)
        np.multiply(multiples, halves[k:-1, None], out=flat[k:].reshape(self.J, d + 1, d, F))
        left = shared - flat @ flat.T
        left.reshape(-1)[:: size + 1] += damping * np.maximum(shared.diagonal(), 1e-3)
        right = gradient - flat @ halves[-1].ravel()
        step, failed = dposv(left.T, right, lower=True)[1:]
        if failed:  # not positive definite to rounding
            step = np.linalg.solve(left, right)
        own_step = substitute(factors, halves[-1:] - (step @ flat).reshape(1, d, F))[0].T
        return own_step, step[:k].reshape(self.p, d), step[k:].reshape(self.J, d + 1)


def _moved(at: Unknowns, step: Unknowns, length: float = 1.0) -> Unknowns:
    (alpha, B, L), (by_alpha, by_B, by_L) = at, step
    return alpha + length * by_alpha, B + length * by_B, L + length * by_L

"""Sloth's factor model with the logistic link: skills from covariates and families, scores from skills.

score = floor + (1 - floor) * logistic(b_j + loading_j . theta), theta = intercept of the family + covariates * slopes,
fitted by Huber's loss. Gauss-Newton with damping, from one start or several; the steps are those of
`obslaws.peers.steps`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from obslaws.links import clipped_logit
from obslaws.peers.steps import Steps

__all__ = ["QUICK", "THOROUGH", "Factors", "LowRank", "Search", "fit_low_rank", "starts"]

Array = NDArray[np.float64]
Unknowns = tuple[Array, Array]  # coefficients and items, see `obslaws.peers.steps.Steps`

DAMPING = ((1e-8, 1e6), (1e-5, 1e6))  # least and most, in double and in single precision
ROUNDING = 1e-6  # share of an objective in single precision, more than what it is off by


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
        How far clipped logits stay from floor and 1; one start each. Without any, one start from the scores as they
        are, see `obslaws.peers.steps.Steps.start`.
    trial : int
        Steps from each start before the best goes on; of no use with one start.
    restarts : int
        Descents from the best end with its intercepts moved.
    gap : int
        Steps before the first look for better places of families, see `obslaws.peers.places`; 0 never looks, and
        takes no step further than it was computed.
    damping : float
        Of the first step.
    cautious : int
        Steps, from a start on, that take the majorant's second derivatives.
    single : bool
        Whether to compute in single precision, as the Sloth paper's Adam does.
    """

    margins: tuple[float, ...]
    trial: int
    restarts: int
    gap: int = 0
    damping: float = 1e-3
    cautious: int = 0
    single: bool = False


THOROUGH = Search((0.003, 0.01, 0.03, 0.1), 10, 0)
# what to start from, when to look, and how cautious to be are chosen by the mean time to what Adam reaches, on 240
# tables with families drawn anew and other seeds of Adam (`benchmarks/bench_adam.py --drawn`); the choice is a flat one
QUICK = Search((), 0, 3, 3, 1e-2, 3, single=True)
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
    steps = Steps(data, n_skills, np.float32 if search.single else np.float64)
    if search.single:
        target *= 1.0 - ROUNDING
    if search.margins:
        tried = [_End(_unknowns(start)) for start in starts(data, n_skills, search.margins)]
    else:
        tried = [_End(steps.start())]
    if len(tried) > 1:
        tried = [_descend(steps, end.at, tolerance, search.trial, target, replace(search, gap=0)) for end in tried]
    best = min(tried, key=lambda end: end.value)
    best = _descend(steps, best.at, tolerance, max_iter, target, search)
    total = sum(end.taken for end in tried) + best.taken
    p = steps.p
    if search.restarts and best.value > target:
        # families whose scores all lie at an end of the link are stuck where a start put them: shake them loose
        rng, spread = np.random.default_rng(0), JITTER * best.at[0][:, p:].std(axis=1)
        for _ in range(search.restarts):
            moved = best.at[0].copy()
            moved[:, p:] += (spread * rng.normal(size=(steps.F, steps.d))).T
            end = _descend(steps, (moved, best.at[1]), tolerance, max_iter, target, search)
            total += end.taken
            best = min(best, end, key=lambda end: end.value)
            if best.value <= target:
                break
    coefficients, items = (part.astype(float) for part in best.at)
    return LowRank(coefficients[:, p:].T, coefficients[:, :p].T, items[:, :-1], items[:, -1], best.value, total)


class _End(NamedTuple):
    """Where a descent ended, or may begin."""

    at: Unknowns
    value: float = np.inf
    taken: int = 0


def _unknowns(start: LowRank) -> Unknowns:
    return np.concatenate([start.slopes, start.intercepts]).T, np.column_stack([start.loadings, start.offsets])


def _descend(steps: Steps, at: Unknowns, tolerance: float, max_iter: int, target: float, search: Search) -> _End:
    """Step downhill, and look for better places as `search` has it."""
    damping, gap, (least, most) = search.damping, search.gap, DAMPING[search.single]
    point = steps.at(*at)
    taken, since, before = 0, 0, point.value
    while taken < max_iter and point.value > target:
        system = steps.system(point, at[1], taken < search.cautious)
        while True:
            step = steps.solve(system, damping)
            trial = at[0] + step[0], at[1] + step[1]
            new = steps.at(*trial)
            if new.value < point.value or damping > most:
                break
            damping *= 5.0
        if gap and target < new.value < point.value:
            items = at[1] + FURTHER * step[1]
            there = steps.fit(point.theta + FURTHER * (new.theta - point.theta), items)
            if there.value < new.value:
                trial, new = (at[0] + FURTHER * step[0], items), there
        ended = not new.value < point.value
        if not ended:
            ended = point.value - new.value < tolerance * point.value
            taken, since = taken + 1, since + 1
            at, point = trial, new
            damping = max(damping / 5.0, least)
        if gap and (ended or since == gap) and point.value > target:
            looked = steps.look(*at), at[1]
            new = steps.at(*looked)
            gain, pace = point.value - new.value, (before - point.value) / max(since, 1)
            if gain > 0:
                at, point = looked, new
            # looks that bring less than a step grow rare
            gap, since, before = 2 * gap if gain < pace else gap, 0, point.value
            ended = ended and gain < tolerance * point.value
        if ended:
            break
    return _End(at, point.value, taken)

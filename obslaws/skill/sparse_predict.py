"""Logits of models under a fit to a large panel, and forecasts replayed on a sample of its base families.

The counterpart of `obslaws.skill.predict` and `obslaws.skill.replay`. No array of benchmarks by benchmarks per model is
kept: logits of one model move together through its skills, and beside them each benchmark varies by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.belief import believe, branches, lone_others
from obslaws.skill.gauss_newton import downhill, newton_step
from obslaws.skill.predict import Relatives
from obslaws.skill.replay import larger
from obslaws.skill.sample import adopted, part_of, sampled_bases
from obslaws.skill.sparse import SparseProblem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.sparse_fit import SparseFit

    Array = NDArray[np.float64]
    Index = NDArray[np.intp]

__all__ = ["Logits", "ReplayedCells", "effects_of", "logits_of", "placed", "replay_cells"]

_STEPS = 12  # Gauss-Newton steps of a replay at most
_STILL = 1e-3  # logits


@dataclass(frozen=True)
class Logits:
    """Posterior of the logits of n models.

    Parameters
    ----------
    mean : ndarray of shape (n, J)
    skill_cov : ndarray of shape (n, d, d)
    loadings : ndarray of shape (J, d)
    beside : ndarray of shape (n, J)
        Variance beside that of the skills: own intercepts and benchmark parameters.
    """

    mean: Array
    skill_cov: Array
    loadings: Array
    beside: Array

    @property
    def sd(self) -> Array:
        """Standard deviations, shape (n, J)."""
        skills = np.einsum("jd,nde,je->nj", self.loadings, self.skill_cov, self.loadings, optimize=True)
        return np.sqrt(np.maximum(skills + self.beside, 1e-12))

    def with_rows(self, rows: Index, other: Logits) -> Logits:
        """Take those of another for some of the models."""
        mean, cov, beside = self.mean.copy(), self.skill_cov.copy(), self.beside.copy()
        mean[rows], cov[rows], beside[rows] = other.mean, other.skill_cov, other.beside
        return Logits(mean, cov, self.loadings, beside)

    def block(self, i: int, at: Index) -> Array:
        """Covariance of one model's logits on some benchmarks, see `obslaws.skill.predict.JointLogits.block`."""
        loadings = self.loadings[at]
        return loadings @ self.skill_cov[i] @ loadings.T + np.diag(self.beside[i, at])


def logits_of(fit: SparseFit, who: Relatives) -> Logits:
    """Posterior of each model's logits, whoever its relatives are.

    Parameters
    ----------
    fit : SparseFit
    who : Relatives
        Rows and families as in the data of the fit.

    Returns
    -------
    Logits
    """
    state, variances, cells, belief = fit.state, fit.variances, fit.problem.cells, fit.belief
    n, d, p = len(who.row), fit.n_skills, len(state.slopes)
    place = np.where(who.row >= 0, cells.place[who.row], -1)
    effect, spread, base = effects_of(fit, who.family, who.base)
    skills = who.covariates @ state.slopes + effect
    by_slopes = fit.slopes_cov.reshape(p, d, p, d)
    cov = np.einsum("np,pdqe,nq->nde", who.covariates, by_slopes, who.covariates, optimize=True)
    cov += variances.model + state.slopes.T @ who.covariate_cov @ state.slopes + spread
    at = place >= 0
    skills[at], cov[at] = state.skills[place[at]], np.moveaxis(belief.spreads.model[:, :, place[at]], 2, 0)
    mean = state.intercepts + skills @ state.loadings.T
    ones = np.column_stack([np.ones(n), skills])
    beside = np.einsum("na,jab,nb->nj", ones, fit.items_cov[:, : d + 1, : d + 1], ones, optimize=True)
    for c in cells.columns():
        pair = cells.pair_of(base, c.number)
        there = pair >= 0
        mean[there, c.number] += state.own[pair[there]]
        beside[:, c.number] += np.where(there, belief.own[pair], variances.own[c.number])
        _as_seen(fit, c.model, belief.logit[c.cells], place, c.number, cov, beside)
    empty = cells.n_observed == 0
    beside[:, empty] += variances.own[empty]
    return Logits(mean, cov, state.loadings, beside)


def effects_of(fit: SparseFit, family: Index, base: Index) -> tuple[Array, Array, Index]:
    """Tell what a family is expected to add to the skills of its models, beside what their covariates do.

    Parameters
    ----------
    fit : SparseFit
    family, base : ndarray of int, shape (n,)
        As numbered in the data of the fit; -1 for none. A known family brings its own base family.

    Returns
    -------
    tuple of ndarray
        Means (n, d), covariances (n, d, d), and base families (n,).
    """
    state, variances, cells, spreads = fit.state, fit.variances, fit.problem.cells, fit.belief.spreads
    n, d = len(family), fit.n_skills
    family = np.where(family >= 0, cells.family_place[family], -1)
    base = np.where(family >= 0, cells.families_of_base.label[family], base)
    effect, cov = np.zeros((n, d)), np.zeros((n, d, d))
    at = family >= 0
    effect[at], cov[at] = state.family[family[at]], np.moveaxis(spreads.family[:, :, family[at]], 2, 0)
    at = (family < 0) & (base >= 0)
    effect[at] = state.base[base[at]]
    cov[at] = variances.family + np.moveaxis(spreads.base[:, :, base[at]], 2, 0)
    cov[base < 0] = variances.family + variances.base
    return effect, cov, base


def _as_seen(
    fit: SparseFit, model: Index, known: Array, place: Index, benchmark: int, cov: Array, beside: Array
) -> None:
    """Where the cell itself was seen, skills and own intercept vary against each other: take its own variance."""
    at = np.minimum(np.searchsorted(model, place), len(model) - 1)
    seen = np.flatnonzero(model[at] == place)
    loading = fit.state.loadings[benchmark]
    beside[seen, benchmark] = np.maximum(known[at[seen]] - np.einsum("d,nde,e->n", loading, cov[seen], loading), 0.0)


@dataclass(frozen=True)
class ReplayedCells:
    """Hidden cells, forecast from what was left; n of them.

    Parameters
    ----------
    group : ndarray of int, shape (n,)
        Base family.
    benchmark : ndarray of int, shape (n,)
    scores, logit, logit_sd : ndarray of shape (n,)
    """

    group: Index
    benchmark: Index
    scores: Array
    logit: Array
    logit_sd: Array


def replay_cells(fit: SparseFit, size: Array, n_observed: int, n_bases: int) -> ReplayedCells | None:
    """Forecast a sample of base families from the others and from their `n_observed` smallest models per family.

    Benchmark parameters and slopes stay: one base family among thousands does not move them.

    Parameters
    ----------
    fit : SparseFit
    size : ndarray of shape (M,)
        What orders a family's models, e.g. log parameters; NaN last.
    n_observed : int
        Models per family that keep their scores; 0 hides all.
    n_bases : int
        How many base families to replay.

    Returns
    -------
    ReplayedCells or None
        None when nothing is hidden.
    """
    data = fit.problem.data
    rows, _, part = part_of(data, sampled_bases(data.nesting.n_bases, n_bases))
    hidden = larger(size[rows], part.nesting.family, n_observed)
    model, benchmark = np.nonzero(np.isfinite(part.scores) & hidden[:, None])
    if not len(model):
        return None
    left = replace(part, scores=np.where(hidden[:, None], np.nan, part.scores))
    known = placed(fit, SparseProblem(left, fit.n_skills, fit.problem.priors))
    asked = np.flatnonzero(hidden)
    who = Relatives(
        asked, part.nesting.family[asked], part.nesting.base_of_model[asked], np.full(len(asked), -1),
        part.size[asked], part.covariates[asked], part.covariate_cov[asked],
    )  # fmt: skip
    found = logits_of(known, who)
    at = np.searchsorted(asked, model), benchmark
    group = part.nesting.base_of_model[model]
    return ReplayedCells(group, benchmark, part.scores[model, benchmark], found.mean[at], found.sd[at])


def placed(fit: SparseFit, problem: SparseProblem) -> SparseFit:
    """Find skills, effects and own intercepts of other data under a fit's benchmarks, slopes and variances.

    Parameters
    ----------
    fit : SparseFit
    problem : SparseProblem
        Of the other data, with the benchmarks and covariates of the fit.

    Returns
    -------
    SparseFit
    """
    state, variances, penalty = adopted(problem, fit), fit.variances, fit.penalty
    precision = problem.model_precision(variances, state.slopes)
    share, others = problem.share(state), None
    still = np.ones((len(state.loadings), 2))
    for step_number in range(_STEPS + 1):
        linear = problem.linearise(state, variances, share)
        others = lone_others(problem.cells, linear, variances.own) if others is None else others
        tree = branches(problem, state, variances, precision, linear, others, hold_slopes=True)
        belief = believe(problem, state, variances, linear, tree, others, penalty)
        others = belief.others
        if step_number == _STEPS:
            break
        value = problem.objective(state, variances, precision, linear.variance, penalty, share)
        gradient = downhill(problem, state, variances, precision, penalty, linear)
        step = newton_step(
            problem, state.loadings, linear, tree, penalty, gradient, still, tol=0.01, max_products=20, items=False
        )
        for halvings in range(12):
            candidate = step.taken(state, 0.5**halvings)
            there = problem.share(candidate)
            if problem.objective(candidate, variances, precision, linear.variance, penalty, there) <= value + 1e-9:
                state, share = candidate, there
                break
        if max(np.abs(step.effects[0]).max(initial=0.0), np.abs(step.own).max(initial=0.0)) < _STILL:
            break
    return replace(fit, problem=problem, state=state, belief=belief)

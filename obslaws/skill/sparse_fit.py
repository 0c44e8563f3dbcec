"""The skill model on large sparse panels: `obslaws.skill.fit` with every step linear in the observed cells.

The same objective and the same EM for the variances; what differs is the linear algebra. One round linearises every
cell, passes messages for the second moments, takes one Gauss-Newton step by conjugate gradients, and updates variances.
The posterior covariances of benchmark parameters are kept per benchmark, without those between benchmarks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import numpy as np

from obslaws.skill.belief import Belief, believe, branches, lone_others
from obslaws.skill.em import moved, second_moments
from obslaws.skill.gauss_newton import downhill, newton_step, tightened
from obslaws.skill.pace import Pace
from obslaws.skill.sample import adopted, part_of, sampled_bases, shifted
from obslaws.skill.sparse import SparseProblem
from obslaws.skill.state import Penalty, Priors, State, Variances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.branches import Branches
    from obslaws.skill.sparse import Linear
    from obslaws.skill.state import Data

    Array = NDArray[np.float64]

__all__ = ["SparseFit", "fit_cells"]

_STILL = 2  # rounds running that must hardly move the variances
_SAMPLED = 240_000  # cells from which on a fit starts from one to a sample of the base families
_SAMPLE = 8  # one base family in so many
_SETTLING = 3  # rounds in which skills find their place before variances move


@dataclass(frozen=True)
class SparseFit:
    """What a fit to a large sparse panel found; see `obslaws.skill.fit.Fit`.

    Parameters
    ----------
    problem : SparseProblem
    state : State
        Mode, in the layout of `obslaws.skill.sparse`.
    variances : Variances
    penalty : Penalty
    belief : Belief
        Posterior variances of skills, effects and own intercepts.
    items_cov : ndarray of shape (J, d + 3, d + 3)
        Posterior covariance of each benchmark's intercept, loadings, ceiling and floor logit.
    slopes_cov : ndarray of shape (k, k)
        Posterior covariance of the slopes.
    evidence : float
        Laplace approximation of the log marginal likelihood, by the same approximations.
    converged : bool
    n_iter : int
    trace : tuple of float
        Evidence per round.
    sample : SparseFit, optional
        The fit to a sample of the base families that this one started from.
    """

    problem: SparseProblem
    state: State
    variances: Variances
    penalty: Penalty
    belief: Belief
    items_cov: Array
    slopes_cov: Array
    evidence: float
    converged: bool
    n_iter: int
    trace: tuple[float, ...] = field(default=(), repr=False)
    sample: SparseFit | None = field(default=None, repr=False)

    @property
    def n_skills(self) -> int:
        """Count of skills, d."""
        return self.problem.d

    @property
    def skills(self) -> Array:
        """Skills of the models, rows as in the data; shape (M, d)."""
        return self.state.skills[self.problem.cells.place]

    @property
    def floors(self) -> Array:
        """The score that the weakest models tend to, fractions; shape (J,)."""
        return self.problem.asymptotes(self.state)[0]

    @property
    def ceilings(self) -> Array:
        """The most a model can score on each benchmark, fractions; shape (J,)."""
        return self.problem.asymptotes(self.state)[1]


def fit_cells(
    data: Data,
    n_skills: int,
    priors: Priors | None = None,
    max_iter: int = 100,
    tol: float = 0.01,
    start: SparseFit | None = None,
) -> SparseFit:
    """Fit the latent-skill model to a large sparse panel.

    Parameters
    ----------
    data : Data
    n_skills : int
        d.
    priors : Priors, optional
    max_iter : int
        Most rounds.
    tol : float
        The fit has converged when EM would move no variance by more than this, as a share of it, two rounds running.
    start : SparseFit, optional
        Go on from an earlier fit of the same number of skills to the same data; floors start at their prior.

    Returns
    -------
    SparseFit
    """
    priors = priors or Priors()
    here, sample, held = _started(data, n_skills, priors, max_iter, tol, start)
    problem, state, variances, penalty, others = here
    limits = np.ones((problem.cells.n_benchmarks, 2))
    before = np.zeros_like(limits)
    trace: list[float] = []
    pace, still, share = Pace.start(variances), 0, problem.share(state)
    while True:
        round_ = _linearised(problem, state, variances, penalty, others, share)
        trace.append(round_.evidence)
        others = round_.belief.others
        if still >= _STILL or len(trace) > max_iter:
            break
        gradient = downhill(problem, state, variances, round_.precision, penalty, round_.linear)
        step = newton_step(problem, state.loadings, round_.linear, round_.tree, penalty, gradient, limits)
        limits, before = tightened(limits, before, step.effects[4][:, -2:]), step.effects[4][:, -2:]
        for halvings in range(12):
            candidate = step.taken(state, 0.5**halvings)
            there = problem.share(candidate)
            value = problem.objective(candidate, variances, round_.precision, round_.linear.variance, penalty, there)
            if value <= round_.objective + 1e-9:
                state, share = problem.centred(candidate, variances), there
                break
        if len(trace) > held:
            new, moment = second_moments(problem, state, variances, round_.belief, round_.tree, share)
            still = still + 1 if moved(variances, new, round_.linear.variance, problem.cells) < tol else 0
            variances, pace = pace.further(variances, new)
            state, variances, penalty = _standardised(state, variances, round_.belief.penalty, moment)
    problem.put_away()
    return SparseFit(
        problem, state, variances, penalty, round_.belief, round_.belief.items_cov, round_.tree.slopes_cov(),
        trace[-1], still >= _STILL, len(trace) - 1, tuple(trace), sample,
    )  # fmt: skip


def _started(
    data: Data, n_skills: int, priors: Priors, max_iter: int, tol: float, start: SparseFit | None
) -> tuple[tuple[SparseProblem, State, Variances, Penalty, Array | None], SparseFit | None, int]:
    """Where to start, the fit to a sample if one was made, and how many rounds the variances wait."""
    if start is not None:
        problem, state, variances, sample = (
            start.problem.with_priors(priors),
            start.state,
            start.variances,
            start.sample,
        )
        if start.problem.priors.floor_logit != priors.floor_logit:
            state = replace(state, floor_logits=np.full_like(state.floor_logits, priors.floor_logit))
        slope = problem.slope_variance(np.where(start.problem.sloped, variances.slope, 1.0))
        variances, held = replace(variances, slope=slope), 0
        if sample is not None and start.problem.priors != priors:
            sample = fit_cells(sample.problem.data, n_skills, priors, max_iter, tol, sample)
            state, variances = shifted(start, cast("SparseFit", start.sample), sample)
            held = 1
        state = replace(state, slopes=np.where(problem.sloped[:, None], state.slopes, 0.0))
        return (problem, state, variances, start.penalty, start.belief.others), sample, held
    problem = SparseProblem(data, n_skills, priors)
    if problem.cells.n_cells >= _SAMPLED:
        part = part_of(data, sampled_bases(problem.cells.n_bases, problem.cells.n_bases // _SAMPLE))[2]
        sample = fit_cells(part, n_skills, priors, max_iter, tol)
        here = problem, adopted(problem, sample), sample.variances, sample.penalty, None
        return here, sample, _SETTLING
    state, variances = problem.start()
    penalty = Penalty.nothing(problem.cells.n_benchmarks, n_skills)
    return (problem, state, variances, penalty, None), None, 0


@dataclass(frozen=True)
class _Round:
    precision: Array
    linear: Linear
    tree: Branches
    belief: Belief
    objective: float
    evidence: float


def _linearised(
    problem: SparseProblem, state: State, variances: Variances, penalty: Penalty, others: Array | None, share: Array
) -> _Round:
    precision = problem.model_precision(variances, state.slopes)
    linear = problem.linearise(state, variances, share)
    if others is None:
        others = lone_others(problem.cells, linear, variances.own)
    tree = branches(problem, state, variances, precision, linear, others)
    belief = believe(problem, state, variances, linear, tree, others, penalty)
    value = problem.objective(state, variances, precision, linear.variance, penalty, share)
    level = value - penalty.value(state)
    evidence = _evidence(problem, variances, precision, linear, tree, belief, penalty, level)
    return _Round(precision, linear, tree, belief, value, evidence)


def _standardised(
    state: State, variances: Variances, penalty: Penalty, moment: Array
) -> tuple[State, Variances, Penalty]:
    """Give the skills unit variance, as `obslaws.skill.fit` does."""
    root = np.asarray(np.linalg.cholesky(moment), dtype=np.float64)
    back = np.asarray(np.linalg.inv(root), dtype=np.float64)
    state = replace(
        state,
        skills=(back @ state.skills.T).T,
        family=(back @ state.family.T).T,
        base=(back @ state.base.T).T,
        slopes=state.slopes @ back.T,
        loadings=state.loadings @ root,
    )
    return state, variances.turned(root, back), penalty.turned(back)


def _evidence(
    problem: SparseProblem,
    variances: Variances,
    precision: Array,
    linear: Linear,
    tree: Branches,
    belief: Belief,
    penalty: Penalty,
    objective: float,
) -> float:
    """Log marginal likelihood by Laplace's method, up to a constant that depends on the data alone."""
    cells, d = problem.cells, problem.d
    logdet = np.linalg.slogdet(np.moveaxis(precision, 2, 0))[1]
    prior = logdet.sum() if len(logdet) > 1 else cells.n_models * logdet[0]
    prior -= cells.n_families * np.linalg.slogdet(variances.family)[1]
    prior -= cells.n_bases * np.linalg.slogdet(variances.base)[1]
    prior -= d * np.log(variances.slope).sum() + (np.diff(cells.pair_bounds) * np.log(variances.own)).sum()
    prior += np.log(problem.diagonal).sum()
    shared = np.linalg.slogdet(problem.item_blocks(linear.blocks, penalty))[1].sum()
    shared += np.linalg.slogdet(tree.slopes)[1]
    fit = -objective - 0.5 * np.log(linear.variance).sum()
    return float(fit + 0.5 * prior - 0.5 * (belief.logdet + shared))

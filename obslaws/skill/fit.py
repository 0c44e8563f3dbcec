"""Numbers of the latent-skill model: arrays in, one frozen record out.

Skills and effects are integrated out by Laplace's method around their mode; benchmark parameters and slopes maximise
what is left, with weak priors; variances follow by EM on the posterior second moments. Each round is one Gauss-Newton
step on everything and one update of the variances. Deterministic; nothing is chosen by hand per table.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.blocks import spd_factor, spd_logdet, spd_solve
from obslaws.skill.neighbours import Residuals, steepness
from obslaws.skill.pace import Pace
from obslaws.skill.problem import Cells, Data, Linearised, Penalty, Priors, Problem, State, Variances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.tree import System

    Array = NDArray[np.float64]

__all__ = ["Fit", "fit_skills"]

_STILL = 3


@dataclass(frozen=True)
class Fit:
    """Everything that a fit found, and all that is needed to go on from it.

    Parameters
    ----------
    problem : Problem
        The data with the objective.
    state : State
        Mode of skills, effects, slopes and benchmark parameters.
    variances : Variances
        Estimated variances.
    precision : ndarray of shape (M, d, d)
        Prior precision of each model's skills around their expectation.
    penalty : Penalty
        On the loadings, left behind by integrating the skills.
    system : System
        The eliminated system at the mode.
    evidence : float
        Laplace approximation of the log marginal likelihood.
    converged : bool
    n_iter : int
    trace : tuple of float
        Evidence per round.
    """

    problem: Problem
    state: State
    variances: Variances
    precision: Array
    penalty: Penalty
    system: System
    evidence: float
    converged: bool
    n_iter: int
    trace: tuple[float, ...] = field(default=(), repr=False)

    @property
    def n_skills(self) -> int:
        """Count of skills, d."""
        return self.problem.d

    @property
    def skills(self) -> Array:
        """Skills of the models, rows as in the data; shape (M, d)."""
        return self.state.skills

    @property
    def floors(self) -> Array:
        """The score that the weakest models tend to, at most that of guessing, fractions; shape (J,)."""
        return self.problem.asymptotes(self.state)[0]

    @property
    def ceilings(self) -> Array:
        """The most a model can score on each benchmark, fractions; shape (J,)."""
        return self.problem.asymptotes(self.state)[1]

    @property
    def shared_cov(self) -> Array:
        """Posterior covariance of slopes, intercepts, loadings, ceiling and floor logits; shape (G, G)."""
        return self.system.shared_cov

    @cached_property
    def cells(self) -> Cells:
        """Every cell at the mode."""
        return self.problem.cells(self.state, self.variances.noise)

    @cached_property
    def steep(self) -> Array:
        """Root mean squared slope of the scores of each benchmark by their logits; shape (J,)."""
        return steepness(self.problem, self.cells)

    @cached_property
    def residuals(self) -> Residuals:
        """What scored models add to the logits of their siblings."""
        return Residuals.of(self.problem, self.state, self.variances, self.cells, self.steep)


def fit_skills(
    data: Data,
    n_skills: int,
    priors: Priors | None = None,
    max_iter: int = 100,
    tol: float = 0.5,
    start: Fit | None = None,
) -> Fit:
    """Fit the latent-skill model with a given number of skills.

    Parameters
    ----------
    data : Data
    n_skills : int
        d.
    priors : Priors, optional
    max_iter : int
        Most rounds.
    tol : float
        The fit has converged when the evidence (log units) has not risen by more in three rounds.
    start : Fit, optional
        Go on from an earlier fit of the same number of skills to the same models; floors start at their prior.

    Returns
    -------
    Fit
    """
    problem = Problem(data, n_skills, priors or Priors())
    if start is None:
        state, variances = problem.start()
        penalty = Penalty.nothing(data.scores.shape[1], n_skills)
    else:
        state, variances, penalty = start.state, start.variances, start.penalty
        before, floor = start.problem, problem.priors.floor_logit
        if before.priors.floor_logit != floor:
            state = replace(state, floor_logits=np.full_like(state.floor_logits, floor))
        state = replace(state, slopes=np.where(problem.sloped[:, None], state.slopes, 0.0))
        slope = np.where(before.sloped, variances.slope, 1.0)
        variances = replace(variances, slope=problem.slope_variance(slope))
    damping, still, reached = 1e-3, 0, -np.inf
    trace: list[float] = []
    best: Fit | None = None
    curve, pace = problem.curve(state), Pace.start(variances)
    while True:
        precision = problem.model_precision(variances, state.slopes)
        now = problem.linearise(state, variances, precision, penalty, curve)
        value = problem.objective(state, variances, precision, now.cells.variance, penalty, curve[1])
        trace.append(_evidence(problem, variances, precision, now, value - penalty.value(state)))
        if best is None or trace[-1] >= best.evidence:
            best = Fit(problem, state, variances, precision, penalty, now.system, trace[-1], False, len(trace) - 1)
        still = 0 if trace[-1] > reached + tol else still + 1
        reached = max(reached, trace[-1]) if still == 0 else reached
        converged = still >= _STILL
        if converged or len(trace) > max_iter:
            # the last rounds may circle by a fraction of a log unit: the best of them is the fit
            return replace(best, converged=converged, n_iter=len(trace) - 1, trace=tuple(trace))
        reduced = now.system.reduce(now.gradients)
        for _attempt in range(10):
            candidate = state.moved(now.system.step(reduced, damping))
            there = problem.curve(candidate)
            after = problem.objective(candidate, variances, precision, now.cells.variance, penalty, there[1])
            if after <= value + 1e-9:
                state, curve, damping = candidate, there, max(damping / 10.0, 1e-10)
                break
            damping = max(damping * 10.0, 1e-4)
        here = problem.linearise(state, variances, precision, penalty, curve, items=False)
        updated, penalty, moment = _updated_variances(problem, state, variances, here, penalty)
        variances, pace = pace.further(variances, updated)
        state, variances, penalty = _standardised(state, variances, penalty, moment)


def _updated_variances(
    problem: Problem, state: State, old: Variances, here: Linearised, before: Penalty
) -> tuple[Variances, Penalty, Array]:
    """One EM update, the penalty that integrating the skills leaves, and the skills' second moment.

    Second moments of skills and own intercepts are taken at the present benchmark parameters: those are maximised, not
    integrated. The noise and the prior of the loadings count how far those may be off.
    """
    data, priors, d, nesting = problem.data, problem.priors, problem.d, problem.data.nesting
    cells, system = here.cells, here.system
    response, k = system.response(slopes_only=True), system.n_slopes
    slopes_cov = spd_solve(spd_factor(system.shared[:k, :k]), np.eye(k))
    base_cov = response.base_noise + _spread(response.base, slopes_cov)
    departure_cov = response.departure_noise + _spread(response.departure, slopes_cov)
    lab_cov = response.lab_noise + _spread(response.lab, slopes_cov)
    above = response.base_noise[nesting.base_of_model]
    skill_cov = response.model.covariance(above, slopes_cov)
    across = response.model.follow @ above[:, :, d:]  # skills with own intercepts
    across += response.model.response @ slopes_cov @ np.swapaxes(response.base[nesting.base_of_model, d:], 1, 2)
    own_var = np.einsum("bjj->bj", base_cov[:, d:, d:])
    stray = state.skills - data.covariates @ state.slopes - state.family[nesting.family]
    deviation = state.family - state.base[nesting.base]
    prior = priors.effect_weight * priors.effect**2 * np.eye(d)

    def pooled(effects: Array, cov: Array) -> Array:
        return (effects.T @ effects + cov.sum(axis=0) + prior) / (len(effects) + priors.effect_weight)

    own = (state.own**2 + own_var).sum(axis=0)
    usual = (own.sum() + prior[0, 0]) / (own_var.size + priors.effect_weight)
    own = (own + priors.own_weight * usual) / (nesting.n_bases + priors.own_weight)
    squared_slopes = (state.slopes**2 + np.diag(slopes_cov).reshape(len(state.slopes), d)).sum(axis=1)
    slope_var = (squared_slopes + priors.slope_weight * priors.slope**2) / (d + priors.slope_weight)
    pairs = (state.loadings[:, :, None] * state.loadings[:, None, :]).reshape(-1, d * d)
    logit_var = skill_cov.reshape(-1, d * d) @ pairs.T + own_var[nesting.base_of_model]
    logit_var += 2.0 * np.einsum("mdj,jd->mj", across, state.loadings)
    item_var, loading_cov = problem.item_spread(state, old, cells, before)
    expected = cells.residual**2 + cells.slope**2 * logit_var + item_var
    robust = (priors.dof + 1.0) / (priors.dof + expected / cells.variance)
    squared = robust * expected
    # each squared residual splits into benchmark noise and item sampling in proportion to their variances
    share = old.noise / cells.variance
    explained = (problem.weight * share * (share * squared + cells.variance - old.noise)).sum(axis=0)
    noise = (explained + priors.noise_weight * priors.noise**2) / (problem.weight.sum(axis=0) + priors.noise_weight)
    penalty = Penalty(
        (cells.curvature.T @ skill_cov.reshape(-1, d * d)).reshape(-1, d, d),
        np.einsum("mj,mdj->jd", cells.curvature, across),
        priors.room_weight * (cells.curvature * logit_var).sum(axis=0)[:, None] * problem.room_slope(state),
    )
    variances = Variances(
        pooled(stray, response.residual.covariance(above, slopes_cov)),
        pooled(deviation, response.deviation.covariance(response.base_noise[nesting.base], slopes_cov)),
        pooled(state.base - state.lab[nesting.lab], departure_cov),
        pooled(state.lab, lab_cov),
        own,
        problem.slope_variance(slope_var),
        np.maximum(noise, 1e-8),
        *_loading_prior(state.loadings, loading_cov, priors),
    )
    centred = state.skills - state.skills.mean(axis=0)
    moment = (centred.T @ centred + skill_cov.sum(axis=0)) / len(centred)
    return variances, penalty, moment


def _spread(response: Array, cov: Array) -> Array:
    """Covariance of what follows parameters of covariance `cov`, block by block."""
    return response @ cov @ np.swapaxes(response, 1, 2)


def _loading_prior(loadings: Array, cov: Array, priors: Priors) -> tuple[Array, Array]:
    """Covariance and mean of the loadings over benchmarks; the guess, around zero, counts for some benchmarks.

    Benchmarks with few scores lean on what all benchmarks load on, and skills that few need cost little.
    """
    n_benchmarks, d = loadings.shape
    mean = loadings.sum(axis=0) / (n_benchmarks + priors.loading_weight)
    stray = loadings - mean
    guess = priors.loading_weight * priors.loading_sd**2 * np.eye(d)
    return (stray.T @ stray + cov.sum(axis=0) + guess) / (n_benchmarks + priors.loading_weight), mean


def _standardised(
    state: State, variances: Variances, penalty: Penalty, moment: Array
) -> tuple[State, Variances, Penalty]:
    """Give the skills unit variance: scale and correlation are free between skills and loadings, so they are fixed."""
    root = np.asarray(np.linalg.cholesky(moment), dtype=np.float64)
    back = np.asarray(np.linalg.inv(root), dtype=np.float64)
    state = replace(
        state,
        skills=state.skills @ back.T,
        family=state.family @ back.T,
        base=state.base @ back.T,
        lab=state.lab @ back.T,
        slopes=state.slopes @ back.T,
        loadings=state.loadings @ root,
    )
    return state, variances.turned(root, back), penalty.turned(back)


def _evidence(problem: Problem, variances: Variances, precision: Array, here: Linearised, objective: float) -> float:
    """Log marginal likelihood by Laplace's method, up to a constant that depends on the data alone."""
    nesting, data, priors = problem.data.nesting, problem.data, problem.priors
    n_benchmarks, d = data.scores.shape[1], problem.d
    prior = spd_logdet(precision)
    prior -= nesting.n_families * spd_logdet(variances.family) + nesting.n_bases * spd_logdet(variances.base)
    prior -= nesting.n_labs * spd_logdet(variances.lab)
    prior -= d * np.log(variances.slope).sum() + nesting.n_bases * np.log(variances.own).sum()
    items = n_benchmarks * np.log(priors.intercept_sd * priors.floor_logit_sd) + np.log(problem.ceiling_logit_sd).sum()
    prior -= 2.0 * items + n_benchmarks * spd_logdet(variances.loading[None])
    shared = 2.0 * np.log(np.diag(here.system.factor)).sum()
    fit = -objective - 0.5 * (problem.weight * np.log(here.cells.variance)).sum()
    return float(fit + 0.5 * prior - 0.5 * (here.system.logdet() + shared))

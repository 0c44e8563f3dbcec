"""Numbers of the latent-skill model: arrays in, one frozen record out.

The model (ancestors: Ruan et al. 2024 and Maia Polo et al. 2024):

    score  ~ Student-t around  floor + (ceiling - floor) * logistic(intercept + loading . skills)
    skills = covariates @ slopes + family effect + model residual
    family effect ~ N(base family effect, S_family),  base family effect ~ N(0, S_base),  residual ~ N(0, S_model)

Skills and effects are integrated out by Laplace's method around their mode; benchmark parameters and slopes maximise what
is left, with weak priors; variances follow by EM on the posterior second moments. Nothing is chosen by hand per table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from obslaws.links import clipped_logit, logistic
from obslaws.skill.tree import Nesting, System, propagate, spd_inverse, spd_logdet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Data", "Fit", "Linearised", "Priors", "Problem", "State", "Variances", "fit_skills"]


@dataclass(frozen=True)
class Data:
    """What a fit sees.

    Parameters
    ----------
    scores : ndarray of shape (M, J)
        Fractions, NaN where not evaluated.
    covariates : ndarray of shape (M, p)
        Standardised; an unknown covariate holds its expectation.
    covariate_cov : ndarray of shape (M, p, p)
        Covariance of the unknown covariates; zero where everything is known.
    score_floor : ndarray of shape (J,)
        Expected score of guessing.
    n_items : ndarray of shape (J,)
        Questions per benchmark, inf where unknown.
    nesting : Nesting
    """

    scores: Array
    covariates: Array
    covariate_cov: Array
    score_floor: Array
    n_items: Array
    nesting: Nesting


@dataclass(frozen=True)
class Priors:
    """Weak priors, the same for every table.

    Parameters
    ----------
    dof : float
        Degrees of freedom of the Student-t noise: leaderboards contain broken runs.
    ceiling_logit, ceiling_logit_sd : float
        Prior of the ceiling as a share of the room above the floor, on the logit scale: 3 is 95 %.
    floor_logit, floor_logit_sd : float
        Prior of the floor as a share of the expected score of guessing, on the logit scale: 2 is 88 %. Models below
        the level of guessing are real: weak models avoid the longest or the first answer.
    intercept_sd, loading_sd : float
        On the logit scale; the loadings' prior fixes the scale of the skills.
    noise, noise_weight : float
        Prior guess of the benchmark noise (fraction) and the number of cells it counts for.
    slope, slope_weight : float
        Prior guess of the sd of a covariate's slopes and the number of skills it counts for.
    effect, effect_weight : float
        Prior guess of the sd of effects and the number of effects it counts for.
    """

    dof: float = 6.0
    ceiling_logit: float = 3.0
    ceiling_logit_sd: float = 1.5
    floor_logit: float = 2.0
    floor_logit_sd: float = 1.0
    intercept_sd: float = 3.0
    loading_sd: float = 1.0
    noise: float = 0.01
    noise_weight: float = 1.0
    slope: float = 0.3
    slope_weight: float = 1.0
    effect: float = 0.1
    effect_weight: float = 1.0


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
    spread : ndarray of shape (J, d, d)
        Penalty on the loadings that integrating the skills leaves behind.
    system : System
        The eliminated system at the mode.
    shared_cov : ndarray of shape (G, G)
        Posterior covariance of slopes and benchmark parameters (slopes row-major, intercepts, loadings row-major,
        ceilings on the logit scale).
    evidence : float
        Laplace approximation of the log marginal likelihood.
    objective : float
        Negative log posterior at the mode.
    converged : bool
    n_iter : int
    trace : tuple of float
        Evidence per iteration.
    """

    problem: Problem
    state: State
    variances: Variances
    precision: Array
    spread: Array
    system: System
    shared_cov: Array
    evidence: float
    objective: float
    converged: bool
    n_iter: int
    trace: tuple[float, ...] = field(default=(), repr=False)

    @property
    def n_skills(self) -> int:
        """d."""
        return self.problem.d

    @property
    def ceilings(self) -> Array:
        """The most a model can score on each benchmark, fractions; shape (J,)."""
        return self.problem.asymptotes(self.state)[1]

    @property
    def floors(self) -> Array:
        """The score that the weakest models tend to, at most that of guessing, fractions; shape (J,)."""
        return self.problem.asymptotes(self.state)[0]


@dataclass
class State:
    """Current values of every parameter; the benchmarks' as (intercepts, loadings, ceiling logits, floor logits)."""

    skills: Array
    family: Array
    base: Array
    slopes: Array
    intercepts: Array
    loadings: Array
    ceiling_logits: Array
    floor_logits: Array

    def moved(self, steps: tuple[Array, Array, Array, Array]) -> State:
        model, family, base, shared = steps
        k = self.slopes.size
        n_benchmarks, d = self.loadings.shape
        items = shared[k:]
        return State(
            self.skills + model,
            self.family + family,
            self.base + base,
            self.slopes + shared[:k].reshape(self.slopes.shape),
            self.intercepts + items[:n_benchmarks],
            self.loadings + items[n_benchmarks : n_benchmarks * (1 + d)].reshape(n_benchmarks, d),
            self.ceiling_logits + items[n_benchmarks * (1 + d) : n_benchmarks * (2 + d)],
            self.floor_logits + items[n_benchmarks * (2 + d) :],
        )


@dataclass
class Variances:
    model: Array
    family: Array
    base: Array
    slope: Array  # (p,)
    noise: Array


class Problem:
    """Objective, gradient and Gauss-Newton curvature for fixed variances."""

    def __init__(self, data: Data, n_skills: int, priors: Priors) -> None:
        self.data, self.d, self.priors = data, n_skills, priors
        self.mask = np.isfinite(data.scores)
        self.weight = self.mask.astype(float)
        self.y = np.where(self.mask, data.scores, 0.0)
        self.room = 1.0 - data.score_floor
        n_benchmarks = data.scores.shape[1]
        at = np.arange(n_benchmarks)
        d = n_skills
        self.item_index = np.column_stack(
            [at, n_benchmarks + at[:, None] * d + np.arange(d), n_benchmarks * (1 + d) + at, n_benchmarks * (2 + d) + at]
        )  # (J, d + 3): where intercept, loadings, ceiling and floor of each benchmark stand
        share = clipped_logit(data.scores, data.score_floor, 1.0 - 0.03 * self.room, margin=0.02)
        counted = self.mask.sum(axis=0)
        self.centre = np.where(counted > 0, np.nansum(np.where(self.mask, share, 0.0), axis=0) / np.maximum(counted, 1), 0.0)
        self.start_logits = np.where(self.mask, share - self.centre, 0.0)

    def start(self) -> tuple[State, Variances]:
        """Leading singular vectors of the centred logits, then ridge regression for slopes and effects."""
        data, d = self.data, self.d
        n_models, n_benchmarks = data.scores.shape
        left, singular, right = np.linalg.svd(self.start_logits, full_matrices=False)
        k = min(d, len(singular))
        sign = np.where(right[:k].sum(axis=1) < 0, -1.0, 1.0)
        skills, loadings = np.zeros((n_models, d)), np.zeros((n_benchmarks, d))
        spread = left[:, :k].std(axis=0) * singular[:k] + 1e-6
        skills[:, :k] = left[:, :k] * singular[:k] / spread * sign
        loadings[:, :k] = right[:k].T * spread * sign
        x, nesting = data.covariates, data.nesting
        slopes = np.linalg.solve(x.T @ x + 0.1 * np.eye(x.shape[1]), x.T @ skills)
        rest = skills - x @ slopes
        base_of = nesting.base[nesting.family]
        base = _shrunk_means(rest, base_of, nesting.n_bases)
        family = base[nesting.base] + _shrunk_means(rest - base[base_of], nesting.family, nesting.n_families)
        state = State(
            skills,
            family,
            base,
            slopes,
            self.centre.copy(),
            loadings,
            np.full(n_benchmarks, self.priors.ceiling_logit),
            np.full(n_benchmarks, self.priors.floor_logit),
        )
        eye = np.eye(d)
        return state, Variances(0.1 * eye, 0.3 * eye, 0.3 * eye, np.ones(x.shape[1]), np.full(n_benchmarks, 0.03**2))

    def asymptotes(self, state: State) -> tuple[Array, Array]:
        """Floor and ceiling of each benchmark, fractions; each of shape (J,)."""
        guessing = self.data.score_floor
        return guessing * logistic(state.floor_logits), guessing + self.room * logistic(state.ceiling_logits)

    def curve(self, state: State) -> tuple[Array, Array]:
        """Share of the way from floor to ceiling, and expected score; each of shape (M, J)."""
        floor, ceiling = self.asymptotes(state)
        share = logistic(state.intercepts + state.skills @ state.loadings.T)
        return share, floor + (ceiling - floor) * share

    def cell_variance(self, expected: Array, noise: Array) -> Array:
        """Noise variance of each cell: benchmark noise plus item sampling, squared fractions."""
        p = np.clip(expected, 0.01, 0.99)
        return noise + p * (1.0 - p) / self.data.n_items

    def model_precision(self, variances: Variances, slopes: Array) -> Array:
        """Prior precision of each model's skills; unknown covariates widen it."""
        cov = self.data.covariate_cov
        if not cov.any():
            return np.broadcast_to(spd_inverse(variances.model[None]), (len(cov), self.d, self.d))
        return spd_inverse(variances.model + slopes.T @ cov @ slopes)

    def objective(
        self, state: State, variances: Variances, precision: Array, cell_variance: Array, spread: Array
    ) -> float:
        """Negative log posterior up to a constant, with `cell_variance` and the loading penalty `spread` held fixed."""
        nesting, priors = self.data.nesting, self.priors
        residual = (self.y - self.curve(state)[1]) * self.weight
        total = 0.5 * (priors.dof + 1.0) * np.log1p(residual**2 / (cell_variance * priors.dof)).sum()
        stray = state.skills - self.data.covariates @ state.slopes - state.family[nesting.family]
        total += 0.5 * np.einsum("ma,mab,mb->", stray, precision, stray)
        deviation = state.family - state.base[nesting.base]
        total += 0.5 * np.sum((deviation @ spd_inverse(variances.family[None])[0]) * deviation)
        total += 0.5 * np.sum((state.base @ spd_inverse(variances.base[None])[0]) * state.base)
        total += 0.5 * np.sum(state.slopes**2 / variances.slope[:, None])
        total += 0.5 * np.sum((state.intercepts - self.centre) ** 2) / priors.intercept_sd**2
        total += 0.5 * np.sum(state.loadings**2) / priors.loading_sd**2
        total += 0.5 * np.sum((state.ceiling_logits - priors.ceiling_logit) ** 2) / priors.ceiling_logit_sd**2
        total += 0.5 * np.sum((state.floor_logits - priors.floor_logit) ** 2) / priors.floor_logit_sd**2
        return float(total + 0.5 * np.einsum("ja,jab,jb->", state.loadings, spread, state.loadings))

    def linearise(self, state: State, variances: Variances, precision: Array, spread: Array) -> Linearised:
        """Build and eliminate the Gauss-Newton system."""
        data, priors, d = self.data, self.priors, self.d
        nesting = data.nesting
        n_models, n_benchmarks = data.scores.shape
        share, expected = self.curve(state)
        floor, ceiling = self.asymptotes(state)
        residual = (self.y - expected) * self.weight
        cell_variance = self.cell_variance(expected, variances.noise)
        robust = (priors.dof + 1.0) / (priors.dof + residual**2 / cell_variance) * self.weight
        weight = robust / cell_variance
        # derivatives of the score: by the logit, by the ceiling logit, by the floor logit
        slope = (ceiling - floor) * share * (1.0 - share)
        lift = share * (ceiling - data.score_floor) * (1.0 - logistic(state.ceiling_logits))
        sink = (1.0 - share) * floor * (1.0 - logistic(state.floor_logits))
        skills, loadings = state.skills, state.loadings
        w_slope = weight * slope
        curvature, by_lift, by_sink = w_slope * slope, w_slope * lift, w_slope * sink
        pairs = (loadings[:, :, None] * loadings[:, None, :]).reshape(n_benchmarks, d * d)
        data_curvature = (curvature @ pairs).reshape(n_models, d, d)
        n_items = n_benchmarks * (d + 3)
        coupling = np.empty((n_models, d, n_items))
        along = curvature[:, None, :] * loadings.T[None]  # (M, d, J)
        coupling[:, :, :n_benchmarks] = along
        by_loading = along[:, :, :, None] * skills[:, None, None, :]
        coupling[:, :, n_benchmarks : n_benchmarks * (1 + d)] = by_loading.reshape(n_models, d, n_benchmarks * d)
        coupling[:, :, n_benchmarks * (1 + d) : n_benchmarks * (2 + d)] = by_lift[:, None, :] * loadings.T[None]
        coupling[:, :, n_benchmarks * (2 + d) :] = by_sink[:, None, :] * loadings.T[None]
        # benchmark parameters: one (d + 3) x (d + 3) block each
        regressors = np.concatenate([np.ones((n_models, 1)), skills], axis=1)
        outer = (regressors[:, :, None] * regressors[:, None, :]).reshape(n_models, (d + 1) ** 2)
        blocks = np.zeros((n_benchmarks, d + 3, d + 3))
        blocks[:, : d + 1, : d + 1] = (curvature.T @ outer).reshape(n_benchmarks, d + 1, d + 1)
        blocks[:, : d + 1, d + 1] = blocks[:, d + 1, : d + 1] = by_lift.T @ regressors
        blocks[:, : d + 1, d + 2] = blocks[:, d + 2, : d + 1] = by_sink.T @ regressors
        blocks[:, d + 1, d + 1] = (weight * lift**2).sum(axis=0)
        blocks[:, d + 2, d + 2] = (weight * sink**2).sum(axis=0)
        blocks[:, d + 1, d + 2] = blocks[:, d + 2, d + 1] = (weight * lift * sink).sum(axis=0)
        blocks[:, 1 : d + 1, 1 : d + 1] += spread
        diagonal = np.r_[
            priors.intercept_sd**-2.0,
            np.full(d, priors.loading_sd**-2.0),
            priors.ceiling_logit_sd**-2.0,
            priors.floor_logit_sd**-2.0,
        ]
        blocks += np.diag(diagonal)
        k = data.covariates.shape[1] * d
        shared = np.zeros((k + n_items, k + n_items))
        shared[np.arange(k), np.arange(k)] = np.repeat(1.0 / variances.slope, d)
        at = k + self.item_index
        shared[at[:, :, None], at[:, None, :]] = blocks
        family_precision = spd_inverse(variances.family[None])[0]
        base_precision = spd_inverse(variances.base[None])[0]
        system = System(nesting, data.covariates, data_curvature, precision, coupling, shared, family_precision, base_precision)
        # downhill directions
        stray = skills - data.covariates @ state.slopes - state.family[nesting.family]
        held = np.einsum("mab,mb->ma", precision, stray)
        deviation = (state.family - state.base[nesting.base]) @ family_precision
        w_residual = weight * residual
        item_gradient = np.empty((n_benchmarks, d + 3))
        item_gradient[:, : d + 1] = (w_residual * slope).T @ regressors
        item_gradient[:, 0] -= (state.intercepts - self.centre) * diagonal[0]
        item_gradient[:, 1 : d + 1] -= loadings * diagonal[1] + np.einsum("jab,jb->ja", spread, loadings)
        item_gradient[:, d + 1] = (w_residual * lift).sum(axis=0) - (state.ceiling_logits - priors.ceiling_logit) * diagonal[d + 1]
        item_gradient[:, d + 2] = (w_residual * sink).sum(axis=0) - (state.floor_logits - priors.floor_logit) * diagonal[d + 2]
        shared_gradient = np.empty(k + n_items)
        shared_gradient[:k] = (data.covariates.T @ held - state.slopes / variances.slope[:, None]).ravel()
        shared_gradient[k + self.item_index] = item_gradient
        gradients = (
            (w_residual * slope) @ loadings - held,
            segment(held, nesting.family, nesting.n_families) - deviation,
            segment(deviation, nesting.base, nesting.n_bases) - state.base @ base_precision,
            shared_gradient,
        )
        return Linearised(system, gradients, cell_variance, robust, residual, curvature, slope)


@dataclass
class Linearised:
    system: System
    gradients: tuple[Array, Array, Array, Array]
    cell_variance: Array
    robust: Array
    residual: Array
    curvature: Array
    slope: Array


def _shrunk_means(values: Array, index: Array, n_segments: int) -> Array:
    count = np.bincount(index, minlength=n_segments)[:, None]
    return segment(values, index, n_segments) / (count + 1.0)


def segment(values: Array, index: Array, n_segments: int) -> Array:
    """Sum the rows of a matrix by segment; shape (n_segments, n_columns)."""
    return np.stack([np.bincount(index, weights=column, minlength=n_segments) for column in values.T], axis=1)


def fit_skills(data: Data, n_skills: int, priors: Priors | None = None, max_iter: int = 60, tol: float = 0.05) -> Fit:
    """Fit the latent-skill model with a given number of skills.

    Parameters
    ----------
    data : Data
    n_skills : int
        d.
    priors : Priors, optional
    max_iter : int
        Most rounds of one Gauss-Newton step and one update of the variances.
    tol : float
        The fit has converged when the evidence (log units) changes by less in a round.

    Returns
    -------
    Fit
    """
    priors = priors or Priors()
    problem = Problem(data, n_skills, priors)
    state, variances = problem.start()
    spread = np.zeros((data.scores.shape[1], n_skills, n_skills))
    damping, trace, converged = 1e-3, [], False
    for _ in range(max_iter):
        precision = problem.model_precision(variances, state.slopes)
        now = problem.linearise(state, variances, precision, spread)
        before = problem.objective(state, variances, precision, now.cell_variance, spread)
        after = before
        for _attempt in range(10):
            candidate = state.moved(now.system.solve(*now.gradients, damping=damping))
            after = problem.objective(candidate, variances, precision, now.cell_variance, spread)
            if after <= before + 1e-9:
                state, damping = candidate, max(damping / 10.0, 1e-10)
                break
            damping = max(damping * 10.0, 1e-4)
        here = problem.linearise(state, variances, precision, spread)
        moments = Moments(problem, state, here)
        trace.append(_evidence(problem, variances, precision, here, after))
        if len(trace) > 2 and abs(trace[-1] - trace[-2]) < tol:
            converged = True
            break
        variances, spread = moments.update(variances)
    return Fit(
        problem=problem,
        state=state,
        variances=variances,
        precision=precision,
        spread=spread,
        system=here.system,
        shared_cov=moments.shared_cov,
        evidence=trace[-1],
        objective=after,
        converged=converged,
        n_iter=len(trace),
        trace=tuple(trace),
    )


class Moments:
    """Posterior second moments at the mode, and the variances that follow from them (EM)."""

    def __init__(self, problem: Problem, state: State, here: Linearised) -> None:
        self.problem, self.state, self.here = problem, state, here
        factor = here.system.factor
        self.shared_cov = cho_solve(factor, np.eye(len(here.system.shared)), check_finite=False)
        self.response = here.system.response()

    def update(self, old: Variances) -> tuple[Variances, Array]:
        """New variances, and the penalty that integrating the skills puts on each benchmark's loadings."""
        problem, state, here, response = self.problem, self.state, self.here, self.response
        data, priors, d = problem.data, problem.priors, problem.d
        nesting, k = data.nesting, here.system.n_slopes
        slopes_only = np.zeros_like(self.shared_cov)
        slopes_only[:k, :k] = cho_solve(cho_factor(here.system.shared[:k, :k], lower=True), np.eye(k))
        # covariances at the present benchmark parameters: those are maximised, not integrated
        residual_cov = propagate(response.residual[:, :, :k], response.residual_noise, slopes_only[:k, :k])
        deviation_cov = propagate(response.deviation[:, :, :k], response.deviation_noise, slopes_only[:k, :k])
        base_cov = propagate(response.base[:, :, :k], response.base_noise, slopes_only[:k, :k])
        skill_cov = propagate(response.model[:, :, :k], response.model_noise, slopes_only[:k, :k])
        stray = state.skills - data.covariates @ state.slopes - state.family[nesting.family]
        deviation = state.family - state.base[nesting.base]
        prior = priors.effect_weight * priors.effect**2 * np.eye(d)

        def pooled(effects: Array, cov: Array) -> Array:
            return (effects.T @ effects + cov.sum(axis=0) + prior) / (len(effects) + priors.effect_weight)

        slope_cov = np.diag(slopes_only)[:k].reshape(-1, d)
        weight = priors.slope_weight
        slope_var = ((state.slopes**2 + slope_cov).sum(axis=1) + weight * priors.slope**2) / (d + weight)
        item = here.cell_variance - old.noise
        share = old.noise / here.cell_variance
        logit_var = np.einsum("ja,mab,jb->mj", state.loadings, skill_cov, state.loadings, optimize=True)
        squared = here.robust * (here.residual**2 + here.slope**2 * logit_var)
        cells = problem.weight.sum(axis=0)
        # each residual splits into benchmark noise and item sampling in proportion to their variances
        explained = (problem.weight * share * (share * squared + item)).sum(axis=0)
        noise = (explained + priors.noise_weight * priors.noise**2) / (cells + priors.noise_weight)
        spread = (here.curvature.T @ skill_cov.reshape(len(skill_cov), d * d)).reshape(-1, d, d)
        variances = Variances(
            pooled(stray, residual_cov),
            pooled(deviation, deviation_cov),
            pooled(state.base, base_cov),
            slope_var,
            np.maximum(noise, 1e-8),
        )
        return variances, spread


def _evidence(problem: Problem, variances: Variances, precision: Array, here: Linearised, objective: float) -> float:
    nesting, data = problem.data.nesting, problem.data
    prior = spd_logdet(precision)
    prior -= nesting.n_families * spd_logdet(variances.family[None]) + nesting.n_bases * spd_logdet(variances.base[None])
    shared = 2.0 * np.log(np.diag(here.system.factor[0])).sum()
    prior -= problem.d * np.log(variances.slope).sum()
    n_benchmarks, d = data.scores.shape[1], problem.d
    priors = problem.priors
    prior -= 2.0 * n_benchmarks * (np.log(priors.intercept_sd) + d * np.log(priors.loading_sd) + np.log(priors.ceiling_logit_sd * priors.floor_logit_sd))
    fit = -objective - 0.5 * (problem.weight * np.log(here.cell_variance)).sum()
    return float(fit + 0.5 * prior - 0.5 * (here.system.logdet() + shared))

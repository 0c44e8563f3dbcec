"""The objective of the latent-skill model, with its gradient and Gauss-Newton curvature.

The model (ancestors: Ruan et al. 2024 and Maia Polo et al. 2024):

    score  ~ Student-t around  floor + (ceiling - floor) * logistic(intercept + loading . skills)
    skills = covariates @ slopes + family effect + model residual
    family effect ~ N(base family effect, S_family),  base family effect ~ N(0, S_base),  residual ~ N(0, S_model)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.links import clipped_logit, logistic
from obslaws.skill.blocks import spd_inverse
from obslaws.skill.tree import Nesting, System

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.tree import Steps

    Array = NDArray[np.float64]

__all__ = ["Data", "Linearised", "Priors", "Problem", "State", "Variances"]


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
        Prior of the ceiling as a share of the room above the score of guessing, on the logit scale: 3 is 95 %.
    floor_logit, floor_logit_sd : float
        Prior of the floor as a share of the score of guessing, on the logit scale: 2 is 88 %. Models below the level
        of guessing are real: weak models prefer the longest or the first answer.
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


@dataclass
class State:
    """Current values of every parameter.

    Parameters
    ----------
    skills : ndarray of shape (M, d)
    family : ndarray of shape (F, d)
    base : ndarray of shape (B, d)
    slopes : ndarray of shape (p, d)
        Skills per standardised covariate.
    intercepts, ceiling_logits, floor_logits : ndarray of shape (J,)
    loadings : ndarray of shape (J, d)
    """

    skills: Array
    family: Array
    base: Array
    slopes: Array
    intercepts: Array
    loadings: Array
    ceiling_logits: Array
    floor_logits: Array

    def moved(self, steps: Steps) -> State:
        """Take a step: models, families, base families, shared parameters."""
        model, family, base, shared = steps
        k = self.slopes.size
        n_benchmarks, d = self.loadings.shape
        cuts = np.cumsum([k, n_benchmarks, n_benchmarks * d, n_benchmarks])
        slopes, intercepts, loadings, ceilings, floors = np.split(shared, cuts)
        return State(
            self.skills + model,
            self.family + family,
            self.base + base,
            self.slopes + slopes.reshape(self.slopes.shape),
            self.intercepts + intercepts,
            self.loadings + loadings.reshape(n_benchmarks, d),
            self.ceiling_logits + ceilings,
            self.floor_logits + floors,
        )


@dataclass(frozen=True)
class Variances:
    """Estimated variances.

    Parameters
    ----------
    model, family, base : ndarray of shape (d, d)
        Prior covariances of residuals, families around base families, base families.
    slope : ndarray of shape (p,)
        Prior variance of the slopes of each covariate.
    noise : ndarray of shape (J,)
        Squared scale of the noise beyond item sampling, squared fractions.
    """

    model: Array
    family: Array
    base: Array
    slope: Array
    noise: Array


@dataclass
class Linearised:
    """The model around one state.

    Parameters
    ----------
    system : System
    gradients : tuple of ndarray
        Downhill directions of models, families, base families, shared parameters.
    cell_variance, robust, residual, curvature, slope : ndarray of shape (M, J)
        Noise variance, Student-t weight, residual, curvature in the logit, derivative by the logit.
    """

    system: System
    gradients: Steps
    cell_variance: Array
    robust: Array
    residual: Array
    curvature: Array
    slope: Array


class Problem:
    """Objective, gradient and Gauss-Newton curvature at given variances.

    Parameters
    ----------
    data : Data
    n_skills : int
    priors : Priors
    """

    def __init__(self, data: Data, n_skills: int, priors: Priors) -> None:
        self.data, self.d, self.priors = data, n_skills, priors
        self.mask = np.isfinite(data.scores)
        self.weight = self.mask.astype(float)
        self.y = np.where(self.mask, data.scores, 0.0)
        self.room = 1.0 - data.score_floor
        self.shared_prior = 1.0
        n_benchmarks = data.scores.shape[1]
        at, d = np.arange(n_benchmarks), n_skills
        columns = [
            at,
            n_benchmarks + at[:, None] * d + np.arange(d),
            n_benchmarks * (1 + d) + at,
            n_benchmarks * (2 + d) + at,
        ]
        self.item_index = np.column_stack(columns)  # where intercept, loadings, ceiling and floor of a benchmark stand
        share = clipped_logit(data.scores, data.score_floor, 1.0 - 0.03 * self.room, margin=0.02)
        self.centre = np.where(self.mask, share, 0.0).sum(axis=0) / np.maximum(self.mask.sum(axis=0), 1)
        self.start_logits = np.where(self.mask, share - self.centre, 0.0)
        self.diagonal = np.r_[
            priors.intercept_sd**-2.0,
            np.full(d, priors.loading_sd**-2.0),
            priors.ceiling_logit_sd**-2.0,
            priors.floor_logit_sd**-2.0,
        ]

    def branch(self, base: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Problem]:
        """Cut out what one base family contributes, without the priors of the shared parameters.

        Returns
        -------
        tuple
            Rows of its models, rows of its families, and the partial problem.
        """
        models, families, nesting = self.data.nesting.branch(base)
        data = self.data
        part = object.__new__(Problem)
        part.__dict__.update(self.__dict__)
        part.data = Data(
            data.scores[models],
            data.covariates[models],
            data.covariate_cov[models],
            data.score_floor,
            data.n_items,
            nesting,
        )
        part.mask, part.weight, part.y = self.mask[models], self.weight[models], self.y[models]
        part.shared_prior = 0.0
        return models, families, part

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
        slopes = np.asarray(np.linalg.solve(x.T @ x + 0.1 * np.eye(x.shape[1]), x.T @ skills), dtype=np.float64)
        rest = skills - x @ slopes
        by_model = nesting.models_of_family.sum(rest)
        count = np.bincount(nesting.family, minlength=nesting.n_families)[:, None]
        base_count = nesting.families_of_base.sum(count.astype(float))
        base = nesting.families_of_base.sum(by_model) / (base_count + 1.0)
        family = base[nesting.base] + (by_model - count * base[nesting.base]) / (count + 1.0)
        asymptotes = np.full(n_benchmarks, self.priors.ceiling_logit), np.full(n_benchmarks, self.priors.floor_logit)
        state = State(skills, family, base, slopes, self.centre.copy(), loadings, *asymptotes)
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
        """Prior precision of each model's skills, shape (M, d, d); unknown covariates widen the prior."""
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
        total += 0.5 * np.sum((precision @ stray[:, :, None])[:, :, 0] * stray)
        deviation = state.family - state.base[nesting.base]
        total += 0.5 * np.sum((deviation @ spd_inverse(variances.family)) * deviation)
        total += 0.5 * np.sum((state.base @ spd_inverse(variances.base)) * state.base)
        total += 0.5 * np.sum(state.slopes**2 / variances.slope[:, None])
        items = np.column_stack([
            state.intercepts - self.centre,
            state.loadings,
            state.ceiling_logits - priors.ceiling_logit,
            state.floor_logits - priors.floor_logit,
        ])  # fmt: skip
        total += 0.5 * np.sum(items**2 * self.diagonal)
        return float(total + 0.5 * np.sum((spread @ state.loadings[:, :, None])[:, :, 0] * state.loadings))

    def linearise(self, state: State, variances: Variances, precision: Array, spread: Array) -> Linearised:
        """Build and eliminate the Gauss-Newton system.

        Parameters
        ----------
        state : State
        variances : Variances
        precision : ndarray of shape (M, d, d)
            From `model_precision`.
        spread : ndarray of shape (J, d, d)
            Penalty on the loadings that integrating the skills leaves behind.

        Returns
        -------
        Linearised
        """
        data, priors, d = self.data, self.priors, self.d
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
        n_items = n_benchmarks * (d + 3)
        coupling = np.empty((n_models, d, n_items))
        along = curvature[:, None, :] * loadings.T[None]
        coupling[:, :, :n_benchmarks] = along
        by_loading = coupling[:, :, n_benchmarks : n_benchmarks * (1 + d)].reshape(n_models, d, n_benchmarks, d)
        np.multiply(along[:, :, :, None], skills[:, None, None, :], out=by_loading)
        coupling[:, :, n_benchmarks : n_benchmarks * (1 + d)] = by_loading.reshape(n_models, d, n_benchmarks * d)
        coupling[:, :, n_benchmarks * (1 + d) : n_benchmarks * (2 + d)] = by_lift[:, None, :] * loadings.T[None]
        coupling[:, :, n_benchmarks * (2 + d) :] = by_sink[:, None, :] * loadings.T[None]
        # benchmark parameters: one (d + 3) x (d + 3) block each
        regressors = np.concatenate([np.ones((n_models, 1)), skills], axis=1)
        outer = (regressors[:, :, None] * regressors[:, None, :]).reshape(n_models, (d + 1) ** 2)
        blocks = np.empty((n_benchmarks, d + 3, d + 3))
        blocks[:, : d + 1, : d + 1] = (curvature.T @ outer).reshape(n_benchmarks, d + 1, d + 1)
        blocks[:, : d + 1, d + 1] = blocks[:, d + 1, : d + 1] = by_lift.T @ regressors
        blocks[:, : d + 1, d + 2] = blocks[:, d + 2, : d + 1] = by_sink.T @ regressors
        blocks[:, d + 1, d + 1] = (weight * lift**2).sum(axis=0)
        blocks[:, d + 2, d + 2] = (weight * sink**2).sum(axis=0)
        blocks[:, d + 1, d + 2] = blocks[:, d + 2, d + 1] = (weight * lift * sink).sum(axis=0)
        k = data.covariates.shape[1] * d
        shared = np.zeros((k + n_items, k + n_items))
        w_residual = weight * residual
        item_gradient = np.empty((n_benchmarks, d + 3))
        item_gradient[:, : d + 1] = (w_residual * slope).T @ regressors
        item_gradient[:, d + 1] = (w_residual * lift).sum(axis=0)
        item_gradient[:, d + 2] = (w_residual * sink).sum(axis=0)
        shared_gradient = np.zeros(k + n_items)
        if self.shared_prior:
            blocks += np.diag(self.diagonal)
            blocks[:, 1 : d + 1, 1 : d + 1] += spread
            shared[np.arange(k), np.arange(k)] = np.repeat(1.0 / variances.slope, d)
            item_gradient[:, 0] -= (state.intercepts - self.centre) * self.diagonal[0]
            item_gradient[:, 1 : d + 1] -= loadings * self.diagonal[1] + (spread @ loadings[:, :, None])[:, :, 0]
            item_gradient[:, d + 1] -= (state.ceiling_logits - priors.ceiling_logit) * self.diagonal[d + 1]
            item_gradient[:, d + 2] -= (state.floor_logits - priors.floor_logit) * self.diagonal[d + 2]
            shared_gradient[:k] = -(state.slopes / variances.slope[:, None]).ravel()
        at = k + self.item_index
        shared[at[:, :, None], at[:, None, :]] = blocks
        shared_gradient[at] = item_gradient
        family_precision, base_precision = spd_inverse(variances.family), spd_inverse(variances.base)
        nesting = data.nesting
        system = System(
            nesting, data.covariates, (curvature @ pairs).reshape(n_models, d, d), precision, coupling, shared,
            family_precision, base_precision,
        )  # fmt: skip
        stray = skills - data.covariates @ state.slopes - state.family[nesting.family]
        held = (precision @ stray[:, :, None])[:, :, 0]
        deviation = (state.family - state.base[nesting.base]) @ family_precision
        shared_gradient[:k] += (data.covariates.T @ held).ravel()
        gradients = (
            (w_residual * slope) @ loadings - held,
            nesting.models_of_family.sum(held) - deviation,
            nesting.families_of_base.sum(deviation) - state.base @ base_precision,
            shared_gradient,
        )
        return Linearised(system, gradients, cell_variance, robust, residual, curvature, slope)

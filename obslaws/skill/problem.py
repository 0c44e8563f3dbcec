"""The objective of the latent-skill model, with its gradient and Gauss-Newton curvature.

The model (ancestors: Ruan et al. 2024 and Maia Polo et al. 2024):

    score  ~ Student-t around  floor + (ceiling - floor) * logistic(intercept + own intercept + loading . skills)
    skills = covariates @ slopes + family effect + model residual
    residual ~ N(0, S_model),  family effect ~ N(base family effect, S_family)
    base family effect ~ N(lab effect, S_base),  lab effect ~ N(0, S_lab)
    own intercept of a base family on a benchmark ~ N(0, s_benchmark): what its data emphasise beyond its skills
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.links import clipped_logit, logistic
from obslaws.skill.blocks import spd_inverse
from obslaws.skill.state import HELD, Data, Penalty, Priors, State, Variances, room_slope
from obslaws.skill.tree import System

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.tree import Steps

    Array = NDArray[np.float64]

__all__ = ["Cells", "Data", "Linearised", "Penalty", "Priors", "Problem", "State", "Variances"]


@dataclass(frozen=True)
class Cells:
    """Every cell at one state; each of shape (M, J), zero weight where not evaluated.

    Parameters
    ----------
    residual : ndarray
        Score minus expected score, fraction.
    variance : ndarray
        Noise variance, squared fractions.
    robust, weight : ndarray
        Student-t weight, and that over the variance.
    slope, lift, sink : ndarray
        Derivative of the score by the logit, by the ceiling logit, by the floor logit.
    curvature : ndarray
        Weight times squared slope.
    """

    residual: Array
    variance: Array
    robust: Array
    weight: Array
    slope: Array
    lift: Array
    sink: Array
    curvature: Array


@dataclass(frozen=True)
class Linearised:
    """The model around one state.

    Parameters
    ----------
    system : System
    gradients : tuple of ndarray
        Downhill directions of models, families, base families, labs, shared parameters.
    cells : Cells
    """

    system: System
    gradients: Steps
    cells: Cells


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
        self.room = data.room
        self.shared_prior = 1.0
        self.sloped = ~np.isin(np.arange(data.covariates.shape[1]), priors.without)
        n_benchmarks = data.scores.shape[1]
        at, d = np.arange(n_benchmarks), n_skills
        columns = [
            at,
            n_benchmarks + at[:, None] * d + np.arange(d),
            n_benchmarks * (1 + d) + at,
            n_benchmarks * (2 + d) + at,
        ]
        self.item_index = np.column_stack(columns)  # where intercept, loadings, ceiling and floor of a benchmark stand
        self.ceiling_logit, self.ceiling_logit_sd = priors.ceiling(data.known_ceiling)
        sds = np.ones((n_benchmarks, d + 3))
        sds[:, 0], sds[:, d + 1], sds[:, d + 2] = priors.intercept_sd, self.ceiling_logit_sd, priors.floor_logit_sd
        self.item_prior = sds[:, :, None] ** -2.0 * np.eye(d + 3)  # the loadings' part is estimated
        share = clipped_logit(data.scores, data.score_floor, 1.0 - 0.03 * self.room, margin=0.02)
        self.centre = np.where(self.mask, share, 0.0).sum(axis=0) / np.maximum(self.mask.sum(axis=0), 1)
        self.start_logits = np.where(self.mask, share - self.centre, 0.0)

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
            data.size[models],
            data.known_ceiling,
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
        x, nesting = data.covariates * self.sloped, data.nesting
        slopes = np.asarray(np.linalg.solve(x.T @ x + 0.1 * np.eye(x.shape[1]), x.T @ skills), dtype=np.float64)
        rest = skills - x @ slopes
        by_model = nesting.models_of_family.sum(rest)
        count = np.bincount(nesting.family, minlength=nesting.n_families)[:, None]
        base_count = nesting.families_of_base.sum(count.astype(float))
        base = nesting.families_of_base.sum(by_model) / (base_count + 1.0)
        family = base[nesting.base] + (by_model - count * base[nesting.base]) / (count + 1.0)
        asymptotes = self.ceiling_logit.copy(), np.full(n_benchmarks, self.priors.floor_logit)
        own = np.zeros((nesting.n_bases, n_benchmarks))
        n_siblings = np.bincount(nesting.lab, minlength=nesting.n_labs)[:, None]
        lab = nesting.bases_of_lab.sum(base) / (n_siblings + 1.0)
        state = State(skills, family, base, lab, own, slopes, self.centre.copy(), loadings, *asymptotes)
        per_benchmark, eye = np.ones(n_benchmarks), np.eye(d)
        variances = Variances(
            0.1 * eye, 0.3 * eye, 0.2 * eye, 0.2 * eye, 0.02 * per_benchmark, self.slope_variance(np.ones(x.shape[1])),
            0.03**2 * per_benchmark, self.priors.loading_sd**2 * eye, np.zeros(d),
        )  # fmt: skip
        return state, variances

    def slope_variance(self, estimated: Array) -> Array:
        """Prior variance of the slopes of each covariate: as estimated, next to nothing where they are held at zero."""
        return np.where(self.sloped, estimated, HELD)

    def item_precision(self, variances: Variances) -> Array:
        """Prior precisions of the benchmarks' intercept, loadings, ceiling and floor logit; shape (J, d + 3, d + 3)."""
        out = self.item_prior.copy()
        out[:, 1 : self.d + 1, 1 : self.d + 1] = variances.loading_precision
        return out

    def item_strays(self, state: State, variances: Variances) -> Array:
        """How far the benchmarks' parameters are from their prior means, shape (J, d + 3)."""
        return np.column_stack([
            state.intercepts - self.centre,
            state.loadings - variances.loading_mean,
            state.ceiling_logits - self.ceiling_logit,
            state.floor_logits - self.priors.floor_logit,
        ])  # fmt: skip

    def asymptotes(self, state: State) -> tuple[Array, Array]:
        """Floor and ceiling of each benchmark, fractions; each of shape (J,)."""
        guessing = self.data.score_floor
        return guessing * logistic(state.floor_logits), guessing + self.room * logistic(state.ceiling_logits)

    def room_slope(self, state: State) -> Array:
        """Differentiate the log of the room between floor and ceiling by the logits of both; shape (J, 2)."""
        return room_slope(self.data.score_floor, *self.asymptotes(state), state)

    def curve(self, state: State) -> tuple[Array, Array]:
        """Share of the way from floor to ceiling, and expected score; each of shape (M, J)."""
        floor, ceiling = self.asymptotes(state)
        own = state.own[self.data.nesting.base_of_model]
        share = logistic(state.intercepts + own + state.skills @ state.loadings.T)
        return share, floor + (ceiling - floor) * share

    def cell_variance(self, expected: Array, noise: Array) -> Array:
        """Noise variance of each cell: benchmark noise plus item sampling, squared fractions."""
        p = np.clip(expected, 0.01, 0.99)
        return noise + p * (1.0 - p) / self.data.n_items

    def model_precision(self, variances: Variances, slopes: Array) -> Array:
        """Prior precision of each model's skills, shape (M, d, d); unknown covariates widen the prior."""
        cov = self.data.covariate_cov
        out = np.repeat(spd_inverse(variances.model[None]), len(cov), axis=0)
        vague = self.data.vague
        out[vague] = spd_inverse(variances.model + slopes.T @ cov[vague] @ slopes)
        return out

    def objective(
        self,
        state: State,
        variances: Variances,
        precision: Array,
        cell_variance: Array,
        penalty: Penalty,
        expected: Array | None = None,
    ) -> float:
        """Negative log posterior up to a constant, with `cell_variance` and the `penalty` held fixed.

        `expected` are the scores that `curve` gives, where they are at hand; shape (M, J).
        """
        nesting, priors = self.data.nesting, self.priors
        residual = (self.y - (self.curve(state)[1] if expected is None else expected)) * self.weight
        total = 0.5 * (priors.dof + 1.0) * np.log1p(residual**2 / (cell_variance * priors.dof)).sum()
        stray = state.skills - self.data.covariates @ state.slopes - state.family[nesting.family]
        total += 0.5 * np.sum((precision @ stray[:, :, None])[:, :, 0] * stray)
        deviation = state.family - state.base[nesting.base]
        total += 0.5 * np.sum((deviation @ variances.family_precision) * deviation)
        departure = state.base - state.lab[nesting.lab]
        total += 0.5 * np.sum((departure @ variances.base_precision) * departure)
        total += 0.5 * np.sum((state.lab @ variances.lab_precision) * state.lab)
        total += 0.5 * np.sum(state.own**2 / variances.own)
        total += 0.5 * np.sum(state.slopes**2 / variances.slope[:, None])
        items = self.item_strays(state, variances)
        total += 0.5 * np.sum((items[:, None] @ self.item_precision(variances))[:, 0] * items)
        return float(total + penalty.value(state))

    def cells(self, state: State, noise: Array, curve: tuple[Array, Array] | None = None) -> Cells:
        """Residuals, weights and derivatives of every cell at one state, whose `curve` may be at hand."""
        share, expected = self.curve(state) if curve is None else curve
        floor, ceiling = self.asymptotes(state)
        residual = (self.y - expected) * self.weight
        variance = self.cell_variance(expected, noise)
        dof = self.priors.dof
        robust = (dof + 1.0) / (dof + residual**2 / variance) * self.weight
        weight = robust / variance
        slope = (ceiling - floor) * share * (1.0 - share)
        lift = share * (ceiling - self.data.score_floor) * (1.0 - logistic(state.ceiling_logits))
        sink = (1.0 - share) * floor * (1.0 - logistic(state.floor_logits))
        return Cells(residual, variance, robust, weight, slope, lift, sink, weight * slope * slope)

    def linearise(
        self,
        state: State,
        variances: Variances,
        precision: Array,
        penalty: Penalty,
        curve: tuple[Array, Array] | None = None,
        items: bool = True,
    ) -> Linearised:
        """Build and eliminate the Gauss-Newton system.

        Parameters
        ----------
        state : State
        variances : Variances
        precision : ndarray of shape (M, d, d)
            From `model_precision`.
        penalty : Penalty
        curve : tuple of ndarray, optional
            What `curve` gives for the state, where it is at hand.
        items : bool
            Whether the benchmark parameters move too; holding all but the intercepts fixed saves half of the work.

        Returns
        -------
        Linearised
        """
        data, nesting, d = self.data, self.data.nesting, self.d
        n_models, n_benchmarks = data.scores.shape
        k = data.covariates.shape[1] * d
        cells = self.cells(state, variances.noise, curve)
        pairs = (state.loadings[:, :, None] * state.loadings[:, None, :]).reshape(n_benchmarks, d * d)
        if items:
            coupling, own, blocks, item_gradient = self._items(state, variances, cells, penalty)
            at = k + self.item_index
        else:
            coupling, own, blocks, item_gradient = self._intercepts(state, cells)
            at = k + self.item_index[:, :1]
        n_shared = k + coupling.shape[2]
        shared, shared_gradient = np.zeros((n_shared, n_shared)), np.zeros(n_shared)
        shared[at[:, :, None], at[:, None, :]] = blocks
        shared_gradient[at] = item_gradient
        if self.shared_prior:
            shared[np.arange(k), np.arange(k)] = np.repeat(1.0 / variances.slope, d)
            shared_gradient[:k] = -(state.slopes / variances.slope[:, None]).ravel()
        family_precision, base_precision = variances.family_precision, variances.base_precision
        curvature = (cells.curvature @ pairs).reshape(n_models, d, d)
        system = System(
            nesting, data.covariates, curvature, precision, coupling, own, shared,
            family_precision, base_precision, variances.lab_precision, 1.0 / variances.own,
        )  # fmt: skip
        stray = state.skills - data.covariates @ state.slopes - state.family[nesting.family]
        held = (precision @ stray[:, :, None])[:, :, 0]
        deviation = (state.family - state.base[nesting.base]) @ family_precision
        departure = (state.base - state.lab[nesting.lab]) @ base_precision
        shared_gradient[:k] += (data.covariates.T @ held).ravel()
        downhill = cells.weight * cells.residual * cells.slope
        gradients = (
            downhill @ state.loadings - held,
            nesting.models_of_family.sum(held) - deviation,
            np.concatenate([
                nesting.families_of_base.sum(deviation) - departure,
                nesting.models_of_base.sum(downhill) - state.own / variances.own,
            ], axis=1),
            nesting.bases_of_lab.sum(departure) - state.lab @ variances.lab_precision,
            shared_gradient,
        )  # fmt: skip
        return Linearised(system, gradients, cells)

    def item_spread(self, state: State, variances: Variances, cells: Cells, penalty: Penalty) -> tuple[Array, Array]:
        """How far the benchmarks' parameters may be off, skills held fixed.

        Scores that a benchmark's parameters were fitted to lie closer to the curve than new ones do. Of all J (d + 3)
        parameters d (d + 1) only shift, scale and turn the skills, which are counted already.

        Returns
        -------
        tuple of ndarray
            Variance of the expected score of each cell by them, squared fractions (M, J); covariances of the loadings
            (J, d, d).
        """
        d, n_models = self.d, len(state.skills)
        regressors = np.concatenate([np.ones((n_models, 1)), state.skills], axis=1)
        beside = np.empty((*cells.slope.T.shape, d + 3))
        beside[:, :, : d + 1] = cells.slope.T[:, :, None] * regressors
        beside[:, :, d + 1], beside[:, :, d + 2] = cells.lift.T, cells.sink.T
        blocks = np.swapaxes(beside * cells.weight.T[:, :, None], 1, 2) @ beside + self.item_precision(variances)
        blocks[:, 1 : d + 1, 1 : d + 1] += penalty.spread
        cov = spd_inverse(blocks)
        own_share = max(1.0 - d * (d + 1) / (len(blocks) * (d + 3)), 0.0)
        return own_share * ((beside @ cov) * beside).sum(axis=2).T, cov[:, 1 : d + 1, 1 : d + 1]

    def _intercepts(self, state: State, cells: Cells) -> tuple[Array, Array, Array, Array]:
        """Do what `_items` does for the intercepts alone, without their prior."""
        total = self.data.nesting.models_of_base.sum(cells.curvature)
        blocks = total.sum(axis=0)[:, None, None]
        gradient = (cells.weight * cells.residual * cells.slope).sum(axis=0)[:, None]
        return (
            cells.curvature[:, None, :] * state.loadings.T,
            total[:, :, None] * np.eye(total.shape[1]),
            blocks,
            gradient,
        )

    def _items(
        self, state: State, variances: Variances, cells: Cells, penalty: Penalty
    ) -> tuple[Array, Array, Array, Array]:
        """Coupling of skills and of own intercepts to benchmark parameters, each benchmark's curvature and gradient."""
        d = self.d
        n_models, n_benchmarks = self.data.scores.shape
        skills, loadings, slope, lift, sink = state.skills, state.loadings, cells.slope, cells.lift, cells.sink
        w_slope = cells.weight * slope
        by_lift, by_sink = w_slope * lift, w_slope * sink
        ends = np.cumsum([n_benchmarks, n_benchmarks * d, n_benchmarks, n_benchmarks])
        coupling = np.empty((n_models, d, ends[3]))
        along = cells.curvature[:, None, :] * loadings.T
        coupling[:, :, : ends[0]] = along
        every = np.tile(skills, (1, n_benchmarks))[:, None]
        np.multiply(np.repeat(along, d, axis=2), every, out=coupling[:, :, ends[0] : ends[1]])
        coupling[:, :, ends[1] : ends[2]] = by_lift[:, None, :] * loadings.T
        coupling[:, :, ends[2] :] = by_sink[:, None, :] * loadings.T
        regressors = np.concatenate([np.ones((n_models, 1)), skills], axis=1)
        outer = (regressors[:, :, None] * regressors[:, None, :]).reshape(n_models, (d + 1) ** 2)
        blocks = np.empty((n_benchmarks, d + 3, d + 3))
        blocks[:, : d + 1, : d + 1] = (cells.curvature.T @ outer).reshape(n_benchmarks, d + 1, d + 1)
        blocks[:, : d + 1, d + 1] = blocks[:, d + 1, : d + 1] = by_lift.T @ regressors
        blocks[:, : d + 1, d + 2] = blocks[:, d + 2, : d + 1] = by_sink.T @ regressors
        blocks[:, d + 1, d + 1] = (cells.weight * lift**2).sum(axis=0)
        blocks[:, d + 2, d + 2] = (cells.weight * sink**2).sum(axis=0)
        blocks[:, d + 1, d + 2] = blocks[:, d + 2, d + 1] = (cells.weight * lift * sink).sum(axis=0)
        beside = np.empty((n_models, n_benchmarks, d + 3))
        beside[:, :, : d + 1] = cells.curvature[:, :, None] * regressors[:, None, :]
        beside[:, :, d + 1], beside[:, :, d + 2] = by_lift, by_sink
        own = np.zeros((self.data.nesting.n_bases, n_benchmarks, ends[3]))
        own[:, np.arange(n_benchmarks)[:, None], self.item_index] = self.data.nesting.models_of_base.sum(beside)
        w_residual = cells.weight * cells.residual
        gradient = np.empty((n_benchmarks, d + 3))
        gradient[:, : d + 1] = (w_residual * slope).T @ regressors
        gradient[:, d + 1] = (w_residual * lift).sum(axis=0)
        gradient[:, d + 2] = (w_residual * sink).sum(axis=0)
        if self.shared_prior:
            precision = self.item_precision(variances)
            blocks += precision
            blocks[:, 1 : d + 1, 1 : d + 1] += penalty.spread
            gradient -= (self.item_strays(state, variances)[:, None] @ precision)[:, 0]
            gradient[:, 1 : d + 1] -= penalty.gradient(loadings)
            gradient[:, d + 1 :] -= penalty.room
        return coupling, own, blocks, gradient

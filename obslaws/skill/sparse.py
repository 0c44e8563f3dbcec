"""The objective of `obslaws.skill.problem` on flat cells: every step linear in the observed cells.

Same model, same meaning of `State` and `Variances`, same priors but for that of the loadings, which stays at its guess:
tables of this size say enough of each benchmark. Three differences of layout: models, families and base families stand
in the order of a `CellTable`; the arrays of effects have the effects as their contiguous axis; own intercepts exist
only for pairs of base family and benchmark that were observed, as one flat array.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csc_array
from scipy.sparse.linalg import svds

from obslaws.links import clipped_logit, logistic
from obslaws.skill.cells import CellTable
from obslaws.skill.stacks import apply, inverted, unpacked
from obslaws.skill.state import HELD, Penalty, Priors, State, Variances, room_slope

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.state import Data

    Array = NDArray[np.float64]

__all__ = ["Linear", "SparseProblem"]


@dataclass(frozen=True)
class Linear:
    """The likelihood around one state, own intercepts eliminated; N cells, P pairs, J benchmarks.

    Rows of `sensitivity` and `residual` are whitened: divided by the standard deviation of the noise, as the Student-t
    weights have it.

    Parameters
    ----------
    sensitivity : ndarray of shape (d + 3, N)
        Of each score to intercept (which is also that to the logit), loadings, ceiling and floor logit.
    residual : ndarray of shape (N,)
        With what own intercepts would explain of it taken off.
    variance : ndarray of shape (N,)
        Noise variance, squared fractions.
    curvature : ndarray of shape (N,)
        In the logit.
    pair_curvature, pair_gradient : ndarray of shape (P,)
        Of the own intercepts, prior included.
    blocks : ndarray of shape (J, d + 3, d + 3)
        Curvature of the benchmark parameters, without prior; each cell as if it alone knew its own intercept.
    gradient : ndarray of shape (J, d + 3)
        Downhill direction of the benchmark parameters, without prior.
    by_model : ndarray of shape (d, M)
        Downhill direction of the skills, without prior.
    """

    sensitivity: Array
    residual: Array
    variance: Array
    curvature: Array
    pair_curvature: Array
    pair_gradient: Array
    blocks: Array
    gradient: Array
    by_model: Array


class SparseProblem:
    """Objective and derivatives at given variances.

    Parameters
    ----------
    data : Data
    n_skills : int
    priors : Priors
    doubt : ndarray of shape (M, J), optional
        Factor on the noise of each score; 1 if not given.
    """

    def __init__(self, data: Data, n_skills: int, priors: Priors, doubt: Array | None = None) -> None:
        self.data, self.d, self.priors = data, n_skills, priors
        self.cells = cells = CellTable(data)
        self.doubt = None if doubt is None else cells.values(doubt)
        self.covariates = np.ascontiguousarray(data.covariates[cells.order].T)
        self.unknown = data.covariate_cov[cells.order].transpose(1, 2, 0).copy() if data.covariate_cov.any() else None
        self.room = data.room
        self.centre = np.zeros(cells.n_benchmarks)
        for c in cells.columns():
            self.centre[c.number] = self._start_logits(c.number, cells.score[c.cells]).mean()
        self.diagonal, self.sloped = _diagonal(data, priors, n_skills), self._sloped(priors)
        self._kept: tuple[Array, Array] | None = None

    def with_priors(self, priors: Priors) -> SparseProblem:
        """Take the same data under other priors."""
        out = copy.copy(self)
        out.priors, out.diagonal, out.sloped = priors, _diagonal(self.data, priors, self.d), self._sloped(priors)
        return out

    def _sloped(self, priors: Priors) -> NDArray[np.bool_]:
        return ~np.isin(np.arange(len(self.covariates)), priors.without)

    def slope_variance(self, estimated: Array) -> Array:
        """Prior variance of the slopes of each covariate: as estimated, next to nothing where they are held at zero."""
        return np.where(self.sloped, estimated, HELD)

    def put_away(self) -> None:
        """Give back the memory of the last `linearise`."""
        self._kept = None

    def _start_logits(self, benchmark: int, scores: Array) -> Array:
        floor = self.data.score_floor[benchmark]
        return clipped_logit(scores, floor, 1.0 - 0.03 * self.room[benchmark], margin=0.02)

    def start(self) -> tuple[State, Variances]:
        """Leading singular vectors of the centred logits, then ridge regression for slopes and effects."""
        cells, d = self.cells, self.d
        shape = cells.n_models, cells.n_benchmarks
        values = np.empty(cells.n_cells)
        for c in cells.columns():
            values[c.cells] = self._start_logits(c.number, cells.score[c.cells]) - self.centre[c.number]
        k = min(d, min(shape) - 1)
        skills, loadings = np.zeros((d, shape[0])), np.zeros((shape[1], d))
        if k and values.any():
            matrix = csc_array((values, cells.model, cells.bounds), shape=shape)
            left, singular, right = svds(matrix, k=k, v0=np.ones(min(shape)))
            left, singular, right = left[:, ::-1], singular[::-1], right[::-1]
            sign = np.where(right.sum(axis=1) < 0, -1.0, 1.0)
            spread = left.std(axis=0) * singular + 1e-6
            skills[:k] = (left * singular / spread * sign).T
            loadings[:, :k] = right.T * spread * sign
        x = self.covariates * self.sloped[:, None]
        slopes = np.asarray(np.linalg.solve(x @ x.T + 0.1 * np.eye(len(x)), x @ skills.T))
        by_model = cells.models_of_family.sum(skills - slopes.T @ x)
        count = np.bincount(cells.models_of_family.label, minlength=cells.n_families)
        base_count = np.bincount(cells.base_of_model, minlength=cells.n_bases)
        base = cells.families_of_base.sum(by_model) / (base_count + 1.0)
        above = base[:, cells.families_of_base.label]
        family = above + (by_model - count * above) / (count + 1.0)
        ceilings = self.priors.ceiling(self.data.known_ceiling)[0]
        floors = np.full(shape[1], self.priors.floor_logit)
        own = np.zeros(cells.n_pairs)
        effects = skills.T, family.T, base.T, np.zeros((cells.n_labs, d))
        state = State(*effects, own, slopes, self.centre.copy(), loadings, ceilings, floors)
        per_benchmark, eye = np.ones(shape[1]), np.eye(d)
        variances = Variances(
            0.1 * eye,
            0.3 * eye,
            0.3 * eye,
            HELD * eye,
            0.02 * per_benchmark,
            self.slope_variance(np.ones(len(x))),
            0.03**2 * per_benchmark,
            self.priors.loading_sd**2 * eye,
            np.zeros(d),
        )
        return state, variances

    def asymptotes(self, state: State) -> tuple[Array, Array]:
        """Floor and ceiling of each benchmark, fractions; each of shape (J,)."""
        guessing = self.data.score_floor
        return guessing * logistic(state.floor_logits), guessing + self.room * logistic(state.ceiling_logits)

    def room_slope(self, state: State) -> Array:
        """See `obslaws.skill.problem.Problem.room_slope`."""
        return room_slope(self.data.score_floor, *self.asymptotes(state), state)

    def share(self, state: State) -> Array:
        """How far each cell is on the way from floor to ceiling; shape (N,)."""
        out, skills = np.empty(self.cells.n_cells), state.skills.T
        for c in self.cells.columns():
            logit = state.loadings[c.number] @ skills.take(c.model, axis=1)
            logit += state.own[c.pairs].take(c.pair)
            logit += state.intercepts[c.number]
            np.exp(np.minimum(-logit, 700.0), out=logit)
            out[c.cells] = 1.0 / (1.0 + logit)
        return out

    def item_blocks(self, blocks: Array, penalty: Penalty) -> Array:
        """Add the prior of the benchmark parameters and the penalty to their curvature, shape (J, d + 3, d + 3)."""
        out = blocks + self.diagonal[:, :, None] * np.eye(self.d + 3)
        out[:, 1:-2, 1:-2] += penalty.spread
        return out

    def model_precision(self, variances: Variances, slopes: Array) -> Array:
        """Prior precision of the skills: (d, d, M), or (d, d, 1) for all alike where every covariate is known."""
        cov = variances.model[:, :, None]
        if self.unknown is not None:
            cov = cov + np.einsum("ia,ijm,jb->abm", slopes, self.unknown, slopes, optimize=True)
        return inverted(cov)[0]

    def strays(self, state: State) -> tuple[Array, Array]:
        """Skills beyond family and covariates (d, M), and families beyond their base family (d, F)."""
        cells = self.cells
        stray = state.skills.T - state.slopes.T @ self.covariates
        stray -= state.family.T[:, cells.models_of_family.label]
        return stray, state.family.T - state.base.T[:, cells.families_of_base.label]

    def centred(self, state: State, variances: Variances) -> State:
        """Shift all skills and effects alike, and intercepts against them, to where the priors are met best.

        No logit moves, so the data do not say where on this line a state should stand, and iterations that follow the
        data hardly move along it; the prior of the base families does.
        """
        pull, precision = self.diagonal[:, 0], variances.base_precision
        weight = len(state.base) * precision + (state.loadings.T * pull) @ state.loadings
        rhs = (pull * (state.intercepts - self.centre)) @ state.loadings - precision @ state.base.sum(axis=0)
        shift = np.linalg.solve(weight, rhs)[:, None]
        return replace(
            state,
            skills=(state.skills.T + shift).T,
            family=(state.family.T + shift).T,
            base=(state.base.T + shift).T,
            intercepts=state.intercepts - state.loadings @ shift[:, 0],
        )

    def items(self, state: State) -> Array:
        """Benchmark parameters as deviations from their prior means, shape (J, d + 3)."""
        priors = self.priors
        return np.column_stack([
            state.intercepts - self.centre,
            state.loadings,
            state.ceiling_logits - priors.ceiling(self.data.known_ceiling)[0],
            state.floor_logits - priors.floor_logit,
        ])  # fmt: skip

    def objective(
        self, state: State, variances: Variances, precision: Array, variance: Array, penalty: Penalty, share: Array
    ) -> float:
        """Negative log posterior up to a constant, with the cells' `variance` and the `penalty` held fixed."""
        cells, dof = self.cells, self.priors.dof
        floor, ceiling = self.asymptotes(state)
        misfit = 0.0
        for c in cells.columns():
            j = c.number
            residual = cells.score[c.cells] - (floor[j] + (ceiling[j] - floor[j]) * share[c.cells])
            misfit += np.log1p(residual**2 / (dof * variance[c.cells])).sum()
        total = 0.5 * (dof + 1.0) * misfit
        stray, deviation = self.strays(state)
        total += 0.5 * np.sum(apply(precision, stray) * stray)
        total += 0.5 * np.sum(np.linalg.solve(variances.family, deviation) * deviation)
        total += 0.5 * np.sum(np.linalg.solve(variances.base, state.base.T) * state.base.T)
        total += 0.5 * np.sum(state.own**2 / np.repeat(variances.own, np.diff(cells.pair_bounds)))
        total += 0.5 * np.sum(state.slopes**2 / variances.slope[:, None])
        total += 0.5 * np.sum(self.items(state) ** 2 * self.diagonal)
        return float(total + penalty.value(state))

    def linearise(self, state: State, variances: Variances, share: Array) -> Linear:
        """Differentiate every cell at one state whose `share` is at hand, and sum up; overwrites the last result."""
        cells, d, dof, skills = self.cells, self.d, self.priors.dof, state.skills.T
        if self._kept is None:  # fresh pages of this size would cost more than the arithmetic
            self._kept = np.empty((d + 3, cells.n_cells)), np.empty((3, cells.n_cells))
        width, (sensitivity, (residual, variance, curvature)) = d + 3, self._kept
        floor, ceiling = self.asymptotes(state)
        by_ceiling = (ceiling - self.data.score_floor) * (1.0 - logistic(state.ceiling_logits))
        by_floor = floor * (1.0 - logistic(state.floor_logits))
        pair_curvature, pair_gradient = np.empty(cells.n_pairs), np.empty(cells.n_pairs)
        blocks, gradient = np.zeros((cells.n_benchmarks, width, width)), np.zeros((cells.n_benchmarks, width))
        for c in cells.columns():
            j, at, there = c.number, c.cells, share[c.cells]
            expected = floor[j] + (ceiling[j] - floor[j]) * there
            p = np.clip(expected, 0.01, 0.99)
            doubt = 1.0 if self.doubt is None else self.doubt[at]
            noise = variance[at] = doubt * variances.noise[j] + p * (1.0 - p) / self.data.n_items[j]
            gap = cells.score[at] - expected
            root = np.sqrt((dof + 1.0) / (dof * noise + gap * gap))
            by = sensitivity[:, at]
            by[0] = root * (ceiling[j] - floor[j]) * there * (1.0 - there)
            by[1 : d + 1] = by[0] * skills.take(c.model, axis=1)
            by[d + 1] = by_ceiling[j] * root * there
            by[d + 2] = by_floor[j] * root * (1.0 - there)
            gap *= root
            curvature[at] = by[0] * by[0]
            left = pair_curvature[c.pairs] = np.add.reduceat(curvature[at], c.starts) + 1.0 / variances.own[j]
            pull = np.add.reduceat(by[0] * gap, c.starts) - state.own[c.pairs] / variances.own[j]
            pair_gradient[c.pairs] = pull
            gap -= by[0] * (pull / left).take(c.pair)
            blocks[j] = (by * (1.0 - curvature[at] / left.take(c.pair))) @ by.T
            gradient[j] = by @ gap
            residual[at] = gap
        by_model = cells.by_model(sensitivity[0] * residual, state.loadings)
        return Linear(
            sensitivity, residual, variance, curvature, pair_curvature, pair_gradient, blocks, gradient, by_model
        )

    def model_curvature(self, weight: Array, loadings: Array) -> Array:
        """Curvature of each model's skills from the weights of its cells: (N,), (J, d) -> (d, d, M)."""
        upper = np.triu_indices(self.d)
        return unpacked(self.cells.by_model(weight, loadings[:, upper[0]] * loadings[:, upper[1]]), self.d)


def _diagonal(data: Data, priors: Priors, d: int) -> Array:
    """Prior precisions of the benchmarks' intercept, loadings, ceiling and floor logit; shape (J, d + 3)."""
    _, ceiling_sd = priors.ceiling(data.known_ceiling)
    sds = np.empty((len(ceiling_sd), d + 3))
    sds[:, 0], sds[:, 1:-2], sds[:, -2], sds[:, -1] = (
        priors.intercept_sd, priors.loading_sd, ceiling_sd, priors.floor_logit_sd,
    )  # fmt: skip
    return sds**-2.0

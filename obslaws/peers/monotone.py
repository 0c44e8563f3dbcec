"""Sloth's learned link: a small monotone network per benchmark in place of the logistic, trained with the rest.

score = floor + (1 - floor) * logistic(net(b_j + loading_j . theta)); the net is tanh, two layers of ten tanh units and
a scalar, its weights not negative, its biases free; the floor is trained as well. Damped Gauss-Newton on Huber's loss:
benchmarks meet only through the skills, so that each step eliminates a benchmark's 145 or so parameters and solves for
the skills' coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from obslaws.links import logistic
from obslaws.peers.huber import derivatives, huber
from obslaws.peers.lowrank import Factors, LowRank

__all__ = ["Monotone", "fit_monotone", "fresh_nets"]

Array = NDArray[np.float64]

WIDTH = 10
NUDGE = 1e-5  # a floor is held as a logit, so that 0 becomes this
# the weights and biases of a net as one row, and their shapes
PARTS = ((0, (1, WIDTH)), (WIDTH, (1, WIDTH)), (2 * WIDTH, (WIDTH, WIDTH)), (2 * WIDTH + WIDTH**2, (1, WIDTH)),
         (3 * WIDTH + WIDTH**2, (WIDTH, 1)), (4 * WIDTH + WIDTH**2, (1, 1)))  # fmt: skip
SIZE = 4 * WIDTH + WIDTH**2 + 1
WARM = 20  # steps in which fresh nets find the logistic fit, before the skills move with them
DAMPING = (1e-2, 1e-4, 1e6)
PATIENCE = 3


@dataclass(frozen=True)
class Monotone:
    """A fitted factor model with learned links.

    Parameters
    ----------
    coefficients : ndarray of shape (F + p, d)
        Skills of the families' intercepts, then of the covariates.
    benchmarks : ndarray of shape (J, d + 2 + 141)
        Loadings, offset, logit of the floor and net of each benchmark.
    objective : float
    n_iter : int
    """

    coefficients: Array
    benchmarks: Array
    objective: float
    n_iter: int

    def scores(self, design: Array) -> Array:
        """Scores of rows of a design (shares of the intercepts, then covariates); shape (n, J)."""
        return _forward(design, self.coefficients, self.benchmarks).fitted


def fresh_nets(n_benchmarks: int, random_state: int = 42) -> Array:
    """Draw nets: weights and biases uniform within one over the root of the fan-in, weights in absolute value.

    Parameters
    ----------
    n_benchmarks : int
    random_state : int

    Returns
    -------
    ndarray of shape (J, 141)
    """
    rng = np.random.default_rng(random_state)
    out = np.empty((n_benchmarks, SIZE))
    for (at, shape), fan_in in zip(PARTS, (1, 1, WIDTH, WIDTH, WIDTH, WIDTH), strict=True):
        drawn = rng.uniform(-1.0, 1.0, size=(n_benchmarks, shape[0] * shape[1])) / np.sqrt(fan_in)
        out[:, at : at + drawn.shape[1]] = drawn
    return np.where(_is_weight(), np.abs(out), out)


def fit_monotone(
    data: Factors,
    start: LowRank,
    random_state: int = 42,
    tolerance: float = 1e-4,
    max_iter: int = 300,
    target: float = -np.inf,
) -> Monotone:
    """Train links, floors, loadings and skills together from a fit with the logistic link and fresh nets.

    Parameters
    ----------
    data : Factors
    start : LowRank
        Fit of the same data with the logistic link.
    random_state : int
        Of the nets.
    tolerance : float
        Stops when three steps in a row each bring less than this share of the objective. The nets have more parameters
        than there are scores, so that the minimum is no aim in itself.
    max_iter : int
        Most steps.
    target : float
        Stops as soon as the objective is no larger.

    Returns
    -------
    Monotone

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, section 3.3 and appendix: learned monotone link.
    """
    member = np.eye(len(start.intercepts))[data.family]
    design = np.concatenate([member, data.covariates], axis=1)
    floor = np.log((data.score_floor + NUDGE) / (1.0 - data.score_floor + NUDGE))
    benchmarks = np.concatenate(
        [start.loadings, start.offsets[:, None], floor[:, None], fresh_nets(len(floor), random_state)], axis=1
    )
    coefficients = np.concatenate([start.intercepts, start.slopes])
    steps = _Steps(design, data.scores)
    warm = steps.descend(coefficients, benchmarks, tolerance, WARM, -np.inf, free=False)
    return steps.descend(warm.coefficients, warm.benchmarks, tolerance, max_iter, target, free=True)


def _is_weight() -> NDArray[np.bool_]:
    out = np.zeros(SIZE, dtype=bool)
    for at, shape in PARTS[::2]:
        out[at : at + shape[0] * shape[1]] = True
    return out


@dataclass(frozen=True)
class _Pass:
    """What a pass through the nets leaves; arrays of shape (J, n, units) but the last two, (n, J)."""

    skills: Array
    squashed: Array
    first: Array
    second: Array
    share: Array
    fitted: Array


def _nets(benchmarks: Array) -> list[Array]:
    nets = benchmarks[:, -SIZE:]
    return [nets[:, at : at + shape[0] * shape[1]].reshape(-1, *shape) for at, shape in PARTS]


def _forward(design: Array, coefficients: Array, benchmarks: Array) -> _Pass:
    d = coefficients.shape[1]
    w1, b1, w2, b2, w3, b3 = _nets(benchmarks)
    skills = design @ coefficients
    squashed = np.tanh((skills @ benchmarks[:, :d].T + benchmarks[:, d]).T[:, :, None])
    first = np.tanh(squashed * w1 + b1)
    second = np.tanh(first @ w2 + b2)
    share = logistic(second @ w3 + b3)[:, :, 0].T
    floor = logistic(benchmarks[:, d + 1])
    return _Pass(skills, squashed, first, second, share, floor + (1.0 - floor) * share)


@dataclass(frozen=True)
class _Normal:
    """Normal equations of one benchmark: its own parameters (P), and its logits by q' coefficients of each skill.

    Parameters
    ----------
    jacobian : ndarray of shape (n', P)
        Of the n' models with a score, by the benchmark's own parameters; weighted.
    gradient : ndarray of shape (P,)
    columns : ndarray of int, shape (q',)
        Columns of the design that models with a score have.
    cross : ndarray of shape (q', P)
    shared : ndarray of shape (q', q')
    by_design : ndarray of shape (q',)
    """

    jacobian: Array
    gradient: Array
    columns: NDArray[np.intp]
    cross: Array
    shared: Array
    by_design: Array

    def solve(self, damping: float) -> tuple[Array, Array]:
        """Own parameters' answers to the gradient (P,) and to `cross` (P, q'), by the smaller of two systems."""
        jacobian = self.jacobian
        diagonal = np.einsum("np,np->p", jacobian, jacobian)
        # no less than the mean: where scores say nothing (a family below every floor), parameters stay as they are
        held = damping * np.maximum(diagonal, diagonal.mean() + 1e-8)
        sides = np.concatenate([self.gradient[:, None], self.cross.T], axis=1)
        if len(jacobian) < len(held):  # the matrix inversion lemma
            along = jacobian / held
            inner = np.eye(len(jacobian)) + along @ jacobian.T
            solved = (sides - jacobian.T @ np.linalg.solve(inner, along @ sides)) / held[:, None]
        else:
            solved = np.linalg.solve(jacobian.T @ jacobian + np.diag(held), sides)
        return solved[:, 0], solved[:, 1:]


class _Steps:
    """Damped Gauss-Newton steps on one data set."""

    def __init__(self, design: Array, scores: Array) -> None:
        self.design = design
        self.known = np.isfinite(scores).astype(float)
        self.scores = np.nan_to_num(scores)
        self.rows = [np.flatnonzero(column) for column in self.known.T]
        self.columns = [np.flatnonzero(design[rows].any(axis=0)) for rows in self.rows]
        self.turned = [
            design[np.ix_(rows, columns)].T.copy() for rows, columns in zip(self.rows, self.columns, strict=True)
        ]

    def descend(
        self,
        coefficients: Array,
        benchmarks: Array,
        tolerance: float,
        max_iter: int,
        target: float,
        free: bool,
    ) -> Monotone:
        damping, least, most = DAMPING
        d = coefficients.shape[1]
        positive = np.concatenate([np.zeros(d + 2, dtype=bool), _is_weight()])
        at, value = self._at(coefficients, benchmarks)
        taken = small = 0
        while taken < max_iter and small < PATIENCE and value > target:
            system = self._system(at, benchmarks, positive, free)
            while True:
                d_coefficients, d_benchmarks = self._solve(system, benchmarks[:, :d], damping, free)
                new_coefficients, new_benchmarks = coefficients + d_coefficients, benchmarks + d_benchmarks
                new_benchmarks = np.where(positive, np.maximum(new_benchmarks, 0.0), new_benchmarks)
                new_at, new = self._at(new_coefficients, new_benchmarks)
                if new < value or damping > most:
                    break
                damping *= 4.0
            if new >= value:
                break
            small = small + 1 if value - new < tolerance * value else 0
            coefficients, benchmarks, at, value = new_coefficients, new_benchmarks, new_at, new
            damping, taken = max(damping / 3.0, least), taken + 1
        return Monotone(coefficients, benchmarks, value, taken)

    def _at(self, coefficients: Array, benchmarks: Array) -> tuple[_Pass, float]:
        at = _forward(self.design, coefficients, benchmarks)
        return at, huber(self.scores - at.fitted, self.known)

    def _system(self, at: _Pass, benchmarks: Array, positive: NDArray[np.bool_], free: bool) -> list[_Normal]:
        """Set up the normal equations, benchmark by benchmark; without the skills' part where they are not `free`."""
        d = at.skills.shape[1]
        w1, _, w2, _, w3, _ = _nets(benchmarks)
        floor = logistic(benchmarks[:, d + 1])
        by_top = ((1.0 - floor) * at.share * (1.0 - at.share)).T[:, :, None]
        by_second = by_top * w3.transpose(0, 2, 1) * (1.0 - at.second**2)
        by_first = (by_second @ w2.transpose(0, 2, 1)) * (1.0 - at.first**2)
        by_eta = (by_first @ w1.transpose(0, 2, 1)) * (1.0 - at.squashed**2)
        by_floor = ((1.0 - at.share) * floor * (1.0 - floor)).T[:, :, None]
        r = self.scores - at.fitted
        first, second = derivatives(r, self.known)
        root, g = np.sqrt(second.T), first.T
        out = []
        for j, (rows, turned) in enumerate(zip(self.rows, self.turned, strict=True)):
            eta = by_eta[j, rows]
            outer = (at.first[j, rows, :, None] * by_second[j, rows, None, :]).reshape(len(rows), WIDTH**2)
            jacobian = np.concatenate(
                [eta * at.skills[rows], eta, by_floor[j, rows], by_first[j, rows] * at.squashed[j, rows],
                 by_first[j, rows], outer, by_second[j, rows], by_top[j, rows] * at.second[j, rows], by_top[j, rows]],
                axis=1,
            )  # fmt: skip
            gradient = g[j, rows] @ jacobian
            # a weight at zero that is pushed below stays out of the step
            held = positive & (benchmarks[j] <= 0.0) & (gradient < 0.0)
            jacobian[:, held] = gradient[held] = 0.0
            jacobian *= root[j, rows, None]
            if not free:
                nothing = np.zeros((0, len(gradient)))
                out.append(_Normal(jacobian, gradient, self.columns[j][:0], nothing, nothing[:, :0], nothing[:, 0]))
                continue
            weighted = turned * (eta[:, 0] * root[j, rows])
            by_design = turned @ (g[j, rows] * eta[:, 0])
            out.append(
                _Normal(jacobian, gradient, self.columns[j], weighted @ jacobian, weighted @ weighted.T, by_design)
            )
        return out

    def _solve(self, system: list[_Normal], loadings: Array, damping: float, free: bool) -> tuple[Array, Array]:
        from scipy.linalg import cho_factor, cho_solve

        q, d = self.design.shape[1], loadings.shape[1]
        left, right, weight = np.zeros((len(system), q, q)), np.zeros((q, d)), np.zeros((q, d))
        alone, along = np.empty((len(system), len(system[0].gradient))), []
        for j, one in enumerate(system):
            alone[j], cross = one.solve(damping)
            along.append(cross)
            here = one.columns
            left[j][np.ix_(here, here)] = one.shared - one.cross @ along[j]
            right[here] += np.outer(one.by_design - one.cross @ alone[j], loadings[j])
            weight[here] += np.outer(np.diag(one.shared), loadings[j] ** 2)
        if not free:
            return right, alone
        pairs = (loadings[:, :, None] * loadings[:, None, :]).reshape(len(system), d * d)
        blocks = (pairs.T @ left.reshape(len(system), q * q)).reshape(d, d, q, q)
        whole = blocks.transpose(2, 0, 3, 1).reshape(q * d, q * d)
        # no less than the mean, and something where a net has died and no skill moves any score
        whole[np.diag_indices(q * d)] += damping * np.maximum(weight, weight.mean() + 1e-8).ravel()
        step = cho_solve(cho_factor(whole, lower=True, check_finite=False), right.ravel(), check_finite=False)
        step = step.reshape(q, d)
        moves = [s @ (step[one.columns] @ loading) for s, one, loading in zip(along, system, loadings, strict=True)]
        return step, alone - np.stack(moves)

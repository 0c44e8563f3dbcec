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
from obslaws.peers.huber import THRESHOLD, curvature, huber, slope
from obslaws.peers.lowrank import Factors, LowRank

__all__ = ["Monotone", "fit_monotone", "fresh_nets"]

Array = NDArray[np.float64]

WIDTH = 10
NUDGE = 1e-5  # a floor is held as a logit, so that 0 becomes this
# the weights and biases of a net as one row, and their shapes
PARTS = ((0, (1, WIDTH)), (WIDTH, (1, WIDTH)), (2 * WIDTH, (WIDTH, WIDTH)), (2 * WIDTH + WIDTH**2, (1, WIDTH)),
         (3 * WIDTH + WIDTH**2, (WIDTH, 1)), (4 * WIDTH + WIDTH**2, (1, 1)))  # fmt: skip
SIZE = 4 * WIDTH + WIDTH**2 + 1
WARM = (0.1, 20)  # a wider threshold, and steps with it, before the true one
DAMPING = (1e-2, 1e-7, 1e6)
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
    data: Factors, start: LowRank, random_state: int = 42, tolerance: float = 1e-4, max_iter: int = 300
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
    warm = steps.descend(coefficients, benchmarks, WARM[0], tolerance, WARM[1])
    return steps.descend(warm.coefficients, warm.benchmarks, THRESHOLD, tolerance, max_iter)


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


class _Steps:
    """Damped Gauss-Newton steps on one data set."""

    def __init__(self, design: Array, scores: Array) -> None:
        self.design = design
        self.known = np.isfinite(scores).astype(float)
        self.scores = np.nan_to_num(scores)

    def descend(
        self, coefficients: Array, benchmarks: Array, threshold: float, tolerance: float, max_iter: int
    ) -> Monotone:
        damping, least, most = DAMPING
        d = coefficients.shape[1]
        positive = np.concatenate([np.zeros(d + 2, dtype=bool), _is_weight()])
        at, value = self._at(coefficients, benchmarks, threshold)
        taken = small = 0
        while taken < max_iter and small < PATIENCE:
            system = self._system(at, benchmarks, positive, threshold)
            while True:
                d_coefficients, d_benchmarks = self._solve(system, benchmarks[:, :d], damping)
                new_coefficients, new_benchmarks = coefficients + d_coefficients, benchmarks + d_benchmarks
                new_benchmarks = np.where(positive, np.maximum(new_benchmarks, 0.0), new_benchmarks)
                new_at, new = self._at(new_coefficients, new_benchmarks, threshold)
                if new < value or damping > most:
                    break
                damping *= 4.0
            if new >= value:
                break
            small = small + 1 if value - new < tolerance * value else 0
            coefficients, benchmarks, at, value = new_coefficients, new_benchmarks, new_at, new
            damping, taken = max(damping / 3.0, least), taken + 1
        return Monotone(coefficients, benchmarks, value, taken)

    def _at(self, coefficients: Array, benchmarks: Array, threshold: float) -> tuple[_Pass, float]:
        at = _forward(self.design, coefficients, benchmarks)
        return at, huber(self.scores - at.fitted, self.known, threshold)

    def _system(
        self, at: _Pass, benchmarks: Array, positive: NDArray[np.bool_], threshold: float
    ) -> tuple[Array, Array, Array, Array, Array]:
        """Set up the normal equations: benchmark by benchmark, by skill coefficients, and the gradients of both."""
        J, n = at.squashed.shape[:2]
        d = at.skills.shape[1]
        w1, _, w2, _, w3, _ = _nets(benchmarks)
        floor = logistic(benchmarks[:, d + 1])
        by_top = ((1.0 - floor) * at.share * (1.0 - at.share)).T[:, :, None]
        by_second = by_top * w3.transpose(0, 2, 1) * (1.0 - at.second**2)
        by_first = (by_second @ w2.transpose(0, 2, 1)) * (1.0 - at.first**2)
        by_eta = (by_first @ w1.transpose(0, 2, 1)) * (1.0 - at.squashed**2)
        by_floor = ((1.0 - at.share) * floor * (1.0 - floor)).T[:, :, None]
        outer = (at.first[:, :, :, None] * by_second[:, :, None, :]).reshape(J, n, WIDTH**2)
        jacobian = np.concatenate(
            [by_eta * at.skills, by_eta, by_floor, by_first * at.squashed, by_first, outer, by_second,
             by_top * at.second, by_top], axis=2,
        )  # fmt: skip
        r = self.scores - at.fitted
        c = curvature(r, self.known, threshold).T
        g = slope(r, self.known, threshold).T
        gradient = (jacobian * g[:, :, None]).sum(axis=1)
        # a weight at zero that is pushed below stays out of the step
        held = positive & (benchmarks <= 0.0) & (gradient < 0.0)
        jacobian, gradient = np.where(held[:, None, :], 0.0, jacobian), np.where(held, 0.0, gradient)
        weighted = jacobian * c[:, :, None]
        eta = by_eta[:, :, 0]
        cross = self.design.T @ (weighted * by_eta)
        shared = (self.design.T[None] * (c * eta**2)[:, None, :]) @ self.design
        return weighted.transpose(0, 2, 1) @ jacobian, cross, shared, gradient, (g * eta) @ self.design

    def _solve(
        self, system: tuple[Array, Array, Array, Array, Array], loadings: Array, damping: float
    ) -> tuple[Array, Array]:
        own, cross, shared, gradient, by_design = system
        q, d = self.design.shape[1], loadings.shape[1]
        diagonal = np.einsum("jkk->jk", own)
        floor = 1e-2 * diagonal.mean(axis=1, keepdims=True) + 1e-8
        damped = own + np.eye(own.shape[1]) * (damping * np.maximum(diagonal, floor))[:, :, None]
        solved = np.linalg.solve(damped, np.concatenate([cross.transpose(0, 2, 1), gradient[:, :, None]], axis=2))
        left = np.einsum("jab,jk,jl->akbl", shared - cross @ solved[:, :, :q], loadings, loadings, optimize=True)
        left = left.reshape(q * d, q * d)
        weight = np.einsum("jqq,jk->qk", shared, loadings**2).ravel()
        left[np.diag_indices(q * d)] += damping * np.maximum(weight, 1e-3)
        right = (by_design - (cross @ solved[:, :, q:])[:, :, 0]).T @ loadings
        step = np.linalg.solve(left, right.ravel()).reshape(q, d)
        return step, solved[:, :, q] - np.einsum("jmq,qj->jm", solved[:, :, :q], step @ loadings.T)

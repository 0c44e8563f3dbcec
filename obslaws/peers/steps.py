"""Damped Gauss-Newton steps of the factor model with the logistic link; letters as in the paper.

A family's intercepts meet other families only through slopes, loadings and offsets, so that each step eliminates them
family by family and solves one small system. Tables are small: a step's cost is the number of numpy's calls and the
length of its arrays, which is why arrays are few and have the models last, sorted by family.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from obslaws.peers.blocks import halve, substitute
from obslaws.peers.huber import THRESHOLD
from obslaws.peers.places import Places

if TYPE_CHECKING:
    from obslaws.peers.lowrank import Factors

__all__ = ["Point", "Steps", "System"]

Array = NDArray[Any]

FAR = 0.5  # of second derivatives beyond Huber's threshold, as a share of the majorant's: see `huber.derivatives`
MARGIN, RIDGE = 0.01, 1e-6  # of the start: of shares from 0 and 1; shares of a spread that keep a system solvable
FLAT = 1e-3  # least diagonal that damping is a share of
DENSE = 16_000  # models times families up to which sums by family are a product


class Point(NamedTuple):
    """What the scores say about coefficients and items.

    Parameters
    ----------
    theta : ndarray of shape (d + 1, n)
        Skills, and a row of ones.
    curve : ndarray of shape (J, n)
        Fitted scores, from -1 at the floor to 1.
    residual, size : ndarray of shape (J, n)
        And its absolute value; 0 where a score is missing.
    value : float
        The objective.
    """

    theta: Array
    curve: Array
    residual: Array
    size: Array
    value: float


class System(NamedTuple):
    """Normal equations; k = p d slopes, then J (d + 1) items.

    Parameters
    ----------
    own : ndarray of shape (d, d + k + J + 1, F)
        For each family: its block, what it shares with slopes, the loadings, its gradient.
    multiples : ndarray of shape (J, d + 1, F)
        What an item shares with a family is this multiple of the benchmark's loadings.
    shared : ndarray of shape (k + J (d + 1), k + J (d + 1))
        On and above the diagonal; overwritten by the next system.
    gradient : ndarray of shape (k + J (d + 1),)
    """

    own: Array
    multiples: Array
    shared: Array
    gradient: Array


class Steps:
    """Steps on one data set, in terms of two arrays.

    Coefficients are slopes and intercepts, (d, p + F); items are loadings and offsets, (J, d + 1).

    Parameters
    ----------
    data : Factors
    n_skills : int
    dtype : dtype
        Of the computation, single or double.
    """

    def __init__(self, data: Factors, n_skills: int, dtype: DTypeLike = np.float64) -> None:
        from scipy.linalg.blas import dsyrk, ssyrk
        from scipy.linalg.lapack import dposv, sposv

        self.dtype = np.dtype(dtype)
        single = self.dtype == np.float32
        self.less, self.posv = (ssyrk, sposv) if single else (dsyrk, dposv)
        order = np.argsort(data.family, kind="stable")
        self.family, scores = data.family[order], np.ascontiguousarray(data.scores[order].T)
        self.d, self.p, (self.J, self.n) = n_skills, data.covariates.shape[1], scores.shape
        self.F, self.m = int(self.family[-1]) + 1, n_skills + 1 + self.p
        # score = floor + half + half * tanh(eta / 2): no power of e that could overflow
        half = 0.5 - 0.5 * data.score_floor[:, None]
        middle = scores - (1.0 - half)
        known = np.isfinite(middle)
        self.n_known = float(np.count_nonzero(known))
        self.half = (half * known).astype(self.dtype)
        self.middle = np.where(known, middle, 0.0).astype(self.dtype)
        self.most = 0.5 * self.half  # derivative by eta where the curve is steepest
        self.weights = np.array([FAR, 1.0], dtype=self.dtype)
        self.rows = np.empty((self.m, self.n), dtype=self.dtype)  # skills, ones, covariates
        self.rows[self.d] = 1.0
        self.rows[self.d + 1 :] = data.covariates[order].T
        self.by_covariate = self.rows[self.d + 1 :]
        self.member = self._member() if self.n * self.F <= DENSE else None
        self.first = np.searchsorted(self.family, np.arange(self.F))
        self.weighted = np.empty((self.J, self.m + 1, self.n), dtype=self.dtype)
        J, k = self.J, self.p * self.d
        self.shared = np.zeros((k + J * (self.d + 1),) * 2, dtype=self.dtype)
        self.of_slopes = self.shared[:k, :k].reshape(self.p, self.d, self.p, self.d)
        self.mixed = self.shared[:k, k:].reshape(self.p, self.d, J, self.d + 1)
        self.of_items = np.einsum("jajb->jab", self.shared[k:, k:].reshape(J, self.d + 1, J, self.d + 1))
        self.places: Places | None = None

    def start(self) -> tuple[Array, Array]:
        """Cut the scores themselves to the rank asked for; the link is its tangent at each benchmark's mean.

        Returns
        -------
        coefficients : ndarray of shape (d, p + F)
        items : ndarray of shape (J, d + 1)
        """
        d, J, p = self.d, self.J, self.p
        known = (self.half > 0.0).astype(self.dtype)
        span = np.maximum(2.0 * self.half.max(axis=1), RIDGE)
        above = self.middle + self.half
        mean = above.sum(axis=1) / np.maximum(known.sum(axis=1), 1.0)
        share = np.minimum(np.maximum(mean / span, MARGIN), 1.0 - MARGIN)
        steepness = share * (1.0 - share) * span
        # least squares by family and covariates: first families' means, then what is left of both
        both = np.concatenate([(above - mean[:, None]) * known, self.by_covariate])
        levels = self._by_family(both) / np.bincount(self.family).astype(self.dtype)
        inside = both - levels.take(self.family, axis=1)
        products = inside[J:] @ inside.T
        spread = products[:, J:]
        np.einsum("pp->p", spread)[...] += RIDGE * (spread.trace() + RIDGE)
        slopes = self.posv(spread, products[:, :J])[1].T
        linear = np.concatenate([slopes, levels[:J] - slopes @ levels[J:]], axis=1)
        fitted = slopes @ self.by_covariate + linear[:, p:].take(self.family, axis=1)
        variance, directions = np.linalg.eigh(fitted @ fitted.T)
        variance, right = variance[: -d - 1 : -1] + RIDGE * (variance[-1] + RIDGE), directions[:, : -d - 1 : -1]
        scale = np.sqrt(variance * (1.0 / self.n))
        items = np.empty((J, d + 1), dtype=self.dtype)
        np.divide(right * scale, steepness[:, None], out=items[:, :d])
        items[:, d] = np.log(share / (1.0 - share))
        return (right / scale).T @ linear, items

    def at(self, coefficients: Array, items: Array) -> Point:
        """Find the skills at a point of the search, and fit."""
        p, d = self.p, self.d
        theta = np.empty((d + 1, self.n), dtype=self.dtype)
        theta[d] = 1.0
        np.matmul(coefficients[:, :p], self.by_covariate, out=theta[:d])
        theta[:d] += coefficients[:, p:].take(self.family, axis=1)
        return self.fit(theta, items)

    def fit(self, theta: Array, items: Array) -> Point:
        """Fit at the skills, and the row of ones, of a point of the search."""
        curve = (0.5 * items) @ theta
        np.tanh(curve, out=curve)
        r = self.half * curve
        np.subtract(self.middle, r, out=r)
        size = np.abs(r)
        small = np.minimum(size, THRESHOLD).ravel()
        value = float(small @ size.ravel() - 0.5 * (small @ small)) / (THRESHOLD * self.n_known)
        return Point(theta, curve, r, size, value)

    def system(self, at: Point, items: Array, cautious: bool = False) -> System:
        """Set up the normal equations; a cautious step takes the majorant's second derivatives."""
        d, m, J, F, p = self.d, self.m, self.J, self.F, self.p
        rate = at.curve * at.curve
        np.subtract(1.0, rate, out=rate)
        rate *= self.most
        second = rate / np.maximum(at.size, THRESHOLD)
        # rows of each benchmark: second derivatives by skills, ones and covariates, then first derivatives
        weighted, flat = self.weighted, self.weighted.reshape(-1, self.n)
        np.multiply(second, at.residual, out=weighted[:, m])
        second *= rate
        if not cautious:
            second *= self.weights.take(at.size <= THRESHOLD)
        self.rows[:d] = at.theta[:d]
        np.multiply(second[:, None], self.rows, out=weighted[:, :m])
        moments = (flat @ self.rows.T).reshape(J, m + 1, m)
        by_family = self._by_family(flat).reshape(J, m + 1, F)
        loadings, k = items[:, :d], p * d
        L = np.ascontiguousarray(loadings.T)
        pairs = (L[:, None] * L).reshape(d * d, J)
        own = np.empty((d, d + k + J + 1, F), dtype=self.dtype)
        blocks = (pairs @ by_family[:, d:m].reshape(J, -1)).reshape(d, d, 1 + p, F)
        own[:, : d + k].reshape(d, 1 + p, d, F)[...] = blocks.transpose(0, 2, 1, 3)
        own[:, d + k : -1] = L[:, :, None]
        np.matmul(L, by_family[:, m], out=own[:, -1])
        blocks = (pairs @ moments[:, d + 1 : m, d + 1 :].reshape(J, -1)).reshape(d, d, p, p)
        self.of_slopes[...] = blocks.transpose(2, 0, 3, 1)
        np.multiply(moments[:, : d + 1, d + 1 :].transpose(2, 0, 1)[:, None], L[:, :, None], out=self.mixed)
        self.of_items[...] = moments[:, : d + 1, : d + 1]
        gradient = np.concatenate([(moments[:, m, d + 1 :].T @ loadings).ravel(), moments[:, m, : d + 1].ravel()])
        return System(own, by_family[:, : d + 1], self.shared, gradient)

    def solve(self, system: System, damping: float) -> tuple[Array, Array]:
        """Find the step; shapes of coefficients and items."""
        d, F, J, k, size = self.d, self.F, self.J, self.p * self.d, len(system.gradient)
        own = system.own.copy()
        diagonal = own.reshape(-1, F)[: d * own.shape[1] : own.shape[1] + 1]
        diagonal += damping * np.maximum(diagonal, FLAT)
        halves = halve(own)
        flat = np.empty((size, d, F), dtype=self.dtype)
        flat[:k] = halves[:, :k].transpose(1, 0, 2)
        by_loadings = halves[:, k:-1].transpose(1, 0, 2)
        np.multiply(system.multiples[:, :, None], by_loadings[:, None], out=flat[k:].reshape(J, d + 1, d, F))
        flat = flat.reshape(size, -1)
        left = self.less(-1.0, flat.T, 1.0, system.shared.T, trans=1, lower=1)
        left.T.reshape(-1)[:: size + 1] += damping * np.maximum(system.shared.diagonal(), FLAT)
        right = system.gradient - flat @ halves[:, -1].ravel()
        step, failed = self.posv(left, right, lower=1)[1:]
        if failed:  # not positive definite to rounding
            step = np.linalg.solve(np.tril(left) + np.tril(left, -1).T, right)
        rest = halves[:, -1] - (step @ flat).reshape(d, F)
        intercepts = substitute(own, rest[:, None])[:, 0]
        return np.concatenate([step[:k].reshape(-1, d).T, intercepts], axis=1), step[k:].reshape(J, d + 1)

    def look(self, coefficients: Array, items: Array) -> Array:
        """Coefficients with families at better places; see `obslaws.peers.places`."""
        p = self.p
        if self.places is None:
            member = self._member() if self.member is None else self.member
            self.places = Places(self.middle, self.half, member, self.family)
        slopes = coefficients[:, :p]
        L, b = np.ascontiguousarray(items[:, :-1]), items[:, -1]
        found = self.places.better(coefficients[:, p:], slopes @ self.by_covariate, L, b)
        return np.concatenate([slopes, found], axis=1)

    def _member(self) -> Array:
        member = np.zeros((self.n, self.F), dtype=self.dtype)
        member[np.arange(self.n), self.family] = 1.0
        return member

    def _by_family(self, rows: Array) -> Array:
        return np.add.reduceat(rows, self.first, axis=1) if self.member is None else rows @ self.member

"""Sloth as its authors fit it, by `obslaws.peers.adam`: random starts, then a second stage for the learned link.

The model is that of `obslaws.peers.lowrank` and `obslaws.peers.monotone`. Models lie along the last axis, and a layer's
biases are a column of its weights, so that a pass through all benchmarks' nets is three batched products.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
from numpy.typing import DTypeLike, NDArray

from obslaws.errors import ConvergenceWarning
from obslaws.links import logistic
from obslaws.peers.adam import EPOCHS, RATES, Descent, Flat, Gradient, Model, adam
from obslaws.peers.draws import Draws
from obslaws.peers.huber import huber
from obslaws.peers.lowrank import Factors, LowRank
from obslaws.peers.monotone import NUDGE, PARTS, WIDTH, Monotone, fresh_nets

__all__ = ["Stage", "first_stage", "learned_stage", "logistic_stage", "second_stage", "train"]

Array = NDArray[np.float64]


class Stage:
    """A model over one flat array of parameters.

    Parameters
    ----------
    data : Factors
    shapes : sequence of tuple of int
        Of the parameters, in the flat array's order.
    dtype : dtype
    """

    def __init__(self, data: Factors, shapes: list[tuple[int, ...]], dtype: DTypeLike) -> None:
        self.shapes, self.dtype = shapes, np.dtype(dtype)
        self.cuts = np.cumsum([0, *(int(np.prod(shape)) for shape in shapes)])
        member = np.eye(int(data.family.max()) + 1)[data.family]
        self.design = np.concatenate([member, data.covariates], axis=1)
        self.rows = np.ascontiguousarray(self.design.T, dtype=dtype)
        self.known = np.ascontiguousarray(np.isfinite(data.scores).T, dtype=dtype)
        self.scores = np.ascontiguousarray(np.nan_to_num(data.scores).T, dtype=dtype)
        self.n_known = int(self.known.sum(dtype=float))

    def parts(self, flat: Flat) -> list[Flat]:
        """Cut a flat array into views, one per parameter."""
        pieces = zip(self.cuts[:-1], self.cuts[1:], self.shapes, strict=True)
        return [flat[a:b].reshape(shape) for a, b, shape in pieces]

    def flat(self, parts: list[Array]) -> Flat:
        """Make one array out of parameters."""
        return np.concatenate([part.ravel() for part in parts]).astype(self.dtype)

    def skills(self, n_skills: int) -> Flat:
        """Make room for the skills and a row of ones, to be met by the offsets; shape (d + 1, n)."""
        return np.ones((n_skills + 1, self.rows.shape[1]), dtype=self.dtype)


def logistic_stage(
    data: Factors, n_skills: int, train_floor: bool = False, dtype: DTypeLike = np.float32
) -> tuple[Stage, Model]:
    """Set up the model with the logistic link.

    Parameters
    ----------
    data : Factors
    n_skills : int
    train_floor : bool
        Whether the floors are parameters too, or held.
    dtype : dtype

    Returns
    -------
    stage : Stage
        Parameters: coefficients (d, F + p), loadings and offset of each benchmark (J, d + 1), and where floors are
        trained their logits (J, 1).
    model : callable
        See `obslaws.peers.adam.Model`.
    """
    d, n_benchmarks = n_skills, data.scores.shape[1]
    n_rows = int(data.family.max()) + 1 + data.covariates.shape[1]
    stage = Stage(data, [(d, n_rows), (n_benchmarks, d + 1), *[(n_benchmarks, 1)] * train_floor], dtype)
    held = data.score_floor.astype(dtype)[:, None]
    theta = stage.skills(d)
    gradient = np.empty(stage.cuts[-1], dtype=dtype)
    by_coefficients, by_loadings, *by_low = stage.parts(gradient)

    def model(flat: Flat) -> tuple[Flat, Gradient]:
        coefficients, loadings, *low = stage.parts(flat)
        floor = 0.5 + 0.5 * np.tanh(0.5 * low[0]) if train_floor else held
        half = (1 - floor) / 2
        np.matmul(coefficients, stage.rows, out=theta[:d])
        curve = loadings @ theta
        curve *= 0.5
        np.tanh(curve, out=curve)
        # in terms of tanh(eta / 2): no power of e that could overflow
        residual = curve * half
        residual += floor + half
        residual -= stage.scores
        residual *= stage.known

        def back(by_residual: Flat) -> Flat:
            if train_floor:
                share = ((1 - curve) * by_residual).sum(axis=1, keepdims=True)
                np.multiply(share, half * floor, out=by_low[0])
            by_eta = 1 - curve * curve
            by_eta *= by_residual
            by_eta *= 0.5 * half
            np.matmul(by_eta, theta.T, out=by_loadings)
            np.matmul(loadings[:, :d].T @ by_eta, stage.rows.T, out=by_coefficients)
            return gradient

        return residual, back

    return stage, model


def learned_stage(data: Factors, n_skills: int, dtype: DTypeLike = np.float32) -> tuple[Stage, Model, Flat]:
    """Set up the model with learned links and floors.

    Parameters
    ----------
    data : Factors
    n_skills : int
    dtype : dtype

    Returns
    -------
    stage : Stage
        Parameters: coefficients (d, F + p), loadings and offset (J, d + 1), logit of the floor (J, 1), then the layers
        with their biases as the last column: (J, 10, 2), (J, 10, 11), (J, 1, 11).
    model : callable
        See `obslaws.peers.adam.Model`.
    lowest : ndarray of shape (m,)
        0 for the weights of the nets, minus infinity for all else.
    """
    d, J = n_skills, data.scores.shape[1]
    n_rows, n = int(data.family.max()) + 1 + data.covariates.shape[1], len(data.scores)
    shapes = [(d, n_rows), (J, d + 1), (J, 1), (J, WIDTH, 2), (J, WIDTH, WIDTH + 1), (J, 1, WIDTH + 1)]
    stage = Stage(data, shapes, dtype)
    lowest = np.full(stage.cuts[-1], -np.inf, dtype=dtype)
    for layer in stage.parts(lowest)[3:]:
        layer[:, :, :-1] = 0.0
    theta = stage.skills(d)
    # each layer's input with a row of ones for the biases
    inner, first, second = (np.ones((J, units + 1, n), dtype=dtype) for units in (1, WIDTH, WIDTH))
    one, two = first[:, :WIDTH], second[:, :WIDTH]
    d_one, d_two = (np.empty((J, WIDTH, n), dtype=dtype) for _ in range(2))
    gradient = np.empty(stage.cuts[-1], dtype=dtype)
    by_coefficients, by_loadings, by_low, by_w1, by_w2, by_w3 = stage.parts(gradient)

    def model(flat: Flat) -> tuple[Flat, Gradient]:
        coefficients, loadings, low, w1, w2, w3 = stage.parts(flat)
        np.matmul(coefficients, stage.rows, out=theta[:d])
        np.tanh(loadings @ theta, out=inner[:, 0])
        np.tanh(np.matmul(w1, inner, out=d_one), out=one)
        np.tanh(np.matmul(w2, first, out=d_two), out=two)
        share = (w3 @ second)[:, 0]
        share *= 0.5
        np.tanh(share, out=share)
        share *= 0.5
        share += 0.5
        floor = 0.5 + 0.5 * np.tanh(0.5 * low)
        residual = share * (1 - floor)
        residual += floor
        residual -= stage.scores
        residual *= stage.known

        def back(by_residual: Flat) -> Flat:
            left = 1 - share
            np.multiply((left * by_residual).sum(axis=1, keepdims=True), floor * (1 - floor), out=by_low)
            left *= share
            left *= by_residual
            left *= 1 - floor
            top = left[:, None]
            np.matmul(top, second.transpose(0, 2, 1), out=by_w3)
            _through(two, w3[:, :, :WIDTH].transpose(0, 2, 1) * top, d_two)
            np.matmul(d_two, first.transpose(0, 2, 1), out=by_w2)
            _through(one, w2[:, :, :WIDTH].transpose(0, 2, 1) @ d_two, d_one)
            np.matmul(d_one, inner.transpose(0, 2, 1), out=by_w1)
            by_eta = (w1[:, :, :1].transpose(0, 2, 1) @ d_one)[:, 0]
            by_eta *= 1 - inner[:, 0] * inner[:, 0]
            np.matmul(by_eta, theta.T, out=by_loadings)
            np.matmul(loadings[:, :d].T @ by_eta, stage.rows.T, out=by_coefficients)
            return gradient

        return residual, back

    return stage, model, lowest


def train(data: Factors, n_skills: int, random_state: int = 42, train_floor: bool = False) -> Monotone:
    """Fit the learned link: the logistic link first, then everything together.

    Parameters
    ----------
    data : Factors
    n_skills : int
        At most the number of benchmarks and of models.
    random_state : int
        Of the random start, and of the nets.
    train_floor : bool
        Whether the first stage trains the floors too; the second always does.

    Returns
    -------
    Monotone

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, section 3.3 and appendix, and the authors' code.
    """
    basic, floor = first_stage(data, n_skills, random_state, train_floor)
    return second_stage(replace(data, score_floor=floor), basic, random_state)


def first_stage(
    data: Factors,
    n_skills: int,
    random_state: int = 42,
    train_floor: bool = False,
    rates: tuple[float, ...] = RATES,
) -> tuple[LowRank, Array]:
    """Fit the logistic link from one random start.

    Parameters
    ----------
    data : Factors
    n_skills : int
        At most the number of benchmarks and of models.
    random_state : int
        Of the start, as in `obslaws.peers.draws`: standard normal, slopes and loadings in absolute value; one benchmark
        alone has a loading of 1.
    train_floor : bool
        Whether the floors are trained, from the scores of guessing on.
    rates : tuple of float
        See `obslaws.peers.adam.adam`.

    Returns
    -------
    fit : LowRank
        With the epochs of all rates as `n_iter`.
    floor : ndarray of shape (J,)
        As trained, or as it was.

    Warns
    -----
    ConvergenceWarning
        If the limit of epochs ended the descent that was kept.

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, section 3.3, and the authors' code.
    """
    d = min(n_skills, *data.scores.shape)
    stage, model = logistic_stage(data, d, train_floor)
    n_families, n_benchmarks = int(data.family.max()) + 1, data.scores.shape[1]
    draws = Draws(random_state)
    slopes, intercepts = np.abs(draws.normal(data.covariates.shape[1], d)), draws.normal(n_families, d)
    offsets = draws.normal(n_benchmarks)
    loadings = np.ones((1, d)) if n_benchmarks == 1 else np.abs(draws.normal(d, n_benchmarks)).T
    start = [np.concatenate([intercepts, slopes]).T, np.column_stack([loadings, offsets])]
    if train_floor:
        start.append(_logits(data.score_floor))
    found = _converged(adam(model, stage.flat(start), stage.n_known, rates=rates))
    residual = model(found.params)[0].astype(float)
    coefficients, loadings, *low = (part.astype(float) for part in stage.parts(found.params))
    fitted = LowRank(
        coefficients.T[:n_families],
        coefficients.T[n_families:],
        loadings[:, :d],
        loadings[:, d],
        huber(residual, stage.known),
        found.epochs,
    )
    return fitted, logistic(low[0][:, 0]) if train_floor else data.score_floor


def second_stage(data: Factors, start: LowRank, random_state: int = 42, rates: tuple[float, ...] = RATES) -> Monotone:
    """Train links, floors, loadings and skills together from a fit with the logistic link and fresh nets.

    Parameters
    ----------
    data : Factors
    start : LowRank
        Fit of the same data with the logistic link. As in the paper's code, one benchmark alone has its loading set to
        1 again: where it had become negative, a net that can only rise loses its weights and stays flat.
    random_state : int
        Of the nets.
    rates : tuple of float
        See `obslaws.peers.adam.adam`.

    Returns
    -------
    Monotone
        With the epochs of all rates as `n_iter`.

    Warns
    -----
    ConvergenceWarning
        If the limit of epochs ended the descent that was kept.

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, section 3.3 and appendix, and the authors' code.
    """
    stage, model, lowest = learned_stage(data, start.loadings.shape[1])
    floor = _logits(data.score_floor)
    nets = fresh_nets(len(floor), random_state)
    w1, b1, w2, b2, w3, b3 = (nets[:, at : at + a * b].reshape(-1, a, b).transpose(0, 2, 1) for at, (a, b) in PARTS)
    layers = [np.concatenate(pair, axis=2) for pair in ((w1, b1), (w2, b2), (w3, b3))]
    coefficients = np.concatenate([start.intercepts, start.slopes])
    alone = len(floor) == 1
    loadings = np.column_stack([np.ones_like(start.loadings) if alone else start.loadings, start.offsets])
    begin = stage.flat([coefficients.T, loadings, floor, *layers])
    found = _converged(adam(model, begin, stage.n_known, lowest, rates))
    coefficients, loadings, low, *layers = (part.astype(float) for part in stage.parts(found.params))
    rows = [
        part.transpose(0, 2, 1).reshape(len(floor), -1)
        for layer in layers
        for part in (layer[:, :, :-1], layer[:, :, -1:])
    ]
    fitted = Monotone(coefficients.T, np.concatenate([loadings, low, *rows], axis=1), np.nan, found.epochs)
    objective = huber(stage.scores.T - fitted.scores(stage.design), stage.known.T)
    return Monotone(fitted.coefficients, fitted.benchmarks, objective, found.epochs)


def _logits(floor: Array) -> Array:
    return np.log((floor + NUDGE) / (1.0 - floor + NUDGE))[:, None]


def _converged(found: Descent) -> Descent:
    if not found.converged:
        warnings.warn(
            f"Adam from a rate of {found.rate:g} still gained after {EPOCHS:,} epochs; the fit is what it had reached.",
            ConvergenceWarning,
            stacklevel=3,
        )
    return found


def _through(units: Flat, above: Flat, out: Flat) -> None:
    """Take derivatives back through a tanh."""
    np.multiply(units, units, out=out)
    np.subtract(1, out, out=out)
    out *= above

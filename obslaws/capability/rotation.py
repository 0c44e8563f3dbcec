"""Named rotations: turn the axes of a factor model until each is easy to name.

Loadings are only determined up to a rotation. A rotation criterion prefers loadings with few large entries, and its
minimum is found by gradient projection: a step along the gradient, then back onto the rotations. The criteria have
several minima, so many random starts are made, all at once, and the result says how many of them agree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Criterion = Callable[[Array], tuple[Array, Array]]

__all__ = ["ROTATIONS", "Rotation", "rotate"]

_GEOMIN_EPSILON = 0.01  # of Browne (2001), with four factors or fewer
_AGREE = 1e-6  # criteria as near as this, in relation to the spread of the starts, are one minimum


@dataclass(frozen=True)
class Rotation:
    """Rotated loadings and how they were found; J benchmarks, k factors.

    Parameters
    ----------
    name : str
        Of the criterion.
    loadings : ndarray of shape (J, k)
        A inv(T)', columns summing to a positive number, the one with most explained variance first.
    turn : ndarray of shape (k, k)
        T, columns of length one. Factor scores f, one model per row, become f T.
    correlation : ndarray of shape (k, k)
        T'T: of the rotated factors; the identity for an orthogonal rotation.
    criterion : float
        At the minimum.
    converged : bool
        Whether the projected gradient vanished there.
    n_iter : int
        Steps of the longest start.
    n_starts, n_agreeing : int
        Starts made, and those that ended at this minimum. Few agreeing: a better minimum may have been missed.
    is_boundary : bool
        Two rotated factors have become one (a correlation beyond 0.99); take fewer factors.
    """

    name: str
    loadings: Array
    turn: Array
    correlation: Array
    criterion: float
    converged: bool
    n_iter: int
    n_starts: int
    n_agreeing: int
    is_boundary: bool

    @property
    def is_unsure(self) -> bool:
        """Whether less than a tenth of several starts found this minimum."""
        return self.n_starts > 1 and self.n_agreeing < 0.1 * self.n_starts


def varimax(loadings: Array) -> tuple[Array, Array]:
    """Spread of the squared loadings within each factor, negative (Kaiser 1958); value and gradient per start."""
    square = loadings**2
    off = square - square.mean(axis=-2, keepdims=True)
    return -0.25 * (off**2).sum(axis=(-2, -1)), -loadings * off


def quartimax(loadings: Array) -> tuple[Array, Array]:
    """Sum of fourth powers, negative (Neuhaus and Wrigley 1954); value and gradient per start."""
    return -0.25 * (loadings**4).sum(axis=(-2, -1)), -(loadings**3)


def oblimin(loadings: Array) -> tuple[Array, Array]:
    """Products of squared loadings of two factors (direct quartimin, gamma 0); value and gradient per start."""
    square = loadings**2
    others = square.sum(axis=-1, keepdims=True) - square
    return 0.25 * (square * others).sum(axis=(-2, -1)), loadings * others


def geomin(loadings: Array) -> tuple[Array, Array]:
    """Geometric mean of each benchmark's squared loadings (Yates 1987); value and gradient per start."""
    square = loadings**2 + _GEOMIN_EPSILON
    product = np.exp(np.log(square).mean(axis=-1, keepdims=True))
    return product.sum(axis=(-2, -1)), 2 / loadings.shape[-1] * loadings / square * product


ROTATIONS: dict[str, tuple[Criterion, bool]] = {
    "varimax": (varimax, False),
    "quartimax": (quartimax, False),
    "oblimin": (oblimin, True),
    "geomin": (geomin, True),
}


def rotate(
    loadings: Array,
    name: str,
    n_starts: int = 30,
    random_state: int = 0,
    tol: float = 1e-6,
    max_iter: int = 2000,
) -> Rotation:
    """Rotate loadings to the best minimum of a named criterion.

    Parameters
    ----------
    loadings : ndarray of shape (J, k)
        Unrotated, from uncorrelated factors of unit variance.
    name : {"varimax", "quartimax", "oblimin", "geomin"}
        The last two allow the factors to correlate.
    n_starts : int
        The unrotated axes, and random rotations of them.
    random_state : int
        Of the random rotations.
    tol : float
        Length of the projected gradient that counts as zero, for loadings of total size one per factor.
    max_iter : int
        Most steps of a start.

    Returns
    -------
    Rotation

    Raises
    ------
    UnknownNameError
        No such rotation; the nearest is offered.
    UsageError
        Loadings that are not finite, or no start.

    References
    ----------
    .. [1] Jennrich (2001), A simple general procedure for orthogonal rotation, Psychometrika 66, 289-306.
    .. [2] Jennrich (2002), A simple general method for oblique rotation, Psychometrika 67, 7-19.
    .. [3] Bernaards and Jennrich (2005), Gradient projection algorithms and software, Educational and Psychological
       Measurement 65, 676-696; the gradients are those of its table 1.

    Examples
    --------
    >>> simple = np.array([[0.8, 0.0], [0.6, 0.0], [0.0, 0.7], [0.0, 0.5]])
    >>> turned = simple @ np.array([[0.8, -0.6], [0.6, 0.8]])
    >>> np.abs(rotate(turned, "varimax").loadings).round(3)
    array([[0.8, 0. ],
           [0.6, 0. ],
           [0. , 0.7],
           [0. , 0.5]])
    """
    if name not in ROTATIONS:
        raise UnknownNameError("rotation", name, ROTATIONS)
    if n_starts < 1:
        raise UsageError(f"n_starts is {n_starts}; expected at least 1.")
    if not np.isfinite(loadings).all():
        raise UsageError("loadings hold values that are not finite; nothing can be rotated.")
    criterion, oblique = ROTATIONS[name]
    k = loadings.shape[1]
    # the step length then has no unit; geomin's epsilon has one, so its loadings stay as they are
    scale = 1.0 if name == "geomin" else float(np.sqrt((loadings**2).sum() / max(k, 1))) or 1.0
    starts = _starts(k, n_starts, random_state)
    with np.errstate(all="ignore"):  # a long step may collapse two factors; its criterion is not taken
        turns, values, slopes, n_iter = _project(loadings / scale, starts, criterion, oblique, tol, max_iter)
    best = int(np.argmin(values))
    turn, rotated = _in_order(loadings, turns[best], oblique)
    correlation = turn.T @ turn
    spread = np.ptp(values) + abs(values[best]) + 1e-300
    return Rotation(
        name=name,
        loadings=rotated,
        turn=turn,
        correlation=correlation,
        criterion=float(criterion(rotated)[0]),
        converged=bool(slopes[best] <= 10 * tol),
        n_iter=n_iter,
        n_starts=n_starts,
        n_agreeing=int((values - values[best] <= _AGREE * spread).sum()),
        is_boundary=bool(np.abs(correlation - np.eye(k)).max(initial=0.0) > 0.99),
    )


def _starts(k: int, n_starts: int, random_state: int) -> Array:
    drawn = np.random.default_rng(random_state).normal(size=(n_starts, k, k))
    starts, triangle = np.linalg.qr(drawn)
    # with the signs of the diagonal the rotations are uniformly distributed
    starts = starts * np.sign(np.einsum("sii->si", triangle))[:, None, :]
    starts[0] = np.eye(k)
    return starts


def _project(
    loadings: Array, turns: Array, criterion: Criterion, oblique: bool, tol: float, max_iter: int
) -> tuple[Array, Array, Array, int]:
    """Walk down from all starts at once; each halves its own step until the criterion falls enough."""
    turned = _turned(loadings, turns, oblique)
    values, slope = criterion(turned)
    step, length, n_iter = np.ones(len(turns)), np.full(len(turns), np.inf), 0
    moves = np.ones(len(turns), dtype=bool)
    before: tuple[Array, Array] | None = None
    while n_iter < max_iter:
        downhill = _tangent(loadings, turns, turned, slope, oblique)
        length = np.sqrt((downhill**2).sum(axis=(-2, -1)))
        active = moves & (length > tol)
        if not active.any():
            break
        n_iter += 1
        step = np.where(active, _first_try(turns, downhill, before, step), step)
        before = turns, downhill
        for _ in range(20):
            tried = _back(turns - (active * step)[:, None, None] * downhill, oblique)
            at = _turned(loadings, tried, oblique)
            value, gradient = criterion(at)
            take = active & (value < values - 0.5 * step * length**2)
            turns = np.where(take[:, None, None], tried, turns)
            turned = np.where(take[:, None, None], at, turned)
            slope = np.where(take[:, None, None], gradient, slope)
            values = np.where(take, value, values)
            active &= ~take
            if not active.any():
                break
            step = np.where(active, step / 2.0, step)
        moves &= ~active  # no step helps any more: rounding decides now
    return turns, values, length, n_iter


def _first_try(turns: Array, downhill: Array, before: tuple[Array, Array] | None, step: Array) -> Array:
    """Length of the next step by the curvature met on the last one (Barzilai and Borwein 1988), else a longer one."""
    if before is None:
        return 2.0 * step
    moved, turned = turns - before[0], downhill - before[1]
    along = (moved * turned).sum(axis=(-2, -1))
    guess = (moved**2).sum(axis=(-2, -1)) / along
    return np.where((along > 0) & np.isfinite(guess), np.clip(guess, 1e-6, 1e6), 2.0 * step)


def _turned(loadings: Array, turns: Array, oblique: bool) -> Array:
    return loadings @ (np.linalg.inv(turns).swapaxes(-2, -1) if oblique else turns)


def _tangent(loadings: Array, turns: Array, turned: Array, slope: Array, oblique: bool) -> Array:
    """Project the gradient in T onto the rotations' tangent space."""
    if oblique:
        gradient = -(turned.swapaxes(-2, -1) @ slope @ np.linalg.inv(turns)).swapaxes(-2, -1)
        return gradient - turns * (turns * gradient).sum(axis=-2, keepdims=True)
    gradient = loadings.T @ slope
    inner = turns.swapaxes(-2, -1) @ gradient
    return gradient - turns @ (inner + inner.swapaxes(-2, -1)) / 2


def _back(turns: Array, oblique: bool) -> Array:
    if oblique:
        return turns / np.sqrt((turns**2).sum(axis=-2, keepdims=True))
    left, _, right = np.linalg.svd(turns)
    return left @ right


def _in_order(loadings: Array, turn: Array, oblique: bool) -> tuple[Array, Array]:
    """Fix what a rotation leaves open: signs, and the order of the factors."""
    rotated = _turned(loadings, turn[None], oblique)[0]
    explained = (turn.T @ turn * (rotated.T @ rotated)).sum(axis=1)
    order = np.argsort(-explained, kind="stable")
    sign = np.where(rotated.sum(axis=0) < 0, -1.0, 1.0)
    return (turn * sign)[:, order], (rotated * sign)[:, order]

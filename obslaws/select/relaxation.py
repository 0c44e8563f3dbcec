"""How good any set could be: units taken in parts, which makes the problem convex, and a bound from its tangent.

The loss is convex in the information, so it lies above its tangent at any mixture; minimising the tangent over sets is
a knapsack, whose multiplier gives a bound that every set obeys, and for each unit the least that deciding it the other
way would add. Units that cannot be decided otherwise without exceeding a set already found are settled for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.select.design import Design

    Array = NDArray[np.float64]

__all__ = ["Relaxed", "relax"]


@dataclass(frozen=True)
class Relaxed:
    """The best mixture of units, nearly, and what it says about sets.

    Parameters
    ----------
    share : ndarray of shape (n_units,)
        Of each unit, between 0 and 1.
    bound : float
        No set within the budget has a smaller loss.
    penalty : ndarray of shape (n_units,)
        Reduced costs: a set without a unit of negative penalty, or with one of positive penalty, has a loss of at least
        the bound and the size of the penalty.
    """

    share: Array
    bound: float
    penalty: Array


def relax(
    design: Design,
    budget: float,
    is_in: NDArray[np.bool_],
    is_out: NDArray[np.bool_],
    start: Array | None = None,
    max_iter: int = 300,
    tol: float = 1e-7,
) -> Relaxed | None:
    """Mix units to the least loss.

    Parameters
    ----------
    design : Design
    budget : float
    is_in, is_out : ndarray of bool, shape (n_units,)
        Units already decided on.
    start : ndarray of shape (n_units,), optional
        Shares to start from.
    max_iter : int
        Most steps of accelerated projected gradient descent.
    tol : float
        Gap between mixture and bound, in relation to the loss, that is small enough.

    Returns
    -------
    Relaxed or None
        None where not even all undecided units together see every direction, or the decided ones exceed the budget.

    References
    ----------
    .. [1] Beck and Teboulle (2009), A fast iterative shrinkage-thresholding algorithm, SIAM J. Imaging Sciences 2.
    .. [2] Boyd and Vandenberghe (2004), Convex Optimization, section 7.5: experiment design and its relaxation.
    """
    free = ~is_in & ~is_out
    cost = design.cost / budget
    room = 1.0 + 1e-12 - cost[is_in].sum()
    # a unit that alone exceeds what is left can be in no set
    free &= cost <= room
    base = design.information[is_in].sum(axis=0)
    if room < 0 or not np.isfinite(design.loss(base + design.information[free].sum(axis=0))):
        return None
    parts, price = design.information[free], cost[free]
    flat = parts.reshape(len(parts), design.k**2)

    def judge(x: Array) -> tuple[float, Array]:
        information = base + (x @ flat).reshape(base.shape)
        value = float(design.loss(information))
        if not np.isfinite(value):
            return value, np.zeros_like(x)
        return value, flat @ design.slope(information).ravel()

    even = _project(np.full(len(price), min(1.0, room / max(price.sum(), 1e-300))), price, room)
    x = even if start is None else 0.999 * _project(start[free], price, room) + 0.001 * even
    best = -np.inf
    best_slope, multiplier = np.zeros_like(x), 0.0
    value, slope = judge(x)
    if not np.isfinite(value):
        x = even
        value, slope = judge(x)
    ahead, momentum, step = x, 1.0, 1.0 / max(np.abs(slope).max(initial=0.0), 1e-300)
    for _ in range(max_iter):
        if not np.isfinite(value):  # so thin a mixture sees too little of some direction; it says nothing
            break
        bound, weight = _tangent_bound(value, slope, ahead, price, room)
        if bound > best:
            best, best_slope, multiplier = bound, slope, weight
        if value - best <= tol * abs(value) or not len(x):
            break
        step *= 1.5
        for _ in range(60):
            new = _project(ahead - step * slope, price, room)
            move = new - ahead
            new_value, new_slope = judge(new)
            if new_value <= value + slope @ move + move @ move / (2 * step) + 1e-14 * abs(value):
                break
            step /= 2.0
        if (new - x) @ (ahead - new) > 0:  # the momentum leads uphill: start it anew
            momentum = 1.0
        faster = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        ahead = np.clip(new + (momentum - 1) / faster * (new - x), 0.0, 1.0)
        x, momentum = new, faster
        value, slope = judge(ahead)
        if not np.isfinite(value):
            ahead, value, slope = new, new_value, new_slope
    share, penalty = is_in.astype(float), np.zeros(len(cost))
    share[free], penalty[free] = x, best_slope + multiplier * price
    penalty[~free & ~is_in] = np.inf
    penalty[is_in] = -np.inf
    return Relaxed(share, best, penalty)


def _tangent_bound(value: float, slope: Array, at: Array, price: Array, room: float) -> tuple[float, float]:
    """Minimise the tangent over all shares within the budget: units of best worth first. Also the price of room."""
    worth = -slope / np.maximum(price, 1e-300)
    order = np.argsort(-worth, kind="stable")
    spent = np.cumsum(price[order])
    last = int(np.searchsorted(spent, room))
    weight = float(worth[order[last]]) if last < len(order) else 0.0
    # by weak duality any weight gives a bound; this one the best
    least = np.minimum(slope + weight * price, 0.0).sum() - weight * room
    return value - float(slope @ at) + float(least), weight


def _project(point: Array, price: Array, room: float) -> Array:
    """Move to the nearest shares between 0 and 1 within the budget."""
    inside = np.clip(point, 0.0, 1.0)
    if inside @ price <= room:
        return inside
    low, high = 0.0, float((point / price).max())
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.clip(point - middle * price, 0.0, 1.0) @ price > room else (low, middle)
    return np.clip(point - high * price, 0.0, 1.0)

"""Good sets quickly: build greedily, then add, drop and swap units while that helps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.select.design import Design

    Array = NDArray[np.float64]

__all__ = ["exchange"]


def exchange(
    design: Design, budget: float, share: Array, n_starts: int = 20, random_state: int = 0
) -> tuple[NDArray[np.bool_], float]:
    """Search by exchanges from several starts.

    Parameters
    ----------
    design : Design
    budget : float
    share : ndarray of shape (n_units,)
        Shares of the best mixture; the first start takes the largest ones, the others take units at random in
        proportion.
    n_starts : int
    random_state : int

    Returns
    -------
    chosen : ndarray of bool, shape (n_units,)
    loss : float
        Infinite when no set was found that fits the budget and sees every direction.

    References
    ----------
    .. [1] Fedorov (1972), Theory of Optimal Experiments, chapter 3.
    """
    rng = np.random.default_rng(random_state)
    best, least = design.is_required.copy(), np.inf
    for at in range(n_starts):
        keys = share if at == 0 else np.log(share + 1e-3) + rng.gumbel(size=len(share))
        chosen, loss = _improve(design, budget, _fill(design, budget, keys))
        if loss < least - 1e-12 * abs(loss):
            best, least = chosen, loss
    return best, least


def _fill(design: Design, budget: float, keys: Array) -> NDArray[np.bool_]:
    chosen = design.is_required.copy()
    left = budget * (1 + 1e-12) - design.cost[chosen].sum()
    for unit in np.argsort(-keys, kind="stable"):
        if not chosen[unit] and design.cost[unit] <= left:
            chosen[unit] = True
            left -= design.cost[unit]
    return chosen


def _improve(design: Design, budget: float, chosen: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], float]:
    """Add or swap the unit that helps most, fill up what room a cheaper one left, until nothing helps."""
    entries, cost = design.entries(), design.cost
    loss = design.exact_loss(chosen)
    while True:
        chosen = chosen.copy()
        here, left = entries[:, chosen].sum(axis=1), budget * (1 + 1e-12) - cost[chosen].sum()
        outside = np.flatnonzero(~chosen)
        add = outside[cost[outside] <= left]
        drop = np.flatnonzero(chosen & ~design.is_required)
        pairs = [(np.full(len(add), -1), add)]
        if len(drop) and len(outside):
            out, into = (axis.ravel() for axis in np.meshgrid(drop, outside, indexing="ij"))
            fits = cost[into] - cost[out] <= left
            pairs.append((out[fits], into[fits]))
        out, into = (np.concatenate(side) for side in zip(*pairs, strict=True))
        if not len(into):
            return chosen, loss
        removed = np.where(out >= 0, entries[:, out], 0.0)
        losses = design.loss_of_entries(here[:, None] + entries[:, into] - removed)
        at = int(np.argmin(losses))
        better = chosen.copy()
        better[into[at]] = True
        if out[at] >= 0:
            better[out[at]] = False
        better = _fill_greedily(design, budget, better)
        found = design.exact_loss(better)
        if not found < loss - 1e-12 * abs(loss):
            return chosen, loss
        chosen, loss = better, found


def _fill_greedily(design: Design, budget: float, chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Add what a cheaper swap left room for; every criterion only falls by it."""
    entries = design.entries()
    while True:
        left = budget * (1 + 1e-12) - design.cost[chosen].sum()
        fits = np.flatnonzero(~chosen & (design.cost <= left))
        if not len(fits):
            return chosen
        losses = design.loss_of_entries(entries[:, chosen].sum(axis=1)[:, None] + entries[:, fits])
        chosen = chosen.copy()
        chosen[fits[int(np.argmin(losses))]] = True

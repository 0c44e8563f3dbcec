"""Every set of units, judged in blocks: exact, and for all budgets in one pass.

The units are halved. Sums over all subsets of one half are made by doubling and sorted by cost; for each subset of the
other half, whatever the budget still allows is a leading slice of these, judged in closed form by a few array
operations that stay in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from obslaws.select.design import Design

    Array = NDArray[np.float64]

__all__ = ["MOST_UNITS", "Best", "best_per_cost", "best_set"]

MOST_UNITS = 26  # free units that are enumerated: 67 million sets, some seconds
_BLOCK = 12  # free units whose subsets are held as one block: 4,096 sets


@dataclass(frozen=True)
class Best:
    """The best set found, or none.

    Parameters
    ----------
    chosen : ndarray of bool, shape (n_units,)
    loss : float
        Infinite when no set fits the budget and sees every direction.
    n_sets : int
        Sets that were judged.
    """

    chosen: NDArray[np.bool_]
    loss: float
    n_sets: int


def best_set(design: Design, budget: float, free: NDArray[np.bool_] | None = None, upper: float = np.inf) -> Best:
    """Find the best set within a budget.

    Parameters
    ----------
    design : Design
    budget : float
        In the unit of ``design.cost``.
    free : ndarray of bool, shape (n_units,), optional
        Units to decide on; the others are in when required, else out. All that are not required by default.
    upper : float
        Only sets with a smaller loss count.

    Returns
    -------
    Best
    """
    found = _Search(design, budget, free)
    best, code = upper, None
    for first, losses in found.blocks():
        at = int(np.argmin(losses))
        if losses[at] < best:
            best, code = float(losses[at]), (first, at)
    if code is None:
        return Best(np.zeros(len(design.cost), dtype=bool), np.inf, found.n_sets)
    return Best(found.units(*code), best, found.n_sets)


def best_per_cost(design: Design, budget: int) -> dict[int, Best]:
    """Find the best set of exactly each cost, for whole costs such as numbers of models, in one pass.

    Parameters
    ----------
    design : Design
        With whole costs.
    budget : int
        Highest cost of interest.

    Returns
    -------
    dict of int to Best
        Cost -> best set of that cost; costs that no set has are left out. The best within a budget is the best among
        the costs up to it.
    """
    search = _Search(design, budget, None)
    starts, values = search.steps()
    losses: dict[int, float] = {}
    codes: dict[int, tuple[int, int]] = {}
    for first, block in search.blocks():
        inside = starts[starts < len(block)]
        least = np.minimum.reduceat(block, inside)
        for group, loss in enumerate(least.tolist()):
            cost = round(search.first_cost[first] + values[group])
            if loss < losses.get(cost, np.inf):
                end = inside[group + 1] if group + 1 < len(inside) else len(block)
                losses[cost] = loss
                codes[cost] = first, int(inside[group] + np.argmin(block[inside[group] : end]))
    return {cost: Best(search.units(*codes[cost]), losses[cost], search.n_sets) for cost in sorted(losses)}


class _Search:
    def __init__(self, design: Design, budget: float, free: NDArray[np.bool_] | None) -> None:
        self.design = design
        self.free = np.flatnonzero(~design.is_required if free is None else free & ~design.is_required)
        base = design.is_required
        entries = design.entries()
        self.split = min(_BLOCK, len(self.free))
        inner, outer = self.free[: self.split], self.free[self.split :]
        self.base = entries[:, base].sum(axis=1)
        inner_entries, inner_cost = _subsets(entries[:, inner]), _subsets(design.cost[None, inner])[0]
        self.order = np.argsort(inner_cost, kind="stable")
        self.inner = np.ascontiguousarray(inner_entries[:, self.order])
        self.inner_cost = inner_cost[self.order]
        self.first = _subsets(entries[:, outer]) + self.base[:, None]
        self.first_cost = _subsets(design.cost[None, outer])[0] + design.cost[base].sum()
        # sums of costs in another order differ in their last bits
        self.room = budget * (1 + 1e-12) - self.first_cost
        self.n_sets = 0

    def blocks(self) -> Iterator[tuple[int, Array]]:
        """Judge block by block: its number, and the losses of the sets in it that fit the budget."""
        ends = np.searchsorted(self.inner_cost, self.room, side="right")
        for at in np.flatnonzero(ends):
            end = int(ends[at])
            self.n_sets += end
            yield int(at), self.design.loss_of_entries(self.inner[:, :end] + self.first[:, at, None])

    def steps(self) -> tuple[NDArray[np.intp], Array]:
        """Say where in a block each cost starts."""
        values, starts = np.unique(self.inner_cost, return_index=True)
        return starts, values

    def units(self, first: int, at: int) -> NDArray[np.bool_]:
        chosen = self.design.is_required.copy()
        code = int(self.order[at]) | (first << self.split)
        chosen[[unit for bit, unit in enumerate(self.free) if code >> bit & 1]] = True
        return chosen


def _subsets(columns: Array) -> Array:
    """Sum all subsets of columns; subset number b holds the columns of its bits."""
    out = np.zeros((len(columns), 1))
    for column in columns.T:
        out = np.concatenate([out, out + column[:, None]], axis=1)
    return out

"""The best set for a budget, proven where possible: enumerate what a bound cannot settle.

Few units are enumerated outright. With more, exchanges give a good set, the relaxation a bound and the units that can
no longer be decided otherwise; what stays open is enumerated if it is little, else split in two and bounded again.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from obslaws.errors import UsageError
from obslaws.select.enumeration import best_set
from obslaws.select.exchange import exchange
from obslaws.select.relaxation import Relaxed, relax

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.select.design import Design

__all__ = ["Found", "search"]

_DIRECT = 16  # free units that are enumerated without a thought: 65,536 sets, some 10 ms
_OPEN = 20  # and after a bound has settled the others
_ALIKE = 1e-9  # sets nearer than this, relatively, are equally good


@dataclass(frozen=True)
class Found:
    """A set and what is known of it.

    Parameters
    ----------
    chosen : ndarray of bool, shape (n_units,)
    loss : float
    bound : float
        No set within the budget has a smaller loss; the loss itself where the set is proven best.
    is_exact : bool
    method : {"enumeration", "branch and bound", "exchange"}
        The last where the nodes ran out before the proof.
    n_sets, n_nodes : int
        Sets judged by enumeration; relaxations solved.
    """

    chosen: NDArray[np.bool_]
    loss: float
    bound: float
    is_exact: bool
    method: str
    n_sets: int
    n_nodes: int


def search(design: Design, budget: float, max_nodes: int = 500, random_state: int = 0) -> Found:
    """Find the best set of units within a budget.

    Parameters
    ----------
    design : Design
    budget : float
        In the unit of ``design.cost``.
    max_nodes : int
        Most relaxations; 0 leaves it at exchanges and one bound.
    random_state : int
        Of the starts of the exchanges.

    Returns
    -------
    Found

    Raises
    ------
    UsageError
        The required units exceed the budget, or no set within it sees every direction.
    """
    required = float(design.cost[design.is_required].sum())
    if required > budget * (1 + 1e-12):
        raise UsageError(f"the required units cost {required:g} already, more than the budget of {budget:g}.")
    if (~design.is_required).sum() <= _DIRECT:
        best = best_set(design, budget)
        _check(best.loss, design, budget)
        loss = design.exact_loss(best.chosen)
        return Found(best.chosen, loss, loss, True, "enumeration", best.n_sets, 0)
    return _branch_and_bound(design, budget, max_nodes, random_state)


def _check(loss: float, design: Design, budget: float) -> None:
    if not np.isfinite(loss):
        raise UsageError(
            f"no set within the budget of {budget:g} tells {design.k} capabilities apart, which takes at least "
            f"{design.k} models. Raise the budget, or take fewer components."
        )


def _branch_and_bound(design: Design, budget: float, max_nodes: int, random_state: int) -> Found:
    nobody = np.zeros(len(design.cost), dtype=bool)
    root = relax(design, budget, design.is_required, nobody)
    share = np.ones(len(design.cost)) if root is None else root.share
    best, least = exchange(design, budget, share, random_state=random_state)
    n_sets, n_nodes, order = 0, 1, 0
    # the node with the least bound first: its bound is that of the whole problem
    queue: list[tuple[float, int, Relaxed, NDArray[np.bool_], NDArray[np.bool_]]] = []
    if root is not None:
        queue.append((root.bound, order, root, design.is_required, nobody))
    while queue:
        goal = least - _ALIKE * abs(least) if np.isfinite(least) else np.inf
        bound, _, node, is_in, is_out = queue[0]
        if bound >= goal:
            queue = []
            break
        # deciding one of these otherwise would cost more than the set already found
        settled = (node.bound + np.abs(node.penalty) > goal) & ~is_in & ~is_out
        is_in = is_in | (settled & (node.penalty < 0))
        is_out = is_out | (settled & (node.penalty > 0))
        free = ~is_in & ~is_out
        if free.sum() <= _OPEN:
            heapq.heappop(queue)
            found = best_set(replace(design, is_required=is_in), budget, free, least)
            n_sets += found.n_sets
            if found.loss < least:
                best, least = found.chosen, design.exact_loss(found.chosen)
            continue
        if n_nodes + 2 > max_nodes:
            break
        heapq.heappop(queue)
        unit = int(np.argmin(np.where(free, np.abs(node.share - 0.5), np.inf)))
        for side in (True, False):
            more_in, more_out = is_in.copy(), is_out.copy()
            (more_in if side else more_out)[unit] = True
            child = relax(design, budget, more_in, more_out, node.share)
            n_nodes += 1
            if child is not None:
                order += 1
                heapq.heappush(queue, (max(child.bound, bound), order, child, more_in, more_out))
    _check(least, design, budget)
    least = design.exact_loss(best)
    bound = min(least, queue[0][0]) if queue else least
    return Found(best, least, bound, not queue, "exchange" if queue else "branch and bound", n_sets, n_nodes)

"""What skills and own intercepts still vary when their mode is known, at a cost linear in the cells.

Covariances by Gaussian belief propagation between skills and own intercepts (Weiss and Freeman 2001, section 2): each
cell tells the skills what it can beside an own intercept of unknown value, and tells the own intercept what it can
beside skills of unknown value. Within skills and effects the elimination is exact, and so is all of it where no two
models of a base family share a benchmark; elsewhere variances come out a little small (at 5 % fill by some 2 %, see
`tests/skill/test_sparse.py`). The mode does not depend on it. Benchmark parameters and slopes are held fixed: thousands
of models know them well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.branches import Branches
from obslaws.skill.state import Penalty

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.branches import Spreads
    from obslaws.skill.cells import CellTable
    from obslaws.skill.sparse import Linear, SparseProblem
    from obslaws.skill.state import State, Variances

    Array = NDArray[np.float64]

__all__ = ["Belief", "believe", "branches", "lone_others"]


@dataclass(frozen=True)
class Belief:
    """Posterior variances at one state; N cells, P pairs.

    Parameters
    ----------
    spreads : Spreads
        Of skills and effects.
    own : ndarray of shape (P,)
        Of the own intercepts.
    logit : ndarray of shape (N,)
        Of the logit of each cell.
    prior_logit : ndarray of shape (N,)
        The same before the cell itself was seen.
    others : ndarray of shape (N,)
        Precision of each cell's own intercept from the other cells of its pair.
    leverage : ndarray of shape (N,)
        Of the logit of each cell, from the parameters of its benchmark.
    own_leverage : ndarray of shape (P,)
        Of the own intercepts, from the same.
    items_cov : ndarray of shape (J, d + 3, d + 3)
        Posterior covariance of each benchmark's intercept, loadings, ceiling and floor logit, with skills and own
        intercepts of its cells unknown but independent.
    penalty : Penalty
        What integrating the skills leaves on the loadings.
    logdet : float
        Log determinant of models, effects and own intercepts.
    """

    spreads: Spreads
    own: Array
    logit: Array
    prior_logit: Array
    others: Array
    leverage: Array
    own_leverage: Array
    items_cov: Array
    penalty: Penalty
    logdet: float


def lone_others(cells: CellTable, linear: Linear, own: Array) -> Array:
    """Start of `Belief.others`: as if the skills of all other models were known, shape (N,)."""
    out = np.empty(cells.n_cells)
    for c in cells.columns():
        seen = linear.pair_curvature[c.pairs] - 1.0 / own[c.number]
        out[c.cells] = np.maximum(seen.take(c.pair) - linear.curvature[c.cells], 0.0)
    return out


def branches(
    problem: SparseProblem,
    state: State,
    variances: Variances,
    precision: Array,
    linear: Linear,
    others: Array,
    hold_slopes: bool = False,
) -> Branches:
    """Eliminate skills and effects, each cell weighing what it is worth beside its own intercept."""
    prior = np.repeat(1.0 / variances.own, problem.cells.n_observed)
    weight = linear.curvature / (1.0 + linear.curvature / (prior + others))
    return Branches(
        problem.cells,
        problem.covariates,
        problem.model_curvature(weight, state.loadings),
        precision,
        variances.family_precision,
        variances.base_precision,
        np.full(len(variances.slope), np.inf) if hold_slopes else 1.0 / variances.slope,
    )


def believe(
    problem: SparseProblem,
    state: State,
    variances: Variances,
    linear: Linear,
    tree: Branches,
    others: Array,
    penalty: Penalty,
) -> Belief:
    """Pass one round of messages.

    Parameters
    ----------
    problem : SparseProblem
    state : State
    variances : Variances
    linear : Linear
    tree : Branches
        From `branches` with the same `others`.
    others : ndarray of shape (N,)
        From the round before, or `lone_others`.
    penalty : Penalty
        On the loadings.

    Returns
    -------
    Belief
    """
    cells, d = problem.cells, problem.d
    spreads, upper = tree.spreads(), np.triu_indices(d)
    packed = spreads.model[upper]
    twice = np.where(upper[0] == upper[1], 1.0, 2.0)
    n, n_benchmarks = cells.n_cells, cells.n_benchmarks
    own, logit, prior_logit, heard = np.empty(cells.n_pairs), np.empty(n), np.empty(n), np.empty(n)
    spread, pull, heat = np.zeros((n_benchmarks, d, d)), np.zeros((n_benchmarks, d)), np.zeros(n_benchmarks)
    leverage, own_leverage = np.empty(n), np.empty(cells.n_pairs)
    known = problem.item_blocks(np.zeros_like(linear.blocks), penalty)
    items_cov = np.asarray(np.linalg.inv(known), dtype=np.float64)
    logdet = tree.logdet
    for c in cells.columns():
        j, at = c.number, c.cells
        loading, prior, curvature = state.loadings[j], 1.0 / variances.own[j], linear.curvature[at]
        cov = packed.take(c.model, axis=1)
        told = curvature / (1.0 + curvature / (prior + others[at]))
        posterior = (twice * loading[upper[0]] * loading[upper[1]]) @ cov
        skill = posterior / np.maximum(1.0 - told * posterior, 1e-9)
        back = curvature / (1.0 + curvature * skill)
        total = np.add.reduceat(back, c.starts) + prior
        own[c.pairs] = 1.0 / total
        rest = np.maximum(total.take(c.pair) - back, prior)
        heard[at] = rest - prior
        intercept = 1.0 / rest
        told = curvature / (1.0 + curvature * intercept)
        both = prior_logit[at] = skill + intercept
        logit[at] = both / (1.0 + curvature * both)
        worth = 1.0 / (1.0 + curvature * both)
        by = linear.sensitivity[:, at]
        items_cov[j] = np.linalg.inv(known[j] + (by * worth) @ by.T)
        # what moves with the benchmark's parameters after skills and own intercept gave way, in units of the noise
        spare = np.sum(by * (items_cov[j] @ by), axis=0) * worth**2
        leverage[at] = spare / np.maximum(curvature, 1e-12)
        own_leverage[c.pairs] = np.add.reduceat(spare * curvature * intercept**2, c.starts)
        sums = cov @ np.column_stack([curvature, curvature * intercept * told])
        spread[j][upper] = spread[j].T[upper] = sums[:, 0]
        shared = np.empty((d, d))
        shared[upper] = shared.T[upper] = sums[:, 1]
        pull[j] = -shared @ loading
        heat[j] = curvature @ logit[at]
        joint = (1.0 + curvature * both) / ((1.0 + told * skill) * (1.0 + back * intercept))
        logdet += float(np.log(total).sum() + np.log(joint).sum())
    room = problem.priors.room_weight * heat[:, None] * problem.room_slope(state)
    return Belief(
        spreads, own, logit, prior_logit, heard, leverage, own_leverage, items_cov, Penalty(spread, pull, room), logdet
    )

"""Variances of the skill model from posterior second moments of a large sparse panel.

The update is that of `obslaws.skill.fit`, and beyond it counts that a benchmark's parameters are not known either: with
a hundred cells per benchmark and a handful per model the noise would come out too small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.pace import log_size
from obslaws.skill.state import Variances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.belief import Belief
    from obslaws.skill.branches import Branches
    from obslaws.skill.cells import CellTable
    from obslaws.skill.sparse import SparseProblem
    from obslaws.skill.state import State

    Array = NDArray[np.float64]

__all__ = ["moved", "second_moments"]

_MATRICES = ("model", "family", "base")


def second_moments(
    problem: SparseProblem, state: State, old: Variances, belief: Belief, tree: Branches, share: Array
) -> tuple[Variances, Array]:
    """One EM update, and the skills' second moment.

    Own intercepts that no score speaks of are left out of their variance instead of being filled in by it: the same
    fixed point, reached sooner.

    Parameters
    ----------
    problem : SparseProblem
    state : State
    old : Variances
    belief : Belief
    tree : Branches
    share : ndarray of shape (N,)
        Of the state.

    Returns
    -------
    tuple
        Variances and an array of shape (d, d).
    """
    cells, priors, d, spreads = problem.cells, problem.priors, problem.d, belief.spreads
    stray, deviation = problem.strays(state)
    prior = priors.effect_weight * priors.effect**2 * np.eye(d)

    def pooled(effects: Array, cov: Array) -> Array:
        return (effects @ effects.T + cov + prior) / (effects.shape[1] + priors.effect_weight)

    floor, ceiling = problem.asymptotes(state)
    own, noise = np.zeros(cells.n_benchmarks), np.zeros(cells.n_benchmarks)
    for c in cells.columns():
        j, there = c.number, share[c.cells]
        own[j] = np.sum(state.own[c.pairs] ** 2 + belief.own[c.pairs] + belief.own_leverage[c.pairs])
        expected = floor[j] + (ceiling[j] - floor[j]) * there
        p = np.clip(expected, 0.01, 0.99)
        variance = old.noise[j] + p * (1.0 - p) / problem.data.n_items[j]
        slope = (ceiling[j] - floor[j]) * there * (1.0 - there)
        squared = (cells.score[c.cells] - expected) ** 2 + slope**2 * (belief.logit[c.cells] + belief.leverage[c.cells])
        squared *= (priors.dof + 1.0) / (priors.dof + squared / variance)
        # each squared residual splits into benchmark noise and item sampling in proportion to their variances
        part = old.noise[j] / variance
        noise[j] = np.sum(part * (part * squared + variance - old.noise[j]))
    seen = np.diff(cells.pair_bounds)
    every = own.sum() + ((cells.n_bases - seen) * old.own).sum()
    usual = (every + prior[0, 0]) / (cells.n_bases * cells.n_benchmarks + priors.effect_weight)
    slopes_var = np.diag(tree.slopes_cov()).reshape(state.slopes.shape)
    slope = (state.slopes**2 + slopes_var).sum(axis=1) + priors.slope_weight * priors.slope**2
    variances = Variances(
        pooled(stray, spreads.residual),
        pooled(deviation, spreads.deviation),
        pooled(state.base.T, spreads.base.sum(axis=2)),
        old.lab,
        (own + priors.own_weight * usual) / (seen + priors.own_weight),
        problem.slope_variance(slope / (d + priors.slope_weight)),
        np.maximum((noise + priors.noise_weight * priors.noise**2) / (cells.n_observed + priors.noise_weight), 1e-8),
        old.loading,
        old.loading_mean,
    )
    centred = state.skills.T - state.skills.T.mean(axis=1, keepdims=True)
    return variances, (centred @ centred.T + spreads.model.sum(axis=2)) / cells.n_models


def moved(old: Variances, new: Variances, variance: Array, cells: CellTable) -> float:
    """How far an update moves the variances, as a share of them; that of the noise as a share of all noise of a cell.

    Parameters
    ----------
    old, new : Variances
    variance : ndarray of shape (N,)
        Noise variance of each cell, item sampling included.
    cells : CellTable

    Returns
    -------
    float
        The largest of the kinds of variance; over benchmarks the root mean square.
    """
    logs = [np.abs(log_size(getattr(new, name)) - log_size(getattr(old, name))) for name in _MATRICES]
    own = np.log(new.own / old.own)
    usual = np.array([variance[c.cells].mean() for c in cells.columns()])
    noise = (new.noise - old.noise)[cells.n_observed > 0] / usual
    return float(max(*logs, np.sqrt(np.mean(own**2)), np.sqrt(np.mean(noise**2))))

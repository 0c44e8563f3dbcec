"""Replay, inside the training data, the forecasts that a fit will be asked for.

Each base family in turn is treated as new: all scores of its larger models are hidden (the smallest models of each
family stay), or all its scores are, or those of every second size between its smallest and its largest. From the mode
of the full fit, two Gauss-Newton steps without the hidden cells give the leave-family-out forecasts without refitting:
only the branch of the tree that lost cells is linearised anew, the others speak through the curvature that they left on
its lab and on the shared parameters. Standardised errors of replayed forecasts tell how far the intervals must be
stretched. Held-out data of a backtest never enter: a replay sees its own fold only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.fit import fit_skills
from obslaws.skill.neighbours import Residuals
from obslaws.skill.predict import fitted_logits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.fit import Fit
    from obslaws.skill.problem import State

    Array = NDArray[np.float64]

__all__ = ["Replay", "larger", "middle", "rank_within", "replay"]

_HEAVY = 0.05  # so a fit goes on at most twenty times


@dataclass(frozen=True)
class Replay:
    """Replayed forecasts, one row per model with hidden scores.

    Parameters
    ----------
    rows : ndarray of int, shape (n,)
        Models of the training panel.
    group : ndarray of int, shape (n,)
        Base family of each.
    scores : ndarray of shape (n, J)
        The hidden scores, NaN where there is none.
    logit : ndarray of shape (n, J)
        Forecast on the latent scale.
    logit_cov : ndarray of shape (n, J, J)
        Its covariance over benchmarks.
    floor, ceiling, noise : ndarray of shape (n, J)
        Asymptotes and squared scale of the noise of the benchmarks, without the group.
    """

    rows: NDArray[np.intp]
    group: NDArray[np.intp]
    scores: Array
    logit: Array
    logit_cov: Array
    floor: Array
    ceiling: Array
    noise: Array


def replay(fit: Fit, hidden: NDArray[np.bool_], steps: int = 2, heavy: float = _HEAVY) -> Replay | None:
    """Forecast the hidden models of every base family from its others and from all other base families.

    Parameters
    ----------
    fit : Fit
    hidden : ndarray of bool, shape (M,)
        See `larger` and `middle`.
    steps : int
        Gauss-Newton steps from the mode of the full fit.
    heavy : float
        Where more than this share of all scores would be hidden, the fit goes on without them instead.

    Returns
    -------
    Replay or None
        None when nothing can be hidden.
    """
    problem, full = fit.problem, fit.system
    nesting = problem.data.nesting
    if nesting.n_bases == 1 and hidden.all():
        return None
    n_scores, parts = problem.mask.sum(axis=0), []
    for base in range(nesting.n_bases):
        models, families, part = problem.branch(base)
        asked = hidden[models] & part.mask.any(axis=1)
        if not asked.any():
            continue
        n_hidden = part.mask[asked].sum(axis=0)
        # a benchmark that nobody else was scored on is not forecast
        scores = np.where(part.mask & (n_hidden < n_scores), part.y, np.nan)[asked]
        group = np.full(len(scores), base)
        if n_hidden.sum() > heavy * n_scores.sum():
            parts.append((models[asked], group, scores, *_without(fit, models[asked])))
            continue
        state = _branch_state(fit.state, models, families, base, int(nesting.lab[base]))
        precision = fit.precision[models]
        # what all other base families say of the lab and the shared parameters, as a quadratic around the full mode
        own = part.linearise(state, fit.variances, precision, fit.penalty)
        rest_curvature = full.top(nesting.lab[base]) - own.system.top(0)
        rest_gradient = -own.system.top_gradient(own.gradients, 0)
        part.weight = part.weight * ~asked[:, None]
        travelled = np.zeros(len(rest_gradient))
        for step in range(steps + 1):
            here = part.linearise(state, fit.variances, precision, fit.penalty)
            system = here.system
            system.joined(rest_curvature)
            if step == steps:
                break
            pull = rest_gradient - rest_curvature @ travelled
            model, family, top, lab, shared = here.gradients
            moves = system.solve((model, family, top, lab + pull[: fit.n_skills], shared + pull[fit.n_skills :]))
            travelled += np.concatenate([moves[3][0], moves[4]])
            state = state.moved(moves)
        rows = np.flatnonzero(asked)
        logit, cov = fitted_logits(state, system, system.shared_cov, rows)
        residuals = Residuals.of(part, state, fit.variances, here.cells, fit.steep)
        logit += residuals.carried(rows, part.data.nesting.family[rows], part.data.size[rows])
        parts.append((models[rows], group, scores, logit, cov, *problem.asymptotes(state), fit.variances.noise))
    if not parts:
        return None
    *columns, floor, ceiling, noise = zip(*parts, strict=True)
    per_row = (np.repeat(column, [len(part[0]) for part in parts], axis=0) for column in (floor, ceiling, noise))
    return Replay(*(np.concatenate(column) for column in columns), *per_row)


def _without(fit: Fit, rows: NDArray[np.intp]) -> tuple[Array, Array, Array, Array, Array]:
    """Go on with the fit where no score of some models is known; what a `Replay` holds of their forecasts."""
    data = fit.problem.data
    scores = data.scores.copy()
    scores[rows] = np.nan
    there = fit_skills(replace(data, scores=scores), fit.n_skills, fit.problem.priors, start=fit)
    logit, cov = fitted_logits(there.state, there.system, there.shared_cov, rows)
    logit += there.residuals.carried(rows, data.nesting.family[rows], data.size[rows])
    return logit, cov, there.floors, there.ceilings, there.variances.noise


def _branch_state(state: State, models: NDArray[np.intp], families: NDArray[np.intp], base: int, lab: int) -> State:
    return replace(
        state,
        skills=state.skills[models],
        family=state.family[families],
        base=state.base[[base]],
        lab=state.lab[[lab]],
        own=state.own[[base]],
    )


def larger(size: Array, family: NDArray[np.intp], n_observed: int) -> NDArray[np.bool_]:
    """All models but the `n_observed` smallest of each family, shape (M,); with 0 all of them."""
    return rank_within(size, family) >= n_observed


def middle(size: Array, family: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Every second size of each family, but for the smallest and the largest; shape (M,)."""
    out = np.zeros(len(size), dtype=bool)
    for number in np.unique(family):
        own = np.flatnonzero((family == number) & np.isfinite(size))
        _, place = np.unique(size[own], return_inverse=True)
        out[own] = (place % 2 == 1) & (place < place.max(initial=0))
    return out


def rank_within(size: Array, family: NDArray[np.intp]) -> NDArray[np.intp]:
    """Rank of each model by size within its family, unknown sizes last.

    Parameters
    ----------
    size : ndarray of shape (M,)
    family : ndarray of int, shape (M,)

    Returns
    -------
    ndarray of int, shape (M,)
        0 for the smallest.
    """
    order = np.lexsort((np.where(np.isnan(size), np.inf, size), family))
    first = np.flatnonzero(np.r_[True, np.diff(family[order]) > 0])
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order)) - np.repeat(first, np.diff(np.r_[first, len(order)]))
    return rank

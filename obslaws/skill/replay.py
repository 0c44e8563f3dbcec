"""Replay, inside the training data, the forecasts that a fit will be asked for.

Each base family in turn is treated as new: all scores of its larger models are hidden (the smallest models of each
family stay), or all its scores are. From the mode of the full fit, two Gauss-Newton steps without the hidden cells give
the leave-family-out forecasts without refitting: only the branch of the tree that lost cells is linearised anew, the
others speak through the curvature that they left on its lab and on the shared parameters. Standardised errors of
replayed forecasts tell how far the intervals must be stretched. Held-out data of a backtest never enter: a replay sees
its own fold only.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.neighbours import Residuals
from obslaws.skill.predict import fitted_logits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.fit import Fit
    from obslaws.skill.problem import State

    Array = NDArray[np.float64]

__all__ = ["Replay", "rank_within", "replay"]


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
    logit, logit_sd : ndarray of shape (n, J)
        Forecast on the latent scale.
    logit_cov : ndarray of shape (n, J, J)
        Its covariance over benchmarks, for those who tell some of the hidden scores after all.
    floor, ceiling : ndarray of shape (n, J)
        Asymptotes of the benchmarks without the group.
    """

    rows: NDArray[np.intp]
    group: NDArray[np.intp]
    scores: Array
    logit: Array
    logit_sd: Array
    logit_cov: Array
    floor: Array
    ceiling: Array


def replay(fit: Fit, size: Array, n_observed: int, steps: int = 2) -> Replay | None:
    """Forecast every base family from the others and from its `n_observed` smallest models per family.

    Parameters
    ----------
    fit : Fit
    size : ndarray of shape (M,)
        What orders a family's models, e.g. log parameters; NaN last.
    n_observed : int
        Models per family that keep their scores; 0 hides the whole base family.
    steps : int
        Gauss-Newton steps from the mode of the full fit.

    Returns
    -------
    Replay or None
        None when nothing can be hidden.
    """
    problem, full = fit.problem, fit.system
    nesting = problem.data.nesting
    rank = rank_within(size, nesting.family)
    if n_observed == 0 and nesting.n_bases == 1:
        return None
    parts = []
    for base in range(nesting.n_bases):
        models, families, part = problem.branch(base)
        hidden = (rank[models] >= n_observed) & part.mask.any(axis=1)
        if not hidden.any():
            continue
        state = _branch_state(fit.state, models, families, base, int(nesting.lab[base]))
        precision = fit.precision[models]
        # what all other base families say of the lab and the shared parameters, as a quadratic around the full mode
        own = part.linearise(state, fit.variances, precision, fit.penalty)
        rest_curvature = full.top(nesting.lab[base]) - own.system.top(0)
        rest_gradient = -own.system.top_gradient(own.gradients, 0)
        part.weight = part.weight * ~hidden[:, None]
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
        asked = np.flatnonzero(hidden)
        logit, cov = fitted_logits(state, system, system.shared_cov, asked)
        residuals = Residuals.of(part, state, fit.variances, here.cells, fit.steep)
        logit += residuals.carried(asked, part.data.nesting.family[asked], part.data.size[asked])
        sd = np.sqrt(np.maximum(np.einsum("mjj->mj", cov), 1e-12))
        floor, ceiling = (np.broadcast_to(a, logit.shape) for a in problem.asymptotes(state))
        scores = np.where(part.mask, part.y, np.nan)[hidden]
        parts.append((models[hidden], np.full(len(logit), base), scores, logit, sd, cov, floor, ceiling))
    if not parts:
        return None
    return Replay(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _branch_state(state: State, models: NDArray[np.intp], families: NDArray[np.intp], base: int, lab: int) -> State:
    return replace(
        state,
        skills=state.skills[models],
        family=state.family[families],
        base=state.base[[base]],
        lab=state.lab[[lab]],
        own=state.own[[base]],
    )


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

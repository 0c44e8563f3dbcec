"""Doubt about a benchmark's own curve, for models of the fit that were not scored on it.

In: a fit. Out: what to add to the variances of logits and scores. A benchmark that only weak models were scored on is
known there and not beyond: how steep it goes on, and where it ends, is a guess that the mode of the fit takes for
granted. Replays hide whole models and see nothing of it, so that this stands where they stretch nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from obslaws.skill.blocks import spd_inverse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.skill.fit import Fit
    from obslaws.skill.problem import Problem, State

    Array = NDArray[np.float64]

__all__ = ["curve_doubt"]

# chosen on LiveBench, `core` and the training models of Ruan et al.: docs/backtests.md, "How intervals are made"
_STEEP = 4.0


def curve_doubt(fit: Fit, rows: NDArray[np.intp]) -> tuple[Array, Array]:
    """Tell how much more is unknown of scores on benchmarks that a model was not scored on.

    Where the curve is extrapolated, beyond the logits of all models that were scored on the benchmark, a logit varies
    more by the benchmark's intercept and loadings than it does on average over those. What is beyond that average
    counts four times: the posterior is taken at one mode, of a curve that holds only roughly. A ceiling that the scores
    leave open moves the forecasts near it, by its own derivative less what the logit makes up for; elsewhere the two
    cancel. Between scored models nothing is added.

    Parameters
    ----------
    fit : Fit
    rows : ndarray of int, shape (n,)
        Models of the fit.

    Returns
    -------
    tuple of ndarray
        What the variances of the logits lack, and the variances of the scores by the ceilings, squared fractions; each
        of shape (n, J).
    """
    problem, state, shared_cov, d = fit.problem, fit.state, fit.shared_cov, fit.n_skills
    response, base = fit.system.response(), problem.data.nesting.base_of_model
    at, index = np.arange(len(state.loadings))[:, None], fit.system.n_slopes + problem.item_index
    curve, end = index[:, : d + 1], index[:, d + 1]
    regressors = np.concatenate([np.ones((len(state.skills), 1)), state.skills], axis=1)
    # skills and own intercepts move along with the curve, so that shifting and turning the skills costs nothing
    moved = np.einsum("jd,mdja->mja", state.loadings, response.model.response[:, :, curve], optimize=True)
    moved += response.base[:, d + at, curve][base] + regressors[:, None]
    # the other benchmarks hold the axes: what shifts or turns all curves with the skills moves no logit
    own = spd_inverse(fit.system.shared[index[:, :, None], index[:, None, :]])[:, : d + 1, : d + 1]
    by_curve = (np.einsum("mja,jab->mjb", moved, own) * moved).sum(axis=2)
    scored = problem.weight
    usual = (by_curve * scored).sum(axis=0) / np.maximum(scored.sum(axis=0), 1.0)
    towards, end_var = shared_cov[:, end], shared_cov[end, end]
    with_end = np.einsum("jd,mdg,gj->mj", state.loadings, response.model.response, towards, optimize=True)
    with_end += np.einsum("bjg,gj->bj", response.base[:, d:], towards)[base]
    with_end += regressors @ shared_cov[curve, end[:, None]].T
    net = fit.cells.lift + fit.cells.slope * with_end / end_var
    beyond = _beyond(problem, state)[rows]
    return (_STEEP - 1.0) * np.maximum(by_curve - usual, 0.0)[rows] * beyond, (net**2 * end_var)[rows] * beyond


def _beyond(problem: Problem, state: State) -> NDArray[np.bool_]:
    """Tell where a model's logit lies outside those of all models that were scored on the benchmark; shape (M, J)."""
    logit = state.intercepts + state.own[problem.data.nesting.base_of_model] + state.skills @ state.loadings.T
    lowest = np.where(problem.mask, logit, np.inf).min(axis=0)
    return (logit < lowest) | (logit > np.where(problem.mask, logit, -np.inf).max(axis=0))

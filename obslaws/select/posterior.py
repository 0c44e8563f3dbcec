"""The joint posterior of one model's logits over all benchmarks, and what its next scores would do to it.

In: a fitted `skill` forecaster and a model with the scores known of it. Out: covariance on the logit scale under each
of the forecaster's fits, with what turns logits into points. To the second order the logits are normal, so that the
spread left after another score does not depend on what that score turns out to be: it has a closed form, that of
conditioning a normal on an observation with the noise of the benchmark and of its finite number of questions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from obslaws.forecasters.base import complete_queries
from obslaws.links import logistic
from obslaws.skill.posterior import condition
from obslaws.skill.predict import Relatives

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from obslaws.forecasters.skill import SkillForecaster

    Array = NDArray[np.float64]

__all__ = ["Joint", "joint_posterior", "loss", "loss_after_each", "measured", "population"]

_MEAN_ABSOLUTE = np.sqrt(2.0 / np.pi)  # of a standard normal deviate


@dataclass(frozen=True)
class Joint:
    """Logits of K cases (fits, or models under fits) over J benchmarks: normal, each with its own covariance.

    Parameters
    ----------
    cov : ndarray of shape (K, J, J)
        Of the logits.
    slope : ndarray of shape (K, J)
        Points of score per unit of logit at the mean.
    noise : ndarray of shape (K, J)
        Variance that a score has as an observation of its logit.
    """

    cov: Array
    slope: Array
    noise: Array


def joint_posterior(model: SkillForecaster, queries: pd.DataFrame, scores: pd.DataFrame | None = None) -> Joint:
    """Condition on all that is known of one model.

    Parameters
    ----------
    model : SkillForecaster
        Fitted.
    queries : DataFrame of shape (1, n_covariates)
        The model.
    scores : DataFrame, optional
        Scores of it that the fit has not seen.

    Returns
    -------
    Joint
        One case per fit.
    """
    queries = complete_queries(queries)
    who = model.relatives(queries)
    columns = model.panel_.scores.columns
    fresh = np.full(len(columns), np.nan)
    if scores is not None:
        fresh = scores.reindex(index=queries.index, columns=columns).to_numpy(dtype=float)[0]
        if who.row[0] >= 0:
            fresh = np.where(np.isnan(model.data_.scores[who.row[0]]), fresh, np.nan)
    means, covs, every = [], [], np.arange(len(columns))
    for fit, prior in zip(model.fits_, model.joint(who), strict=True):
        moments = condition(
            prior.mean[0], prior.block(0, every), fresh, fit.floors, fit.ceilings, fit.variances.told_noise,
            model.data_.n_items, fit.problem.priors.dof,
        )  # fmt: skip
        means.append(moments[0])
        covs.append(moments[1])
    return _joint(model, np.array(means)[:, None], np.array(covs)[:, None])


def population(model: SkillForecaster, n_levels: int = 9) -> Joint:
    """Condition on nothing: a model of unknown family, size and date, at levels of skill as those of the panel.

    Parameters
    ----------
    model : SkillForecaster
        Fitted.
    n_levels : int
        Models of the panel whose logits say where on each benchmark's curve a new model may stand; they are taken
        evenly along their mean logit.

    Returns
    -------
    Joint
        One case per fit and level.
    """
    # a stranger: no row, no family, no base family, and covariates as they are spread among all models
    covariates, unknown = model.scale_.apply(np.full((1, len(model.scale_.centre)), np.nan))
    nobody = np.array([-1])
    who = Relatives(nobody, nobody, nobody, nobody, np.array([np.nan]), covariates, unknown)
    means, covs = [], []
    scored = np.flatnonzero(np.isfinite(model.data_.scores).any(axis=1))
    every = np.arange(len(model.panel_.scores.columns))
    for fit, prior in zip(model.fits_, model.joint(who), strict=True):
        there = fit.state.intercepts + fit.skills[scored] @ fit.state.loadings.T
        order = np.argsort(there.mean(axis=1), kind="stable")
        at = order[np.linspace(0, len(order) - 1, min(n_levels, len(order))).round().astype(int)]
        means.append(there[at])
        covs.append(np.repeat(prior.block(0, every)[None], len(at), axis=0))
    return _joint(model, np.array(means), np.array(covs))


def _joint(model: SkillForecaster, mean: Array, cov: Array) -> Joint:
    """Put fits (K, n, J) and (K, n, J, J) into cases, with slopes and noise at the mean."""
    slopes, noises = [], []
    for at, fit in enumerate(model.fits_):
        room = fit.ceilings - fit.floors
        share = logistic(mean[at])
        slope = np.maximum(room * share * (1.0 - share), 1e-4)
        p = np.clip(fit.floors + room * share, 0.01, 0.99)
        variance = fit.variances.told_noise + p * (1.0 - p) / model.data_.n_items
        dof = fit.problem.priors.dof
        noises.append(variance * (dof + 3.0) / (dof + 1.0) / slope**2)
        slopes.append(100.0 * slope)
    n_benchmarks = mean.shape[-1]
    return Joint(
        cov.reshape(-1, n_benchmarks, n_benchmarks),
        np.concatenate(slopes),
        np.concatenate(noises),
    )


def measured(joint: Joint, at: int) -> Joint:
    """Condition on the score of one benchmark, whatever it will be.

    Parameters
    ----------
    joint : Joint
    at : int
        Its position.

    Returns
    -------
    Joint
        With the covariance afterwards.
    """
    column = joint.cov[:, :, at]
    gain = column / (joint.cov[:, at, at] + joint.noise[:, at])[:, None]
    return Joint(joint.cov - gain[:, :, None] * column[:, None, :], joint.slope, joint.noise)


def loss(joint: Joint) -> Array:
    """Give the expected absolute error of each benchmark, averaged over cases.

    Parameters
    ----------
    joint : Joint

    Returns
    -------
    ndarray of shape (J,)
        Points.
    """
    spread = np.sqrt(np.maximum(np.einsum("kjj->kj", joint.cov), 0.0))
    return np.asarray(_MEAN_ABSOLUTE * (joint.slope * spread).mean(axis=0))


def loss_after_each(joint: Joint) -> Array:
    """Give the expected absolute error of each benchmark after each possible next score.

    Parameters
    ----------
    joint : Joint

    Returns
    -------
    ndarray of shape (J, J)
        Points; row c is what `loss` gives after `measured(joint, c)`, with 0 for c itself: its score is then known.
    """
    variance = np.einsum("kjj->kj", joint.cov)
    left = variance[:, None, :] - joint.cov**2 / (variance + joint.noise)[:, :, None]
    spread = np.sqrt(np.maximum(left, 0.0))
    out = np.asarray(_MEAN_ABSOLUTE * np.einsum("kj,kcj->cj", joint.slope, spread) / len(spread))
    np.fill_diagonal(out, 0.0)
    return out

"""What everything else says of each score and of each model.

In: a panel. Out: how far each score lies from its leave-family-out forecast, and each model from the forecast that its
siblings make, as standard normal deviates. Families are left out in folds: a fit has seen no score of a model's base
family, so that a fault which a whole family shares stands out too. A score is then forecast from the model's other
scores; a model as a whole is forecast from covariates and siblings, without any score of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from obslaws.forecasters.base import complete_queries
from obslaws.forecasters.skill import SkillForecaster
from obslaws.links import logistic
from obslaws.skill.posterior import LatentPredictive, condition

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from obslaws.panel import Panel
    from obslaws.skill.predict import JointLogits

    Array = NDArray[np.float64]

__all__ = ["FOLDS", "Expected", "Prior", "expect", "prior"]

FOLDS = 5


@dataclass(frozen=True)
class Expected:
    """Forecasts of a panel's own scores, none of which has seen the score.

    Parameters
    ----------
    point, lower, upper : ndarray of shape (M, J)
        Median and 95 % interval from other families and the model's other scores, fractions; NaN where there is no
        score.
    deviate : ndarray of shape (M, J)
        The score as a standard normal deviate under that forecast.
    row_deviate : ndarray of shape (M,)
        How far the model stands above (positive) what its size, data, date and siblings say; NaN without a score.
    size_factor : ndarray of shape (M,)
        By how much its recorded size would have to be multiplied to fit best; NaN where no size is known.
    """

    point: Array
    lower: Array
    upper: Array
    deviate: Array
    row_deviate: Array
    size_factor: Array


@dataclass(frozen=True)
class Prior:
    """Joint forecasts of n models under K fits, before any score of their own.

    Parameters
    ----------
    logits : list of JointLogits
        One per fit.
    model : SkillForecaster
        Where they come from.
    """

    logits: list[JointLogits]
    model: SkillForecaster


def prior(model: SkillForecaster, queries: pd.DataFrame) -> Prior:
    """Forecast models that a fit has not seen.

    Parameters
    ----------
    model : SkillForecaster
        Fitted.
    queries : DataFrame of shape (n, n_covariates)

    Returns
    -------
    Prior
    """
    queries = complete_queries(queries)
    # without sizes nothing is carried over from siblings next to them: one at fault would vouch for another
    nobody, untold = np.full(len(queries), -1), np.full(len(queries), np.nan)
    who = replace(model.relatives(queries), row=nobody, size=untold)
    return Prior(model.joint(who), model)


def expect(panel: Panel, progress: Callable[[int, int], None] | None = None) -> Expected:
    """Forecast every score and every model of a panel from the rest.

    Parameters
    ----------
    panel : Panel
        Fractions only.
    progress : callable, optional
        Called with (fits done, fits in all).

    Returns
    -------
    Expected
    """
    scores = panel.scores.to_numpy(dtype=float)
    scored = np.isfinite(scores).any(axis=1)
    nothing = np.full(scores.shape, np.nan)
    out = Expected(nothing.copy(), nothing.copy(), nothing.copy(), nothing.copy(), nothing[:, 0].copy(),
                   nothing[:, 0].copy())  # fmt: skip
    report = progress or (lambda done, total: None)
    by_family, by_model = _deal(panel, "base_family"), _deal(panel, "family")
    done = 0
    for fold in range(FOLDS):
        held = (by_family == fold) & scored
        if held.any() and not held.all():
            model = SkillForecaster(calibrate=False).fit(panel.select(~held))
            told = _cells(prior(model, panel.models[held]), scores[held])
            for part, values in zip((out.point, out.lower, out.upper, out.deviate), told, strict=True):
                part[held] = values
        held = (by_model == fold) & scored
        if held.any() and not held.all():
            model = SkillForecaster(calibrate=False).fit(panel.select(~held))
            out.row_deviate[held] = _levels(prior(model, panel.models[held]), scores[held])
            out.size_factor[held] = _size_factors(model, panel.models[held], scores[held])
        done += 1
        report(done, FOLDS)
    return out


def _deal(panel: Panel, what: str) -> NDArray[np.intp]:
    """Deal base families into folds as wholes, or the models of each family one by one."""
    models = panel.models
    if what == "base_family":
        counts = panel.scores.notna().sum(axis=1).groupby(models[what]).sum().sort_index()
        order = counts.sort_values(ascending=False, kind="stable").index
        fold = {name: at % FOLDS for at, name in enumerate(order)}
        return models[what].map(fold).to_numpy(dtype=np.intp)
    ranked = models.reset_index().sort_values(["base_family", "family", "n_params"], kind="stable").index
    out = np.empty(len(models), dtype=np.intp)
    out[ranked] = np.arange(len(models)) % FOLDS
    return out


def _cells(given: Prior, scores: Array) -> tuple[Array, Array, Array, Array]:
    """Median, 95 % interval and deviate of each score from the model's other scores; shapes (n, J)."""
    model = given.model
    mean, sd = np.zeros((len(model.fits_), *scores.shape)), np.ones((len(model.fits_), *scores.shape))
    dof = model.fits_[0].problem.priors.dof
    for k, (fit, prior_) in enumerate(zip(model.fits_, given.logits, strict=True)):
        for i, row in enumerate(scores):
            at = np.flatnonzero(np.isfinite(row))
            # side by side, one score untold in each
            n, others = len(at), np.where(np.eye(len(at), dtype=bool), np.nan, row[at])
            logit, cov = condition(
                np.tile(prior_.mean[i, at], (n, 1)), np.tile(prior_.block(i, at), (n, 1, 1)), others, fit.floors[at],
                fit.ceilings[at], fit.variances.noise[at], model.data_.n_items[at], dof,
            )  # fmt: skip
            mean[k, i, at] = np.diag(logit)
            sd[k, i, at] = np.sqrt(np.maximum(np.einsum("jjj->j", cov), 1e-12))
    here = np.isfinite(scores)
    fits = model.fits_
    predictive = LatentPredictive(
        mean, sd, np.stack([f.floors for f in fits]), np.stack([f.ceilings for f in fits]),
        np.stack([f.variances.noise for f in fits]), model.weights_, model.data_.n_items, dof,
        np.ones_like(scores), np.full(scores.shape, ""),
    )  # fmt: skip
    told = (predictive.point, predictive.quantile(0.025), predictive.quantile(0.975), predictive.normal_score(scores))
    point, lower, upper, deviate = (np.where(here, part, np.nan) for part in told)
    return point, lower, upper, deviate


def _levels(given: Prior, scores: Array) -> Array:
    """Deviate of each model along the direction in which models of this prior differ most; shape (n,)."""
    model = given.model
    out = np.full(len(scores), np.nan)
    for i, row in enumerate(scores):
        at = np.flatnonzero(np.isfinite(row))
        residual, spread, noise = [], [], []
        for fit, prior_ in zip(model.fits_, given.logits, strict=True):
            room = (fit.ceilings - fit.floors)[at]
            share = logistic(prior_.mean[i, at])
            expected, slope = fit.floors[at] + room * share, np.maximum(room * share * (1.0 - share), 0.02)
            p = np.clip(expected, 0.01, 0.99)
            residual.append(row[at] - expected)
            spread.append(slope[:, None] * prior_.block(i, at) * slope)
            noise.append(fit.variances.noise[at] + p * (1.0 - p) / model.data_.n_items[at])
        common = np.mean(spread, axis=0)
        direction = np.abs(np.linalg.eigh(common)[1][:, -1])
        variance = direction @ common @ direction + direction**2 @ np.mean(noise, axis=0)
        out[i] = direction @ np.mean(residual, axis=0) / np.sqrt(variance)
    return out


def _size_factors(model: SkillForecaster, models: pd.DataFrame, scores: Array) -> Array:
    """Size that makes each model least surprising, over the recorded one; shape (n,)."""
    factors = np.exp(np.linspace(-np.log(100.0), np.log(100.0), 25))
    levels = np.stack([np.abs(_levels(prior(model, _resized(models, f)), scores)) for f in factors])
    best = factors[np.argmin(np.where(np.isnan(levels), np.inf, levels), axis=0)]
    return np.where(models["n_params"].notna(), best, np.nan)


def _resized(models: pd.DataFrame, factor: float) -> pd.DataFrame:
    sizes = {c: models[c] * factor for c in ("n_params", "n_active_params")}
    return models.assign(**sizes, train_flop=np.nan)

"""Our own recipe: least squares at its exact minimum, on as many components as pay for themselves.

The number of principal capabilities, at most the paper's three, is the one with the lowest value of Akaike's criterion
on the training models: a further one has to lower the log-likelihood's loss by more than the weight that it costs. The
intervals are tried out inside the training models. The floor is free only where the caller says so: the score of
guessing is usually known, and a floor that is free for no reason bends to the last few training models.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from obslaws.downstream.law import SigmoidLaw, fit_exact
from obslaws.downstream.predictors import predictor
from obslaws.downstream.recipes import Recipe, placed
from obslaws.errors import FitError
from obslaws.quantities import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["COMPONENTS", "default_recipe", "stretch_of"]

COMPONENTS = 3  # at most
ORIGINS = (
    0.5,
    0.6,
    0.7,
    0.8,
    0.9,
)  # shares of the training models, weakest first, from which the next ones are forecast
_NORMAL_90 = 1.6448536
_WIDEST = 4.0
_LEAST_MSE = 1e-12  # a law through every training model


def default_recipe(
    name: str | None,
    models: pd.DataFrame,
    scores: pd.DataFrame,
    share: Array,
    has_floor: bool = False,
    missing: Literal["likelihood", "ruan2024"] = "ruan2024",
    calibrate: bool = True,
) -> Recipe:
    """Choose the components, fit the law exactly, and learn how much wider than its claim the intervals must be.

    Parameters
    ----------
    name : str, optional
        Predictor; by default one to three principal capabilities, fewer where models or benchmarks are few, by Akaike's
        criterion [1]_.
    models, scores : DataFrame of shape (n, ...)
        Of the training models; scores of predicting benchmarks only.
    share : ndarray of shape (n,)
        Of the target.
    has_floor : bool
        Whether the floor is free in [0, 0.2].
    missing : {"likelihood", "ruan2024"}
        What becomes of missing scores, see `obslaws.capability.pca.CapabilityPCA`.
    calibrate : bool
        Whether to stretch the intervals.

    Returns
    -------
    Recipe

    Raises
    ------
    FitError
        Too few training models.

    References
    ----------
    .. [1] Akaike (1974), A new look at the statistical model identification, IEEE Transactions on Automatic Control 19,
       716-723; for least squares Burnham and Anderson (2002), Model Selection and Multimodel Inference, section 2.2.
    """
    few = len(models) - 2 - int(has_floor)
    n_components = min(COMPONENTS, scores.shape[1], few)
    if name is None and n_components < 1:
        raise FitError(
            f"{counted(len(models), 'training model')} and {counted(scores.shape[1], 'benchmark')} cannot carry a "
            "law on capabilities; it needs four models and one benchmark. Move the cutoff or add benchmarks."
        )
    law = SigmoidLaw(has_floor)
    wanted = [name] if name is not None else [f"pc{k}" for k in range(1, n_components + 1)]
    tried = {one: _fitted(one, models, scores, share, law, missing) for one in wanted}
    criterion = {one: _akaike(recipe) for one, recipe in tried.items()}
    chosen = min(criterion, key=lambda one: criterion[one])
    recipe, choice = tried[chosen], {} if name is not None else {"akaike": criterion}
    if not calibrate:
        return replace(recipe, choice=choice)
    stretch, n_tried = stretch_of(chosen, models, scores, share, law, missing)
    return replace(recipe, stretch=stretch, choice={**choice, "interval_stretch": stretch, "interval_trials": n_tried})


def _akaike(recipe: Recipe) -> float:
    """Criterion of normal residuals up to a constant; the coefficients and the residual variance count."""
    fit = recipe.fits[0]
    return recipe.n_train * float(np.log(max(fit.mse, _LEAST_MSE))) + 2.0 * (len(fit.params) + 1)


def _fitted(
    name: str,
    models: pd.DataFrame,
    scores: pd.DataFrame,
    share: Array,
    law: SigmoidLaw,
    missing: Literal["likelihood", "ruan2024"],
) -> Recipe:
    one = predictor(name, scores.columns, missing).fit(models, scores)
    x, known = placed(one, models, scores, share)
    return Recipe(name, [one], [fit_exact(x, known, law)], len(known))


def stretch_of(
    name: str,
    models: pd.DataFrame,
    scores: pd.DataFrame,
    share: Array,
    law: SigmoidLaw,
    missing: Literal["likelihood", "ruan2024"] = "ruan2024",
) -> tuple[float, int]:
    """Forecast the stronger training models from the weaker ones, and compare errors with the widths claimed.

    Parameters
    ----------
    name, models, scores, share, law, missing
        As in `default_recipe`.

    Returns
    -------
    stretch : float
        Factor on all widths that makes 90 % of the trial intervals cover, at least 1 and at most 4: where a law breaks
        down between the weaker half and the next models, the size of the breakdown says little about the next one.
    n_tried : int
        Forecasts that it rests on; with fewer than five the factor is 1.

    References
    ----------
    .. [1] Tashman (2000), Out-of-sample tests of forecasting accuracy, Int. J. Forecasting 16, 437-450: rolling origin.
    """
    deviates = [d for part in _trials(name, models, scores, share, law, missing) for d in part]
    if len(deviates) < 5:
        return 1.0, len(deviates)
    level = min(0.9 * (1.0 + 1.0 / len(deviates)), 1.0)  # split conformal prediction: one more than was seen
    return float(np.clip(np.quantile(deviates, level) / _NORMAL_90, 1.0, _WIDEST)), len(deviates)


def _trials(
    name: str,
    models: pd.DataFrame,
    scores: pd.DataFrame,
    share: Array,
    law: SigmoidLaw,
    missing: Literal["likelihood", "ruan2024"],
) -> Iterator[Array]:
    """Absolute standard deviates of the next tenth of the training models, from each origin on."""
    order = np.lexsort((share, _strength(models, share)))  # equal compute: by the score, so that no row order decides
    n = len(order)
    most = 3 + int(law.has_floor)
    for origin in ORIGINS:
        first = round(origin * n)
        seen, asked = order[:first], order[first : first + max(1, round(0.1 * n))]
        if len(seen) < (COMPONENTS if name.startswith("pc") else 1) + most or not len(asked):
            continue
        try:
            recipe = _fitted(name, models.iloc[seen], scores.iloc[seen], share[seen], law, missing)
        except FitError:
            continue
        forecast = recipe.forecast(models.iloc[asked], scores.iloc[asked])
        up, down = forecast.quantile(0.95) - forecast.point, forecast.point - forecast.quantile(0.05)
        error = share[asked] - forecast.point
        width = np.where(error > 0, up, down) / _NORMAL_90
        found = np.abs(error) / np.maximum(width, 1e-6)
        yield found[np.isfinite(found)]


def _strength(models: pd.DataFrame, share: Array) -> Array:
    """Compute where every model's is known, else the score itself: what a cutoff would be drawn in."""
    flop = models["train_flop"].to_numpy(dtype=float)
    return flop if np.isfinite(flop).all() else np.asarray(share, dtype=float)

"""From training models to fitted laws: the paper's recipe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from obslaws.downstream.law import LawFit
from obslaws.downstream.paper import fit_paper
from obslaws.downstream.predictive import ShareForecast, share_forecast
from obslaws.downstream.predictors import Components, Predictor, predictor
from obslaws.errors import FitError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Recipe", "paper_recipe", "placed"]


@dataclass(frozen=True)
class Recipe:
    """Fitted laws with what they are functions of.

    Parameters
    ----------
    name : str
        What predicts.
    predictors : list of Predictor
        One per law.
    fits : list of LawFit
        Averaged with equal weight where there are several.
    n_train : int
        Models that were fitted.
    stopped : LawFit or None
        Where the paper's search stops, if that is short of the minimum.
    stretch : float
        Factor on the intervals.
    choice : dict
        What was chosen inside the training models, and between what.
    """

    name: str
    predictors: list[Predictor]
    fits: list[LawFit]
    n_train: int
    stopped: LawFit | None = None
    stretch: float = 1.0
    choice: dict[str, Any] = field(default_factory=dict)

    @property
    def on_capabilities(self) -> bool:
        """Whether the laws are functions of scores, so that compute can be read off them."""
        return isinstance(self.predictors[0], Components)

    def logit(self, models: pd.DataFrame, scores: pd.DataFrame) -> Array:
        """Logit of any models under the first law; shape (n,)."""
        return self.fits[0].logit(self.predictors[0].transform(models, scores))

    def forecast(self, models: pd.DataFrame, scores: pd.DataFrame) -> ShareForecast:
        """Forecast any models; NaN where a predictor is unknown."""
        x = [one.transform(models, scores) for one in self.predictors]
        return share_forecast(self.fits, x, self.stretch)

    def where_stopped(self, models: pd.DataFrame, scores: pd.DataFrame) -> Array | None:
        """Forecast shares from where the paper's search stops, if that is short of the minimum; shape (n,)."""
        return None if self.stopped is None else self.stopped.predict(self.predictors[0].transform(models, scores))


def placed(one: Predictor, models: pd.DataFrame, scores: pd.DataFrame, share: Array) -> tuple[Array, Array]:
    """Predictors and shares of the training models whose predictors are known.

    Parameters
    ----------
    one : Predictor
        Fitted.
    models, scores : DataFrame
        Of the training models.
    share : ndarray of shape (n,)

    Returns
    -------
    x : ndarray of shape (m, k)
    share : ndarray of shape (m,)

    Raises
    ------
    FitError
        Fewer than two such models.
    """
    x = one.transform(models, scores)
    known = np.isfinite(x).all(axis=1)
    if known.sum() < 2:
        raise FitError(
            f"{int(known.sum())} of {len(x)} training models have a known {' and '.join(one.names)}; a law needs two. "
            "Use another predictor or a later cutoff."
        )
    return x[known], share[known]


def paper_recipe(
    name: str,
    models: pd.DataFrame,
    scores: pd.DataFrame,
    share: Array,
    has_floor: bool,
    fitter: Literal["robust", "ols"],
) -> Recipe:
    """Fit as the paper does: predictors of the training models, one law, from its own start.

    Parameters
    ----------
    name : str
        Predictor.
    models, scores : DataFrame of shape (n, ...)
        Of the training models; scores of predicting benchmarks only.
    share : ndarray of shape (n,)
        Of the target.
    has_floor, fitter
        See `obslaws.downstream.paper.fit_paper`.

    Returns
    -------
    Recipe
    """
    one = predictor(name, scores.columns, "ruan2024").fit(models, scores)
    x, known = placed(one, models, scores, share)
    fit, stopped = fit_paper(x, known, has_floor, fitter)
    return Recipe(name, [one], [fit], len(known), stopped)

"""Least squares on logits: a score as a straight line in compute, or in size and data, one benchmark at a time.

In: a panel. Out: normal predictives. No benchmark learns from another, no family from another beyond the shared slopes:
these are the laws that a joint model has to beat.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from obslaws.forecasters.base import Forecaster, NormalPredictive
from obslaws.forecasters.line import Line, fit_line
from obslaws.forecasters.naive import fallback
from obslaws.links import inverse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.panel import Panel

__all__ = [
    "ComputeForecaster",
    "LogitOLS",
    "LogitRegression",
    "SizeTokensForecaster",
    "compute_terms",
    "translog",
]


def translog(models: pd.DataFrame) -> NDArray[np.float64]:
    """Log size, log tokens and their product.

    Parameters
    ----------
    models : DataFrame of shape (n_models, any)
        With n_params and n_tokens, plain counts.

    Returns
    -------
    ndarray of shape (n_models, 3)
        Natural logarithms, of billions and of trillions; NaN where unknown.

    References
    ----------
    .. [1] Maia Polo et al. (2024), arXiv 2412.06540, section 3: the translog production function.
    """
    size = np.log(models["n_params"].to_numpy(dtype=float) / 1e9)
    tokens = np.log(models["n_tokens"].to_numpy(dtype=float) / 1e12)
    return np.column_stack([size, tokens, size * tokens])


def compute_terms(models: pd.DataFrame) -> NDArray[np.float64]:
    """Log10 of training compute in units of 1e22 FLOP; shape (n_models, 1), NaN where unknown."""
    return np.log10(models["train_flop"].to_numpy(dtype=float) / 1e22)[:, None]


class LogitRegression(Forecaster):
    """Linear regression of clipped logits, benchmark by benchmark.

    Intervals add residual noise, on the scale of scores, to the uncertainty of the line, carried through the link. A
    family that the benchmark has not seen takes the mean intercept of its base family, or of all, and the spread of
    intercepts widens its interval. A model without the covariates gets the benchmark's mean.

    Parameters
    ----------
    margin : float
        Logits are clipped this far from floor and 1, as a share of the distance between them.
    score_floor : bool
        Whether logits are taken above the score of guessing, or above 0.
    """

    by_family: ClassVar[bool] = False

    def __init__(self, margin: float = 0.01, score_floor: bool = True) -> None:
        self.margin = margin
        self.score_floor = score_floor

    @abstractmethod
    def _terms(self, models: pd.DataFrame) -> NDArray[np.float64]:
        """Covariates of the line, shape (n_models, n_terms); NaN where unknown."""

    def _fit(self, panel: Panel) -> None:
        self.fallback_ = fallback(panel)
        floor = panel.benchmarks["score_floor"].fillna(0.0).to_numpy(dtype=float)
        self.floor_ = floor if self.score_floor else np.zeros_like(floor)
        terms = self._terms(panel.models)
        families = panel.models["family"].to_numpy(dtype=str)
        scores = panel.scores.to_numpy(dtype=float)
        usable = ~np.isnan(terms).any(axis=1)
        groups = families if self.by_family else np.full(len(families), "all")
        self.lines_: list[Line | None] = []
        for j in range(scores.shape[1]):
            rows = usable & ~np.isnan(scores[:, j])
            self.lines_.append(fit_line(terms[rows], groups[rows], scores[rows, j], self.floor_[j], self.margin))
        self.base_of_ = dict(zip(families, panel.models["base_family"].astype(str), strict=True))

    def _weights(self, line: Line, queries: pd.DataFrame) -> tuple[NDArray[np.float64], NDArray[np.object_]]:
        """Share of each family's intercept in each query's, and who that is: (n_queries, n_families), (n_queries,)."""
        weights = np.full((len(queries), len(line.families)), 1.0 / len(line.families))
        basis = np.full(len(queries), "pooled", dtype=object)
        if self.by_family:
            for i, (family, base) in enumerate(zip(queries["family"], queries["base_family"], strict=True)):
                kin = [family] if family in line.families else [f for f in line.families if self.base_of_[f] == base]
                if kin:
                    weights[i] = 0.0
                    weights[i, [line.families[f] for f in kin]] = 1.0 / len(kin)
                    basis[i] = "family" if family in line.families else "base family"
        return weights, basis

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> NormalPredictive:
        mean, sd, basis = self.fallback_.repeat(len(queries))
        terms = self._terms(queries)
        able = ~np.isnan(terms).any(axis=1)
        terms, able_queries = terms[able], queries.iloc[np.flatnonzero(able)]
        for j, line in enumerate(self.lines_):
            if line is None:
                continue
            weights, who = self._weights(line, able_queries)
            eta = terms @ line.slopes + weights @ line.intercepts
            reach = terms - weights @ line.centres
            leverage = np.einsum("ij,jk,ik->i", reach, line.inverse_gram, reach) + weights**2 @ (1.0 / line.counts)
            strange = (who != "family") & self.by_family
            eta_sd = np.sqrt(line.logit_sd**2 * leverage + line.family_sd**2 * strange)
            floor = self.floor_[j]
            carried = (inverse(eta + eta_sd, floor) - inverse(eta - eta_sd, floor)) / 2.0
            mean[able, j] = inverse(eta, floor)
            sd[able, j] = np.sqrt(line.score_sd**2 + carried**2)
            basis[able, j] = who
        return NormalPredictive(mean, sd, basis)


class ComputeForecaster(LogitRegression):
    """Logits on log compute, one line for all families (Owen 2024, arXiv 2401.04757)."""

    name = "compute"

    def _terms(self, models: pd.DataFrame) -> NDArray[np.float64]:
        return compute_terms(models)


class SizeTokensForecaster(LogitRegression):
    """Logits on log size, log tokens and their product, one surface for all families."""

    name = "size-tokens"

    def _terms(self, models: pd.DataFrame) -> NDArray[np.float64]:
        return translog(models)


class LogitOLS(LogitRegression):
    """Logits on log size, log tokens and their product, with an intercept for each family."""

    name = "logit-ols"
    by_family = True

    def _terms(self, models: pd.DataFrame) -> NDArray[np.float64]:
        return translog(models)

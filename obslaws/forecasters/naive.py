"""Baselines that know nothing of size or data: the benchmark's mean, and the mean shifted by what the model's kin do.

In: a panel. Out: normal predictives whose spread is the spread of the same rule's own errors inside the training panel.
Every other forecaster has to beat these.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from obslaws.forecasters.base import Forecaster, NormalPredictive

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from obslaws.panel import Panel

__all__ = ["BenchmarkMean", "Fallback", "ModelMean", "fallback", "shrinkage"]

UNIFORM_SD = 1.0 / np.sqrt(12.0)


@dataclass(frozen=True)
class Fallback:
    """What is said of a benchmark when nothing is known of the model.

    Parameters
    ----------
    mean, sd : ndarray of shape (n_benchmarks,)
        Fractions; `sd` is that of a new model, the error of the mean included.
    basis : ndarray of str, shape (n_benchmarks,)
        ``"pooled"``, or ``"none"`` where the training panel holds no score of the benchmark.
    """

    mean: NDArray[np.float64]
    sd: NDArray[np.float64]
    basis: NDArray[np.str_]

    def repeat(self, n_models: int) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.str_]]:
        """Give mean, sd and basis of several models, each of shape (n_models, n_benchmarks), to be written over."""
        mean, sd = (np.tile(part, (n_models, 1)) for part in (self.mean, self.sd))
        return mean, sd, np.tile(self.basis, (n_models, 1))


def fallback(panel: Panel) -> Fallback:
    """Mean and spread of each benchmark's scores.

    Parameters
    ----------
    panel : Panel
        What trains.

    Returns
    -------
    Fallback
        Without scores: half way between floor and ceiling, with an interval that leaves nothing out. With one score:
        the spread of a uniform share.
    """
    scores = panel.scores.to_numpy(dtype=float)
    n_known = (~np.isnan(scores)).sum(axis=0)
    count = np.maximum(n_known, 1)
    mean = np.nansum(scores, axis=0) / count
    variance = np.nansum((scores - mean) ** 2, axis=0) / np.maximum(n_known - 1, 1)
    sd = np.where(n_known > 1, np.sqrt(variance * (1.0 + 1.0 / count)), UNIFORM_SD)
    middle = (panel.benchmarks["score_floor"].fillna(0.0).to_numpy(dtype=float) + 1.0) / 2.0
    nothing = n_known == 0
    return Fallback(
        np.where(nothing, middle, mean), np.where(nothing, 1.0, sd), np.where(nothing, "none", "pooled").astype(object)
    )


def shrinkage(values: NDArray[np.float64], at: NDArray[np.intp]) -> float:
    """How many observations the prior is worth: variance within groups over variance between them.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Observations with mean near zero.
    at : ndarray of int, shape (n,)
        Group of each observation, counted from 0.

    Returns
    -------
    float
        In [0, 1000]; 1 where no group holds two observations.

    References
    ----------
    .. [1] Searle, Casella and McCulloch (1992). Variance Components, section 3.6: estimates from sums of squares.

    Examples
    --------
    >>> shrinkage(np.array([1.0, 1.0, -1.0, -1.0]), np.array([0, 0, 1, 1]))
    0.0
    """
    counts = np.bincount(at)
    present = counts > 0
    n_groups, n = int(present.sum()), len(values)
    if n - n_groups < 1 or n_groups < 2:
        return 1.0
    means = np.bincount(at, values)[present] / counts[present]
    within = (np.square(values).sum() - (counts[present] * np.square(means)).sum()) / (n - n_groups)
    between = np.square(means).mean() - within * (1.0 / counts[present]).mean()
    return float(np.clip(within / between, 0.0, 1e3)) if between > 0 else 1e3


class BenchmarkMean(Forecaster):
    """The mean of each benchmark, for everybody.

    Examples
    --------
    >>> BenchmarkMean().name
    'mean'
    """

    name = "mean"

    def _fit(self, panel: Panel) -> None:
        self.fallback_ = fallback(panel)

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> NormalPredictive:
        return NormalPredictive(*self.fallback_.repeat(len(queries)))


class ModelMean(Forecaster):
    """The mean of each benchmark, shifted by how far the model stands above the means elsewhere.

    A model without scores takes the shift of its family, then of its base family. Shifts are shrunk towards zero by the
    ratio of variances in the training panel.
    """

    name = "model-mean"

    def _fit(self, panel: Panel) -> None:
        self.fallback_ = fallback(panel)
        residuals = panel.scores.to_numpy(dtype=float) - self.fallback_.mean
        rows, columns = np.nonzero(~np.isnan(residuals))
        values = residuals[rows, columns]
        self.model_shrinkage_ = shrinkage(values, rows)
        shift, n_known = self._shift(residuals)
        known = n_known > 0
        others, n_others = self._without_each(residuals)
        self.own_sd_ = self._spread(np.where(n_others > 0, residuals - others, np.nan))
        self.kin_ = {}
        for basis, column in (("family", "family"), ("base family", "base_family")):
            labels, at = np.unique(panel.models[column].to_numpy(dtype=str)[known], return_inverse=True)
            weight = shrinkage(shift[known], at)
            sums, counts = np.bincount(at, shift[known]), np.bincount(at)
            means = pd.Series(sums / (counts + weight), index=labels)
            alone = counts[at] < 2
            without = np.where(alone, np.nan, (sums[at] - shift[known]) / (counts[at] - 1 + weight))
            self.kin_[basis] = (column, means, self._spread(residuals[known] - without[:, None]))

    def _shift(self, residuals: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        n_known = (~np.isnan(residuals)).sum(axis=1)
        weight = np.maximum(n_known + self.model_shrinkage_, 1e-9)
        return np.nansum(residuals, axis=1) / weight, n_known

    def _without_each(self, residuals: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
        """Shift of each model as its other benchmarks tell it; shape (n_models, n_benchmarks)."""
        here = ~np.isnan(residuals)
        n_others = here.sum(axis=1, keepdims=True) - here
        sums = np.nansum(residuals, axis=1, keepdims=True) - np.where(here, residuals, 0.0)
        return sums / np.maximum(n_others + self.model_shrinkage_, 1e-9), n_others

    def _spread(self, errors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Root mean square error of the rule per benchmark; that of the fallback where it was never tried twice."""
        n = (~np.isnan(errors)).sum(axis=0)
        return np.where(n > 1, np.sqrt(np.nansum(errors**2, axis=0) / np.maximum(n, 1)), self.fallback_.sd)

    def _predict(self, queries: pd.DataFrame, scores: pd.DataFrame) -> NormalPredictive:
        mean, sd, basis = self.fallback_.repeat(len(queries))
        answered = basis == "none"
        shift, n_others = self._without_each(scores.to_numpy(dtype=float) - self.fallback_.mean)
        rules: list[tuple[str, np.ndarray, np.ndarray, np.ndarray]] = [
            ("own scores", shift, self.own_sd_, n_others > 0)
        ]
        for name, (column, means, spread) in self.kin_.items():
            kin = means.reindex(queries[column].astype(str)).to_numpy(dtype=float)[:, None]
            rules.append((name, kin, spread, ~np.isnan(kin)))
        for name, shifts, spread, able in rules:
            use = able & ~answered
            np.copyto(mean, self.fallback_.mean + shifts, where=use)
            np.copyto(sd, spread, where=use)
            basis[use] = name
            answered |= use
        return NormalPredictive(mean, sd, basis)
